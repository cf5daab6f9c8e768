"""DuckDB: reads the files itself, in its own threads, straight into the staging tables.

A batch lives in temporary tables that stand before the staging tables of the same names: to store and
compress rows that are gone a second later would take nearly as long as the rest of the load.
"""

from __future__ import annotations

import json
import queue
import re
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import duckdb
from duckdb_sqlalchemy import Dialect
from sqlalchemy import (
    ClauseElement,
    Column,
    Connection,
    Executable,
    Integer,
    Row,
    SelectBase,
    String,
    Table,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.adapters.base import Adapter, Batch, Staged, UnreadableBatch
from sparkify.etl.declarations import JsonField, Ledger, Pipeline, Source, json_fields
from sparkify.etl.errors import SparkifyError, TemporaryError
from sparkify.etl.judging import judge_file
from sparkify.etl.ledger import take_token
from sparkify.etl.lines import FLOAT_TEXT, INTEGER_TEXT, MAX_LINE
from sparkify.etl.progress import Observer
from sparkify.etl.report import FileCount, Reject
from sparkify.etl.sources import AwsOptions, Listing, SourceFile
from sparkify.etl.spool import SpoolFile, spool

__all__ = ["DuckDBAdapter"]

_GROUP = 256 * 1024 * 1024
"""Bytes that one statement reads. Less, and the two threads of a small machine are not kept busy."""

_ROWS_PER_INSERT = 50_000
_AHEAD = 64
"""Files that may be ready before the database has come to them."""

_LARGEST = sys.float_info.max

_UNREADABLE = (duckdb.InvalidInputException, duckdb.DataError)
"""What reading a file that is not right raises: malformed JSON, our own error(), a failed conversion."""

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
            yield _DuckDBBatch(Path(folder), aws, observer)

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
        columns = ", ".join(_quoted(name) for name in names)
        values = ", ".join(f"r.{_quoted(name)}" for name in names)
        insert = (
            f"INSERT INTO {_quoted(table.name)} ({columns}) SELECT {values} "
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
        name = _quoted(ledger.lock.name)
        return [f"UPDATE {name} SET taken = taken + 1"]

    def staging(self, source: Source, files: Sequence[SourceFile], uri: str) -> Sequence[str]:
        return [_shadow(source.staging), _insert(source).replace("$1", f"'{_escaped(uri)}/...'")]

    def unstaging(self, source: Source) -> Sequence[str]:
        return [_unshadow(source.staging)]


@dataclass(frozen=True)
class _Readable:
    """A local file, and how many rows the database must find in it.

    :ivar judged: whether the file was looked through and holds accepted lines only.
    """

    file: SpoolFile
    rows: int
    judged: bool = False


@dataclass
class _Spooled:
    """The files of one source, and what was set aside from them."""

    source: Source
    files: list[_Readable] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    blank: Counter[str] = field(default_factory=Counter)


class _DuckDBBatch(Batch):
    """The files of one load, as they lie in a temporary folder."""

    def __init__(self, folder: Path, aws: AwsOptions, observer: Observer) -> None:
        self._folder = folder
        self._aws = aws
        self._observer = observer
        self._spooled: dict[str, _Spooled] = {}

    def stage(
        self, connection: Connection, source: Source, files: Sequence[SourceFile], listing: Listing
    ) -> Staged:
        connection.exec_driver_sql(_shadow(source.staging))
        if source.name in self._spooled:
            spooled = self._spooled[source.name]
            incoming: Iterator[_Readable] = iter(spooled.files)
        else:
            spooled = self._spooled[source.name] = _Spooled(source)
            incoming = self._spool(spooled, files)
        readable = True
        for group in _grouped(incoming):
            # The rest is spooled even so: all of it will be looked through at once.
            readable = readable and _insert_files(connection, source, group)
        if not readable:
            raise UnreadableBatch(source)
        return _staged(spooled)

    def unstage(self, connection: Connection, source: Source) -> None:
        connection.exec_driver_sql(_unshadow(source.staging))

    def mend(self, connection: Connection, cause: UnreadableBatch) -> None:
        for spooled in self._spooled.values():
            spooled.files = [
                one if one.judged or _probe(connection, spooled.source, one) else _judge(spooled, one)
                for one in spooled.files
            ]
        connection.rollback()

    def _spool(self, spooled: _Spooled, files: Sequence[SourceFile]) -> Iterator[_Readable]:
        name = spooled.source.name
        folder = self._folder / name
        folder.mkdir()
        told = partial(self._observer.read, name, lines=0)
        for file in _ahead(spool(files, folder, self._aws, told)):
            one = _Readable(file, file.lines)
            spooled.files.append(one)
            self._observer.read(name, 0, file.lines)
            yield one


def _ahead(files: Iterator[SpoolFile]) -> Iterator[SpoolFile]:
    """The same files; the next ones are made ready in a thread while the database reads those before."""
    waiting: queue.Queue[SpoolFile | BaseException | None] = queue.Queue(maxsize=_AHEAD)
    stopped = threading.Event()

    def put(item: SpoolFile | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def fill() -> None:
        try:
            for file in files:
                put(file)
                if stopped.is_set():
                    return
            put(None)
        except BaseException as exc:
            put(exc)

    worker = threading.Thread(target=fill, name="sparkify-spool")
    worker.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        worker.join()


def _grouped(files: Iterable[_Readable]) -> Iterator[list[_Readable]]:
    group: list[_Readable] = []
    size = 0
    for one in files:
        group.append(one)
        size += one.file.path.stat().st_size
        if size >= _GROUP:
            yield group
            group, size = [], 0
    if group:
        yield group


def _insert_files(connection: Connection, source: Source, files: Sequence[_Readable]) -> bool:
    """Read files into the staging table. Returns whether every line arrived, and as it should be."""
    if any(one.file.suspect and not one.judged for one in files):
        return False
    paths = [str(one.file.path) for one in files if one.rows]
    if not paths:
        return True
    try:
        result = connection.exec_driver_sql(_insert(source), (paths,))
    except DBAPIError as exc:
        if isinstance(exc.orig, _UNREADABLE):
            return False
        raise
    return result.rowcount == sum(one.rows for one in files)


def _probe(connection: Connection, source: Source, one: _Readable) -> bool:
    """Whether a file can be read the fast way."""
    if one.file.suspect:
        return False
    try:
        rows = connection.exec_driver_sql(_count(source), ([str(one.file.path)],)).scalar_one()
    except DBAPIError as exc:
        connection.rollback()
        if isinstance(exc.orig, _UNREADABLE):
            return False
        raise
    return bool(rows == one.rows)


def _judge(spooled: _Spooled, one: _Readable) -> _Readable:
    """Look through a file line by line: keep what can be loaded in a new file, and the rest in a list."""
    path = one.file.path.with_suffix(".accepted.json")
    with path.open("wb") as out:
        judged = judge_file(spooled.source, one.file, out)
    spooled.rejects += judged.rejects
    spooled.blank.update(judged.blank)
    return _Readable(replace(one.file, path=path), judged.accepted, judged=True)


def _staged(spooled: _Spooled) -> Staged:
    rejected = Counter(reject.uri for reject in spooled.rejects)
    counts = [
        FileCount(
            source=spooled.source.name,
            file=part.file,
            lines=part.lines,
            loaded=part.lines - rejected[part.file.uri] - spooled.blank[part.file.uri],
            rejected=rejected[part.file.uri],
            blank=spooled.blank[part.file.uri],
        )
        for one in spooled.files
        for part in one.file.parts
    ]
    return Staged(counts=tuple(counts), rejects=tuple(spooled.rejects))


# -- SQL that no other database has ------------------------------------------------------------------------


def _shadow(staging: Table) -> str:
    name = _quoted(staging.name)
    return f"CREATE TEMPORARY TABLE {name} AS SELECT * FROM main.{name} WHERE false"


def _unshadow(staging: Table) -> str:
    return f"DROP TABLE temp.{_quoted(staging.name)}"


def _insert(source: Source) -> str:
    """The statement that reads files into the staging table, and fails at a line that is not right."""
    fields = json_fields(source.staging)
    names = ", ".join(_quoted(column.name) for column in fields)
    values = ",\n       ".join(_value(column, field) for column, field in fields.items())
    return f"INSERT INTO {_quoted(source.staging.name)} ({names})\nSELECT {values}\n{_from_files(source)}"


def _count(source: Source) -> str:
    """The statement that reads files, and fails as the other does, and only counts."""
    return f"SELECT count(*)\n{_from_files(source)}"


def _from_files(source: Source) -> str:
    fields = json_fields(source.staging)
    # Everything is read as text: asked for an integer, DuckDB makes 11 of 10.7 and 1 of true in silence.
    columns = ", ".join(f"{_quoted(field.key)}: 'VARCHAR'" for field in fields.values())
    wrong = [_wrong(column, field) for column, field in fields.items()]
    for required in source.required:
        keys = {column.name: _quoted(field.key) for column, field in fields.items()}
        missing = " OR ".join(f"coalesce({keys[name]}, '') = ''" for name in required.needs)
        wrong.append(f"({keys[required.column]} = '{_escaped(required.value)}' AND ({missing}))")
    condition = "\n    OR ".join(wrong)
    return (
        f"FROM read_json($1, columns = {{{columns}}}, format = 'newline_delimited',\n"
        f"     hive_partitioning = false, maximum_object_size = {MAX_LINE})\n"
        f"WHERE CASE WHEN {condition}\n    THEN error('a line is not right') ELSE true END"
    )


def _value(column: Column[Any], field: JsonField) -> str:
    """The value of a column, from the text of its key."""
    key = _quoted(field.key)
    if isinstance(column.type, String):
        return key
    if isinstance(column.type, TIMESTAMP):
        return f"make_timestamp(CAST(nullif({key}, '') AS BIGINT) * 1000)"
    kind = "BIGINT" if isinstance(column.type, Integer) else "DOUBLE"
    return f"CAST(nullif({key}, '') AS {kind})"


def _wrong(column: Column[Any], field: JsonField) -> str:
    """Whether the text of a key breaks the rules of its column, as :class:`Judge` has them."""
    key = _quoted(field.key)
    if isinstance(column.type, String):
        parts = [f"strlen({key}) > {column.type.length}"] if column.type.length else []
        if field.required:
            parts.append(f"{key} IS NULL")
        return f"({' OR '.join(parts) or 'false'})"
    whole = isinstance(column.type, Integer | TIMESTAMP)
    kind, pattern = ("BIGINT", INTEGER_TEXT) if whole else ("DOUBLE", FLOAT_TEXT)
    low = -_LARGEST if field.minimum is None else field.minimum
    high = _LARGEST if field.maximum is None else field.maximum
    # One cast for all: what is no number is NULL, and NaN and the infinities lie outside of every range.
    in_range = f"TRY_CAST({key} AS {kind}) BETWEEN {low} AND {high}"
    wrong = f"({key} <> '' AND (NOT regexp_full_match({key}, '{pattern}') OR ({in_range}) IS NOT TRUE))"
    return f"({wrong} OR coalesce({key}, '') = '')" if field.required else wrong


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _escaped(value: str) -> str:
    return value.replace("'", "''")


def _first_line(message: str) -> str:
    return message.strip().splitlines()[0][:300]
