"""How a database runs a user's SQL, which may only read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection, CursorResult
from sqlalchemy.exc import DBAPIError

from sparkify.databases.rows import Rows, unique
from sparkify.etl.errors import UNCHANGED, ConfigurationError, SparkifyError

__all__ = ["SqlReader", "refusal"]

_PREFETCHED = 10_000


class SqlReader(ABC):
    """Runs one statement of a user in a READ ONLY transaction, which is always rolled back.

    Two things keep it from writing: the kind of statement is checked before it is sent, and the database
    itself refuses to write. The first alone would miss a function that writes; the second alone would let
    through a statement that writes outside of the database.
    """

    begin: ClassVar[str]
    """The statement that begins a READ ONLY transaction."""

    @abstractmethod
    def check(self, text: str) -> None:
        """Check that a text is one statement that reads.

        :raises ConfigurationError: when it is no statement, several, or one of another kind.
        :raises SparkifyError: when the database cannot parse it, with the database's message.
        """

    @abstractmethod
    def types(self, result: CursorResult[Any]) -> Sequence[str]:
        """The types of the columns of a result, as DuckDB names them."""

    @abstractmethod
    def translate(self, error: Exception) -> SparkifyError | None:
        """The error of a user's SQL in our words; None to translate it as any other of this database."""

    @contextmanager
    def transaction(
        self, connection: Connection, *, external_access: bool = True, target: Path | None = None
    ) -> Iterator[Connection]:
        """A connection in a READ ONLY transaction, which is rolled back at the end.

        :param external_access: whether the SQL may read and write files; for an embedded database, False holds
            until it is closed.
        :param target: the one file that it may write even so.
        """
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql(self.begin)
        try:
            yield connection
        finally:
            # If the connection is lost, so is the transaction.
            with suppress(DBAPIError):
                connection.exec_driver_sql("ROLLBACK")

    def rows(self, connection: Connection, text: str) -> Rows:
        """Run a statement that has been checked."""
        options = {"yield_per": _PREFETCHED}
        return self.of(connection.exec_driver_sql(self.escape(text), execution_options=options))

    def of(self, result: CursorResult[Any]) -> Rows:
        """The rows of a result."""
        return Rows(unique(list(result.keys())), tuple(self.types(result)), (tuple(row) for row in result))

    def escape(self, text: str) -> str:
        """The text as the driver expects it without parameters."""
        return text

    def write_parquet(self, connection: Connection, text: str, file: Path) -> bool:
        """Have the database write the rows of a statement to a local file. Returns whether it can."""
        return False


def refusal(kind: str) -> ConfigurationError:
    """The error for a statement that does anything but read."""
    return ConfigurationError(f"the SQL may only read, and {kind} does not", state=UNCHANGED)
