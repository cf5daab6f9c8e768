"""The ledger: which files were loaded by which load, and which lines were rejected.

Its rows commit with the data they speak of, so a file is known if and only if its rows are there. The tables
are mixins: a company maps them into its own metadata beside its own models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Executable,
    Integer,
    Row,
    SelectBase,
    String,
    Table,
    Update,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.declarations import Ledger
from sparkify.etl.report import FileCount, LoadRecord, Reject

__all__ = [
    "LoadHistoryMixin",
    "LoadLockMixin",
    "LoadedFileMixin",
    "RejectedRowMixin",
    "is_recorded",
    "known_files",
    "next_load_id",
    "read_history",
    "read_rejects",
    "record",
    "take_token",
    "taking_token",
]

MAX_TEXT = 65_535
"""Bytes of a rejected line that are kept: the longest VARCHAR of Redshift."""

Execute = Callable[[Executable], int]
"""Sends a statement and returns how many rows it touched, in the way that suits the database."""
Fetch = Callable[[SelectBase], Sequence[Row[Any]]]
"""Sends a SELECT and returns its rows."""
PutRows = Callable[[Table, Sequence[Mapping[str, Any]]], None]
"""Inserts many rows into a table."""


class LoadHistoryMixin:
    """Grain: one load that committed. A load that failed leaves no row, here or anywhere."""

    load_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, redshift_encode="raw"
    )
    """Counts up from 1."""
    mode: Mapped[str] = mapped_column(String(16), redshift_encode="zstd")
    """``incremental`` or ``full refresh``."""
    started_at: Mapped[datetime] = mapped_column(TIMESTAMP, redshift_encode="az64")
    """UTC, of the machine that ran the load."""
    finished_at: Mapped[datetime] = mapped_column(TIMESTAMP, redshift_encode="az64")
    """UTC, just before the commit."""
    files: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    bytes: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    """Size of the files as they are stored, compressed or not."""
    lines: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    """lines = loaded + rejected + blank"""
    loaded: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    rejected: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    blank: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    version: Mapped[str] = mapped_column(String(32), redshift_encode="zstd")
    """The version of the library that ran the load."""


class LoadedFileMixin:
    """Grain: one file whose lines are in the warehouse."""

    uri: Mapped[str] = mapped_column(String(2048), primary_key=True, redshift_encode="zstd")
    """``s3://bucket/key``, or the absolute path of a local file."""
    source: Mapped[str] = mapped_column(String(64), redshift_encode="zstd")
    fingerprint: Mapped[str] = mapped_column(String(256), redshift_encode="zstd")
    """What tells that the file is still the same: the ETag of an object; size and mtime of a local file."""
    bytes: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    lines: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    """lines = loaded + rejected + blank"""
    loaded: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    rejected: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    blank: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    load_id: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")


class RejectedRowMixin:
    """Grain: one line of a loaded file that is not in the warehouse, and why."""

    uri: Mapped[str] = mapped_column(String(2048), primary_key=True, redshift_encode="zstd")
    line: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False, redshift_encode="az64")
    """Counts from 1."""
    source: Mapped[str] = mapped_column(String(64), redshift_encode="zstd")
    column_name: Mapped[str | None] = mapped_column(String(128), redshift_encode="zstd")
    """The column that could not take its value; NULL when it is the line as a whole."""
    reason: Mapped[str] = mapped_column(String(512), redshift_encode="zstd")
    text: Mapped[str] = mapped_column(String(MAX_TEXT), redshift_encode="zstd")
    """The line; bytes that are not UTF-8 as ``\\xNN``, control characters escaped; its first 65,535 bytes."""
    load_id: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")


class LoadLockMixin:
    """Grain: the one row that every load updates first, so that two loads cannot both commit.

    On Redshift LOCK makes the second load wait. The update is what snapshot isolation itself protects:
    whichever load began before the other had committed is refused by the database.
    """

    token: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, redshift_encode="raw")
    """Always 1."""
    taken: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    """How many loads have taken the lock."""


def taking_token(lock: Table) -> Update:
    """The update of the row of the lock."""
    return update(lock).values(taken=lock.c.taken + 1)


def take_token(execute: Execute, lock: Table) -> None:
    """Update the row of the lock, or make it where a rebuilt database has none."""
    if execute(taking_token(lock)) == 0:
        execute(insert(lock).values(token=1, taken=1))


def known_files(fetch: Fetch, files: Table) -> dict[str, str]:
    """The uri of each loaded file with its fingerprint."""
    return {row.uri: row.fingerprint for row in fetch(select(files.c.uri, files.c.fingerprint))}


def next_load_id(fetch: Fetch, history: Table) -> int:
    """One more than the last load that committed. Unique only while the lock is held."""
    ((last,),) = fetch(select(func.max(history.c.load_id)))
    return (last or 0) + 1


def is_recorded(fetch: Fetch, history: Table, load_id: int, started_at: datetime) -> bool:
    """Whether this very load committed, and no other that was given the same number after it failed."""
    found = select(history.c.load_id).where(history.c.load_id == load_id, history.c.started_at == started_at)
    return bool(fetch(found))


def record(
    put: PutRows,
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
    put(ledger.files, file_rows)
    put(ledger.rejects, reject_rows)
    history = {
        "load_id": load.load_id,
        "mode": load.mode,
        "started_at": load.started_at,
        "finished_at": load.finished_at,
        "files": load.files,
        "bytes": load.bytes,
        "lines": load.lines,
        "loaded": load.loaded,
        "rejected": load.rejected,
        "blank": load.blank,
        "version": load.version,
    }
    put(ledger.history, [history])


def read_history(fetch: Fetch, history: Table, limit: int) -> list[LoadRecord]:
    """The last loads, newest first."""
    columns = [history.c[name] for name in LoadRecord.__dataclass_fields__]
    rows = fetch(select(*columns).order_by(history.c.load_id.desc()).limit(limit))
    return [LoadRecord(*tuple(row)) for row in rows]


def read_rejects(fetch: Fetch, rejects: Table, *, load_id: int | None, limit: int | None) -> list[Reject]:
    """Rejected lines by load, file and line; of one load, or of all that are in the warehouse."""
    c = rejects.c
    query = select(c.uri, c.line, c.source, c.column_name, c.reason, c.text, c.load_id)
    query = query.order_by(c.load_id, c.uri, c.line).limit(limit)
    if load_id is not None:
        query = query.where(c.load_id == load_id)
    return [Reject(*tuple(row)) for row in fetch(query)]


def _fit(text: str, size: int) -> str:
    """The text, cut to ``size`` bytes of UTF-8, never through a character."""
    raw = text.encode()
    return text if len(raw) <= size else raw[:size].decode(errors="ignore")
