"""What a SELECT returns: typed rows, data frames, Arrow, Parquet; and its text.

Only reads. A SELECT is run anew each time its rows are asked for, on a connection of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVarTuple

from sqlalchemy import (
    Boolean,
    CompoundSelect,
    Connection,
    CursorResult,
    Date,
    Double,
    Integer,
    Row,
    Select,
    SelectBase,
    String,
    select,
)
from sqlalchemy.types import TIMESTAMP, TypeEngine

from sparkify.etl.errors import ConfigurationError
from sparkify.etl.files import replacing
from sparkify.sqltext import laid_out

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["Query", "repaired", "sql_text"]

Ts = TypeVarTuple("Ts")

_FETCHED_AT_ONCE = 10_000


class Query(Generic[*Ts]):
    """The rows of a SELECT on one warehouse, run when they are asked for.

    ::

        for row in warehouse.query(top_songs(limit=3)):
            print(row.title, row.plays)
        frame = warehouse.query(plays_by("day")).to_pandas()

    Names come as the warehouse has them; :func:`repaired` mends for the eye what arrived broken.

    :param statement: the SELECT. Of ORM entities the columns come back, not objects; for these there is
        :meth:`Warehouse.session`.
    :param connect: gives a connection, for as long as it is used.
    :param iam_role: with which Redshift writes to S3.
    :param region: of the bucket written to, where it is not the cluster's.
    """

    def __init__(
        self,
        statement: Select[*Ts] | CompoundSelect[*Ts],
        connect: Callable[[], AbstractContextManager[Connection]],
        *,
        iam_role: str = "default",
        region: str | None = None,
    ) -> None:
        if not isinstance(statement, SelectBase):
            raise ConfigurationError(f"query takes a SELECT of SQLAlchemy, not {type(statement).__name__}")
        self.statement = statement
        self._connect = connect
        self._iam_role = iam_role
        self._region = region

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.key or "" for column in self.statement.selected_columns)

    def __iter__(self) -> Iterator[Row[*Ts]]:
        """The rows, one after another. The connection is held until the last one, or until the end of the
        loop.
        """
        with self._connect() as connection:
            yield from _run(connection, self.statement, at_once=_FETCHED_AT_ONCE)

    def all(self) -> list[Row[*Ts]]:
        """All rows."""
        return list(self)

    def first(self) -> Row[*Ts] | None:
        """The first row; None where there is none."""
        with self._connect() as connection:
            row: Row[*Ts] | None = _run(connection, self.statement).first()
            return row

    def one(self) -> Row[*Ts]:
        """The only row.

        :raises sqlalchemy.exc.NoResultFound: when there is none.
        :raises sqlalchemy.exc.MultipleResultsFound: when there are several.
        """
        with self._connect() as connection:
            row: Row[*Ts] = _run(connection, self.statement).one()
            return row

    def records(self) -> list[dict[str, Any]]:
        """All rows, each as column to value, with texts :func:`repaired` for the eye."""
        return [
            {
                name: repaired(value) if isinstance(value, str) else value
                for name, value in row._mapping.items()  # noqa: SLF001 - the public name that Row has for it
            }
            for row in self
        ]

    # -- as frames -----------------------------------------------------------------------------------------

    def to_pandas(self) -> pandas.DataFrame:
        """All rows as a DataFrame of pandas.

        :raises ConfigurationError: without the extra ``pandas``.
        """
        library = _extra("pandas")
        with self._connect() as connection:
            result = _run(connection, self.statement)
            frame: pandas.DataFrame = (
                _native(result).df()
                if connection.dialect.name == "duckdb"
                else library.DataFrame.from_records(_tuples(result), columns=list(result.keys()))
            )
            return frame

    def to_polars(self) -> polars.DataFrame:
        """All rows as a DataFrame of polars; on DuckDB from Arrow, without a copy.

        :raises ConfigurationError: without the extra ``polars``.
        """
        library = _extra("polars")
        with self._connect() as connection:
            result = _run(connection, self.statement)
            frame: polars.DataFrame = (
                library.from_arrow(_native(result).to_arrow_table())
                if connection.dialect.name == "duckdb"
                else library.DataFrame(
                    _tuples(result), schema=list(result.keys()), orient="row", infer_schema_length=None
                )
            )
            return frame

    def to_arrow(self) -> pyarrow.Table:
        """All rows as a table of Arrow; on DuckDB as the database made it, without a copy.

        :raises ConfigurationError: without the extra ``arrow``.
        """
        arrow = _extra("pyarrow", "arrow")
        with self._connect() as connection:
            result = _run(connection, self.statement)
            if connection.dialect.name == "duckdb":
                table: pyarrow.Table = _native(result).to_arrow_table()
                return table
            names = list(result.keys())
            columns = list(zip(*_tuples(result), strict=True)) or [()] * len(names)
            types = [_arrow_type(arrow, column.type) for column in self.statement.selected_columns]
            arrays = [arrow.array(values, of) for values, of in zip(columns, types, strict=True)]
            table = arrow.Table.from_arrays(arrays, names)
            return table

    def to_parquet(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write all rows as Parquet. Neither pandas nor Arrow is needed.

        DuckDB writes one local file, under another name until it is whole. Redshift unloads to S3 and has its
        slices write at once: ``path`` is the prefix of the names of several files, and their order is not that
        of the SELECT.

        :param path: a local file, or ``s3://bucket/prefix`` on Redshift.
        :param overwrite: replace what is there already, which else is an error.
        :raises SparkifyError: when the database cannot write there, or something is there already.
        """
        target = os.fspath(path)
        with self._connect() as connection:
            if connection.dialect.name == "redshift":
                self._unload(connection, target, overwrite)
            else:
                self._copy(connection, target, overwrite)

    def _unload(self, connection: Connection, target: str, overwrite: bool) -> None:
        from sparkify.redshift import Unload, render

        if not target.startswith("s3://"):
            raise ConfigurationError(f"{target}: Redshift writes to S3 alone; give s3://bucket/prefix")
        # UNLOAD takes no LIMIT in the outer SELECT, so ours becomes the inner one.
        rows = select(self.statement.subquery("rows_to_unload"))
        unload = Unload(rows, to=target, iam_role=self._iam_role, region=self._region, allowoverwrite=overwrite)
        connection.exec_driver_sql(render(unload))
        connection.commit()

    def _copy(self, connection: Connection, target: str, overwrite: bool) -> None:
        if "://" in target:
            raise ConfigurationError(f"{target}: the embedded database writes local files; give a path")
        file = Path(target)
        if file.exists() and not overwrite:
            raise ConfigurationError(f"{file}: is there already; give another name, or allow to overwrite it")
        if not file.parent.is_dir():
            raise ConfigurationError(f"{file.parent}: there is no such folder to write {file.name} in")
        compiled = self.statement.compile(dialect=connection.dialect)
        parameters = compiled.params
        names = getattr(compiled, "positiontup", None) or ()
        with replacing(file) as new:
            quoted = str(new).replace("'", "''")
            connection.exec_driver_sql(
                f"COPY ({compiled}) TO '{quoted}' (FORMAT parquet)", tuple(parameters[name] for name in names)
            )


def repaired(name: str) -> str:
    """A name whose encoding was broken on the way, as it was meant; any other as it is. For the eye only.

    What is undone is UTF-8 that was read as Latin-1, once or several times: ``BjÃ¶rk`` becomes ``Björk``. A
    name that was not broken hardly ever has the bytes of UTF-8, and then nothing is done.
    """
    # Not ftfy's guess: it takes the remains of two of the real month's 195 broken names for meant (SÃ¥ng), and
    # brings 6 MB of tables along. Undoing exactly what was done mends all of them.
    while not name.isascii():
        try:
            meant = name.encode("latin-1").decode("utf-8")
        except UnicodeError:
            break
        name = meant
    return name


Dialect = Literal["redshift", "duckdb"]


def sql_text(statement: SelectBase, dialect: Dialect = "redshift") -> str:
    """The text of a SELECT for a database, values included, laid out to be read.

    :raises ConfigurationError: for a database that is neither ``redshift`` nor ``duckdb``.
    """
    if dialect == "redshift":
        from sparkify.redshift import render

        return laid_out(render(statement))
    if dialect != "duckdb":
        raise ConfigurationError(f"{dialect!r}: SQL is written for redshift or duckdb")
    from sparkify.etl.adapters.duckdb import DuckDBAdapter

    return laid_out(DuckDBAdapter().render(statement))


# -- parts -------------------------------------------------------------------------------------------------


def _run(
    connection: Connection, statement: Select[*Ts] | CompoundSelect[*Ts], *, at_once: int | None = None
) -> CursorResult[*Ts]:
    """Send the SELECT. ``at_once`` fetches so many rows before they are asked for."""
    if connection.dialect.name == "redshift":
        from sparkify.redshift import render

        # As text with its values in it: the driver binds on the server, which takes no parameters in a
        # subquery (sqlalchemy-redshift issue 265). Percent signs stay single: the driver leaves those in
        # quotes alone, and there are no others.
        result: CursorResult[Any] = connection.exec_driver_sql(render(statement))
        return result
    options = {"yield_per": at_once} if at_once else {}
    return connection.execute(statement, execution_options=options)


def _native(result: CursorResult[*Ts]) -> Any:
    """The cursor of DuckDB, with its whole result still in it."""
    return result.cursor


def _tuples(result: CursorResult[*Ts]) -> list[tuple[Any, ...]]:
    rows: Iterable[Any] = result
    return [tuple(row) for row in rows]


def _extra(module: str, extra: str | None = None) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as exc:
        name = extra or module
        raise ConfigurationError(f"this needs {module}; run: pip install 'sparkify[{name}]'") from exc


def _arrow_type(arrow: Any, column: TypeEngine[Any]) -> Any:
    """The type that DuckDB gives such a column in Arrow; None where it is to be seen from the values."""
    for kind, of in (
        (Boolean, arrow.bool_()),
        (Integer, arrow.int64()),
        (Double, arrow.float64()),
        (Date, arrow.date32()),
        (TIMESTAMP, arrow.timestamp("us")),
        (String, arrow.string()),
    ):
        if isinstance(column, kind):
            return of
    return None
