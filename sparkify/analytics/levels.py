"""How listeners move between free and paid."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CTE, Select, and_, case, cast, func, or_, select
from sqlalchemy.types import TIMESTAMP

from sparkify.analytics.expressions import count_if, ratio
from sparkify.analytics.periods import Moment, moment, within
from sparkify.etl.constructs import elapsed_ms
from sparkify.models import UserLevel

__all__ = ["level_changes"]

_MS_PER_DAY = 86_400_000.0


def level_changes(
    *, since: Moment = None, until: Moment = None
) -> Select[str | None, int, int, int, float, float | None]:
    """How users move between free and paid, by the level they begin with: level, users, changed, stayed,
    change_rate, days_to_change.

    From ``user_levels``. ``users`` begin the period at ``level``: they have it when it begins, or at their
    first play in it that has one; NULL where none of their plays so far has. ``changed`` of them had another
    level within it, and ``stayed`` of those had another one at its end; the rest went back. A play of no level
    is no change: the level before it goes on. ``change_rate`` = changed / users. ``days_to_change`` is the mean
    time from the beginning of the first level to the first change, in days; NULL where nobody changed.

    Order: users, most first.

    :raises ConfigurationError: when the period is empty.
    """
    within(UserLevel.valid_from, since, until)
    first = moment(since)
    level = _stretches_of_level(moment(until))
    in_force = [] if first is None else [or_(level.c.valid_to.is_(None), level.c.valid_to > first)]
    stretch = (
        select(
            level.c.user_id,
            level.c.level,
            level.c.valid_from,
            func.row_number().over(partition_by=level.c.user_id, order_by=level.c.valid_from).label("place"),
            func.count().over(partition_by=level.c.user_id).label("stretches"),
        )
        .where(*in_force)
        .cte("stretch")
    )
    is_first, is_second = stretch.c.place == 1, stretch.c.place == 2
    is_last = stretch.c.place == stretch.c.stretches
    user = (
        select(
            stretch.c.user_id,
            func.max(stretch.c.stretches).label("stretches"),
            func.max(case((is_first, stretch.c.level))).label("level"),
            func.max(case((is_last, stretch.c.level))).label("last_level"),
            cast(func.max(case((is_first, stretch.c.valid_from))), TIMESTAMP).label("began"),
            cast(func.max(case((is_second, stretch.c.valid_from))), TIMESTAMP).label("changed_at"),
        )
        .group_by(stretch.c.user_id)
        .cte("by_user")
    )
    users = func.count()
    changed = user.c.stretches > 1
    elsewhere = func.coalesce(user.c.level, "") != func.coalesce(user.c.last_level, "")
    days = elapsed_ms(user.c.began, user.c.changed_at) / _MS_PER_DAY
    return (
        select(
            user.c.level,
            users.label("users"),
            count_if(changed).label("changed"),
            count_if(and_(changed, elsewhere)).label("stayed"),
            ratio(count_if(changed), users).label("change_rate"),
            func.avg(days).label("days_to_change"),
        )
        .group_by(user.c.level)
        .order_by(users.desc(), user.c.level.asc().nulls_last())
    )


# -- parts -------------------------------------------------------------------------------------------------


def _stretches_of_level(end: datetime | None) -> CTE:
    """The stretches that began before a moment: for users with a known level, those that have a level, each
    until the next with a different one; for other users, only the first.
    """
    level = func.nullif(UserLevel.level, "")
    known = func.count(level).over(partition_by=UserLevel.user_id)
    began = (
        select(UserLevel.user_id, level.label("level"), UserLevel.valid_from, known.label("known"))
        .where(*([] if end is None else [UserLevel.valid_from < end]))
        .cte("began")
    )
    # An aggregate over the previous row is lag(); below, one over the next row is lead().
    previous = func.max(began.c.level).over(
        partition_by=began.c.user_id, order_by=began.c.valid_from, rows=(-1, -1)
    )
    place = func.row_number().over(partition_by=began.c.user_id, order_by=began.c.valid_from)
    told = (
        select(
            began.c.user_id,
            began.c.level,
            began.c.valid_from,
            place.label("place"),
            previous.label("previous"),
        )
        .where(or_(began.c.level.is_not(None), began.c.known == 0))
        .cte("told")
    )
    following = func.min(told.c.valid_from, type_=TIMESTAMP()).over(
        partition_by=told.c.user_id, order_by=told.c.valid_from, rows=(1, 1)
    )
    return (
        select(told.c.user_id, told.c.level, told.c.valid_from, following.label("valid_to"))
        .where(or_(told.c.place == 1, told.c.previous != told.c.level))
        .cte("level_stretch")
    )
