"""Checks of what follows from the plays: the parts of their times, their users, and the stretches of levels."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, SelectBase, and_, func, literal_column, or_, select

from sparkify.etl.constructs import differs
from sparkify.etl.declarations import Check
from sparkify.models import tables
from sparkify.models.level import level_rank
from sparkify.pipeline.hints import REBUILD
from sparkify.pipeline.transforms.levels import NEVER
from sparkify.pipeline.transforms.plays import parts_of

__all__ = ["DERIVED", "LEVELS_AS_PLAYED", "TIMES_AS_PLAYED"]

LoadId = ColumnElement[int] | None


def _wrong_parts(_load_id: LoadId) -> SelectBase:
    time = tables.time
    parts = parts_of(time.c.start_time)
    return select(time).where(or_(*(time.c[part.name] != part.element for part in parts)))


def _times_unlike_plays(_load_id: LoadId) -> SelectBase:
    """Start times of plays that ``time`` does not have exactly once, and times at which no play starts."""
    time, play = tables.time, tables.songplays
    one: ColumnElement[int] = literal_column("1")
    none: ColumnElement[int] = literal_column("0")
    both = (
        select(play.c.start_time, one.label("play"), none.label("row"))
        .union_all(select(time.c.start_time, none, one))
        .subquery("moments")
    )
    plays, rows = func.sum(both.c.play), func.sum(both.c.row)
    return (
        select(both.c.start_time, plays.label("plays"), rows.label("rows_of_time"))
        .group_by(both.c.start_time)
        .having(or_(plays == 0, rows != 1))
    )


def _users_unlike_plays(_load_id: LoadId) -> SelectBase:
    """Users without a play, or whose row does not match their newest play.

    The level is compared with the current stretch, which other checks compare with the plays.
    """
    user, play, level = tables.users, tables.songplays, tables.user_levels
    newest = (
        select(play.c.user_id, func.max(play.c.start_time).label("newest"))
        .group_by(play.c.user_id)
        .subquery("newest")
    )
    current = select(level.c.user_id, level.c.level).where(level.c.is_current).subquery("current_stretch")
    return (
        select(
            user.c.user_id,
            user.c.last_played_at,
            newest.c.newest,
            user.c.level,
            current.c.level.label("stretch"),
        )
        .select_from(
            user.outerjoin(newest, newest.c.user_id == user.c.user_id).outerjoin(
                current, current.c.user_id == user.c.user_id
            )
        )
        .where(
            or_(
                differs(user.c.last_played_at, newest.c.newest),
                differs(user.c.level, current.c.level),
            )
        )
    )


def _plays_unlike_levels(_load_id: LoadId) -> SelectBase:
    """Plays that no stretch of their level covers, except those at the same moment as a play of the user that
    has the level of the stretch, if that level takes precedence over theirs.
    """
    play, level, beside = tables.songplays, tables.user_levels, tables.songplays.alias("beside")
    covered = and_(
        level.c.user_id == play.c.user_id,
        level.c.valid_from <= play.c.start_time,
        play.c.start_time < func.coalesce(level.c.valid_to, NEVER),
    )
    unlike = (
        select(
            play.c.songplay_id, play.c.user_id, play.c.start_time, play.c.level, level.c.level.label("stretch")
        )
        .select_from(play.outerjoin(level, covered))
        .where(or_(level.c.user_id.is_(None), differs(play.c.level, level.c.level)))
        .subquery("unlike")
    )
    same_moment = and_(
        beside.c.user_id == unlike.c.user_id,
        beside.c.start_time == unlike.c.start_time,
        beside.c.level == unlike.c.stretch,
        level_rank(func.coalesce(unlike.c.level, "")) < level_rank(unlike.c.stretch),
    )
    return (
        select(unlike).select_from(unlike.outerjoin(beside, same_moment)).where(beside.c.songplay_id.is_(None))
    )


def _stretches_of_no_play(_load_id: LoadId) -> SelectBase:
    play, level = tables.songplays, tables.user_levels
    first = and_(play.c.user_id == level.c.user_id, play.c.start_time == level.c.valid_from)
    return (
        select(level.c.user_id, level.c.valid_from, level.c.level)
        .select_from(level.outerjoin(play, first))
        .where(play.c.user_id.is_(None))
    )


def _stretches_alike(_load_id: LoadId) -> SelectBase:
    level = tables.user_levels
    value = func.coalesce(level.c.level, "")
    previous = func.lag(value).over(partition_by=level.c.user_id, order_by=level.c.valid_from)
    stretch = select(level.c.user_id, level.c.valid_from, level.c.level, previous.label("previous")).subquery(
        "stretch"
    )
    return select(stretch).where(func.coalesce(stretch.c.level, "") == stretch.c.previous)


def _check(name: str, rows: Callable[[LoadId], SelectBase]) -> Check:
    return Check(name=name, rows=rows, during_load=False, hint=REBUILD)


TIMES_AS_PLAYED = _check("time: a row for each start_time of songplays, and no other", _times_unlike_plays)
LEVELS_AS_PLAYED = _check("user_levels: each play lies in a stretch of its level", _plays_unlike_levels)

DERIVED: tuple[Check, ...] = (
    _check("time: the parts are those of start_time", _wrong_parts),
    TIMES_AS_PLAYED,
    _check("users: level and last_played_at are of the newest play", _users_unlike_plays),
    LEVELS_AS_PLAYED,
    _check("user_levels: each stretch begins with a play", _stretches_of_no_play),
    _check("user_levels: no stretch has the level of the one before", _stretches_alike),
)
"""The checks of the whole warehouse that compare the dimensions of time, users and levels with the plays."""
