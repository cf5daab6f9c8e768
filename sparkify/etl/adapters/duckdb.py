"""DuckDB: reads the files itself, in its own threads, straight into the staging tables.

A batch lives in temporary tables that stand before the staging tables of the same names: to store and
compress rows that are gone a second later would take nearly as long as the rest of the load.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import duckdb
from duckdb_sqlalchemy import Dialect
from sqlalchemy import (
    ClauseElement,
    Connection,
    Executable,
    Row,
    SelectBase,
    Table,
)
from sqlalchemy.exc import DBAPIError

from sparkify.etl.adapters.base import Adapter, Batch
from sparkify.etl.adapters.duckdb_batch import DuckDBBatch
from sparkify.etl.adapters.duckdb_read import escaped, insert_files, quoted, shadow, unshadow
from sparkify.etl.declarations import Ledger, Pipeline, Source
from sparkify.etl.errors import SparkifyError, TemporaryError
from sparkify.etl.ledger import take_token, taking_token
from sparkify.etl.progress import Observer
from sparkify.etl.sources import AwsOptions, SourceFile

__all__ = ["DuckDBAdapter"]

_ROWS_PER_INSERT = 50_000

_dialect: Any = Dialect()
_named: Any = Dialect(paramstyle="named")


class DuckDBAdapter(Adapter):
    """The embedded database."""

    def begin(self, connection: Connection) -> None:
        # The rows of a fact have no order worth keeping, and keeping it costs a fifth of the load.
        connection.exec_driver_sql("SET preserve_insertion_order = false")
        connection.commit()

    def lock(self, connection: Connection, ledger: Ledger) -> None:
        # The process that has opened the file for writing is the only one that has: this is for threads.
        take_token(partial(self.execute, connection), ledger.lock)

    @contextmanager
    def batch(self, aws: AwsOptions, observer: Observer, max_rejects: int) -> Iterator[Batch]:
        with tempfile.TemporaryDirectory(prefix="sparkify-") as folder:
            yield DuckDBBatch(Path(folder), aws, observer)

    def execute(self, connection: Connection, statement: Executable) -> int:
        return connection.execute(statement).rowcount

    def fetch(self, connection: Connection, statement: SelectBase) -> Sequence[Row[Any]]:
        return connection.execute(cast("Executable", statement)).all()

    def insert_rows(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        # As JSON in one parameter: 15,000 rows take 0.1 s; as VALUES 20 s, as lists of parameters 14 s.
        if not rows:
            return
        names = list(rows[0])
        shape = {name: str(table.c[name].type.compile(dialect=_dialect)) for name in names}
        columns = ", ".join(quoted(name) for name in names)
        values = ", ".join(f"r.{quoted(name)}" for name in names)
        insert = (
            f"INSERT INTO {quoted(table.name)} ({columns}) SELECT {values} "
            "FROM (SELECT unnest(from_json(CAST($1 AS JSON), $2)) AS r)"
        )
        for start in range(0, len(rows), _ROWS_PER_INSERT):
            some = json.dumps([dict(row) for row in rows[start : start + _ROWS_PER_INSERT]], default=str)
            connection.exec_driver_sql(insert, (some, json.dumps([shape])))

    def after_commit(self, connection: Connection, pipeline: Pipeline, changed: Sequence[str]) -> None:
        # What was committed is in the log beside the file; this brings it into the file.
        connection.exec_driver_sql("CHECKPOINT")
        connection.commit()

    def translate(self, error: Exception) -> SparkifyError | None:
        cause = error.orig if isinstance(error, DBAPIError) else error
        message = str(cause)
        if isinstance(cause, duckdb.IOException) and "Could not set lock" in message:
            holder = re.search(r"\(PID (\d+)\)", message)
            who = f"process {holder[1]}" if holder else "another process"
            return TemporaryError(f"the database is in use by {who}; nothing was changed. Try again later.")
        if isinstance(cause, duckdb.TransactionException) and "onflict" in message:
            return TemporaryError("another load is running in this process; nothing was changed")
        if isinstance(cause, duckdb.OutOfMemoryException):
            return SparkifyError(f"DuckDB ran out of memory; nothing was changed ({_first_line(message)})")
        if isinstance(cause, duckdb.IOException):
            return SparkifyError(
                f"DuckDB could not read or write; nothing was changed ({_first_line(message)})"
            )
        return None

    def is_passing(self, error: BaseException) -> bool:
        # A conflict means that another load runs in this process: there is nothing to wait for here.
        return False

    def render(self, statement: ClauseElement) -> str:
        return str(statement.compile(dialect=_dialect, compile_kwargs={"literal_binds": True}))

    def render_named(self, statement: ClauseElement) -> str:
        return str(statement.compile(dialect=_named))

    def locking(self, ledger: Ledger) -> Sequence[str]:
        return [self.render(taking_token(ledger.lock))]

    def staging(self, source: Source, files: Sequence[SourceFile], uri: str) -> Sequence[str]:
        return [shadow(source.staging), insert_files(source).replace("$1", f"'{escaped(uri)}/...'")]

    def unstaging(self, source: Source) -> Sequence[str]:
        return [unshadow(source.staging)]


def _first_line(message: str) -> str:
    return message.strip().splitlines()[0][:300]
