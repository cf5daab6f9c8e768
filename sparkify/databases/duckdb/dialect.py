"""The dialect of DuckDB, without its slow parts.

SELECTs have their values in their text, with the types that parameters would have. At the first parameter in a
process, DuckDB imports pandas, numpy and pyarrow, if they are installed, to check whether the value is one of
theirs: half a second, and 70 MB. So no parameter is sent.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
from duckdb_sqlalchemy import Dialect, DuckDBCompiler
from sqlalchemy import Engine, SelectBase, event
from sqlalchemy import types as sqltypes
from sqlalchemy.dialects import registry

# Same as its entry point, which would be searched for in the metadata of every installed package.
registry.register("duckdb", Dialect.__module__, Dialect.__name__)

__all__ = ["DuckDBDialect", "inline", "literal", "send_literals", "skip_counts"]

_LITERAL = (
    sqltypes.Boolean,
    sqltypes.Date,
    sqltypes.DateTime,
    sqltypes.Double,
    sqltypes.Float,
    sqltypes.Integer,
    sqltypes.Numeric,
    sqltypes.String,
    sqltypes.Time,
)
"""Types whose values become literals. Others, such as bytes, stay parameters."""

_TOKENS = re.compile(r"""'(?:''|[^'])*'|"(?:""|[^"])*"|\$(?P<number>\d+)""")


def literal(value: str | float | bool | None) -> str:
    """A value as SQL text, with the type that it has as a parameter."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float():
            # Without an exponent it would be a DECIMAL.
            text = repr(value)
            return (
                f"CAST('{text}' AS DOUBLE)"
                if not math.isfinite(value)
                else text
                if "e" in text
                else f"{text}e0"
            )
        case _:
            return _without_nul("'" + value.replace("'", "''") + "'")


def inline(text: str, parameters: Sequence[Any]) -> str:
    """The text of a statement with its parameters, ``$1`` and so on, as literals: texts, numbers, or lists of
    them.
    """

    def value(match: re.Match[str]) -> str:
        if match["number"] is None:
            return match[0]
        found = parameters[int(match["number"]) - 1]
        return f"[{', '.join(map(literal, found))}]" if isinstance(found, list) else literal(found)

    return _TOKENS.sub(value, text) if parameters else text


def _without_nul(quoted: str) -> str:
    """A quoted text without NUL, which would end the text of a statement."""
    return "(" + quoted.replace("\0", "' || chr(0) || '") + ")" if "\0" in quoted else quoted


class _Moment(sqltypes.DateTime):
    """Written with its type: a quoted text alone would be a VARCHAR wherever no column gives it a type.

    For a TIMESTAMP without a zone, a value with one is converted to UTC.
    """

    def literal_processor(self, dialect: Any) -> Callable[[Any], str]:
        def process(value: dt.datetime | str) -> str:
            if isinstance(value, str):
                return literal(value)
            if value.tzinfo is not None and not self.timezone:
                value = value.astimezone(dt.UTC).replace(tzinfo=None)
            return f"TIMESTAMP{'' if value.tzinfo is None else 'TZ'} '{value.isoformat(sep=' ')}'"

        return process


class _Day(sqltypes.Date):
    def literal_processor(self, dialect: Any) -> Callable[[Any], str]:
        return lambda value: literal(value) if isinstance(value, str) else f"DATE '{value.isoformat()}'"


class _TimeOfDay(sqltypes.Time):
    def literal_processor(self, dialect: Any) -> Callable[[Any], str]:
        def process(value: dt.time | str) -> str:
            if isinstance(value, str):
                return literal(value)
            return f"TIME{'' if value.tzinfo is None else 'TZ'} '{value.isoformat()}'"

        return process


class _Compiler(DuckDBCompiler):
    def visit_bindparam(self, bindparam: Any, *arguments: Any, **kw: Any) -> str:
        """The placeholder of a value, filled in when a SELECT is sent."""
        if isinstance(self.statement, SelectBase) and isinstance(bindparam.type, _LITERAL):
            kw["literal_execute"] = True
        text: str = super().visit_bindparam(bindparam, *arguments, **kw)  # type: ignore[no-untyped-call]
        return text

    def render_literal_value(self, value: Any, type_: Any) -> str:
        """A value as SQL text."""
        if isinstance(value, float):
            return literal(value)
        text: str = super().render_literal_value(value, type_)  # type: ignore[no-untyped-call]
        return _without_nul(text)


_COLSPECS = {
    **Dialect.colspecs,
    sqltypes.DateTime: _Moment,
    sqltypes.Date: _Day,
    sqltypes.Time: _TimeOfDay,
}


class DuckDBDialect(Dialect):
    """The dialect that renders the texts of statements."""

    supports_statement_cache = True
    statement_compiler = _Compiler
    colspecs = _COLSPECS

    def __init__(self) -> None:
        # The default is that of a driver that needs percent signs doubled.
        super().__init__(paramstyle=duckdb.paramstyle)


def send_literals(engine: Engine) -> Engine:
    """The same engine, whose SELECTs then have no parameters. Nothing may have been compiled with it yet."""
    # Only on this engine: registered under the name of the dialect, it would apply to all of the process.
    engine.dialect.statement_compiler = _Compiler
    engine.dialect.colspecs = _COLSPECS
    return engine


def skip_counts(engine: Engine) -> Engine:
    """The same engine, which then seeks no row count of a CREATE TEMPORARY TABLE AS: there is none."""

    # DuckDB answers it like an INSERT, so the dialect parses its text, character by character, to tell which of
    # them it is: 2 ms each, and a load has a dozen.
    @event.listens_for(engine, "do_execute")
    def execute(cursor: Any, statement: str, parameters: Any, _context: Any) -> bool:
        if parameters or not statement.startswith("CREATE TEMPORARY TABLE "):
            return False
        cursor.connection.execute(statement)
        return True

    return engine
