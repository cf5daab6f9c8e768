"""Values as SQL text: for statements in which Redshift takes no bound parameters, and for dry runs.

Nothing here is for building statements out of strings: the values come from SQLAlchemy expressions.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from decimal import Decimal
from itertools import chain
from typing import Any, Final

from sqlalchemy import types as sqltypes
from sqlalchemy.exc import CompileError

_QUOTED_OR_PERCENT: Final = re.compile(
    r"""(?<=E)'(?:\\'|[^'])*' | '(?:''|[^'])*' | "[^"]*" | %""", re.VERBOSE | re.DOTALL
)


def backslash_safe(literal: str) -> str:
    """``literal``, a quoted string, without backslashes: ``'a\\b'`` becomes ``REPLACE('a~b', '~', CHR(92))``.

    Redshift's parser is that of PostgreSQL 8.0, for which a backslash in a string literal begins an escape:
    the guide writes two for one (pages LIKE and POSIX operators), while PostgreSQL since 9.1 and DuckDB take
    each literally. A value that ends in a backslash would swallow the closing quote on Redshift, and a doubled
    one would stay two on the others. CHR means the same everywhere. One call replaces them all: a concatenation
    of thousands of pieces would be nested too deeply for a parser.
    """
    if "\\" not in literal:
        return literal
    # Every text lacks one of these: after the first three they are for private use in Unicode.
    unused = chain("~^|", map(chr, range(0xE000, 0xF900)), map(chr, range(0xF0000, 0xFFFFE)))
    instead = next(one for one in unused if one not in literal)
    return f"REPLACE({literal.replace(chr(92), instead)}, '{instead}', CHR(92))"


def check_comment(comment: str | None, where: str) -> None:
    """Refuse a backslash in a comment: COMMENT takes one plain literal, and no CHR(92).

    :param where: what the comment is of, for the message.
    :raises sqlalchemy.exc.CompileError: when the comment has one.
    """
    if "\\" in (comment or ""):
        raise CompileError(f"{where}: Redshift takes no backslash in a comment; write it in words")


def double_percents(text: str) -> str:
    """The SQL ``text`` with percent signs doubled outside of strings and quoted names.

    Where those begin and end is decided as in redshift_connector's ``convert_paramstyle``.
    """
    return _QUOTED_OR_PERCENT.sub(lambda match: "%%" if match[0] == "%" else match[0], text)


class LiteralDateTime(sqltypes.DateTime):
    """``TIMESTAMP '2018-11-01 20:57:10.796000'``; with a zone ``TIMESTAMPTZ '...+00:00'``.

    SQLAlchemy's plain quoted text is VARCHAR in Redshift wherever no column gives it a type (a select list,
    CASE). A value with a zone for a TIMESTAMP without one is converted to UTC: Redshift would convert the
    column instead, by the time zone of the session.
    """

    cache_ok = True

    def bind_processor(self, dialect: Any) -> Callable[[Any], Any] | None:
        return None if self.timezone else _without_zone

    def literal_processor(self, dialect: Any) -> Callable[[Any], str]:
        def process(value: dt.datetime) -> str:
            if not isinstance(value, dt.datetime):
                raise TypeError(f"a datetime is wanted, not {type(value).__name__}")
            if not self.timezone:
                value = _without_zone(value)
            return f"TIMESTAMP{'' if value.tzinfo is None else 'TZ'} '{value.isoformat(sep=' ')}'"

        return process


def _without_zone(value: Any) -> Any:
    """A datetime with a zone converted to UTC without one; anything else unchanged."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    return value


class LiteralDate(sqltypes.Date):
    """``DATE '2018-11-01'``."""

    cache_ok = True

    def literal_processor(self, dialect: Any) -> Callable[[Any], str]:
        def process(value: dt.date) -> str:
            if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
                raise TypeError(f"a date is wanted, not {type(value).__name__}")
            return f"DATE '{value.isoformat()}'"

        return process


class LiteralTime(sqltypes.Time):
    """``TIME '20:57:10'``; with a zone ``TIMETZ '20:57:10+00:00'``."""

    cache_ok = True

    def literal_processor(self, dialect: Any) -> Callable[[Any], str]:
        def process(value: dt.time) -> str:
            if not isinstance(value, dt.time):
                raise TypeError(f"a time is wanted, not {type(value).__name__}")
            return f"{'TIME' if value.tzinfo is None else 'TIMETZ'} '{value.isoformat()}'"

        return process


def check_value(value: Any) -> None:
    """Check that a value has a safe literal.

    :raises sqlalchemy.exc.CompileError: for a value that has none: bytes, NUL in a string, NaN, infinity.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise CompileError(
            "bytes have no literal on Redshift; bind them, or pass hexadecimal text to FROM_HEX()"
        )
    if isinstance(value, str) and "\x00" in value:
        raise CompileError(
            "a string with a NUL character cannot stand in SQL text; Redshift's VARCHAR has none"
        )
    if isinstance(value, (float, Decimal)) and not math.isfinite(value):
        raise CompileError(f"{value!r} has no numeric literal on Redshift; bind it instead")
