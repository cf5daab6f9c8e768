"""The results of read-only SQL text: rows, a table in a notebook, Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from sparkify.databases import Database, write_parquet
from sparkify.databases.rows import Rows
from sparkify.etl.files import atomic_write
from sparkify.etl.html import html_table
from sparkify.etl.translation import translating

__all__ = ["SqlQuery"]


class SqlQuery:
    """The rows of one SQL statement, which runs again each time they are requested.

    ::

        for title, plays in warehouse.sql("SELECT song_title, count(*) FROM plays GROUP BY 1"):
            print(title, plays)

    It runs in a READ ONLY transaction, which is rolled back. Only statements that read are sent.

    :param text: one statement, optionally ended by a semicolon.
    :param connect: returns a context manager that provides a connection.
    :param database: the database of that connection.
    :param external_access: whether the SQL may use files; see :meth:`Warehouse.sql`.
    """

    def __init__(
        self,
        text: str,
        connect: Callable[[], AbstractContextManager[Connection]],
        database: Database,
        *,
        external_access: bool,
    ) -> None:
        database.reader.check(text)
        self.text = text
        self._connect = connect
        self._database = database
        self._external_access = external_access

    @contextmanager
    def open(self) -> Iterator[Rows]:
        """The rows with the names and types of their columns, fetched while the block lasts."""
        with self._transaction() as connection:
            yield self._database.reader.rows(connection, self.text)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        with self.open() as rows:
            yield from rows

    def all(self) -> list[tuple[Any, ...]]:
        """All rows."""
        return list(self)

    def records(self) -> list[dict[str, Any]]:
        """All rows as dicts of column name to value. A repeated name gets a number appended."""
        with self.open() as rows:
            return [dict(zip(rows.columns, row, strict=True)) for row in rows]

    def _repr_html_(self) -> str:
        """The first rows as an HTML table; notebooks call it by this name. It runs the SQL."""
        with self.open() as rows:
            return html_table(rows.columns, rows)

    def to_parquet(self, path: str | Path) -> None:
        """Write all rows to one local Parquet file, under a temporary name until it is complete."""
        self._database.refuse_as_output(Path(path))
        with atomic_write(Path(path)) as new, self._transaction(new) as connection:
            reader = self._database.reader
            if not reader.write_parquet(connection, self.text, new):
                write_parquet(reader.rows(connection, self.text), new)

    @contextmanager
    def _transaction(self, target: Path | None = None) -> Iterator[Connection]:
        reader = self._database.reader
        # Inside the connection's own error translation, which knows nothing about a user's SQL.
        with (
            self._connect() as connection,
            translating(reader.translate),
            reader.transaction(connection, external_access=self._external_access, target=target) as begun,
        ):
            yield begun
