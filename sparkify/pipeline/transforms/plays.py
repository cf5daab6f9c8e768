"""The plays of a batch, their times, and the users who made them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    SelectBase,
    Subquery,
    and_,
    cast,
    extract,
    func,
    select,
    union_all,
)

from sparkify.etl.constructs import epoch_ms
from sparkify.etl.declarations import Columns
from sparkify.etl.dispositions import best_with_target
from sparkify.models import StagingEvent, User
from sparkify.models.working import resolved_matches
from sparkify.pipeline.transforms.batch import LoadId, is_play
from sparkify.pipeline.transforms.song_matches import same_song

__all__ = ["songplays", "time", "users"]

_NATURAL_KEY = ("ts", "user_id", "session_id", "item_in_session")
"""With the user: public logs give sessions of several users one number."""


def users(_load_id: LoadId) -> SelectBase:
    """Each user of the batch as of the newest play, of those of the batch and of the star."""
    return best_with_target(User.__table__, _users_of_batch(), "user_id", _best_user, None)


def _users_of_batch() -> SelectBase:
    """Each user of the batch as of the newest play; several rows where several plays share that time."""
    newest = (
        select(StagingEvent.user_id, func.max(StagingEvent.ts).label("ts"))
        .where(is_play)
        .group_by(StagingEvent.user_id)
        .subquery("newest")
    )
    event = StagingEvent.__table__
    return (
        select(
            event.c.user_id,
            event.c.first_name,
            event.c.last_name,
            event.c.gender,
            event.c.level,
            epoch_ms(event.c.registration).label("registered_at"),
            event.c.ts.label("last_played_at"),
        )
        .select_from(event.join(newest, and_(newest.c.user_id == event.c.user_id, newest.c.ts == event.c.ts)))
        .where(is_play)
    )


def _best_user(row: Columns) -> list[ColumnElement[Any]]:
    """The order of rows of one user, best first: the newest; at one time paid before free; then all columns."""
    return [
        row["last_played_at"].desc(),
        row["level"].desc().nulls_last(),
        row["registered_at"].asc().nulls_last(),
        row["first_name"].asc().nulls_last(),
        row["last_name"].asc().nulls_last(),
        row["gender"].asc().nulls_last(),
    ]


def time(_load_id: LoadId) -> SelectBase:
    """Each distinct start time of the plays of the batch, and its parts."""
    start = (
        select(StagingEvent.ts.label("start_time")).where(is_play).distinct().subquery("moments").c.start_time
    )
    return select(
        start,
        extract("hour", start).label("hour"),
        extract("day", start).label("day"),
        extract("week", start).label("week"),
        extract("month", start).label("month"),
        extract("year", start).label("year"),
        extract("dow", start).label("weekday"),
    )


def songplays(load_id: LoadId) -> SelectBase:
    """Each play of the batch once, with the song that it was resolved to."""
    play = _plays_without_duplicates()
    found = resolved_matches
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
    """The plays of the batch, without duplicates.

    Two files may hold the same play. ROW_NUMBER over all plays would cost more than the rest of the load, so
    only the keys that occur more than once, which are few or none, are numbered.
    """
    event, repeated = StagingEvent.__table__, _repetitions()
    names = _NATURAL_KEY
    same = and_(*(repeated.c[name] == event.c[name] for name in names))
    columns = [
        event.c[name] for name in (*names, "level", "artist", "song", "length", "location", "user_agent")
    ]
    single = (
        select(*columns).select_from(event.outerjoin(repeated, same)).where(is_play, repeated.c.ts.is_(None))
    )
    order = [column.asc().nulls_last() for column in columns if column.name not in names]
    ranking = func.row_number().over(partition_by=[event.c[name] for name in names], order_by=order)
    numbered = (
        select(*columns, ranking.label("ranking"))
        .select_from(event.join(repeated, same))
        .where(is_play)
        .subquery("numbered")
    )
    first = select(*(numbered.c[column.name] for column in columns)).where(numbered.c.ranking == 1)
    return union_all(single, first).subquery("play")


def _repetitions() -> CTE:
    """The natural keys that several plays of the batch have.

    They have one start time, so only the moments with several plays, which are few, are looked at.
    """
    event = StagingEvent.__table__
    columns = [event.c[name] for name in _NATURAL_KEY]
    several = select(event.c.ts).where(is_play).group_by(event.c.ts).having(func.count() > 1)
    found = select(*columns).where(is_play, event.c.ts.in_(several)).group_by(*columns)
    return found.having(func.count() > 1).cte("repeated")
