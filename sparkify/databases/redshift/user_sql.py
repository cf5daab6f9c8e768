"""Runs a user's SQL on Redshift: one SELECT or the like, in a READ ONLY transaction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

from sqlalchemy import Connection, CursorResult

from sparkify.databases.reader import SqlReader, refusal
from sparkify.databases.redshift.errors import is_read_only
from sparkify.etl.errors import ConfigurationError, SparkifyError

__all__ = ["RedshiftReader"]

_READS: Final = ("SELECT", "WITH", "SHOW", "EXPLAIN")
"""First words of what only reads. READ ONLY does not keep UNLOAD from writing to S3 or CALL from committing."""
_TOKENS: Final = re.compile(
    r"""E'.*?(?<!\\)'|'(?:''|[^'])*'|"[^"]*"|--[^\n]*|/\*.*?\*/|(?P<percent>%)|(?P<word>\w+)|(?P<end>;)|\S""",
    re.DOTALL,
)
"""Strings, quoted names and comments as the driver finds them."""
_TYPES: Final = {
    16: "BOOLEAN",
    20: "BIGINT",
    21: "SMALLINT",
    23: "INTEGER",
    26: "BIGINT",
    700: "FLOAT",
    701: "DOUBLE",
    1082: "DATE",
    1083: "TIME",
    1114: "TIMESTAMP",
    1184: "TIMESTAMP WITH TIME ZONE",
    1700: "DECIMAL",
    17: "BLOB",
    6551: "BLOB",
}
"""The names of types, by the server's number for each. Values of all other types arrive as text."""


class RedshiftReader(SqlReader):
    """Redshift has no parser to ask: the first word decides, and then the server."""

    begin: ClassVar[str] = "BEGIN READ ONLY"

    def check(self, text: str) -> None:
        tokens = [token for token in _TOKENS.finditer(text) if not token[0].startswith(("--", "/*"))]
        words = [token["word"].upper() for token in tokens if token["word"]]
        if not words:
            raise ConfigurationError("there is no SQL in it")
        if words[0] not in _READS:
            raise refusal(words[0])
        ends = [place for place, token in enumerate(tokens) if token["end"]]
        if ends and any(not token["end"] for token in tokens[ends[0] :]):
            raise ConfigurationError("the SQL is one statement, and these are several")

    def types(self, result: CursorResult[Any]) -> Sequence[str]:
        described: Any = result.cursor.description
        return [_TYPES.get(column[1], "VARCHAR") for column in described]

    def translate(self, error: Exception) -> SparkifyError | None:
        return refusal("this statement") if is_read_only(error) else None

    def escape(self, text: str) -> str:
        # The driver leaves percent signs in quotes and comments alone.
        return _TOKENS.sub(lambda token: "%%" if token["percent"] else token[0], text)

    @contextmanager
    def transaction(
        self, connection: Connection, *, external_access: bool = True, target: Path | None = None
    ) -> Iterator[Connection]:
        # The ping of the connection pool began a transaction, in which BEGIN would change nothing.
        connection.begin().rollback()
        with super().transaction(connection) as begun:
            yield begun
