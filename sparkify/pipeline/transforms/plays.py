"""The plays of a batch, and their times."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Label,
    SelectBase,
    Subquery,
    and_,
    cast,
    extract,
    func,
    select,
    union,
    union_all,
)

from sparkify.etl.ranges import in_staged_range
from sparkify.models import tables, working
from sparkify.models.level import known_level, level_rank
from sparkify.pipeline.transforms.batch import LoadId, is_play
from sparkify.pipeline.transforms.song_matches import same_song

__all__ = ["outdated_plays", "parts_of", "repeated_plays", "songplays", "time"]

_NATURAL_KEY = ("ts", "user_id", "session_id", "item_in_session")
"""Includes the user: public logs give the sessions of several users the same number."""

_PARTS = {
    **{name: name for name in ("hour", "day", "week", "month", "year")},
    # 0 is Sunday.
    "weekday": "dow",
}
"""For each column of ``time``, the part of a timestamp that it contains."""

_CONTENT = ("level", "artist", "song", "length", "location", "user_agent")
"""The other columns of a play."""


def time(_load_id: LoadId) -> SelectBase:
    """Each distinct start time of the plays of the batch, with its parts."""
    event = tables.staging_events
    start = select(event.c.ts.label("start_time")).where(is_play).distinct().subquery("moments").c.start_time
    return select(start, *parts_of(start))


def parts_of(start: ColumnElement[datetime]) -> list[Label[int]]:
    """The parts of a timestamp that ``time`` contains, labelled with its column names."""
    return [extract(field, start).label(name) for name, field in _PARTS.items()]


def songplays(load_id: LoadId) -> SelectBase:
    """Each play of the batch once, with the song that it was resolved to."""
    play = _plays_without_duplicates()
    found = working.resolved_matches
    same = same_song(found.c, play.c.artist, play.c.song, play.c.length)
    return select(
        play.c.ts.label("start_time"),
        play.c.user_id,
        play.c.level,
        found.c.song_id,
        found.c.artist_id,
        play.c.session_id,
        play.c.item_in_session,
        play.c.location,
        play.c.user_agent,
        found.c.match,
        found.c.match_id,
        cast(load_id, BigInteger).label("load_id"),
        # An outer join: a play without a match fails on NOT NULL; an inner join would drop it silently.
    ).select_from(play.outerjoin(found, same))


def _plays_without_duplicates() -> Subquery:
    """The plays of the batch that are new, or that replace plays of the star."""
    event, repeated = tables.staging_events, working.repeated_plays
    same = and_(*(repeated.c[name] == event.c[name] for name in _NATURAL_KEY))
    single = (
        select(*_key_and_content())
        .select_from(event.outerjoin(repeated, same))
        .where(is_play, repeated.c.ts.is_(None))
    )
    first = select(*(repeated.c[name] for name in (*_NATURAL_KEY, *_CONTENT))).where(~repeated.c.is_there)
    return union_all(single, first).subquery("play")


def _key_and_content() -> list[ColumnElement[Any]]:
    """The natural key and the other columns of a play, from its event."""
    columns = tables.staging_events.c
    level = known_level(columns.level).label("level")
    return [level if name == "level" else columns[name] for name in (*_NATURAL_KEY, *_CONTENT)]


def repeated_plays(_load_id: LoadId) -> SelectBase:
    """The play to keep for each natural key that several plays of the batch and the star share.

    Lines with one key may differ in their other values. Which one is kept depends on those values, never on
    which came first: the paid one, else the one whose level sorts last; one without a level ranks last. Of
    several with one level, it is the first in order of artist, song, length, location, user agent. If a user
    had several levels at one moment, ``users`` and ``user_levels`` use the same one.

    ROW_NUMBER over all plays would cost more than the rest of the load. Plays with one key share a start time,
    so only the moments with several plays, which are few, are read.
    """
    event, play, match = tables.staging_events, tables.songplays, tables.song_matches
    of_batch = select(event.c.ts).where(is_play)
    in_range = in_staged_range(play.c.start_time, event.c.ts)
    several = union(
        of_batch.group_by(event.c.ts).having(func.count() > 1),
        select(play.c.start_time).where(in_range, play.c.start_time.in_(of_batch)),
    ).cte("moments")
    moments = select(several.c.ts)
    new = select(*_key_and_content(), cast(None, BigInteger).label("songplay_id")).where(
        is_play, event.c.ts.in_(moments)
    )
    there = (
        select(
            play.c.start_time,
            *(play.c[name] for name in (*_NATURAL_KEY[1:], "level")),
            *(match.c[name] for name in ("artist_name", "title", "duration")),
            *(play.c[name] for name in ("location", "user_agent", "songplay_id")),
        )
        .select_from(play.join(match, match.c.match_id == play.c.match_id))
        .where(in_range, play.c.start_time.in_(moments))
    )
    candidate = new.union_all(there).cte("candidate")
    key = [candidate.c[name] for name in _NATURAL_KEY]
    repeated = select(*key).group_by(*key).having(func.count() > 1).cte("repeated")
    order = [
        level_rank(candidate.c.level).desc().nulls_last(),
        *(candidate.c[name].asc().nulls_last() for name in (*_CONTENT[1:], "songplay_id")),
    ]
    ranked = (
        select(
            *(column for column in candidate.c if column.key != "songplay_id"),
            func.max(candidate.c.songplay_id).over(partition_by=key).label("songplay_id"),
            candidate.c.songplay_id.is_not(None).label("is_there"),
            func.row_number().over(partition_by=key, order_by=order).label("ranking"),
        )
        .select_from(candidate.join(repeated, and_(*(column == repeated.c[column.key] for column in key))))
        .subquery("ranked")
    )
    return select(*(column for column in ranked.c if column.key != "ranking")).where(ranked.c.ranking == 1)


def outdated_plays() -> ColumnElement[bool]:
    """Which plays of the star are replaced by one of the batch."""
    repeated = working.repeated_plays
    outdated = (~repeated.c.is_there, repeated.c.songplay_id.is_not(None))
    return and_(
        in_staged_range(tables.songplays.c.start_time, tables.staging_events.c.ts),
        tables.songplays.c.songplay_id.in_(select(repeated.c.songplay_id).where(*outdated)),
    )
