"""What a database must be able to do to be loaded: the methods in which databases really differ."""

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

    The runner rolls back, has the batch validated line by line, and begins again. No caller of the library
    sees it.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source.name)
        self.source = source


class Batch(ABC):
    """The files of one load, through all of its attempts."""

    @abstractmethod
    def stage(self, session: Session, source: Source, files: Sequence[SourceFile], listing: Listing) -> None:
        """Fill the staging table of the source, in the transaction of the session.

        In a dry run no file is read: the statements are recorded.

        :param files: what to load; some or all of the files of ``listing``.
        :raises UnreadableBatch: when the batch must be repaired first.
        """

    @abstractmethod
    def count(self, session: Session, sources: Sequence[Source]) -> Mapping[str, Staged]:
        """What was staged, by the name of the source, once all sources have been: each of their lines is
        accounted for. In a dry run nothing is counted.

        :raises UnreadableBatch: when a batch must be repaired first.
        """

    @abstractmethod
    def unstage(self, session: Session, source: Source) -> Sequence[Table]:
        """Empty the staging table of the source, or return it where it is temporary: it is then dropped after
        the commit.
        """

    def insert(self, session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows of the ledger, in the transaction of the session: one for each file, or rejected line."""
        session.insert(table, rows)

    def release(self, session: Session) -> None:  # noqa: B027 - most have nothing to let go of
        """After the commit: let go of the rows that were staged."""

    @abstractmethod
    def repair(self, session: Session, cause: UnreadableBatch) -> None:
        """After :exc:`UnreadableBatch`, and outside of a transaction: find lines that cannot be loaded, so that
        the next attempt leaves them out. More may be found then, but each time some.

        :raises RejectedLines: when they are more than may be rejected.
        :raises SparkifyError: when there is nothing more to be found.
        """


class Adapter(ABC):
    """One database, as a load needs it. Holds no connection, and no state of a load."""

    name: ClassVar[str]
    """The name of its dialect in SQLAlchemy, which is also its name in the registry."""

    @abstractmethod
    def prepare(self, session: Session) -> None:
        """Make the settings of the session that must be made before a transaction begins."""

    def one_at_a_time(self, engine: Engine, timeout: float, observer: Observer) -> AbstractContextManager[None]:
        """Keep loads of other threads out for the block, where :meth:`lock` cannot wait for them.

        :param timeout: seconds to wait for them.
        :param observer: is told that it waits.
        :raises TemporaryError: when they take longer.
        """
        return nullcontext()

    @abstractmethod
    def lock(self, session: Session, ledger: Ledger, *, timeout: float, observer: Observer) -> None:
        """Make this the only load, as the first thing in its transaction.

        :param timeout: seconds to wait for another load.
        :param observer: is told whom it waits for.
        :raises TemporaryError: when another load still holds the lock.
        """

    @abstractmethod
    def batch(self, aws: AwsOptions, observer: Observer, max_rejects: int) -> AbstractContextManager[Batch]:
        """The means to read the files of one load; what they leave behind is removed at the end."""

    @abstractmethod
    def inserts(
        self, table: Table, rows: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[ClauseElement | str, tuple[Any, ...]]]:
        """The statements, each with its parameters, that insert many rows of values that came from outside.
        All rows have the same keys.
        """

    def counts_at_once(self, lines: int) -> bool:
        """Whether one statement counts what all checks of a load find. That saves round trips and planning; but
        what one statement counts may all be in memory together.

        :param lines: that the load has read.
        """
        return True

    def inline(self, text: str, parameters: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
        """The text of a statement and the parameters that the driver is given with it; where parameters are
        better not bound, they are literals in the text.
        """
        return text, parameters

    @abstractmethod
    def tidy(self, session: Session, pipeline: Pipeline, changed: Sequence[str], *, rebuilt: bool) -> None:
        """After the commit, do what a database wants: statistics, a checkpoint. A failure loses nothing.

        :param changed: the tables that the load has changed.
        :param rebuilt: whether every row of every table was deleted, and written again.
        """

    def discard(self, session: Session) -> None:
        """Close the connection of the session, with the temporary tables in it, where nothing else is lost."""
        session.discard()

    @abstractmethod
    def translate(self, error: Exception) -> SparkifyError | None:
        """What an error of the driver means to the user, or None where it is not known."""

    @abstractmethod
    def is_transient(self, error: BaseException) -> bool:
        """Whether the whole transaction may succeed if it is begun anew on another connection."""

    def is_in_doubt(self, error: DBAPIError) -> bool:
        """Whether a COMMIT may have been carried out that has ended with this error."""
        return bool(error.connection_invalidated)

    @abstractmethod
    def render(self, statement: ClauseElement, *, limits: Limits | None = None) -> str:
        """The text of a statement as this database gets it, values included: the same for all of a class.

        :param limits: those of the batch, where they are known.
        """
