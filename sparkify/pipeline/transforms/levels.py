"""The stretches of each user's level: from when until when it was free or paid."""

from __future__ import annotations

from sqlalchemy import SelectBase, Subquery, and_, cast, func, literal_column, or_, select, true
from sqlalchemy.types import TIMESTAMP

from sparkify.models import SongPlay, UserLevel
from sparkify.pipeline.transforms.batch import LoadId

__all__ = ["user_levels", "users_with_other_levels"]

_NEVER = literal_column("TIMESTAMP '9999-12-31 00:00:00'", TIMESTAMP())
"""Later than every play: the end of a stretch that has none."""


def users_with_other_levels(load_id: LoadId) -> SelectBase:
    """The users with a play of this load that no stretch of its level covers."""
    play, stretch = SongPlay.__table__, UserLevel.__table__
    covered = and_(
        stretch.c.user_id == play.c.user_id,
        func.coalesce(stretch.c.level, "") == func.coalesce(play.c.level, ""),
        stretch.c.valid_from <= play.c.start_time,
        # Not an OR with IS NULL: for that DuckDB compares each play with each stretch, in a nested loop.
        play.c.start_time < func.coalesce(stretch.c.valid_to, _NEVER),
    )
    return (
        select(play.c.user_id)
        .select_from(play.outerjoin(stretch, covered))
        .where(play.c.load_id == load_id, stretch.c.user_id.is_(None))
        .distinct()
    )


def user_levels(load_id: LoadId) -> SelectBase:
    """The stretches of :func:`users_with_other_levels`, from all of their plays."""
    play = SongPlay.__table__
    level = func.coalesce(play.c.level, "")
    is_affected = play.c.user_id.in_(users_with_other_levels(load_id))
    # Most users never change level: one stretch from their first play. Only the plays of the others are sorted.
    of_user = (
        select(
            play.c.user_id,
            func.min(play.c.start_time).label("valid_from"),
            func.min(level).label("level"),
            func.max(level).label("last_level"),
        )
        .where(is_affected)
        .group_by(play.c.user_id)
    )
    constant = of_user.having(func.min(level) == func.max(level)).subquery("constant")
    changing = of_user.having(func.min(level) != func.max(level)).subquery("changing")
    stretch = _stretches(changing)
    return select(
        constant.c.user_id,
        constant.c.valid_from,
        cast(None, TIMESTAMP).label("valid_to"),
        func.nullif(constant.c.level, "").label("level"),
        true().label("is_current"),
    ).union_all(
        select(
            stretch.c.user_id,
            stretch.c.valid_from,
            stretch.c.valid_to,
            func.nullif(stretch.c.level, "").label("level"),
            stretch.c.valid_to.is_(None).label("is_current"),
        )
    )


def _stretches(users: Subquery) -> Subquery:
    """From each change of level to the next, of users whose level changes."""
    play = SongPlay.__table__
    level_at = (
        select(play.c.user_id, play.c.start_time, func.max(func.coalesce(play.c.level, "")).label("level"))
        .where(play.c.user_id.in_(select(users.c.user_id)))
        .group_by(play.c.user_id, play.c.start_time)
        .subquery("level_at")
    )
    previous = func.lag(level_at.c.level).over(partition_by=level_at.c.user_id, order_by=level_at.c.start_time)
    with_previous = select(level_at, previous.label("previous_level")).subquery("with_previous")
    change = (
        select(with_previous.c.user_id, with_previous.c.start_time, with_previous.c.level)
        .where(
            or_(
                with_previous.c.previous_level.is_(None),
                with_previous.c.previous_level != with_previous.c.level,
            )
        )
        .subquery("change")
    )
    following = func.lead(change.c.start_time).over(partition_by=change.c.user_id, order_by=change.c.start_time)
    return select(
        change.c.user_id, change.c.start_time.label("valid_from"), following.label("valid_to"), change.c.level
    ).subquery("stretch")
