"""The results of a SELECT as typed rows, data frames, Arrow or Parquet; and its SQL text.

Read-only. A SELECT runs again each time its rows are requested, on its own connection.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVarTuple

from sqlalchemy import CompoundSelect, Connection, Dialect, Row, Select, SelectBase

from sparkify.databases import Database, database_type
from sparkify.databases.rows import Rows, unique
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.html import html_table
from sparkify.warehouse.sql_format import format_sql

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["Query", "fix_mojibake", "sql_text"]

Ts = TypeVarTuple("Ts")

_PREFETCHED = 10_000


class Query(Generic[*Ts]):
    """The rows of a SELECT on one warehouse, which runs when they are requested.

    ::

        for row in warehouse.query(top_songs(limit=3)):
            print(row.title, row.plays)
        frame = warehouse.query(plays_by("day")).to_pandas()

    Text is returned as the warehouse stores it; :func:`fix_mojibake` repairs broken encodings.

    :param statement: the SELECT. A SELECT of ORM entities returns their columns, not objects; for objects use
        :meth:`Warehouse.session`.
    :param connect: returns a context manager that provides a connection.
    :param database: the database of that connection.
    """

    def __init__(
        self,
        statement: Select[*Ts] | CompoundSelect[*Ts],
        connect: Callable[[], AbstractContextManager[Connection]],
        database: Database,
    ) -> None:
        if not isinstance(statement, SelectBase):
            raise ConfigurationError(f"query takes a SELECT of SQLAlchemy, not {type(statement).__name__}")
        self.statement = statement
        self._connect = connect
        self._database = database

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order. A repeated name gets a number appended."""
        # From an engine that never connects: only the dialect knows the constructs in the statement.
        return unique([label or "" for label in self._labels(self._database.create_engine().dialect)])

    def __iter__(self) -> Iterator[Row[*Ts]]:
        """The rows, one by one. The connection is held until the last row is read or the loop ends."""
        with self._connect() as connection:
            yield from self._database.select(connection, self.statement, prefetch=_PREFETCHED)

    def all(self) -> list[Row[*Ts]]:
        """All rows."""
        return list(self)

    def first(self) -> Row[*Ts] | None:
        """The first row; None if there is none."""
        with self._connect() as connection:
            row: Row[*Ts] | None = self._database.select(connection, self.statement).first()
            return row

    def one(self) -> Row[*Ts]:
        """The only row.

        :raises sqlalchemy.exc.NoResultFound: when there is no row.
        :raises sqlalchemy.exc.MultipleResultsFound: when there are several rows.
        """
        with self._connect() as connection:
            row: Row[*Ts] = self._database.select(connection, self.statement).one()
            return row

    def records(self) -> list[dict[str, Any]]:
        """All rows as dicts of column name to value, with text repaired for display by :func:`fix_mojibake`.
        Columns are named as in :attr:`columns`.
        """
        with self.open() as rows:
            return [dict(zip(rows.columns, row, strict=True)) for row in rows]

    @contextmanager
    def open(self) -> Iterator[Rows]:
        """The rows with the names and types of their columns, fetched while the block lasts. Text is repaired
        as in :meth:`records`.
        """
        with self._connect() as connection:
            result: Any = self._database.select(connection, self.statement, prefetch=_PREFETCHED)
            rows = self._database.reader.of(result)
            labels = self._labels(connection.dialect)
            given = [label for label in labels if label is not None]
            # If the statement contains textual SQL, only the database knows its columns.
            names = unique(given) if len(given) == len(labels) == len(rows.columns) else rows.columns
            yield replace(rows, columns=names, rows=(tuple(map(_repaired, row)) for row in rows))

    def _repr_html_(self) -> str:
        """The first rows as an HTML table; notebooks call it by this name. It runs the SELECT."""
        with self.open() as rows:
            return html_table(rows.columns, rows)

    def _labels(self, dialect: Dialect) -> list[str | None]:
        """The column labels in the compiled SELECT; None for a column without one."""
        compiled: Any = self.statement.compile(dialect=dialect)
        return [column.keyname for column in compiled._result_columns]  # noqa: SLF001 - it has no public name

    # -- as frames -----------------------------------------------------------------------------------------

    def to_pandas(self) -> pandas.DataFrame:
        """All rows as a pandas DataFrame.

        :raises ConfigurationError: without the extra ``pandas``.
        """
        _require("pandas")
        with self._connect() as connection:
            return self._database.to_pandas(connection, self.statement)

    def to_polars(self) -> polars.DataFrame:
        """All rows as a polars DataFrame; on DuckDB from Arrow, without a copy.

        :raises ConfigurationError: without the extra ``polars``.
        """
        _require("polars", "pyarrow")
        with self._connect() as connection:
            return self._database.to_polars(connection, self.statement)

    def to_arrow(self) -> pyarrow.Table:
        """All rows as an Arrow table; on DuckDB as the database made it, without a copy.

        :raises ConfigurationError: without the extra ``arrow``.
        """
        _require("pyarrow")
        with self._connect() as connection:
            return self._database.to_arrow(connection, self.statement)

    def to_parquet(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write all rows as Parquet. Neither pandas nor Arrow is needed.

        DuckDB writes one local file, under a temporary name until it is complete. Redshift unloads to S3 from
        its slices in parallel: ``path`` is the prefix of several files, whose rows are not in the order of the
        SELECT.

        :param path: a local file, or ``s3://bucket/prefix`` on Redshift.
        :param overwrite: replace existing output, which is otherwise an error.
        :raises SparkifyError: when the database cannot write there, or output already exists.
        """
        with self._connect() as connection:
            self._database.to_parquet(connection, self.statement, os.fspath(path), overwrite=overwrite)


def _repaired(value: Any) -> Any:
    return fix_mojibake(value) if isinstance(value, str) else value


def fix_mojibake(name: str) -> str:
    """The name with its encoding repaired; unchanged if it was not broken. For display only.

    It undoes UTF-8 that was read as Latin-1, once or several times: ``BjÃ¶rk`` becomes ``Björk``. A name that
    is not broken hardly ever looks like UTF-8 read as Latin-1, so it stays as it is.
    """
    # Not ftfy, which guesses: it leaves two of the 195 broken names of the real month half repaired (SÃ¥ng),
    # and ships 6 MB of tables. Undoing exactly what was done repairs all of them.
    while not name.isascii():
        try:
            repaired = name.encode("latin-1").decode("utf-8")
        except UnicodeError:
            break
        name = repaired
    return name


def sql_text(statement: SelectBase, database: str = "redshift") -> str:
    """The SQL text of a SELECT for a database, with values inlined, formatted for reading.

    :param database: the name of the database in the registry.
    :raises ConfigurationError: for a database that is not in the registry.
    """
    return format_sql(database_type(database).render(statement))


def _require(*modules: str) -> None:
    try:
        for module in modules:
            import_module(module)
    except ImportError as exc:
        raise ConfigurationError(
            f"this needs {exc.name}", hint=f"Run: pip install {' '.join(modules)}"
        ) from exc
