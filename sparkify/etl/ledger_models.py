"""The tables of the ledger, as mixins that a company maps into its own metadata beside its own models."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Boolean, Double, Integer, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.column_types import MAX_TEXT

__all__ = [
    "ColumnHistoryMixin",
    "FailedLoadMixin",
    "LoadChecksumMixin",
    "LoadHistoryMixin",
    "LoadLockMixin",
    "LoadStepMixin",
    "LoadedFileMixin",
    "RejectedRowMixin",
]


class LoadHistoryMixin:
    """Grain: one load that committed. A load that failed leaves no row here."""

    load_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, redshift_encode="raw", comment="Counts up from 1."
    )
    mode: Mapped[str] = mapped_column(
        String(16), redshift_encode="zstd", comment="`incremental` or `full refresh`."
    )
    started_at: Mapped[datetime] = mapped_column(
        TIMESTAMP, redshift_encode="az64", comment="UTC, of the machine that ran the load."
    )
    finished_at: Mapped[datetime] = mapped_column(
        TIMESTAMP, redshift_encode="az64", comment="UTC, just before the commit."
    )
    files: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    bytes: Mapped[int] = mapped_column(
        BigInteger, redshift_encode="az64", comment="Size of the files as they are stored, compressed or not."
    )
    lines: Mapped[int] = mapped_column(
        BigInteger, redshift_encode="az64", comment="lines = loaded + rejected + blank"
    )
    loaded: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    rejected: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    blank: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    version: Mapped[str] = mapped_column(
        String(32), redshift_encode="zstd", comment="The version of the library that ran the load."
    )
    rules_version: Mapped[int | None] = mapped_column(
        Integer,
        redshift_encode="az64",
        comment=(
            "The version of the rules that made the rows of the load; NULL, of loads before there "
            "were any, is 1."
        ),
    )
    drift: Mapped[str | None] = mapped_column(
        String(MAX_TEXT),
        redshift_encode="zstd",
        comment="JSON: how the files differed from those before and from the models; NULL: they did not.",
    )
    observed: Mapped[str | None] = mapped_column(
        String(MAX_TEXT),
        redshift_encode="zstd",
        comment="JSON: what was seen of the sources so far, by which the next load tells what is new.",
    )


class LoadedFileMixin:
    """Grain: one file whose lines are in the warehouse."""

    uri: Mapped[str] = mapped_column(
        String(2048),
        primary_key=True,
        redshift_encode="zstd",
        comment="`s3://bucket/key`, or the absolute path of a local file.",
    )
    source: Mapped[str] = mapped_column(String(64), primary_key=True, redshift_encode="zstd")
    fingerprint: Mapped[str] = mapped_column(
        String(256),
        redshift_encode="zstd",
        comment="Tells whether the file is the same: the ETag of an object; size and mtime of a local file.",
    )
    bytes: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    lines: Mapped[int] = mapped_column(
        BigInteger, redshift_encode="az64", comment="lines = loaded + rejected + blank"
    )
    loaded: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    rejected: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    blank: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    load_id: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    content_hash: Mapped[str | None] = mapped_column(
        String(64),
        redshift_encode="zstd",
        comment="SHA-256 of the bytes as stored; NULL where the load left the reading to the database.",
    )
    drift: Mapped[str | None] = mapped_column(
        String(4096),
        redshift_encode="zstd",
        comment="JSON: what the file lacks, or has beyond its model; NULL: nothing that was seen.",
    )


class RejectedRowMixin:
    """Grain: one line of a loaded file that is not in the warehouse, and why."""

    uri: Mapped[str] = mapped_column(String(2048), primary_key=True, redshift_encode="zstd")
    line: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, redshift_encode="az64", comment="Counts from 1."
    )
    source: Mapped[str] = mapped_column(String(64), primary_key=True, redshift_encode="zstd")
    column_name: Mapped[str | None] = mapped_column(
        String(128),
        redshift_encode="zstd",
        comment="The column that could not take its value; NULL when it is the line as a whole.",
    )
    reason: Mapped[str] = mapped_column(String(512), redshift_encode="zstd")
    text: Mapped[str] = mapped_column(
        String(MAX_TEXT),
        redshift_encode="zstd",
        comment=(
            "The line; bytes that are not UTF-8 and control characters as hexadecimal; its first 65,535 bytes."
        ),
    )
    load_id: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")


class LoadLockMixin:
    """Grain: the one row that every load updates first, so that two loads cannot both commit.

    On Redshift, LOCK makes the second load wait. Snapshot isolation itself protects the update: the database
    refuses a load that began before the other had committed.
    """

    token: Mapped[int] = mapped_column(
        Integer, primary_key=True, autoincrement=False, redshift_encode="raw", comment="Always 1."
    )
    taken: Mapped[int] = mapped_column(
        BigInteger, redshift_encode="az64", comment="How many loads have taken the lock."
    )


class LoadStepMixin:
    """Grain: one step of one of the last loads, and what it took."""

    load_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, redshift_encode="az64"
    )
    number: Mapped[int] = mapped_column(
        Integer,
        primary_key=True,
        autoincrement=False,
        redshift_encode="az64",
        comment="Counts from 1, in the order in which steps were done.",
    )
    title: Mapped[str] = mapped_column(String(256), redshift_encode="zstd")
    rows: Mapped[int] = mapped_column(
        BigInteger, redshift_encode="az64", comment="How many rows the statements of the step touched."
    )
    seconds: Mapped[float] = mapped_column(Double, redshift_encode="zstd", comment="Seconds of wall time.")


class ColumnHistoryMixin:
    """Grain: one column of a table that loads fill, and the first load since which it is filled."""

    table_name: Mapped[str] = mapped_column(String(128), primary_key=True, redshift_encode="zstd")
    column_name: Mapped[str] = mapped_column(String(128), primary_key=True, redshift_encode="zstd")
    load_id: Mapped[int] = mapped_column(
        BigInteger,
        redshift_encode="az64",
        comment="The first load whose rows have the column; rows of earlier loads have NULL there.",
    )


class LoadChecksumMixin:
    """Grain: what one load added to the rows of a load in one table, or took from them.

    Their sums match what the tables contain, unless something other than a load has altered rows.
    """

    load_id: Mapped[int] = mapped_column(
        BigInteger,
        primary_key=True,
        autoincrement=False,
        redshift_encode="az64",
        comment="The load that did it.",
    )
    table_name: Mapped[str] = mapped_column(String(128), primary_key=True, redshift_encode="zstd")
    of_load: Mapped[int] = mapped_column(
        BigInteger,
        primary_key=True,
        autoincrement=False,
        redshift_encode="az64",
        comment="The load that the rows are of; 0 in a table that does not say.",
    )
    removed: Mapped[bool] = mapped_column(
        Boolean, primary_key=True, redshift_encode="zstd", comment="Whether the rows were taken; else added."
    )
    rows: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64", comment="How many.")
    checksum: Mapped[Decimal | None] = mapped_column(
        Numeric(38, 0),
        redshift_encode="az64",
        comment="The sum of their hashes; NULL of rows that were loaded before there were checksums.",
    )
    probe: Mapped[int | None] = mapped_column(
        BigInteger,
        redshift_encode="az64",
        comment="The hash of a constant, by which another way of hashing is noticed.",
    )


class FailedLoadMixin:
    """Grain: one load that failed.

    The row is written in a transaction of its own, after that of the load was rolled back. A load that could
    not connect or was killed has no row.
    """

    started_at: Mapped[datetime] = mapped_column(
        TIMESTAMP, primary_key=True, redshift_encode="az64", comment="UTC, of the machine that ran the load."
    )
    host: Mapped[str] = mapped_column(
        String(256), primary_key=True, redshift_encode="zstd", comment="The machine that ran the load."
    )
    pid: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, redshift_encode="az64", comment="Its process there."
    )
    failed_at: Mapped[datetime] = mapped_column(TIMESTAMP, redshift_encode="az64", comment="UTC.")
    seconds: Mapped[float] = mapped_column(Double, redshift_encode="zstd", comment="Seconds of wall time.")
    step: Mapped[str | None] = mapped_column(
        String(256), redshift_encode="zstd", comment="The step in which it failed."
    )
    error: Mapped[str] = mapped_column(
        String(4096), redshift_encode="zstd", comment="In one line, with secrets of the settings masked."
    )
    exit_code: Mapped[int] = mapped_column(
        Integer, redshift_encode="az64", comment="Of the command: 75 where a retry may help."
    )
    attempts: Mapped[int] = mapped_column(
        Integer, redshift_encode="az64", comment="How often its transaction was begun."
    )
    state: Mapped[str | None] = mapped_column(
        String(256), redshift_encode="zstd", comment="In what state it left things."
    )
    version: Mapped[str] = mapped_column(
        String(32), redshift_encode="zstd", comment="The version of the library that ran the load."
    )
    settled_at: Mapped[datetime | None] = mapped_column(
        TIMESTAMP,
        redshift_encode="az64",
        comment="UTC. When a later load found nothing new to load; NULL: none has, or one has committed.",
    )
    after_load: Mapped[int | None] = mapped_column(
        BigInteger,
        redshift_encode="az64",
        comment="The newest load that had committed; 0: none; NULL of failures from before this was kept.",
    )
