"""What a SELECT returns: typed rows, data frames, Arrow, Parquet; and its text.

Only reads. A SELECT is run anew each time its rows are asked for, on a connection of its own.
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
    """The rows of a SELECT on one warehouse, run when they are asked for.

    ::

        for row in warehouse.query(top_songs(limit=3)):
            print(row.title, row.plays)
        frame = warehouse.query(plays_by("day")).to_pandas()

    Texts come as the warehouse has them; :func:`fix_mojibake` repairs broken encodings.

    :param statement: the SELECT. Of ORM entities the columns come back, not objects; for these there is
        :meth:`Warehouse.session`.
    :param connect: gives a connection, for as long as it is used.
    :param database: that the connection is to.
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
        """The names of the columns, in order. Of columns of one name the second has a number behind it."""
        # Of an engine that connects to nothing: the dialect alone knows the constructs in the statement.
        return unique([label or "" for label in self._labels(self._database.create_engine().dialect)])

    def __iter__(self) -> Iterator[Row[*Ts]]:
        """The rows, one after another. The connection is held until the last one, or until the end of the
        loop.
        """
        with self._connect() as connection:
            yield from self._database.select(connection, self.statement, prefetch=_PREFETCHED)

    def all(self) -> list[Row[*Ts]]:
        """All rows."""
        return list(self)

    def first(self) -> Row[*Ts] | None:
        """The first row; None where there is none."""
        with self._connect() as connection:
            row: Row[*Ts] | None = self._database.select(connection, self.statement).first()
            return row

    def one(self) -> Row[*Ts]:
        """The only row.

        :raises sqlalchemy.exc.NoResultFound: when there is none.
        :raises sqlalchemy.exc.MultipleResultsFound: when there are several.
        """
        with self._connect() as connection:
            row: Row[*Ts] = self._database.select(connection, self.statement).one()
            return row

    def records(self) -> list[dict[str, Any]]:
        """All rows, each as column to value, with texts repaired by :func:`fix_mojibake` for display. Columns
        are named as in :attr:`columns`.
        """
        with self.open() as rows:
            return [dict(zip(rows.columns, row, strict=True)) for row in rows]

    @contextmanager
    def open(self) -> Iterator[Rows]:
        """The rows with the names and types of their columns, fetched while the block lasts. Texts are repaired
        as by :meth:`records`.
        """
        with self._connect() as connection:
            result: Any = self._database.select(connection, self.statement, prefetch=_PREFETCHED)
            rows = self._database.reader.of(result)
            labels = self._labels(connection.dialect)
            given = [label for label in labels if label is not None]
            # Of a text of SQL within the statement the database alone knows the columns.
            names = unique(given) if len(given) == len(labels) == len(rows.columns) else rows.columns
            yield replace(rows, columns=names, rows=(tuple(map(_repaired, row)) for row in rows))

    def _repr_html_(self) -> str:
        """The first rows as a table, for notebooks, which ask for it by this name. The SELECT is run for it."""
        with self.open() as rows:
            return html_table(rows.columns, rows)

    def _labels(self, dialect: Dialect) -> list[str | None]:
        """What the database is told to call the columns; None where nothing is said."""
        compiled: Any = self.statement.compile(dialect=dialect)
        return [column.keyname for column in compiled._result_columns]  # noqa: SLF001 - it has no public name

    # -- as frames -----------------------------------------------------------------------------------------

    def to_pandas(self) -> pandas.DataFrame:
        """All rows as a DataFrame of pandas.

        :raises ConfigurationError: without the extra ``pandas``.
        """
        _require("pandas")
        with self._connect() as connection:
            return self._database.to_pandas(connection, self.statement)

    def to_polars(self) -> polars.DataFrame:
        """All rows as a DataFrame of polars; on DuckDB from Arrow, without a copy.

        :raises ConfigurationError: without the extra ``polars``.
        """
        _require("polars", "pyarrow")
        with self._connect() as connection:
            return self._database.to_polars(connection, self.statement)

    def to_arrow(self) -> pyarrow.Table:
        """All rows as a table of Arrow; on DuckDB as the database made it, without a copy.

        :raises ConfigurationError: without the extra ``arrow``.
        """
        _require("pyarrow")
        with self._connect() as connection:
            return self._database.to_arrow(connection, self.statement)

    def to_parquet(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write all rows as Parquet. Neither pandas nor Arrow is needed.

        DuckDB writes one local file, under a temporary name until it is complete. Redshift unloads to S3, its
        slices in parallel: ``path`` is the prefix of several files, and the order of their rows is not that of
        the SELECT.

        :param path: a local file, or ``s3://bucket/prefix`` on Redshift.
        :param overwrite: replace what is there already, which is otherwise an error.
        :raises SparkifyError: when the database cannot write there, or something is there already.
        """
        with self._connect() as connection:
            self._database.to_parquet(connection, self.statement, os.fspath(path), overwrite=overwrite)


def _repaired(value: Any) -> Any:
    return fix_mojibake(value) if isinstance(value, str) else value


def fix_mojibake(name: str) -> str:
    """The name with its encoding repaired; unchanged where it was not broken. For display only.

    It undoes UTF-8 that was read as Latin-1, once or several times: ``BjÃ¶rk`` becomes ``Björk``. A name that
    is not broken hardly ever looks like UTF-8 in Latin-1, and then it stays as it is.
    """
    # Not ftfy, which guesses: it leaves two of the real month's 195 broken names half repaired (SÃ¥ng), and
    # brings 6 MB of tables along. Undoing exactly what was done repairs all of them.
    while not name.isascii():
        try:
            repaired = name.encode("latin-1").decode("utf-8")
        except UnicodeError:
            break
        name = repaired
    return name


def sql_text(statement: SelectBase, database: str = "redshift") -> str:
    """The text of a SELECT for a database, values included, formatted for reading.

    :param database: its name in the registry.
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
