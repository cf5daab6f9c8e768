"""The staging tables of one load: temporary, with the names and columns of those that the migrations create.

A temporary table leaves no rows to vacuum, COPY updates its statistics when it fills it (AWS: COPY,
STATUPDATE), and the loading user owns it. It hides the permanent table of its name, which stays empty.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, case, func

from sparkify.databases.redshift.locking import quoted
from sparkify.databases.redshift.rules import violates_a_rule
from sparkify.etl.declarations import Source
from sparkify.etl.session import Session
from sparkify.etl.totals import Counted, counted, select_totals

__all__ = ["count_staged", "create_staging"]


def create_staging(session: Session, source: Source) -> None:
    """Create the empty staging table of a source; a rollback removes it."""
    name = quoted(source.staging.name)
    session.run(f"CREATE TEMPORARY TABLE {name} (LIKE {name})")


def count_staged(session: Session, sources: Sequence[Source]) -> list[Counted]:
    """What was staged of each source, and how many rows violate a rule, by one statement for all sources."""
    return counted(sources, session.run(select_totals(sources, _violations)).rows)


def _violations(source: Source) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((violates_a_rule(source), 1), else_=0)), 0)
