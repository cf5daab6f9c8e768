"""Quality checks: each a SELECT that returns the rows that violate it.

None of them uses DISTINCT: Redshift trusts a declared key and may leave duplicates in the result.

Within a load they read only what it touched, however much the warehouse holds: the plays with its load_id, and
the copies of other rows that :mod:`sparkify.pipeline.transforms.touched` selects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, SelectBase, Table, and_, case, false, func, or_, select

from sparkify.etl.declarations import Check
from sparkify.etl.ranges import in_staged_range
from sparkify.models import tables
from sparkify.models.working import (
    checked_artists,
    checked_levels,
    checked_matches,
    checked_songs,
    checked_users,
)
from sparkify.pipeline.checksums import PLAYS_OF_LOADS
from sparkify.pipeline.derived import LEVELS_AS_PLAYED, TIMES_AS_PLAYED
from sparkify.pipeline.hints import REBUILD
from sparkify.pipeline.name_keys import NAME_KEYS
from sparkify.pipeline.repeats import bucket, repeating
from sparkify.pipeline.resolution import matches_unlike_plays

__all__ = ["CHECKS"]

LoadId = ColumnElement[int] | None
"""The load whose rows are checked; None checks all rows."""


_CHECKED: Mapping[Table, Table] = {
    tables.users: checked_users,
    tables.user_levels: checked_levels,
    tables.songs: checked_songs,
    tables.artists: checked_artists,
    tables.song_matches: checked_matches,
}
"""The tables of which a load copies the rows that it touched, each with its copy."""


def _rows_of(table: Table, load_id: LoadId) -> FromClause:
    """The table; within a load, the copy of its touched rows, if any; for ``time``, the range of the batch."""
    if table is tables.time and load_id is not None:
        start = table.c.start_time
        return select(start).where(_in_range_of_batch(start)).subquery("times_of_load")
    return table if load_id is None else _CHECKED.get(table, table)


def unique(table: Table, *key: str, during_load: bool = True, implied_by: tuple[Check, ...] = ()) -> Check:
    """A check that no two rows of the table have the same key."""

    def rows(load_id: LoadId) -> SelectBase:
        columns = [_rows_of(table, load_id).c[name] for name in key]
        found = select(*columns, func.count().label("times")).group_by(*columns).having(func.count() > 1)
        if load_id is None or table is not tables.loaded_files:
            return found
        return found.where(table.c.uri.in_(select(table.c.uri).where(table.c.load_id == load_id)))

    return Check(
        name=f"{table.name}: one row for each {', '.join(key)}",
        rows=rows,
        during_load=during_load,
        implied_by=implied_by,
        hint=REBUILD,
    )


def _in_range_of_batch(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a time is in the range of the batch, which is that of the plays of the load."""
    return in_staged_range(column, tables.staging_events.c.ts)


def _one_play_of_each_key(load_id: LoadId) -> SelectBase:
    play = tables.songplays
    key = [play.c.start_time, play.c.user_id, play.c.session_id, play.c.item_in_session]
    found = select(*key, func.count().label("times")).group_by(*key).having(func.count() > 1)
    if load_id is None:
        repeating_sessions = repeating(play.c.item_in_session, play.c.user_id, play.c.session_id)
        return found.where(play.c.user_id.in_(repeating_sessions.with_only_columns(play.c.user_id)))
    # Every play of the load is in this range, and so is every play that it could duplicate.
    in_range = _in_range_of_batch(play.c.start_time)
    moments = select(play.c.start_time).where(in_range).group_by(play.c.start_time).having(func.count() > 1)
    # Few moments have several plays: counting plays by moment costs half as much as by the four columns.
    return found.where(in_range, play.c.start_time.in_(moments))


def _one_play_of_each_id(_load_id: LoadId) -> SelectBase:
    number = tables.songplays.c.songplay_id
    found = select(number, func.count().label("times")).group_by(number).having(func.count() > 1)
    return found.where(bucket(number).in_(repeating(number)))


def not_null(table: Table) -> Check:
    """A check that no column declared NOT NULL is NULL.

    The database also enforces this, but a restored copy may have lost the constraint.
    """
    needed = [column for column in table.columns if not column.nullable]

    def rows(_load_id: LoadId) -> SelectBase:
        return select(*needed).where(or_(false(), *(column.is_(None) for column in needed)))

    return Check(
        name=f"{table.name}: no value is missing",
        rows=rows,
        during_load=False,
        hint=None if table is tables.load_history else REBUILD,
    )


def joins(
    table: Table,
    dimension: Table,
    key: str,
    *,
    during_load: bool = True,
    implied_by: tuple[Check, ...] = (),
) -> Check:
    """A check that every row of the table joins a row of the dimension.

    :param implied_by: see :class:`~sparkify.etl.declarations.Check`.
    """

    def rows(load_id: LoadId) -> SelectBase:
        ours, other = _rows_of(table, load_id), _rows_of(dimension, load_id)
        primary = [ours.c[column.name] for column in table.primary_key.columns]
        found = (
            select(*dict.fromkeys([*primary, ours.c[key]]))
            .select_from(ours.outerjoin(other, other.c[key] == ours.c[key]))
            .where(other.c[key].is_(None))
        )
        if load_id is None or table is not tables.songplays:
            return found
        return found.where(table.c.load_id == load_id)

    return Check(
        name=f"{table.name}: every {key} is in {dimension.name}",
        rows=rows,
        during_load=during_load,
        implied_by=implied_by,
        hint=REBUILD,
    )


def _accounting(table: Table) -> Callable[[LoadId], SelectBase]:
    def rows(load_id: LoadId) -> SelectBase:
        lines, *parts = (table.c[name] for name in ("lines", "loaded", "rejected", "blank"))
        loaded, rejected, blank = parts
        found = select(*table.primary_key.columns, lines, *parts).where(lines != loaded + rejected + blank)
        return found if load_id is None else found.where(table.c.load_id == load_id)

    return rows


def _one_current_level(load_id: LoadId) -> SelectBase:
    user, level = _rows_of(tables.users, load_id), _rows_of(tables.user_levels, load_id)
    is_last = level.c.valid_to.is_(None)
    # Rows with either mark count, because a query for the current level may use one or the other.
    current = (
        select(
            level.c.user_id,
            func.count().label("stretches"),
            func.sum(case((and_(level.c.is_current, is_last), 1), else_=0)).label("by_both"),
        )
        .where(or_(level.c.is_current, is_last))
        .group_by(level.c.user_id)
        .subquery("current_stretches")
    )
    return (
        select(user.c.user_id, current.c.stretches)
        .select_from(user.outerjoin(current, current.c.user_id == user.c.user_id))
        .where(or_(current.c.stretches.is_(None), current.c.stretches != 1, current.c.by_both != 1))
    )


def _levels_adjoin(load_id: LoadId) -> SelectBase:
    level = _rows_of(tables.user_levels, load_id)
    following = func.lead(level.c.valid_from).over(partition_by=level.c.user_id, order_by=level.c.valid_from)
    stretch = select(
        level.c.user_id, level.c.valid_from, level.c.valid_to, following.label("next_from")
    ).subquery("stretch")
    return select(stretch).where(
        or_(
            stretch.c.valid_to != stretch.c.next_from,
            and_(stretch.c.valid_to.is_(None), stretch.c.next_from.is_not(None)),
            and_(stretch.c.valid_to.is_not(None), stretch.c.next_from.is_(None)),
        )
    )


def _play_as_resolved(load_id: LoadId) -> SelectBase:
    play, match = tables.songplays, _rows_of(tables.song_matches, load_id)
    if load_id is None:
        return matches_unlike_plays()
    return (
        select(play.c.songplay_id, play.c.match_id, play.c.song_id, match.c.song_id.label("resolved_to"))
        .select_from(play.outerjoin(match, match.c.match_id == play.c.match_id))
        .where(
            or_(
                match.c.match_id.is_(None),
                play.c.song_id != match.c.song_id,
                play.c.artist_id != match.c.artist_id,
                play.c.match != match.c.match,
            ),
            play.c.load_id == load_id,
        )
    )


_PLAYS_COMPLETE, _MATCHES_COMPLETE = not_null(tables.songplays), not_null(tables.song_matches)
_MATCH_HAS_SONG, _MATCH_HAS_ARTIST = (
    joins(tables.song_matches, tables.songs, "song_id"),
    joins(tables.song_matches, tables.artists, "artist_id"),
)
_LEVEL_HAS_USER = joins(tables.user_levels, tables.users, "user_id", during_load=False)
_AS_RESOLVED = Check(
    name="songplays: each points at the song its title was resolved to", rows=_play_as_resolved, hint=REBUILD
)
_SAME_AS_MATCH = (_AS_RESOLVED, _PLAYS_COMPLETE, _MATCHES_COMPLETE)
"""If these find nothing, each play has a match, and the song and the artist of that match."""

CHECKS: tuple[Check, ...] = (
    Check(
        name="songplays: one row for each start_time, user_id, session_id, item_in_session",
        rows=_one_play_of_each_key,
        implied_by=(PLAYS_OF_LOADS,),
        hint=REBUILD,
    ),
    Check(
        name="songplays: one row for each songplay_id",
        rows=_one_play_of_each_id,
        during_load=False,
        hint=REBUILD,
    ),
    unique(tables.users, "user_id"),
    unique(tables.songs, "song_id"),
    unique(tables.artists, "artist_id"),
    unique(tables.time, "start_time", during_load=False, implied_by=(TIMES_AS_PLAYED,)),
    unique(tables.song_matches, "match_id"),
    unique(tables.user_levels, "user_id", "valid_from"),
    unique(tables.loaded_files, "source", "uri"),
    joins(tables.songplays, tables.users, "user_id", implied_by=(LEVELS_AS_PLAYED, _LEVEL_HAS_USER)),
    # For the plays of a load, the check that each is as resolved covers what these three check for all plays.
    joins(
        tables.songplays,
        tables.songs,
        "song_id",
        during_load=False,
        implied_by=(*_SAME_AS_MATCH, _MATCH_HAS_SONG),
    ),
    joins(
        tables.songplays,
        tables.artists,
        "artist_id",
        during_load=False,
        implied_by=(*_SAME_AS_MATCH, _MATCH_HAS_ARTIST),
    ),
    joins(tables.songplays, tables.time, "start_time", implied_by=(TIMES_AS_PLAYED,)),
    joins(tables.songplays, tables.song_matches, "match_id", during_load=False, implied_by=_SAME_AS_MATCH),
    joins(tables.songs, tables.artists, "artist_id"),
    _LEVEL_HAS_USER,
    _MATCH_HAS_SONG,
    _MATCH_HAS_ARTIST,
    _AS_RESOLVED,
    Check(name="user_levels: one current stretch for each user", rows=_one_current_level, hint=REBUILD),
    Check(name="user_levels: stretches neither overlap nor leave a gap", rows=_levels_adjoin, hint=REBUILD),
    Check(
        name="loaded_files: lines = loaded + rejected + blank",
        rows=_accounting(tables.loaded_files),
        hint=REBUILD,
    ),
    Check(name="load_history: lines = loaded + rejected + blank", rows=_accounting(tables.load_history)),
    *NAME_KEYS,
    _PLAYS_COMPLETE,
    *(not_null(table) for table in (tables.users, tables.songs, tables.artists, tables.time)),
    _MATCHES_COMPLETE,
    *(not_null(table) for table in (tables.user_levels, tables.loaded_files, tables.load_history)),
)
"""All checks of Sparkify's warehouse, in the order in which they run."""
