"""What a database must be able to do to be loaded: the methods in which the databases really differ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import ClauseElement, Connection, Executable, Row, SelectBase, Table

from sparkify.etl.declarations import Ledger, Pipeline, Source
from sparkify.etl.errors import SparkifyError
from sparkify.etl.progress import Observer
from sparkify.etl.report import Staged
from sparkify.etl.sources import AwsOptions, Listing, SourceFile

__all__ = ["Adapter", "Batch", "UnreadableBatch"]


class UnreadableBatch(Exception):
    """The fast way to read the batch of a source failed, and with it the transaction.

    The runner rolls back, has the batch looked through line by line, and begins again. No caller of the
    library sees it.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source.name)
        self.source = source


class Batch(ABC):
    """The files of one load, through all of its attempts."""

    @abstractmethod
    def stage(
        self, connection: Connection, source: Source, files: Sequence[SourceFile], listing: Listing
    ) -> Staged:
        """Fill the staging table of the source, in the caller's transaction.

        :param files: what to load; some or all of the files of ``listing``.
        :raises UnreadableBatch: when the batch must be mended first.
        """

    @abstractmethod
    def unstage(self, connection: Connection, source: Source) -> None:
        """Empty the staging table of the source."""

    @abstractmethod
    def mend(self, connection: Connection, cause: UnreadableBatch) -> None:
        """After :exc:`UnreadableBatch`, and outside of a transaction: find the lines that cannot be loaded
        and set them aside, so that the next attempt succeeds.
        """


class Adapter(ABC):
    """One database. Holds no connection, and no state of a load."""

    @abstractmethod
    def begin(self, connection: Connection) -> None:
        """Settings of the session that must be made before a transaction begins."""

    @abstractmethod
    def lock(self, connection: Connection, ledger: Ledger) -> None:
        """Make this the only load, as the first thing in its transaction.

        :raises TemporaryError: when another load holds the lock.
        """

    @abstractmethod
    def batch(self, aws: AwsOptions, observer: Observer, max_rejects: int) -> AbstractContextManager[Batch]:
        """The means to read the files of one load; what they leave behind is removed at the end."""

    @abstractmethod
    def execute(self, connection: Connection, statement: Executable) -> int:
        """Send a statement. Returns how many rows it touched."""

    @abstractmethod
    def fetch(self, connection: Connection, statement: SelectBase) -> Sequence[Row[Any]]:
        """Send a SELECT. Returns its rows."""

    @abstractmethod
    def insert_rows(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert many rows of values that came from outside. All rows have the same keys."""

    @abstractmethod
    def after_commit(self, connection: Connection, pipeline: Pipeline, changed: Sequence[str]) -> None:
        """What a database wants after a load: statistics, a checkpoint. A failure here loses nothing."""

    @abstractmethod
    def translate(self, error: Exception) -> SparkifyError | None:
        """What an error of the driver means to the user, or None where it is news to us."""

    @abstractmethod
    def is_passing(self, error: BaseException) -> bool:
        """Whether the whole transaction may succeed if it is begun anew on another connection."""

    @abstractmethod
    def render(self, statement: ClauseElement) -> str:
        """The text of a statement as this database gets it, values included."""

    @abstractmethod
    def render_named(self, statement: ClauseElement) -> str:
        """The text of an INSERT whose values are not known yet, with their names in their places."""

    @abstractmethod
    def locking(self, ledger: Ledger) -> Sequence[str]:
        """The text of what :meth:`lock` sends, for a dry run."""

    @abstractmethod
    def staging(self, source: Source, files: Sequence[SourceFile], uri: str) -> Sequence[str]:
        """The text of what :meth:`Batch.stage` sends, for a dry run.

        :param uri: the prefix that the files lie under.
        """

    @abstractmethod
    def unstaging(self, source: Source) -> Sequence[str]:
        """The text of what :meth:`Batch.unstage` sends, for a dry run."""
