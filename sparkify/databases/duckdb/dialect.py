"""The dialect of DuckDB, spared what takes long in it.

The values of SELECTs are in their text, of the types that parameters would have. DuckDB imports pandas, numpy
and pyarrow, where they are installed, at the first parameter of a process, to ask whether the value is one of
theirs: half a second, and 70 MB. So none is sent.
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

# As its entry point says, which is looked for in the metadata of every installed package.
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
"""Types whose values have a literal. Others, such as bytes, stay parameters."""

_TOKENS = re.compile(r"""'(?:''|[^'])*'|"(?:""|[^"])*"|\$(?P<number>\d+)""")


def literal(value: str | float | bool | None) -> str:
    """A value as SQL text, of the type that it has as a parameter."""
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
    """A quoted text without NUL, at which the text of a statement would end."""
    return "(" + quoted.replace("\0", "' || chr(0) || '") + ")" if "\0" in quoted else quoted


class _Moment(sqltypes.DateTime):
    """As text between quotes alone it would be a VARCHAR wherever no column gives it a type.

    A value with a zone for a TIMESTAMP without one is converted to UTC.
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
        """The place of a value, which is filled in when a SELECT is sent."""
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
    """The dialect that texts are rendered with."""

    supports_statement_cache = True
    statement_compiler = _Compiler
    colspecs = _COLSPECS

    def __init__(self) -> None:
        # By default, that of a driver to which percent signs must be doubled.
        super().__init__(paramstyle=duckdb.paramstyle)


def send_literals(engine: Engine) -> Engine:
    """The same engine, whose SELECTs have no parameters. Nothing was compiled with it yet."""
    # Of this engine alone: under the name of the dialect each of the process would be such a one.
    engine.dialect.statement_compiler = _Compiler
    engine.dialect.colspecs = _COLSPECS
    return engine


def skip_counts(engine: Engine) -> Engine:
    """The same engine, which looks for no count of rows in a CREATE TEMPORARY TABLE AS: it has none."""

    # DuckDB answers it as an INSERT, so the dialect parses its text to see which of them it is, one character
    # after the other: 2 ms, of which a load has a dozen.
    @event.listens_for(engine, "do_execute")
    def execute(cursor: Any, statement: str, parameters: Any, _context: Any) -> bool:
        if parameters or not statement.startswith("CREATE TEMPORARY TABLE "):
            return False
        cursor.connection.execute(statement)
        return True

    return engine
