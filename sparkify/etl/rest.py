"""Checks that hold for any pipeline between two loads: the lock has one row, and staging is empty."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from sqlalchemy import ColumnElement, SelectBase, Table, func, or_, select

from sparkify.etl.declarations import Check, Pipeline

__all__ = ["checks_at_rest"]

Rows = Callable[[ColumnElement[int] | None], SelectBase]


@lru_cache(maxsize=8)
def checks_at_rest(pipeline: Pipeline) -> tuple[Check, ...]:
    """One check of the lock, and one of each staging table."""
    lock = pipeline.ledger.lock
    return (
        Check(
            name=f"{lock.name}: one row, of token 1",
            rows=_unlike_lock(lock),
            during_load=False,
            hint=f"Leave {lock.name} one row, of token 1. Where there is none, the next load makes it.",
        ),
        *(
            Check(
                name=f"{source.staging.name}: empty between loads",
                rows=_left(source.staging),
                during_load=False,
                hint=f"No load leaves rows there. Run: DELETE FROM {source.staging.name}",
            )
            for source in pipeline.sources
        ),
    )


def _unlike_lock(lock: Table) -> Rows:
    def rows(_load_id: ColumnElement[int] | None) -> SelectBase:
        found = select(func.count().label("rows"), func.min(lock.c.token).label("token")).subquery("tokens")
        return select(found).where(or_(found.c.rows != 1, found.c.token != 1))

    return rows


def _left(staging: Table) -> Rows:
    def rows(_load_id: ColumnElement[int] | None) -> SelectBase:
        count = select(func.count().label("rows")).select_from(staging).subquery("left_over")
        return select(count).where(count.c.rows > 0)

    return rows
