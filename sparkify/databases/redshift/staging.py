"""The staging tables of one load: temporary, of the names and the form of those that the migrations make.

A temporary table leaves no rows to vacuum, COPY counts its rows for the planner when it fills it (AWS: COPY,
STATUPDATE), and whoever loads owns it. It stands before the permanent table of its name, which stays empty.
"""

from __future__ import annotations

from sparkify.databases.redshift.locking import quoted
from sparkify.etl.declarations import Source
from sparkify.etl.session import Session

__all__ = ["create_staging", "drop_staging"]


def create_staging(session: Session, source: Source) -> None:
    """Make the staging table of a source, with no row; a rollback takes it away."""
    name = quoted(source.staging.name)
    session.run(f"CREATE TEMPORARY TABLE {name} (LIKE {name})")


def drop_staging(session: Session, source: Source) -> None:
    """Drop what :func:`create_staging` has made in the same transaction, and only then."""
    session.run(f"DROP TABLE {quoted(source.staging.name)}")
