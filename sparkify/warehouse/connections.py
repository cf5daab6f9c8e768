"""The connections of a warehouse: its engine, and what each connection requires of the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine

from sparkify.config.secrets import masked_url
from sparkify.databases import Database
from sparkify.etl.declarations import Pipeline
from sparkify.etl.errors import ConfigurationError, SparkifyError
from sparkify.etl.failures import read_failures
from sparkify.etl.journal import FailedLoad
from sparkify.etl.session import Session
from sparkify.etl.translation import translating
from sparkify.warehouse.migrations import Migrations
from sparkify.warehouse.revisions import current

__all__ = ["Connections"]


class Connections:
    """How :class:`~sparkify.warehouse.facade.Warehouse` connects; see there."""

    def __init__(
        self, pipeline: Pipeline, database: Database, given: Engine | None, *, read_only: bool
    ) -> None:
        self.pipeline = pipeline
        self.database = database
        self.url = database.url
        self._given_engine = given
        self._engine: Engine | None = None
        self._read_only = read_only
        self._migrations = Migrations(pipeline, database)

    @property
    def engine(self) -> Engine:
        """The engine, created on first use."""
        if self._engine is None:
            if self._given_engine is not None:
                self.database.check_engine(self._given_engine)
            self._engine = self._given_engine or self.database.create_engine(read_only=self._read_only)
        return self._engine

    def snapshot(self, target: str | Path) -> Path:
        """Copy the committed state of an embedded database to a file, even while a load runs. Returns its path.

        An existing file of that name is replaced once the new one is complete: a process that has the old file
        open continues to read it.

        :raises TemporaryError: when another process kept changing the database.
        :raises ConfigurationError: when there is no file yet, or none at all: in memory, or on a server.
        :raises SparkifyError: when the copy cannot be written.
        """
        path = Path(target)
        self._require_file()
        with translating(self.database.translate):
            self.database.snapshot(path)
        return path

    def failures(self) -> tuple[FailedLoad, ...]:
        """The loads that failed since the last successful one, newest first. Read-only.

        For an embedded database they are known even if its file cannot be opened or is gone. For a server, only
        loads that had connected are included.

        :raises SparkifyError: when they cannot be read.
        """
        if self.database.file is not None:
            with _reading_history():
                return tuple(self.database.failures_beside_file())
        with self._connection_at_head() as connection:
            return read_failures(Session(self.database, connection), self.pipeline.ledger)

    def close(self) -> None:
        """Close every connection, which frees the file of an embedded database for other processes."""
        if self._engine is not None and self._given_engine is None:
            self._engine.dispose()
        self._engine = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Warehouse({self._masked_url!r}, {self.pipeline.name!r})"

    @property
    def _masked_url(self) -> str:
        return masked_url(self.url)

    def _lost(self) -> str | None:
        """What a file that is gone contained, according to the history beside it; None if nothing is lost."""
        if self.database.exists:
            return None
        with _reading_history():
            loads = self.database.recorded_loads()
        if not loads:
            return None
        count = sum(len(load.files) for load in loads)
        files = "file" if count == 1 else "files"
        return (
            f"{self.database.file} is gone, in which load {loads[-1].load_id} was committed at "
            f"{loads[-1].finished_at:%Y-%m-%d %H:%M:%S} UTC; the history beside it lists the {count:,} {files} "
            "that were loaded"
        )

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with translating(self.database.translate), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _connection_to_loads(self) -> Iterator[Connection | None]:
        """A connection if there are tables that may hold loads, else None."""
        if not self.database.exists:
            yield None
            return
        with self._connected() as connection:
            yield None if current(connection) is None else connection

    def _require_file(self) -> None:
        if not self.database.exists:
            raise ConfigurationError(
                "is not there yet", where=str(self.database.file), hint="Run: sparkify-etl load"
            )

    @contextmanager
    def _connection_if_there(self) -> Iterator[Connection]:
        self._require_file()
        with self._connected() as connection:
            yield connection

    @contextmanager
    def _connection_at_head(self) -> Iterator[Connection]:
        with self._connection_if_there() as connection:
            revision = current(connection)
            if revision != self._migrations.head():
                raise self._migrations.not_at_head(revision)
            yield connection


@contextmanager
def _reading_history() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise SparkifyError(f"the history cannot be read: {exc.strerror}", where=exc.filename) from exc
