"""The ledger of Sparkify's warehouse: loads, files, rejected lines, checksums, failures, and the lock."""

from __future__ import annotations

from sparkify.etl.ledger_models import (
    ColumnHistoryMixin,
    FailedLoadMixin,
    LoadChecksumMixin,
    LoadedFileMixin,
    LoadHistoryMixin,
    LoadLockMixin,
    LoadStepMixin,
    RejectedRowMixin,
)
from sparkify.models.base import Base, primary_key

__all__ = [
    "ColumnHistory",
    "LoadChecksum",
    "LoadFailure",
    "LoadHistory",
    "LoadLock",
    "LoadStep",
    "LoadedFile",
    "RejectedRow",
]


class LoadHistory(LoadHistoryMixin, Base):
    """Grain: one load that committed."""

    __tablename__ = "load_history"
    __table_args__ = (
        primary_key("load_id"),
        {"redshift_diststyle": "ALL", "redshift_sortkey": "load_id"},
    )


class LoadedFile(LoadedFileMixin, Base):
    """Grain: one file whose lines are in the warehouse."""

    __tablename__ = "loaded_files"
    __table_args__ = (primary_key("source", "uri"), {"redshift_diststyle": "EVEN"})


class RejectedRow(RejectedRowMixin, Base):
    """Grain: one line of a loaded file that is not in the warehouse, and why."""

    __tablename__ = "rejected_rows"
    __table_args__ = (primary_key("source", "uri", "line"), {"redshift_diststyle": "EVEN"})


class LoadLock(LoadLockMixin, Base):
    """Grain: the one row that every load updates first."""

    __tablename__ = "load_lock"
    __table_args__ = (primary_key("token"), {"redshift_diststyle": "ALL"})


class LoadStep(LoadStepMixin, Base):
    """Grain: one step of one of the last loads, and what it took."""

    __tablename__ = "load_steps"
    __table_args__ = (primary_key("load_id", "number"), {"redshift_diststyle": "ALL"})


class ColumnHistory(ColumnHistoryMixin, Base):
    """Grain: one column of the star, and the first load since which it is filled."""

    __tablename__ = "column_history"
    __table_args__ = (primary_key("table_name", "column_name"), {"redshift_diststyle": "ALL"})


class LoadChecksum(LoadChecksumMixin, Base):
    """Grain: what one load added to the rows of a load in one table, or took from them."""

    __tablename__ = "load_checksums"
    __table_args__ = (
        primary_key("load_id", "table_name", "of_load", "removed"),
        {"redshift_diststyle": "ALL"},
    )


class LoadFailure(FailedLoadMixin, Base):
    """Grain: one load that failed. Empty in a file of DuckDB, beside which the failures are kept."""

    __tablename__ = "failed_loads"
    __table_args__ = (primary_key("started_at", "host", "pid"), {"redshift_diststyle": "ALL"})
