"""What a warehouse asks of the database that it lives in, beyond what a load asks of an adapter."""

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

    :ivar title: its name for people.
    :ivar is_embedded: whether it runs in this process, on a file or in memory.
    :ivar reads_s3_only: whether it reads the files itself, and from S3 alone.
    :ivar declares_keys: whether primary and foreign keys are declared to it.
    :ivar moves_rows: whether a join may have to move rows between nodes.
    :ivar reader: runs the SQL of a user.
    """

    title: ClassVar[str]
    is_embedded: ClassVar[bool] = False
    reads_s3_only: ClassVar[bool] = False
    declares_keys: ClassVar[bool] = True
    moves_rows: ClassVar[bool] = False
    reader: ClassVar[SqlReader]

    def __init__(self, url: URL, settings: Settings | None = None, sources: Sequence[Source] = ()) -> None:
        self.url = url
        # One that was handed over is in no settings.
        protect(secrets_within(url.render_as_string(hide_password=False), "database_url"))
        self.settings = settings
        self.sources = tuple(sources)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({masked_url(self.url)!r})"

    # -- engine and file -----------------------------------------------------------------------------------

    @abstractmethod
    def create_engine(self, *, read_only: bool = False) -> Engine:
        """A new engine. Nothing is connected to. Parameters are hidden from the messages of errors.

        :param read_only: let other processes read at the same time, where the database makes a difference.
        """

    @property
    def file(self) -> Path | None:
        """The file that it is kept in; None in memory, and for a server."""
        return None

    @property
    def own_files(self) -> tuple[Path, ...]:
        """The files that it is kept in, and those beside it that are there at times."""
        return () if self.file is None else (self.file, sidecar_of(self.file))

    def refuse_as_output(self, path: Path) -> None:
        """Let nothing be written over a file of the database, or where one would be.

        :raises ConfigurationError: when the path is that of one.
        """
        if any(is_same_file(path, own) for own in self.own_files):
            raise ConfigurationError("is a file of the database itself", where=str(path), hint="Name another.")

    @property
    def exists(self) -> bool:
        """Whether there is something to connect to; a server is taken to be there."""
        return self.file is None or self.file.exists()

    def create_file(
        self,
        fill: Callable[[URL], None] | None = None,
        *,
        statements: Callable[[], Sequence[str]] | None = None,
    ) -> bool:
        """Create the file where there is none. Returns whether it was created.

        :param fill: is called with the URL of the new file, before it gets its name.
        :param statements: returns what is run in the new file before that, in one transaction.
        :raises ConfigurationError: when the folder is not there or cannot be written to.
        """
        return False

    def describe_file(self, connection: Connection) -> str | None:
        """What is worth knowing of the file beside its name, in a few words; None where there is nothing.

        :raises SparkifyError: when part of the file is missing.
        """
        return None

    def repair(self) -> Repair:
        """Make the file open again, as far as that is possible.

        :raises TemporaryError: when another process has it open.
        :raises SparkifyError: when there is no help for it, or no file.
        """
        raise ConfigurationError(f"{self.title} has no file here that could be repaired")

    def snapshot(self, target: Path) -> None:
        """Write what is committed to a file of its own, in place of an older one of that name.

        :raises TemporaryError: when another process kept changing the file.
        :raises SparkifyError: when the copy cannot be written, or there is no file to copy.
        """
        raise ConfigurationError(f"{self.title} has no file here that could be copied")

    def wait_for_others(self, engine: Engine, timeout: float, observer: Observer) -> None:
        """Wait until no other process keeps this one from connecting. A server keeps nobody.

        :param timeout: seconds after which the next connection is left to fail.
        :param observer: is told whom it waits for.
        """

    @property
    def schema(self) -> str | None:
        """The schema that all tables are in; None where there is but one."""
        return None

    def check_engine(self, engine: Engine) -> None:
        """See that an engine of the caller's connects to the schema that the settings name, if they name one,
        and have its sessions in UTC.

        :raises ConfigurationError: when it connects to another.
        """

    def has_schema(self, connection: Connection) -> bool:
        """Whether the schema is there. Read-only."""
        return True

    def creation_of_schema(self, connection: Connection | None) -> Sequence[ExecutableDDLElement]:
        """What is run before the first migration of all, so that it finds the schema; often nothing.

        :param connection: to look whether the schema is there; None: for a script, which any client may run.
        """
        return ()

    def grants(self, tables: Sequence[TableClause]) -> Sequence[ExecutableDDLElement]:
        """The grants to those whom the settings name: run after each upgrade to the newest revision.

        An embedded database has no users: whoever may read the file may read all of it.
        """
        return ()

    def support_alembic(self) -> None:
        """Make Alembic, which is imported, know this database, whichever of the two was imported first."""

    def heed_signals(self) -> None:
        """Have the signals that stop a process interrupt its statements, where the driver does not.

        This is for commands: a library leaves signals alone.
        """

    @contextmanager
    def migrating(self, connection: Connection) -> Iterator[None]:
        """Do what the database wants before and after migrations."""
        yield

    def lock_migration(
        self, connection: Connection, ledger: Ledger, *, timeout: float, observer: Observer
    ) -> None:
        """Begin the transaction of one migration, in which no load runs. Who has an embedded database open for
        writing is the only one.

        :param timeout: seconds to wait for a load to end.
        :param observer: is told whom it waits for.
        :raises TemporaryError: when a load still holds the lock.
        """

    # -- history -------------------------------------------------------------------------------------------

    def journal(self, engine: Engine, ledger: Ledger, observer: Observer) -> Journal:
        """What remembers one load outside of its transaction: a table of the ledger; of an embedded database a
        file beside its own, which a second process cannot open, and which may be why the load failed.

        :param observer: is warned where nothing can be remembered, which does not stop the load.
        """
        if self.file is None:
            return TableJournal(self, engine, ledger, observer)
        return FileJournal(sidecar_of(self.file), observer)

    def failures_beside_file(self) -> Sequence[FailedLoad]:
        """The loads that failed since the last one that ended well, newest first, as they are kept beside the
        file. Read-only.

        :raises OSError: when what is beside the file cannot be read.
        """
        return () if self.file is None else read_failures(sidecar_of(self.file))

    def recorded_loads(self) -> Sequence[RecordedLoad]:
        """The loads whose files the database holds, the oldest first, as they are kept beside the file, even if
        that is gone. Read-only.

        :raises OSError: as :meth:`failures_beside_file`.
        """
        return () if self.file is None else read_sidecar(sidecar_of(self.file)).loads

    # -- SELECTs -------------------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def render(cls, statement: ClauseElement, *, limits: Limits | None = None) -> str:
        """The text of a statement as this database gets it, values included."""

    @abstractmethod
    def select(
        self,
        connection: Connection,
        statement: Select[*Ts] | CompoundSelect[*Ts],
        *,
        prefetch: int | None = None,
    ) -> CursorResult[*Ts]:
        """Send a SELECT.

        :param prefetch: how many rows to fetch before they are asked for; None: as the driver does.
        """

    def facts(self, connection: Connection, observer: Observer) -> Iterator[Fact]:
        """What the guides of the database leave open, as this one answers it. Nothing is kept."""
        return iter(())

    def costly_joins(self, connection: Connection, statement: str) -> Sequence[CostlyJoin]:
        """The joins of a statement that would move a whole table between nodes. It is explained, not run."""
        return ()

    @abstractmethod
    def to_pandas(
        self, connection: Connection, statement: Select[*Ts] | CompoundSelect[*Ts]
    ) -> pandas.DataFrame:
        """The rows of a SELECT as a DataFrame of pandas, which is installed."""

    @abstractmethod
    def to_polars(
        self, connection: Connection, statement: Select[*Ts] | CompoundSelect[*Ts]
    ) -> polars.DataFrame:
        """The rows of a SELECT as a DataFrame of polars, which is installed."""

    @abstractmethod
    def to_arrow(self, connection: Connection, statement: Select[*Ts] | CompoundSelect[*Ts]) -> pyarrow.Table:
        """The rows of a SELECT as a table of Arrow, which is installed."""

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

        :raises SparkifyError: when the database cannot write there, or something is there already.
        """
