"""The files of one DuckDB load: read in groups by the database, and line by line if that fails."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from duckdb_sqlalchemy import ConnectionWrapper
from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from sparkify.databases.duckdb.one_thread import OneThread
from sparkify.databases.duckdb.reading import (
    attach,
    compress,
    count_lines,
    detach,
    insert_files,
    next_skipped,
    shadow,
    unshadow,
)
from sparkify.databases.duckdb.spooled import Readable, Spooled, ahead
from sparkify.etl.adapter import Batch, UnreadableBatch
from sparkify.etl.declarations import Source
from sparkify.etl.errors import SparkifyError, TemporaryError
from sparkify.etl.lister import is_as_listed
from sparkify.etl.listing import AwsOptions, Listing, SourceFile
from sparkify.etl.observer import Observer
from sparkify.etl.results import Staged
from sparkify.etl.session import Outcome, Session
from sparkify.etl.spool import spool
from sparkify.etl.totals import counted, select_totals
from sparkify.etl.validation import ToValidate, validate_files

__all__ = ["DuckDBBatch"]

_FIRST_GROUP = 64 * 1024 * 1024
"""Bytes that the first statement reads; each of the next reads twice as many as the one before. The database
waits until the lines of a group are counted, and counting is faster than the database.
"""
_GROUP = 256 * 1024 * 1024
"""Bytes that the other statements read. With fewer, two threads of a small machine are not kept busy."""

_COMPRESSED_AFTER = 1024 * 1024 * 1024
"""Bytes of files whose rows stay in memory uncompressed, some 0.6 times as large. The rows of more are
compressed to a tenth, which takes an eighth of the processor time of a load.
"""

_UNREADABLE = (duckdb.InvalidInputException, duckdb.DataError)
"""Raised when reading an invalid file: malformed JSON, our own error(), a failed conversion."""

_NOT_NOW = (duckdb.TransactionException, duckdb.OutOfMemoryException)
"""Why rows stay uncompressed, but readable: another transaction of the process, or no memory to work in."""


class DuckDBBatch(Batch):
    """The files of one load, in a temporary folder, and their rows, in databases in memory.

    A second connection, not that of the load, reads the rows and commits them: DuckDB uses only one thread to
    scan what a transaction has written itself. Each source has its own database, because the transaction of the
    load sees a database as it was at its first access.
    """

    def __init__(self, folder: Path, aws: AwsOptions, observer: Observer) -> None:
        self._folder = folder
        self._aws = aws
        self._observer = observer
        self._spooled: dict[str, Spooled] = {}
        self._reader: Connection | None = None
        self._attached: dict[str, str] = {}
        self._one_thread = OneThread()

    def close(self) -> None:
        """Release the rows, if that has not been done. The transaction of the load is over."""
        if self._reader is None:
            return
        # An engine without a pool has closed this connection and its database with that of the load; and what
        # ended the load may have ended this connection.
        with suppress(SQLAlchemyError):
            self._one_thread.abandon(self._reader)
            for catalog in self._attached.values():
                self._reader.exec_driver_sql(detach(catalog))
        self._reader.invalidate()
        self._reader.close()

    def release(self, session: Session) -> None:
        for name in list(self._attached):
            self._detach(session, name)
        self._one_thread.end(session, self._reader)

    def stage(self, session: Session, source: Source, files: Sequence[SourceFile], listing: Listing) -> None:
        staging = self._attach(session, source)
        self._one_thread.begin(source.name)
        if session.dry_run:
            self._spooled[source.name] = Spooled(source, files)
            self._one_thread.read(session, source.name, sum(file.size for file in files), self._reader)
            staging.read()
            session.run(shadow(source, staging.catalog))
            return
        spooled = self._spooled.get(source.name)
        if spooled is not None and spooled.complete and spooled.wanted == files:
            incoming: Iterator[Readable] = iter(spooled.files)
        else:
            # Another load of this process may have come first since the last attempt.
            spooled = self._spooled[source.name] = Spooled(source, files)
            incoming = self._spool(spooled)
        readable = True
        plain = 0
        for group, size in _grouped(incoming):
            self._one_thread.read(session, source.name, size, self._reader)
            # The rest is spooled all the same: everything will be validated at once.
            readable = readable and _insert_files(staging, group)
            plain += size
            if readable and plain >= _COMPRESSED_AFTER:
                staging.compress()
                plain = 0
        _refuse_changed(spooled.files)
        if not readable:
            raise UnreadableBatch(source)
        session.run(shadow(source, staging.catalog))

    def count(self, session: Session, sources: Sequence[Source]) -> Mapping[str, Staged]:
        rows = session.run(select_totals(sources)).rows
        staged = dict[str, Staged]()
        for source, found in zip(sources, counted(sources, rows), strict=True):
            spooled = self._spooled[source.name]
            one = spooled.validated.staged(source, spooled.lines, spooled.seen)
            # In a dry run nothing is counted.
            staged[source.name] = (
                one if session.dry_run else replace(one, limits=found.limits, totals=found.totals)
            )
        return staged

    def unstage(self, session: Session, source: Source) -> Sequence[Table]:
        session.run(unshadow(source))
        return ()

    def repair(self, session: Session, cause: UnreadableBatch) -> None:
        if all(one.validated for one in self._spooled[cause.source.name].files):
            raise SparkifyError(
                "a file that was validated line by line could still not be read; this is a defect of sparkify"
            )
        found = 0
        for spooled in self._spooled.values():
            wrong = {
                one for one in spooled.files if not (one.validated or _probe(session, spooled.source, one))
            }
            found += len(wrong)
            validated = _validated(spooled, [one for one in spooled.files if one in wrong])
            spooled.files = [next(validated) if one in wrong else one for one in spooled.files]
        session.rollback()
        if not found:
            # Reading the same files again would fail again.
            raise SparkifyError(
                f"the files of {cause.source.name} could not be read, and nothing is wrong with any of them; "
                "this is a defect of sparkify"
            )

    def _attach(self, session: Session, source: Source) -> _Staging:
        """An empty staging table for the source."""
        if self._reader is None:
            self._reader = session.connect_apart(lambda main: ConnectionWrapper(main.duplicate()))
        if source.name in self._attached:
            self._detach(session, source.name)
        # The load of another thread may be about to detach its own.
        suffix = "" if session.dry_run else f"_{secrets.token_hex(4)}"
        catalog = f"batch_of_{source.name}{suffix}"
        session.run(attach(source, catalog), apart=self._reader)
        self._attached[source.name] = catalog
        return _Staging(session, self._reader, source, catalog)

    def _detach(self, session: Session, name: str) -> None:
        session.run(detach(self._attached.pop(name)), apart=self._reader)

    def _spool(self, spooled: Spooled) -> Iterator[Readable]:
        name = spooled.source.name
        folder = Path(tempfile.mkdtemp(dir=self._folder, prefix=f"{name}-"))
        report = partial(self._observer.read, name, lines=0)
        for file in ahead(spool(spooled.wanted, folder, self._aws, report, source=spooled.source)):
            one = Readable(file, file.lines)
            spooled.files.append(one)
            self._observer.read(name, 0, file.lines)
            yield one
        spooled.complete = True


def _refuse_changed(files: Iterable[Readable]) -> None:
    """Check that large files, which are read in place, have not changed since they were listed.

    :raises TemporaryError: when one has: its lines were counted before that.
    """
    for one in files:
        if one.file.path.is_symlink() and not is_as_listed(one.file.segments[0].file):
            raise TemporaryError("was written while it was read", where=one.file.segments[0].file.uri)


def _grouped(files: Iterable[Readable]) -> Iterator[tuple[list[Readable], int]]:
    """Files that are read together, and their total bytes: either all of them were validated, or none."""
    group: list[Readable] = []
    size, limit = 0, min(_FIRST_GROUP, _GROUP)
    for one in files:
        if group and group[0].validated != one.validated:
            yield group, size
            group, size = [], 0
        group.append(one)
        size += one.file.path.stat().st_size
        if size >= limit:
            yield group, size
            group, size, limit = [], 0, min(2 * limit, _GROUP)
    if group:
        yield group, size


@dataclass(frozen=True)
class _Staging:
    """The staging table of one source, in a database in memory."""

    session: Session
    reader: Connection | None
    source: Source
    catalog: str

    def read(self, *paths: Sequence[str], validated: bool = False) -> int:
        """Read files, and return how many lines they had, including those that need not be stored."""
        statement = insert_files(self.source, self.catalog, validated=validated)
        if self.source.kept is None:
            return self._run(statement, paths).rowcount
        before: int = self._run(next_skipped(self.source, self.catalog)).value
        stored = self._run(statement, paths).rowcount
        after: int = self._run(next_skipped(self.source, self.catalog)).value
        return stored + after - before - 1

    def compress(self) -> None:
        """Compress the stored rows."""
        try:
            self._run(compress(self.catalog))
        except OperationalError as exc:
            if not isinstance(exc.orig, _NOT_NOW):
                raise

    def _run(self, statement: str, parameters: tuple[Any, ...] = ()) -> Outcome:
        return self.session.run(statement, parameters, apart=self.reader)


def _insert_files(staging: _Staging, files: Sequence[Readable]) -> bool:
    """Read files into the staging table. Returns whether every line arrived correctly."""
    if any(one.file.suspect and not one.validated for one in files):
        return False
    paths = [str(one.file.path) for one in files if one.rows]
    if not paths:
        return True
    try:
        return staging.read(paths, validated=files[0].validated) == sum(one.rows for one in files)
    except (DBAPIError, UnicodeDecodeError) as exc:
        if _is_unreadable(exc):
            return False
        raise


def _is_unreadable(error: DBAPIError | UnicodeDecodeError) -> bool:
    """Whether an error means that a file is invalid."""
    # The message quotes the line, which need not be UTF-8: then Python cannot build the exception.
    return isinstance(error, UnicodeDecodeError) or isinstance(error.orig, _UNREADABLE)


def _probe(session: Session, source: Source, one: Readable) -> bool:
    """Whether a file can be read the fast way."""
    if one.file.suspect:
        return False
    try:
        rows = session.run(count_lines(source), ([str(one.file.path)],)).value
    except (DBAPIError, UnicodeDecodeError) as exc:
        session.rollback()
        if _is_unreadable(exc):
            return False
        raise
    return bool(rows == one.rows)


def _validated(spooled: Spooled, files: Sequence[Readable]) -> Iterator[Readable]:
    """For each file, one with its accepted lines; the others go to the rejects."""
    tasks = [ToValidate(one.file, one.file.path.with_suffix(".accepted.json")) for one in files]
    size = sum(one.file.path.stat().st_size for one in files)
    for task, validated in validate_files(spooled.source, tasks, size):
        spooled.validated.add(validated)
        yield Readable(replace(task.file, path=task.out), validated.accepted, validated=True)
