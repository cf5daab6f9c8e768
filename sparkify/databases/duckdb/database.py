"""DuckDB: reads the files itself, in its own threads, straight into the staging tables.

A batch lives in memory, and temporary views of it shadow the staging tables of the same names: storing and
compressing rows that are gone a second later would take nearly as long as the rest of the load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVarTuple

import duckdb
from sqlalchemy import (
    URL,
    ClauseElement,
    CompoundSelect,
    Connection,
    CursorResult,
    Engine,
    Select,
    Table,
)
from sqlalchemy.exc import DBAPIError

from sparkify.databases.base import Database
from sparkify.databases.duckdb import errors, frames
from sparkify.databases.duckdb.batch import DuckDBBatch
from sparkify.databases.duckdb.checkpoints import migrating, undoable
from sparkify.databases.duckdb.connecting import keep_utc, make_engine
from sparkify.databases.duckdb.dialect import DuckDBDialect, inline, send_literals, skip_counts
from sparkify.databases.duckdb.exclusion import one_at_a_time
from sparkify.databases.duckdb.file import create
from sparkify.databases.duckdb.inserting import inserts
from sparkify.databases.duckdb.interruption import heed_signals, watch
from sparkify.databases.duckdb.naming import NamedFile
from sparkify.databases.duckdb.repair import repair
from sparkify.databases.duckdb.rollback import METADATA_BLOCKS, journal_of, log_of
from sparkify.databases.duckdb.snapshots import write_snapshot
from sparkify.databases.duckdb.storage import describe, refuse_other_file
from sparkify.databases.duckdb.truncation import refuse_truncated
from sparkify.databases.duckdb.user_sql import DuckDBReader
from sparkify.databases.duckdb.waiting import wait_for_others
from sparkify.databases.options import option
from sparkify.databases.permissions import refuse_folder
from sparkify.databases.reader import SqlReader
from sparkify.databases.repair import Repair
from sparkify.databases.rows import unique
from sparkify.etl.adapter import Batch
from sparkify.etl.declarations import Ledger, Pipeline, Source
from sparkify.etl.errors import ConfigurationError, SparkifyError, TemporaryError
from sparkify.etl.journal import Journal
from sparkify.etl.ledger import take_token
from sparkify.etl.listing import AwsOptions
from sparkify.etl.observer import Observer
from sparkify.etl.ranges import Limits
from sparkify.etl.scratch import scratch_folder
from sparkify.etl.session import Session

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from sparkify.config.settings import Settings

__all__ = ["DuckDB"]

Ts = TypeVarTuple("Ts")

_MOST_AT_ONCE = 100_000
"""Lines of a load up to which one statement counts all checks: for two million songs it took 1.5 GB more."""
_SCHEMA = "main"

_dialect: Any = DuckDBDialect()


class DuckDB(Database):
    """The embedded database."""

    name: ClassVar[str] = "duckdb"
    title: ClassVar[str] = "DuckDB"
    is_embedded: ClassVar[bool] = True
    declares_keys: ClassVar[bool] = False
    reader: ClassVar[SqlReader] = DuckDBReader()

    def __init__(self, url: URL, settings: Settings | None = None, sources: Sequence[Source] = ()) -> None:
        super().__init__(url, settings, sources)
        self._named = NamedFile(url)
        # Not honoured: separating dev from prod takes two files here, so that a load of one does not lock the
        # other. Not ignored either: both would be loaded into one file.
        if (schema := option(settings, "db_schema")) not in (None, _SCHEMA):
            raise ConfigurationError(
                f"a file of DuckDB has no schema {schema}, its tables are in {_SCHEMA}",
                where="DB_SCHEMA",
                hint="Give each schema a file, such as duckdb:///dev.duckdb, and leave DB_SCHEMA out, or "
                f"set SPARKIFY_DB_SCHEMA={_SCHEMA}.",
            )

    # -- engine and file -----------------------------------------------------------------------------------

    def create_engine(self, *, read_only: bool = False) -> Engine:
        engine = make_engine(self.url, self._named, read_only=read_only)
        return skip_counts(send_literals(watch(engine)))

    def check_engine(self, engine: Engine) -> None:
        # Its pool may have connections already.
        keep_utc(engine, at="checkout")

    def heed_signals(self) -> None:
        heed_signals()

    @property
    def file(self) -> Path | None:
        return self._named.path

    def create_file(
        self,
        fill: Callable[[URL], None] | None = None,
        *,
        statements: Callable[[], Sequence[str]] | None = None,
    ) -> bool:
        if self.file is None:
            return False
        return create(
            self.file, fill and (lambda path: fill(self.url.set(database=str(path)))), statements=statements
        )

    def describe_file(self, connection: Connection) -> str | None:
        if self.file is None:
            return None
        refuse_truncated(connection.connection.driver_connection, self.file)
        return describe(connection, self.file)

    def repair(self) -> Repair:
        if self.file is None or not self.file.exists():
            return super().repair()
        return repair(self.file)

    @property
    def own_files(self) -> tuple[Path, ...]:
        return () if self.file is None else (*super().own_files, log_of(self.file), journal_of(self.file))

    def snapshot(self, target: Path) -> None:
        if self.file is None or not self.file.exists():
            super().snapshot(target)
            return
        self.refuse_as_output(target)
        if not write_snapshot(self.file, target):
            raise TemporaryError("changes all the time", where=str(self.file), hint="Try again later.")

    def support_alembic(self) -> None:
        # The dialect does so itself only if Alembic was imported before the first connection.
        import duckdb_sqlalchemy.alembic_impl  # noqa: F401

    @contextmanager
    def migrating(self, connection: Connection) -> Iterator[None]:
        with migrating(connection, self.file):
            yield

    # -- loads ---------------------------------------------------------------------------------------------

    def journal(self, engine: Engine, ledger: Ledger, observer: Observer) -> Journal:
        if self.file is not None:
            # Nothing is written beside a file that is not ours, and nothing is read if no log can be created.
            refuse_other_file(self.file)
            refuse_folder(log_of(self.file))
        return super().journal(engine, ledger, observer)

    def prepare(self, session: Session) -> None:
        # The rows of a fact have no order worth keeping, and keeping it costs a fifth of the load.
        session.run("SET preserve_insertion_order = false")
        if not session.dry_run:
            session.commit()

    def wait_for_others(self, engine: Engine, timeout: float, observer: Observer) -> None:
        if timeout and self.file is not None and self.file.exists():
            wait_for_others(engine, timeout, observer)

    def one_at_a_time(self, engine: Engine, timeout: float, observer: Observer) -> AbstractContextManager[None]:
        # In memory each engine has a database of its own.
        return one_at_a_time(engine if self.file is None else self.file.resolve(), timeout, observer)

    def lock(self, session: Session, ledger: Ledger, *, timeout: float, observer: Observer) -> None:
        # Only one process can have the file open for writing, and its loads wait for one another: this is for
        # other code that writes here.
        take_token(session, ledger.lock)

    @contextmanager
    def batch(self, aws: AwsOptions, observer: Observer, max_rejects: int) -> Iterator[Batch]:
        with (
            scratch_folder() as folder,
            closing(DuckDBBatch(folder, aws, observer)) as batch,
        ):
            yield batch

    def counts_at_once(self, lines: int) -> bool:
        return lines <= _MOST_AT_ONCE

    def inline(self, text: str, parameters: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
        return inline(text, parameters), ()

    def inserts(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        return inserts(table, rows)

    def tidy(self, session: Session, pipeline: Pipeline, changed: Sequence[str], *, rebuilt: bool) -> None:
        # What was committed is in the log beside the file; this writes it into the file.
        blocks = session.run(METADATA_BLOCKS).rows
        with nullcontext() if session.dry_run else undoable(self.file, blocks):
            session.run("CHECKPOINT")
        if not session.dry_run:
            session.commit()

    def discard(self, session: Session) -> None:
        # A database in memory would be gone with its last connection.
        if self.file is not None:
            super().discard(session)

    def translate(self, error: Exception) -> SparkifyError | None:
        return errors.translate(error, self.file)

    def is_transient(self, error: BaseException) -> bool:
        # A conflict means that another load runs in this process: there is nothing to wait for here.
        return False

    def is_in_doubt(self, error: DBAPIError) -> bool:
        # Such as a failed sync: the next to open the file sees as much of the log as is on disk.
        return isinstance(error.orig, duckdb.FatalException)

    # -- SELECTs -------------------------------------------------------------------------------------------

    @classmethod
    def render(cls, statement: ClauseElement, *, limits: Limits | None = None) -> str:
        options = {"literal_binds": True, "limits": limits}
        return str(statement.compile(dialect=_dialect, compile_kwargs=options))

    def select(
        self,
        connection: Connection,
        statement: Select[*Ts] | CompoundSelect[*Ts],
        *,
        prefetch: int | None = None,
    ) -> CursorResult[*Ts]:
        options = {"yield_per": prefetch} if prefetch else {}
        return connection.execute(statement, execution_options=options)

    def to_pandas(
        self, connection: Connection, statement: Select[*Ts] | CompoundSelect[*Ts]
    ) -> pandas.DataFrame:
        frame: pandas.DataFrame = frames.native(self.select(connection, statement)).df()
        return frame

    def to_polars(
        self, connection: Connection, statement: Select[*Ts] | CompoundSelect[*Ts]
    ) -> polars.DataFrame:
        import polars

        frame = polars.from_arrow(self.to_arrow(connection, statement))
        assert isinstance(frame, polars.DataFrame)  # noqa: S101 - what a table of Arrow becomes
        return frame

    def to_arrow(self, connection: Connection, statement: Select[*Ts] | CompoundSelect[*Ts]) -> pyarrow.Table:
        table = frames.arrow_table(connection, self.render(statement))
        return table.rename_columns(list(unique(table.column_names)))

    def to_parquet(
        self,
        connection: Connection,
        statement: Select[*Ts] | CompoundSelect[*Ts],
        target: str,
        *,
        overwrite: bool,
    ) -> None:
        self.refuse_as_output(Path(target))
        frames.write_parquet(connection, self.render(statement), target, overwrite=overwrite)
