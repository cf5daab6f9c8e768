"""SQL that each database spells its own way: one construct, one text for each dialect."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TIMESTAMP

__all__ = ["ascii_key", "differs", "epoch_ms", "short_hash"]


class ascii_key(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it stands for
    """The ASCII letters and digits of a text, lower case; empty where it has none.

    Two spellings of one name are equal under it when they differ in case, punctuation, accents, or in how
    badly their encoding was broken on the way: ``Björk``, ``bjÖrk!`` and ``BjÃ¶rk`` are all ``bjrk``.
    """

    # Cached by its one argument: there is no other state.
    inherit_cache = True
    type = String()
    name = "ascii_key"


# Only then lower case: what lower() makes of letters beyond ASCII differs between databases.
@compiles(ascii_key)
def _ascii_key(element: ascii_key, compiler: SQLCompiler, **kw: Any) -> str:
    # Redshift's REGEXP_REPLACE replaces every occurrence (AWS: REGEXP_REPLACE function).
    return f"lower(regexp_replace({compiler.process(element.clauses, **kw)}, '[^a-zA-Z0-9]', ''))"


@compiles(ascii_key, "duckdb")
def _ascii_key_duckdb(element: ascii_key, compiler: SQLCompiler, **kw: Any) -> str:
    # DuckDB's replaces the first, unless told otherwise.
    return f"lower(regexp_replace({compiler.process(element.clauses, **kw)}, '[^a-zA-Z0-9]', '', 'g'))"


class epoch_ms(FunctionElement[datetime]):  # noqa: N801
    """Milliseconds since 1970-01-01 UTC, as a UTC timestamp without zone. The milliseconds are kept."""

    # Cached by its one argument: there is no other state.
    inherit_cache = True
    type = TIMESTAMP()
    name = "epoch_ms"


@compiles(epoch_ms)
def _epoch_ms(element: epoch_ms, compiler: SQLCompiler, **kw: Any) -> str:
    # A division that is not of integers: ts/1000, as is often written, loses the milliseconds.
    milliseconds = compiler.process(element.clauses, **kw)
    return f"(TIMESTAMP 'epoch' + ({milliseconds}) / 1000.0 * INTERVAL '1 second')"


@compiles(epoch_ms, "duckdb")
def _epoch_ms_duckdb(element: epoch_ms, compiler: SQLCompiler, **kw: Any) -> str:
    return f"make_timestamp(CAST({compiler.process(element.clauses, **kw)} AS BIGINT) * 1000)"


def short_hash(text: ColumnElement[str]) -> ColumnElement[str]:
    """Sixteen hexadecimal digits, upper case, of the MD5 of a text: 64 bits, the same on every database."""
    return func.upper(func.substring(func.md5(text), 1, 16))


def differs(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether two values differ, NULL being a value. Redshift has no IS DISTINCT FROM."""
    return (left != right) | (left.is_(None) & right.is_not(None)) | (left.is_not(None) & right.is_(None))
