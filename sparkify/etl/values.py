"""Formats the values of rows as text: for JSON, CSV, Markdown and the terminal.

A decimal is written with all its digits. A moment is in ISO 8601: one with a zone is converted to UTC and ends
in ``Z``; one without a zone is as the database has it.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from sparkify.etl.escaping import escape_json

__all__ = ["csv_line", "json_text", "markdown_text", "moment", "plain_text", "printable"]

_JSON = json.JSONEncoder(ensure_ascii=False)
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The characters that begin a formula in a spreadsheet, also in full width."""
_MARKS = re.compile(r"([\\`*_\[\]|])")


def _encode(value: Any) -> str:
    return escape_json(_JSON.encode(value))


def moment(value: datetime, *, utc: bool = False) -> str:
    """A moment in ISO 8601, to the millisecond, or to the microsecond if milliseconds do not suffice.

    :param utc: whether a moment without a zone is known to be in UTC.
    """
    zone = "Z" if utc or value.tzinfo is not None else ""
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return f"{value.isoformat(timespec='microseconds' if value.microsecond % 1000 else 'milliseconds')}{zone}"


def json_text(value: Any, *, utc: bool = False) -> str:
    """A value as JSON: a decimal as a number with all digits; NaN and infinity, unknown to JSON, as null."""
    match value:
        case None | bool() | str() | int():
            return _encode(value)
        case float():
            return repr(value) if math.isfinite(value) else "null"
        case Decimal():
            return f"{value:f}" if value.is_finite() else "null"
        case Mapping():
            items = (f"{_encode(str(key))}: {json_text(item, utc=utc)}" for key, item in value.items())
            return f"{{{', '.join(items)}}}"
        case list() | tuple():
            return f"[{', '.join(json_text(item, utc=utc) for item in value)}]"
        case _:
            return _encode(plain_text(value, utc=utc))


def plain_text(value: Any, *, utc: bool = False) -> str:
    """A value that is not NULL as text: bytes in hexadecimal, lists and the like as JSON."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case datetime():
            return moment(value, utc=utc)
        case date() | time():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case list() | tuple() | Mapping():
            return json_text(value, utc=utc)
        case _:
            return str(value)


def csv_line(row: tuple[Any, ...], *, utc: bool = False, safe: bool = False) -> str:
    """A row of CSV, without its line ending. NULL is an empty field, and an empty text is ``""``.

    :param safe: whether a text that a spreadsheet would take for a formula is preceded by a ``'``.

    >>> print(csv_line(("=1+1", "@SUM(1)", -1, None), safe=True))
    '=1+1,'@SUM(1),-1,
    """
    return ",".join("" if value is None else _quoted(_csv_text(value, utc=utc, safe=safe)) for value in row)


def _csv_text(value: Any, *, utc: bool, safe: bool) -> str:
    text = plain_text(value, utc=utc)
    # Spreadsheets skip blanks before a formula. A number stays a number whatever its sign.
    return f"'{text}" if safe and isinstance(value, str) and text.lstrip()[:1] in _FORMULA else text


def _quoted(text: str) -> str:
    plain = text and text.isprintable() and not {",", '"'} & set(text) and text.strip() == text
    return text if plain else '"' + text.replace('"', '""') + '"'


def markdown_text(value: Any, *, utc: bool = False) -> str:
    """A value for a cell of a Markdown table, with all markup escaped. NULL is ``NULL``."""
    if not isinstance(value, str):
        return "NULL" if value is None else markdown_text(plain_text(value, utc=utc))
    # Names come from the logs, and a page may take HTML in them for its own.
    lines = html.escape(value, quote=False).splitlines()
    return "<br>".join(_MARKS.sub(r"\\\1", printable(line)) for line in lines)


def printable(text: str) -> str:
    """A text on one line, without characters that control the terminal: names come from the logs."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "�" for letter in text)
