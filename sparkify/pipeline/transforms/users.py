"""The users who made the plays of a batch: when each last played, and what is known about each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    SelectBase,
    and_,
    case,
    cast,
    false,
    func,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.constructs import epoch_ms
from sparkify.etl.declarations import Columns
from sparkify.models import tables
from sparkify.models.level import known_level, level_rank
from sparkify.pipeline.transforms.batch import LoadId, is_play

__all__ = ["users"]

_TEXTS = ("first_name", "last_name", "gender")
"""What lines say about a user, apart from the level and the time of registration."""


def users(_load_id: LoadId) -> SelectBase:
    """Each user of the batch, from its plays and the row in the star; ``is_there``: the star already has it so.

    The level is that of the newest play; if several share its time, the paid one, else the one that sorts last.
    What else is known comes from the play whose line says the most about the user, the newest of several: if
    files stop having a key, the known value stays.
    """
    user, batch = tables.users, _plays_of_batch().cte("batch")
    columns = [column.key for column in batch.c]
    there = select(*(user.c[name] for name in columns), true().label("is_there")).where(
        user.c.user_id.in_(select(batch.c.user_id))
    )
    new = select(*(batch.c[name] for name in columns), false().label("is_there"))
    ranked = _ranked(union_all(new, there).subquery("candidates"))
    newest, fullest = ranked.c.newest == 1, ranked.c.fullest == 1
    is_there = func.min(case((newest | fullest, cast(ranked.c.is_there, Integer)), else_=1)) == 1
    return select(
        ranked.c.user_id,
        *(func.max(case((fullest, ranked.c[name]))).label(name) for name in _TEXTS),
        func.max(case((newest, ranked.c.level))).label("level"),
        func.max(case((fullest, ranked.c.registered_at))).label("registered_at"),
        func.max(ranked.c.last_played_at).label("last_played_at"),
        func.max(case((fullest, ranked.c.described_at))).label("described_at"),
        is_there.label("is_there"),
    ).group_by(ranked.c.user_id)


def _plays_of_batch() -> SelectBase:
    """For each user and each value of :func:`_told`, the newest play; several if they share that time."""
    event = tables.staging_events
    # Few rows for each user: sorting all plays of the batch instead would be slow.
    newest = (
        select(event.c.user_id, _told(event).label("told"), func.max(event.c.ts).label("ts"))
        .where(is_play)
        .group_by(event.c.user_id, _told(event))
        .subquery("newest")
    )
    same = and_(newest.c.user_id == event.c.user_id, newest.c.ts == event.c.ts, newest.c.told == _told(event))
    return (
        select(
            event.c.user_id,
            # An empty text says nothing.
            *(func.nullif(event.c[name], "").label(name) for name in _TEXTS),
            known_level(event.c.level).label("level"),
            epoch_ms(event.c.registration).label("registered_at"),
            event.c.ts.label("last_played_at"),
            case((_told(event) > 0, event.c.ts), else_=null()).cast(TIMESTAMP).label("described_at"),
        )
        .select_from(event.join(newest, same))
        .where(is_play)
    )


def _told(row: FromClause) -> ColumnElement[int]:
    """How many things a row says about its user: 0 to 4."""
    registered = row.c.registration if "registration" in row.c else row.c.registered_at
    known = [func.coalesce(row.c[name], "") != "" for name in _TEXTS] + [registered.is_not(None)]
    first, *others = (case((one, 1), else_=0) for one in known)
    told: ColumnElement[int] = first
    for one in others:
        told = told + one
    return told


def _ranked(candidates: FromClause) -> Any:
    """The candidates, each with its rank among the rows of its user: as the newest and as the fullest."""
    columns: Columns = candidates.c
    is_there = columns["is_there"].desc()
    by_time = [columns["last_played_at"].desc(), level_rank(columns["level"]).desc().nulls_last(), is_there]
    by_content = [
        _told(candidates).desc(),
        columns["described_at"].desc().nulls_last(),
        columns["registered_at"].asc().nulls_last(),
        *(columns[name].asc().nulls_last() for name in _TEXTS),
        is_there,
    ]

    def place(order: list[Any], name: str) -> Any:
        return func.row_number().over(partition_by=columns["user_id"], order_by=order).label(name)

    return select(*columns, place(by_time, "newest"), place(by_content, "fullest")).subquery("ranked")
