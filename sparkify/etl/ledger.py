"""The ledger: which files were loaded by which load, and which lines were rejected.

Its rows commit with the data they speak of, so a file is known if and only if its rows are there. The tables
are mixins: a company maps them into its own metadata beside its own models.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Double, Integer, Select, String, Table, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.declarations import Ledger
from sparkify.etl.report import FileCount, LoadRecord, Reject, StepReport
from sparkify.etl.session import Session

__all__ = [
    "ColumnHistoryMixin",
    "LoadHistoryMixin",
    "LoadLockMixin",
    "LoadStepMixin",
    "LoadedFileMixin",
    "RejectedRowMixin",
    "is_recorded",
    "known_files",
    "next_load_id",
    "read_column_history",
    "read_history",
    "read_rejects",
    "read_steps",
    "record",
    "record_columns",
    "record_steps",
    "take_token",
]

MAX_TEXT = 65_535
"""Bytes of a rejected line that are kept: the longest VARCHAR of Redshift."""

KEPT_STEPS = 100
"""Loads of which the steps are kept."""


class LoadHistoryMixin:
    """Grain: one load that committed. A load that failed leaves no row, here or anywhere."""

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


class LoadedFileMixin:
    """Grain: one file whose lines are in the warehouse."""

    uri: Mapped[str] = mapped_column(
        String(2048),
        primary_key=True,
        redshift_encode="zstd",
        comment="`s3://bucket/key`, or the absolute path of a local file.",
    )
    source: Mapped[str] = mapped_column(String(64), redshift_encode="zstd")
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


class RejectedRowMixin:
    """Grain: one line of a loaded file that is not in the warehouse, and why."""

    uri: Mapped[str] = mapped_column(String(2048), primary_key=True, redshift_encode="zstd")
    line: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, redshift_encode="az64", comment="Counts from 1."
    )
    source: Mapped[str] = mapped_column(String(64), redshift_encode="zstd")
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

    On Redshift LOCK makes the second load wait. The update is what snapshot isolation itself protects:
    whichever load began before the other had committed is refused by the database.
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


def take_token(session: Session, lock: Table) -> None:
    """Update the row of the lock, or make it where a rebuilt database has none."""
    if session.run(update(lock).values(taken=lock.c.taken + 1)).rowcount == 0 and not session.dry_run:
        session.run(insert(lock).values(token=1, taken=1))


def known_files(session: Session, files: Table) -> dict[str, str]:
    """The uri of each loaded file with its fingerprint."""
    return {row.uri: row.fingerprint for row in session.read(select(files.c.uri, files.c.fingerprint))}


def next_load_id(session: Session, history: Table) -> int:
    """One more than the last load that committed. Unique only while the lock is held."""
    rows = session.read(select(func.max(history.c.load_id)))
    return ((rows[0][0] if rows else None) or 0) + 1


def is_recorded(session: Session, history: Table, load_id: int, started_at: datetime) -> bool:
    """Whether this very load committed, and no other that was given the same number after it failed."""
    found = select(history.c.load_id).where(history.c.load_id == load_id, history.c.started_at == started_at)
    return bool(session.read(found))


def record(
    session: Session,
    ledger: Ledger,
    load: LoadRecord,
    files: Iterable[FileCount],
    rejects: Sequence[Reject],
) -> None:
    """Write down a load, its files and its rejects, in the caller's transaction."""
    file_rows = [
        {
            "uri": count.file.uri,
            "source": count.source,
            "fingerprint": count.file.fingerprint,
            "bytes": count.file.size,
            "lines": count.lines,
            "loaded": count.loaded,
            "rejected": count.rejected,
            "blank": count.blank,
            "load_id": load.load_id,
        }
        for count in files
    ]
    reject_rows = [
        {
            "uri": reject.uri,
            "line": reject.line,
            "source": reject.source,
            "column_name": reject.column,
            "reason": _fit(reject.reason, 512),
            "text": _fit(reject.text, MAX_TEXT),
            "load_id": load.load_id,
        }
        for reject in rejects
    ]
    session.insert(ledger.files, file_rows)
    session.insert(ledger.rejects, reject_rows)
    session.insert(ledger.history, [asdict(load)])


def record_steps(session: Session, steps: Table, load_id: int, done: Sequence[StepReport]) -> None:
    """Write down what the steps of a load took, and forget those of a load long ago."""
    session.run(delete(steps).where(steps.c.load_id <= load_id - KEPT_STEPS))
    session.insert(
        steps,
        [
            {"load_id": load_id, "number": number, "title": _fit(step.title, 256)}
            | {"rows": step.rows, "seconds": step.seconds}
            for number, step in enumerate(done, start=1)
        ],
    )


def record_columns(
    session: Session, ledger: Ledger, tables: Iterable[Table], load_id: int, *, rebuilt: bool
) -> None:
    """Write down since when each column of the tables is filled.

    A column that is new in this load was not there for the rows of earlier ones. Where nothing was written
    down yet, all columns were there from the first load on.

    :param rebuilt: whether every row is of this load.
    """
    columns = ledger.columns
    if rebuilt:
        session.run(delete(columns))
        known: set[tuple[str, str]] = set()
    else:
        known = {(row.table_name, row.column_name) for row in session.read(_column_history(columns))}
    since = load_id if known or rebuilt else 1
    session.insert(
        columns,
        [
            {"table_name": table.name, "column_name": column.name, "load_id": since}
            for table in tables
            for column in table.columns
            if (table.name, column.name) not in known
        ],
    )


def read_history(session: Session, history: Table, limit: int) -> list[LoadRecord]:
    """The last loads, newest first."""
    columns = [history.c[name] for name in LoadRecord.__dataclass_fields__]
    rows = session.read(select(*columns).order_by(history.c.load_id.desc()).limit(limit))
    return [LoadRecord(*tuple(row)) for row in rows]


def read_steps(session: Session, steps: Table, load_id: int) -> list[StepReport]:
    """The steps of a load, in order; none where they are no longer kept."""
    rows = session.read(
        select(steps.c.title, steps.c.rows, steps.c.seconds)
        .where(steps.c.load_id == load_id)
        .order_by(steps.c.number)
    )
    return [StepReport(*tuple(row)) for row in rows]


def read_column_history(session: Session, columns: Table) -> dict[tuple[str, str], int]:
    """Table and column, and the first load whose rows have it."""
    return {(row.table_name, row.column_name): row.load_id for row in session.read(_column_history(columns))}


def _column_history(columns: Table) -> Select[Any]:
    return select(columns.c.table_name, columns.c.column_name, columns.c.load_id)


def read_rejects(session: Session, rejects: Table, *, load_id: int | None, limit: int | None) -> list[Reject]:
    """Rejected lines by load, file and line; of one load, or of all that are in the warehouse."""
    c = rejects.c
    query = select(c.uri, c.line, c.source, c.column_name, c.reason, c.text, c.load_id)
    query = query.order_by(c.load_id, c.uri, c.line).limit(limit)
    if load_id is not None:
        query = query.where(c.load_id == load_id)
    return [Reject(*tuple(row)) for row in session.read(query)]


def _fit(text: str, size: int) -> str:
    """The text, cut to ``size`` bytes of UTF-8, never through a character."""
    raw = text.encode()
    return text if len(raw) <= size else raw[:size].decode(errors="ignore")
