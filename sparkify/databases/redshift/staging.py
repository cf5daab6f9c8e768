"""The staging tables of one load: temporary, of the names and the form of those that the migrations make.

A temporary table leaves no rows to vacuum, COPY counts its rows for the planner when it fills it (AWS: COPY,
STATUPDATE), and whoever loads owns it. It stands before the permanent table of its name, which stays empty.
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
    """Make the staging table of a source, with no row; a rollback takes it away."""
    name = quoted(source.staging.name)
    session.run(f"CREATE TEMPORARY TABLE {name} (LIKE {name})")


def count_staged(session: Session, sources: Sequence[Source]) -> list[Counted]:
    """What was staged of each source, and how many rows violate a rule, with one statement for all of them."""
    return counted(sources, session.run(select_totals(sources, _violations)).rows)


def _violations(source: Source) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((violates_a_rule(source), 1), else_=0)), 0)
