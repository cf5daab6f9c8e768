"""The answers as CSV in data: URIs, so that a link saves a file without a request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from sparkify.report.facts import Record

__all__ = ["csv_link", "csv_text"]

_MOST_ROWS = 500
"""An answer of more rows is not kept twice in the page: the command beside it gives it."""


def csv_text(rows: Sequence[Record]) -> str:
    """What ``sparkify-etl query --csv`` prints of these rows."""
    lines = [_line(rows[0].keys()), *(_line(row.values()) for row in rows)] if rows else []
    return "".join(f"{line}\n" for line in lines)


def csv_link(rows: Sequence[Record]) -> str | None:
    """The rows as a ``data:`` address; None where there is none, or there are very many."""
    if not 0 < len(rows) <= _MOST_ROWS:
        return None
    return f"data:text/csv;charset=utf-8,{quote(csv_text(rows), safe=',.-_~')}"


def _line(values: Iterable[Any]) -> str:
    return ",".join("" if value is None else _quoted(_plain(value)) for value in values)


def _plain(value: Any) -> str:
    """Moments are of UTC, to the millisecond, or to the microsecond where they have some."""
    if isinstance(value, datetime):
        spec = "microseconds" if value.microsecond % 1000 else "milliseconds"
        return f"{value.isoformat(timespec=spec)}Z"
    return value.isoformat() if isinstance(value, date) else str(value)


def _quoted(text: str) -> str:
    plain = text and text.isprintable() and not {",", '"'} & set(text) and text.strip() == text
    return text if plain else '"{}"'.format(text.replace('"', '""'))
