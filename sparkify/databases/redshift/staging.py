"""The staging tables of one load: temporary, of the names and the form of those that the migrations make.

A temporary table leaves no rows to vacuum, COPY counts its rows for the planner when it fills it (AWS: COPY,
STATUPDATE), and whoever loads owns it. It stands before the permanent table of its name, which stays empty.
"""

from __future__ import annotations

from sqlalchemy import case, func, select

from sparkify.databases.redshift.locking import quoted
from sparkify.databases.redshift.rules import violates_a_rule
from sparkify.etl.declarations import Source
from sparkify.etl.session import Session

__all__ = ["count_staged", "create_staging"]


def create_staging(session: Session, source: Source) -> None:
    """Make the staging table of a source, with no row; a rollback takes it away."""
    name = quoted(source.staging.name)
    session.run(f"CREATE TEMPORARY TABLE {name} (LIKE {name})")


def count_staged(session: Session, source: Source) -> tuple[int, int]:
    """How many rows were staged, which is what COPY loaded, and how many of them violate a rule."""
    violation = case((violates_a_rule(source), 1), else_=0)
    found = session.run(
        select(func.count(), func.coalesce(func.sum(violation), 0)).select_from(source.staging)
    ).rows
    return (int(found[0][0]), int(found[0][1])) if found else (0, 0)
