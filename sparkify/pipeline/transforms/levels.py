"""The stretches of each user's level: periods during which it was free or paid."""

from __future__ import annotations

from sqlalchemy import ColumnElement, SelectBase, Subquery, and_, cast, func, literal_column, or_, select, true
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.ranges import StagedLimit
from sparkify.models import tables
from sparkify.models.level import highest_level
from sparkify.models.working import batch_users, level_changes
from sparkify.pipeline.transforms.batch import LoadId

__all__ = ["NEVER", "changes_of_level", "outdated_levels", "user_levels"]

NEVER = literal_column("TIMESTAMP '9999-12-31 00:00:00'", TIMESTAMP())
"""Later than every play: the end used for a stretch without one."""


def changes_of_level(load_id: LoadId) -> SelectBase:
    """The users with a play of this load that no stretch of its level covers: the time of the first such play,
    and the last stretch that begins before it.
    """
    play = tables.songplays
    users = select(batch_users.c.user_id)
    stretch = select(tables.user_levels).where(tables.user_levels.c.user_id.in_(users)).subquery("known")
    covered = and_(
        stretch.c.user_id == play.c.user_id,
        func.coalesce(stretch.c.level, "") == func.coalesce(play.c.level, ""),
        stretch.c.valid_from <= play.c.start_time,
        # Not an OR with IS NULL: DuckDB would then compare each play with each stretch, in a nested loop.
        play.c.start_time < func.coalesce(stretch.c.valid_to, NEVER),
    )
    uncovered = (
        select(play.c.user_id, func.min(play.c.start_time).label("since"))
        .select_from(play.outerjoin(stretch, covered))
        .where(play.c.load_id == load_id, stretch.c.user_id.is_(None))
        .group_by(play.c.user_id)
        .cte("uncovered")
    )
    before = (
        select(stretch.c.user_id, func.max(stretch.c.valid_from).label("valid_from"))
        .join_from(
            uncovered,
            stretch,
            and_(stretch.c.user_id == uncovered.c.user_id, stretch.c.valid_from < uncovered.c.since),
        )
        .group_by(stretch.c.user_id)
        .subquery("before")
    )
    previous = tables.user_levels.alias("previous")
    return select(
        uncovered.c.user_id,
        uncovered.c.since,
        previous.c.valid_from.label("previous_from"),
        previous.c.level.label("previous_level"),
    ).select_from(
        uncovered.outerjoin(before, before.c.user_id == uncovered.c.user_id).outerjoin(
            previous,
            and_(previous.c.user_id == before.c.user_id, previous.c.valid_from == before.c.valid_from),
        )
    )


def outdated_levels() -> ColumnElement[bool]:
    """Which stretches are rebuilt: for the users of :func:`changes_of_level`, the one before the first play
    that is not covered, whose end may change, and all later ones.
    """
    level = tables.user_levels
    return and_(
        level.c.user_id == level_changes.c.user_id,
        level.c.valid_from >= func.coalesce(level_changes.c.previous_from, level_changes.c.since),
    )


def user_levels(_load_id: LoadId) -> SelectBase:
    """The stretches that replace :func:`outdated_levels`, from the plays since then.

    Of several levels at one moment, paid takes precedence, else the one that sorts last; no level comes last.
    """
    play, change = tables.songplays, level_changes
    level = func.coalesce(play.c.level, "")
    # Most users never change level: one stretch from their first play. Only plays of the others are sorted.
    users = (
        select(
            play.c.user_id,
            func.min(play.c.start_time).label("valid_from"),
            func.min(level).label("level"),
            func.max(level).label("last_level"),
        )
        .join_from(play, change, _since_change())
        .where(change.c.previous_from.is_(None))
        .group_by(play.c.user_id)
        .cte("levels_of_users")
    )
    constant = select(users).where(users.c.level == users.c.last_level).subquery("constant")
    several = select(users.c.user_id).where(users.c.level != users.c.last_level).subquery("several")
    stretch = _stretches(several)
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


def _since_change() -> ColumnElement[bool]:
    play, change = tables.songplays, level_changes
    return and_(
        play.c.user_id == change.c.user_id,
        play.c.start_time >= change.c.since,
        # Implied, as each of those plays is in the batch, but lets whole blocks of earlier plays be skipped.
        play.c.start_time >= StagedLimit(tables.staging_events.c.ts, "least"),
    )


def _stretches(several: Subquery) -> Subquery:
    """The stretches from each change of level to the next, for users whose level changes.

    :param several: those of them without an earlier stretch; the others have a level other than that stretch.
    """
    play, change = tables.songplays, level_changes
    level = func.coalesce(play.c.level, "")
    changing = or_(change.c.previous_from.is_not(None), change.c.user_id.in_(select(several.c.user_id)))
    level_at = (
        select(play.c.user_id, play.c.start_time, highest_level(level).label("level"))
        .join_from(play, change, _since_change())
        .where(changing)
        .group_by(play.c.user_id, play.c.start_time)
        .union_all(
            select(change.c.user_id, change.c.previous_from, func.coalesce(change.c.previous_level, "")).where(
                change.c.previous_from.is_not(None)
            )
        )
        .subquery("level_at")
    )
    previous = func.lag(level_at.c.level).over(partition_by=level_at.c.user_id, order_by=level_at.c.start_time)
    with_previous = select(level_at, previous.label("previous_level")).subquery("with_previous")
    change_of_level = (
        select(with_previous.c.user_id, with_previous.c.start_time, with_previous.c.level)
        .where(
            or_(
                with_previous.c.previous_level.is_(None),
                with_previous.c.previous_level != with_previous.c.level,
            )
        )
        .subquery("change_of_level")
    )
    following = func.lead(change_of_level.c.start_time).over(
        partition_by=change_of_level.c.user_id, order_by=change_of_level.c.start_time
    )
    return select(
        change_of_level.c.user_id,
        change_of_level.c.start_time.label("valid_from"),
        following.label("valid_to"),
        change_of_level.c.level,
    ).subquery("stretch")
