"""The staging tables of one load: temporary, of the names and the form of those that the migrations make.

A temporary table leaves no rows to vacuum, COPY counts its rows for the planner when it fills it (AWS: COPY,
STATUPDATE), and whoever loads owns it. It stands before the permanent table of its name, which stays empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Select, case, func, select

from sparkify.databases.redshift.locking import quoted
from sparkify.databases.redshift.rules import violates_a_rule
from sparkify.etl.declarations import Source
from sparkify.etl.ranges import select_limits
from sparkify.etl.session import Session

__all__ = ["Counted", "count_staged", "create_staging"]


def create_staging(session: Session, source: Source) -> None:
    """Make the staging table of a source, with no row; a rollback takes it away."""
    name = quoted(source.staging.name)
    session.run(f"CREATE TEMPORARY TABLE {name} (LIKE {name})")


class Counted(NamedTuple):
    """What was staged.

    :ivar rows: what COPY loaded.
    :ivar violating: how many of them violate a rule.
    :ivar limits: the values of :func:`~sparkify.etl.ranges.select_limits`; none in a dry run.
    """

    rows: int = 0
    violating: int = 0
    limits: tuple[Any, ...] = ()


def count_staged(session: Session, sources: Sequence[Source]) -> list[Counted]:
    """How many rows were staged of each source, and their limits, with one statement for all of them."""
    parts = [_counts(source).subquery(f"of_{source.name}") for source in sources]
    found = session.run(select(*(column for part in parts for column in part.c))).rows
    if not found:
        return [Counted() for _ in sources]
    values = iter(found[0])
    counted = list[Counted]()
    for part in parts:
        rows, violating, *limits = islice(values, len(part.c))
        counted.append(Counted(int(rows), int(violating), tuple(limits)))
    return counted


def _counts(source: Source) -> Select[*tuple[Any, ...]]:
    violation = case((violates_a_rule(source), 1), else_=0)
    counts = (func.count(), func.coalesce(func.sum(violation), 0), *select_limits(source))
    named = (count.label(f"count_{number}") for number, count in enumerate(counts, start=1))
    return select(*named).select_from(source.staging)
