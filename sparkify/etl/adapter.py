"""The interface of a database for a load: the methods in which databases really differ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

from sqlalchemy import ClauseElement, Engine, Table
from sqlalchemy.exc import DBAPIError

from sparkify.etl.declarations import Ledger, Pipeline, Source
from sparkify.etl.errors import SparkifyError
from sparkify.etl.listing import AwsOptions, Listing, SourceFile
from sparkify.etl.observer import Observer
from sparkify.etl.ranges import Limits
from sparkify.etl.results import Staged
from sparkify.etl.session import Session

__all__ = ["Adapter", "Batch", "UnreadableBatch"]


class UnreadableBatch(Exception):
    """The fast way to read the batch of a source failed, and with it the transaction.

    The runner rolls back, has the batch validated line by line, and begins again. Callers of the library
    never see it.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source.name)
        self.source = source


class Batch(ABC):
    """The files of one load, across all of its attempts."""

    @abstractmethod
    def stage(self, session: Session, source: Source, files: Sequence[SourceFile], listing: Listing) -> None:
        """Fill the staging table of the source, in the transaction of the session.

        In a dry run no file is read: the statements are recorded.

        :param files: what to load; some or all of the files of ``listing``.
        :raises UnreadableBatch: when the batch must be repaired first.
        """

    @abstractmethod
    def count(self, session: Session, sources: Sequence[Source]) -> Mapping[str, Staged]:
        """What was staged, by source name, with every line accounted for. Call it once all sources are staged.
        In a dry run nothing is counted.

        :raises UnreadableBatch: when a batch must be repaired first.
        """

    @abstractmethod
    def unstage(self, session: Session, source: Source) -> Sequence[Table]:
        """Empty the staging table of the source, or return it if it is temporary, so that it is dropped after
        the commit.
        """

    def insert(self, session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows of the ledger, one per file or rejected line, in the transaction of the session."""
        session.insert(table, rows)

    def release(self, session: Session) -> None:  # noqa: B027 - most have nothing to let go of
        """Release the staged rows, after the commit."""

    @abstractmethod
    def repair(self, session: Session, cause: UnreadableBatch) -> None:
        """Find lines that cannot be loaded, so that the next attempt leaves them out. Called outside of a
        transaction, after :exc:`UnreadableBatch`. Later calls may find more; each call finds some.

        :raises RejectedLines: when there are more of them than may be rejected.
        :raises SparkifyError: when no more can be found.
        """


class Adapter(ABC):
    """One database, as a load needs it. Holds no connection and no state of a load."""

    name: ClassVar[str]
    """The name of its SQLAlchemy dialect, which is also its name in the registry."""

    @abstractmethod
    def prepare(self, session: Session) -> None:
        """Apply the session settings that must be in place before a transaction begins."""

    def one_at_a_time(self, engine: Engine, timeout: float, observer: Observer) -> AbstractContextManager[None]:
        """Keep out loads of other threads during the block, if :meth:`lock` cannot wait for them.

        :param timeout: seconds to wait for them.
        :param observer: is notified of the wait.
        :raises TemporaryError: when they take longer.
        """
        return nullcontext()

    @abstractmethod
    def lock(self, session: Session, ledger: Ledger, *, timeout: float, observer: Observer) -> None:
        """Make this the only load, as the first thing in its transaction.

        :param timeout: seconds to wait for another load.
        :param observer: is notified of what it waits for.
        :raises TemporaryError: when another load still holds the lock.
        """

    @abstractmethod
    def batch(self, aws: AwsOptions, observer: Observer, max_rejects: int) -> AbstractContextManager[Batch]:
        """The :class:`Batch` that reads the files of one load; what it leaves behind is removed at the end."""

    @abstractmethod
    def inserts(
        self, table: Table, rows: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[ClauseElement | str, tuple[Any, ...]]]:
        """The statements, each with its parameters, that insert many rows of values from outside. All rows have
        the same keys.
        """

    def counts_at_once(self, lines: int) -> bool:
        """Whether one statement counts what all checks of a load find. That saves round trips and planning, but
        everything that one statement counts may be in memory at the same time.

        :param lines: how many the load has read.
        """
        return True

    def inline(self, text: str, parameters: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
        """The text of a statement and the parameters to pass to the driver; parameters that are better not
        bound become literals in the text.
        """
        return text, parameters

    @abstractmethod
    def tidy(self, session: Session, pipeline: Pipeline, changed: Sequence[str], *, rebuilt: bool) -> None:
        """Run the database's maintenance after the commit: statistics, a checkpoint. A failure loses nothing.

        :param changed: the tables that the load has changed.
        :param rebuilt: whether every row of every table was deleted and written again.
        """

    def discard(self, session: Session) -> None:
        """Close the session's connection, with its temporary tables, unless that would lose anything else."""
        session.discard()

    @abstractmethod
    def translate(self, error: Exception) -> SparkifyError | None:
        """What an error of the driver means to the user, or None if it is not a known one."""

    @abstractmethod
    def is_transient(self, error: BaseException) -> bool:
        """Whether the whole transaction may succeed if it is retried on another connection."""

    def is_in_doubt(self, error: DBAPIError) -> bool:
        """Whether a COMMIT that ended with this error may still have been carried out."""
        return bool(error.connection_invalidated)

    @abstractmethod
    def render(self, statement: ClauseElement, *, limits: Limits | None = None) -> str:
        """The text of a statement as this database gets it, values included: the same for all of a class.

        :param limits: the limits of the batch, if they are known.
        """
