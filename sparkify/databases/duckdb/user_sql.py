"""Runs a user's SQL on DuckDB: one SELECT or the like, read-only, without files unless allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import duckdb
from sqlalchemy import Connection, CursorResult
from sqlalchemy.exc import DBAPIError

from sparkify.databases.duckdb.dialect import literal
from sparkify.databases.reader import SqlReader, refusal
from sparkify.etl.errors import ConfigurationError, SparkifyError

__all__ = ["DuckDBReader"]

_READS = ("SELECT", "EXPLAIN")
_READ_ONLY = re.compile(r"read-only mode")
_NO_FILES = re.compile(r"disabled by configuration|enable_external_access|disabled through configuration")


class DuckDBReader(SqlReader):
    """DuckDB parses the text itself; to it, FROM, VALUES, SHOW, DESCRIBE and SUMMARIZE are SELECTs too."""

    begin: ClassVar[str] = "BEGIN TRANSACTION READ ONLY"

    def check(self, text: str) -> None:
        try:
            statements = duckdb.extract_statements(text)
        except duckdb.Error as exc:
            raise SparkifyError(_words(exc)) from exc
        # DuckDB 1.5 makes two statements of one PIVOT, both without a text.
        own = [statement for statement in statements if statement.query] or statements[-1:]
        if not own:
            raise ConfigurationError("there is no SQL in it")
        for statement in own:
            if not _reads(statement):
                raise refusal(statement.type.name)
        if len(own) > 1:
            raise ConfigurationError(f"the SQL is one statement, and these are {len(own)}")

    def types(self, result: CursorResult[Any]) -> Sequence[str]:
        return [str(column[1]) for column in result.cursor.description]

    def translate(self, error: Exception) -> SparkifyError | None:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(cause, duckdb.Error):
            return None
        words = str(cause)
        if _READ_ONLY.search(words):
            return refusal("this statement")
        if _NO_FILES.search(words):
            return ConfigurationError(
                f"the SQL may not use files or the network: {_words(cause)}",
                hint="Allow it with {option}.",
                option=("external_access", True),
            )
        if isinstance(cause, duckdb.IOException | duckdb.OutOfMemoryException):
            return None
        return SparkifyError(_words(cause))

    @contextmanager
    def transaction(
        self, connection: Connection, *, external_access: bool = True, target: Path | None = None
    ) -> Iterator[Connection]:
        if not external_access:
            if target is not None:
                connection.exec_driver_sql(f"SET allowed_paths = [{literal(str(target))}]")
            # From here on, nothing can turn it on again, and no other path can be allowed.
            connection.exec_driver_sql("SET enable_external_access = false")
            connection.commit()
        with super().transaction(connection) as begun:
            yield begun

    def write_parquet(self, connection: Connection, text: str, file: Path) -> bool:
        # On a line of its own, because the text may end in a comment.
        statement = f"COPY (\n{text.rstrip().rstrip(';')}\n) TO {literal(str(file))}"
        connection.exec_driver_sql(f"{statement} (FORMAT parquet, USE_TMP_FILE false)")
        return True


def _reads(statement: duckdb.Statement) -> bool:
    # DuckDB 2 reports a PIVOT as several statements in one.
    pivot = statement.type.name == "MULTI" and statement.query.lstrip()[:5].upper() == "PIVOT"
    return statement.type.name in _READS or pivot


def _words(error: BaseException) -> str:
    """DuckDB's message for an error, in one line, without its drawing of the place in the text."""
    said = str(error).partition("\n\nLINE ")[0]
    return " ".join(said.split())[:500]
