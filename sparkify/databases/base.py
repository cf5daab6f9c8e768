"""What a warehouse needs from its database, beyond what a load needs from an adapter."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVarTuple

from sqlalchemy import (
    URL,
    ClauseElement,
    CompoundSelect,
    Connection,
    CursorResult,
    Engine,
    ExecutableDDLElement,
    Select,
    TableClause,
)

from sparkify.config.secrets import masked_url, protect, secrets_within
from sparkify.databases.facts import Fact
from sparkify.databases.file_journal import FileJournal
from sparkify.databases.reader import SqlReader
from sparkify.databases.repair import Repair
from sparkify.databases.sidecar import RecordedLoad, read_failures, read_sidecar, sidecar_of
from sparkify.databases.table_journal import TableJournal
from sparkify.etl.adapter import Adapter
from sparkify.etl.declarations import Ledger, Source
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.files import is_same_file
from sparkify.etl.journal import FailedLoad, Journal
from sparkify.etl.observer import Observer
from sparkify.etl.ranges import Limits

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from sparkify.config.settings import Settings
    from sparkify.redshift.plans import CostlyJoin

__all__ = ["Database"]

Ts = TypeVarTuple("Ts")


class Database(Adapter):
    """One database at one URL. Holds no connection.

    :ivar title: its display name.
    :ivar is_embedded: whether it runs in this process, on a file or in memory.
    :ivar reads_s3_only: whether it reads the files itself, and only from S3.
    :ivar declares_keys: whether primary and foreign keys are declared in it.
    :ivar moves_rows: whether a join may have to move rows between nodes.
    :ivar reader: runs a user's SQL.
    """

    title: ClassVar[str]
    is_embedded: ClassVar[bool] = False
    reads_s3_only: ClassVar[bool] = False
    declares_keys: ClassVar[bool] = True
    moves_rows: ClassVar[bool] = False
    reader: ClassVar[SqlReader]

    def __init__(self, url: URL, settings: Settings | None = None, sources: Sequence[Source] = ()) -> None:
        self.url = url
        # A URL that the caller passed is not in any settings.
        protect(secrets_within(url.render_as_string(hide_password=False), "database_url"))
        self.settings = settings
        self.sources = tuple(sources)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({masked_url(self.url)!r})"

    # -- engine and file -----------------------------------------------------------------------------------

    @abstractmethod
    def create_engine(self, *, read_only: bool = False) -> Engine:
        """A new engine, not connected yet. Its error messages hide parameters.

        :param read_only: let other processes read at the same time, if that makes a difference to the database.
        """

    @property
    def file(self) -> Path | None:
        """The file that stores it; None for a database in memory and for a server."""
        return None

    @property
    def own_files(self) -> tuple[Path, ...]:
        """The file that stores it, and the files that may exist beside that."""
        return () if self.file is None else (self.file, sidecar_of(self.file))

    def refuse_as_output(self, path: Path) -> None:
        """Refuse an output path where a file of the database is or would be.

        :raises ConfigurationError: when it is such a path.
        """
        if any(is_same_file(path, own) for own in self.own_files):
            raise ConfigurationError("is a file of the database itself", where=str(path), hint="Name another.")

    @property
    def exists(self) -> bool:
        """Whether there is something to connect to; a server is assumed to exist."""
        return self.file is None or self.file.exists()

    def create_file(
        self,
        fill: Callable[[URL], None] | None = None,
        *,
        statements: Callable[[], Sequence[str]] | None = None,
    ) -> bool:
        """Create the file if it does not exist. Returns whether it was created.

        :param fill: called with the URL of the new file, before the file gets its name.
        :param statements: returns the SQL that is run in the new file before that, in one transaction.
        :raises ConfigurationError: when the folder does not exist or cannot be written to.
        """
        return False

    def describe_file(self, connection: Connection) -> str | None:
        """What is worth knowing about the file beyond its name, in a few words; None if there is nothing.

        :raises SparkifyError: when part of the file is missing.
        """
        return None

    def repair(self) -> Repair:
        """Repair the file so that it opens again, as far as possible.

        :raises TemporaryError: when another process has it open.
        :raises SparkifyError: when it cannot be repaired, or there is no file.
        """
        raise ConfigurationError(f"{self.title} has no file here that could be repaired")

    def snapshot(self, target: Path) -> None:
        """Write what is committed to a separate file, replacing an older one of that name.

        :raises TemporaryError: when another process kept changing the file.
        :raises SparkifyError: when the copy cannot be written, or there is no file to copy.
        """
        raise ConfigurationError(f"{self.title} has no file here that could be copied")

    def wait_for_others(self, engine: Engine, timeout: float, observer: Observer) -> None:
        """Wait until no other process prevents this one from connecting. On a server, none does.

        :param timeout: seconds after which the next connection is left to fail.
        :param observer: told which process it waits for.
        """

    @property
    def schema(self) -> str | None:
        """The schema of all tables; None if the database has only one."""
        return None

    def check_engine(self, engine: Engine) -> None:
        """Check that the caller's engine connects to the schema that the settings name, if any, and set its
        sessions to UTC.

        :raises ConfigurationError: when it connects to another schema.
        """

    def has_schema(self, connection: Connection) -> bool:
        """Whether the schema exists. Read-only."""
        return True

    def creation_of_schema(self, connection: Connection | None) -> Sequence[ExecutableDDLElement]:
        """The statements to run before the very first migration, so that it finds the schema; often none.

        :param connection: to check whether the schema exists; None for a script, which any client may run.
        """
        return ()

    def grants(self, tables: Sequence[TableClause]) -> Sequence[ExecutableDDLElement]:
        """The grants to the grantees in the settings: run after each upgrade to the newest revision.

        An embedded database has no users: anyone who may read the file may read all of it.
        """
        return ()

    def support_alembic(self) -> None:
        """Register this database with Alembic, which is imported already, regardless of the import order."""

    def heed_signals(self) -> None:
        """Make the signals that stop a process interrupt its statements, if the driver does not.

        Only commands call this: a library leaves signals alone.
        """

    @contextmanager
    def migrating(self, connection: Connection) -> Iterator[None]:
        """Do what the database needs before and after migrations."""
        yield

    def lock_migration(
        self, connection: Connection, ledger: Ledger, *, timeout: float, observer: Observer
    ) -> None:
        """Begin the transaction of one migration, during which no load runs. An embedded database needs no
        lock: only one process can have it open for writing.

        :param timeout: seconds to wait for a load to end.
        :param observer: told which load it waits for.
        :raises TemporaryError: when a load still holds the lock.
        """

    # -- history -------------------------------------------------------------------------------------------

    def journal(self, engine: Engine, ledger: Ledger, observer: Observer) -> Journal:
        """What records one load outside of its transaction: a table of the ledger, or a file beside an embedded
        database, which a second process cannot open, and which may be why the load failed.

        :param observer: warned if nothing can be recorded, which does not stop the load.
        """
        if self.file is None:
            return TableJournal(self, engine, ledger, observer)
        return FileJournal(sidecar_of(self.file), observer)

    def failures_beside_file(self) -> Sequence[FailedLoad]:
        """The loads that failed since the last one that ended well, newest first, as recorded beside the file.
        Read-only.

        :raises OSError: when that record cannot be read.
        """
        return () if self.file is None else read_failures(sidecar_of(self.file))

    def recorded_loads(self) -> Sequence[RecordedLoad]:
        """The loads whose files the database holds, oldest first, as recorded beside the file, even if the file
        is gone. Read-only.

        :raises OSError: as :meth:`failures_beside_file`.
        """
        return () if self.file is None else read_sidecar(sidecar_of(self.file)).loads

    # -- SELECTs -------------------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def render(cls, statement: ClauseElement, *, limits: Limits | None = None) -> str:
        """The text of a statement as it is sent to this database, values included."""

    @abstractmethod
    def select(
        self,
        connection: Connection,
        statement: Select[*Ts] | CompoundSelect[*Ts],
        *,
        prefetch: int | None = None,
    ) -> CursorResult[*Ts]:
        """Send a SELECT.

        :param prefetch: how many rows to fetch ahead; None for the driver's default.
        """

    def facts(self, connection: Connection, observer: Observer) -> Iterator[Fact]:
        """What the guides of the database leave open, answered by this one. Nothing is left behind."""
        return iter(())

    def costly_joins(self, connection: Connection, statement: str) -> Sequence[CostlyJoin]:
        """The joins that would move a whole table between nodes. The statement is explained, not run."""
        return ()

    @abstractmethod
    def to_pandas(
        self, connection: Connection, statement: Select[*Ts] | CompoundSelect[*Ts]
    ) -> pandas.DataFrame:
        """The rows of a SELECT as a pandas DataFrame. pandas must be installed."""

    @abstractmethod
    def to_polars(
        self, connection: Connection, statement: Select[*Ts] | CompoundSelect[*Ts]
    ) -> polars.DataFrame:
        """The rows of a SELECT as a polars DataFrame. polars must be installed."""

    @abstractmethod
    def to_arrow(self, connection: Connection, statement: Select[*Ts] | CompoundSelect[*Ts]) -> pyarrow.Table:
        """The rows of a SELECT as an Arrow table. pyarrow must be installed."""

    @abstractmethod
    def to_parquet(
        self,
        connection: Connection,
        statement: Select[*Ts] | CompoundSelect[*Ts],
        target: str,
        *,
        overwrite: bool,
    ) -> None:
        """Write the rows of a SELECT as Parquet.

        :raises SparkifyError: when the database cannot write there, or something exists there already.
        """
