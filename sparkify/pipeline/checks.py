"""Quality checks: each a SELECT that returns the rows that violate it.

None of them uses DISTINCT: Redshift trusts a declared key and may leave duplicates in its answer.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, SelectBase, Table, and_, false, func, or_, select

from sparkify.etl.declarations import Check
from sparkify.models import (
    Artist,
    Base,
    LoadedFile,
    LoadHistory,
    Song,
    SongMatch,
    SongPlay,
    Time,
    User,
    UserLevel,
)

__all__ = ["CHECKS"]

LoadId = ColumnElement[int] | None
"""The load whose rows are checked; None: all rows are."""

_REBUILD = "Rebuild the star from all files. Run: sparkify-etl load --full-refresh"
"""The hint of every check of what a rebuild writes again; ``load_history`` it does not."""


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - what every model here is mapped to
    return table


def unique(model: type[Base], *key: str, during_load: bool = True) -> Check:
    """A check that no two rows of the table have the same key."""
    table = _table(model)
    columns = [table.c[name] for name in key]

    def rows(load_id: LoadId) -> SelectBase:
        times = func.count().label("times")
        found = select(*columns, times).group_by(*columns).having(func.count() > 1)
        if load_id is not None and "load_id" in table.c and "start_time" in table.c:
            # Every row of the load lies in this range, and so does every row that it could duplicate.
            bounds = select(func.min(table.c.start_time), func.max(table.c.start_time))
            bounds = bounds.where(table.c.load_id == load_id)
            first, last = bounds.subquery("bounds").c
            low, high = select(first).scalar_subquery(), select(last).scalar_subquery()
            found = found.where(table.c.start_time >= low, table.c.start_time <= high)
        return found

    return Check(
        name=f"{table.name}: one row for each {', '.join(key)}",
        rows=rows,
        during_load=during_load,
        hint=_REBUILD,
    )


def not_null(model: type[Base]) -> Check:
    """A check that no column declared NOT NULL is NULL.

    The database enforces it as well, but a restored copy may have lost the constraint.
    """
    table = _table(model)
    needed = [column for column in table.columns if not column.nullable]

    def rows(_load_id: LoadId) -> SelectBase:
        return select(*needed).where(or_(false(), *(column.is_(None) for column in needed)))

    return Check(
        name=f"{table.name}: no value is missing",
        rows=rows,
        during_load=False,
        hint=None if model is LoadHistory else _REBUILD,
    )


def joins(model: type[Base], dimension: type[Base], key: str, *, during_load: bool = True) -> Check:
    """A check that every row of the table joins a row of the dimension."""
    table, other = _table(model), _table(dimension)

    def rows(load_id: LoadId) -> SelectBase:
        primary = list(table.primary_key.columns)
        columns = list(dict.fromkeys([*primary, table.c[key]]))
        found = (
            select(*columns)
            .select_from(table.outerjoin(other, other.c[key] == table.c[key]))
            .where(other.c[key].is_(None))
        )
        if load_id is not None and "load_id" in table.c:
            found = found.where(table.c.load_id == load_id)
        return found

    return Check(
        name=f"{table.name}: every {key} is in {other.name}", rows=rows, during_load=during_load, hint=_REBUILD
    )


def _accounting(model: type[LoadedFile] | type[LoadHistory]) -> Callable[[LoadId], SelectBase]:
    def rows(_load_id: LoadId) -> SelectBase:
        key = _table(model).primary_key.columns
        return select(*key, model.lines, model.loaded, model.rejected, model.blank).where(
            model.lines != model.loaded + model.rejected + model.blank
        )

    return rows


def _one_current_level(_load_id: LoadId) -> SelectBase:
    level = UserLevel.__table__
    current = (
        select(level.c.user_id, func.count().label("stretches"))
        .where(level.c.is_current, level.c.valid_to.is_(None))
        .group_by(level.c.user_id)
        .subquery("current_stretches")
    )
    return (
        select(User.user_id, current.c.stretches)
        .select_from(User.__table__.outerjoin(current, current.c.user_id == User.user_id))
        .where(or_(current.c.stretches.is_(None), current.c.stretches != 1))
    )


def _levels_adjoin(_load_id: LoadId) -> SelectBase:
    level = UserLevel.__table__
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
    found = (
        select(SongPlay.songplay_id, SongPlay.song_id, SongMatch.song_id.label("resolved_to"))
        .join(SongMatch, SongMatch.match_id == SongPlay.match_id)
        .where(
            or_(
                SongPlay.song_id != SongMatch.song_id,
                SongPlay.artist_id != SongMatch.artist_id,
                SongPlay.match != SongMatch.match,
            )
        )
    )
    return found if load_id is None else found.where(SongPlay.load_id == load_id)


CHECKS: tuple[Check, ...] = (
    unique(SongPlay, "start_time", "session_id", "item_in_session"),
    unique(SongPlay, "songplay_id", during_load=False),
    unique(User, "user_id"),
    unique(Song, "song_id"),
    unique(Artist, "artist_id"),
    unique(Time, "start_time", during_load=False),
    unique(SongMatch, "match_id"),
    unique(UserLevel, "user_id", "valid_from"),
    unique(LoadedFile, "uri"),
    joins(SongPlay, User, "user_id"),
    joins(SongPlay, Song, "song_id"),
    joins(SongPlay, Artist, "artist_id"),
    joins(SongPlay, Time, "start_time"),
    joins(SongPlay, SongMatch, "match_id"),
    joins(Song, Artist, "artist_id"),
    joins(SongMatch, Song, "song_id"),
    Check(
        name="songplays: each points at the song its title was resolved to",
        rows=_play_as_resolved,
        during_load=False,
        hint=_REBUILD,
    ),
    Check(name="user_levels: one current stretch for each user", rows=_one_current_level, hint=_REBUILD),
    Check(name="user_levels: stretches neither overlap nor leave a gap", rows=_levels_adjoin, hint=_REBUILD),
    Check(name="loaded_files: lines = loaded + rejected + blank", rows=_accounting(LoadedFile), hint=_REBUILD),
    Check(name="load_history: lines = loaded + rejected + blank", rows=_accounting(LoadHistory)),
    *(
        not_null(model)
        for model in (SongPlay, User, Song, Artist, Time, SongMatch, UserLevel, LoadedFile, LoadHistory)
    ),
)
"""All checks of Sparkify's warehouse, in the order in which they run."""
