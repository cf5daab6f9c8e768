"""The answers as CSV in data: URIs, so that a link saves a file without a request."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from sparkify.etl.values import csv_line
from sparkify.report.facts import Record

__all__ = ["csv_link", "csv_text"]

_MOST_ROWS = 500
"""A larger answer gets no link, so that the page does not hold it twice: the command beside it gives it."""


def csv_text(rows: Sequence[Record]) -> str:
    """What ``sparkify-etl query --csv`` prints for these rows."""
    lines = [tuple(rows[0]), *(tuple(row.values()) for row in rows)] if rows else []
    return "".join(f"{csv_line(line, utc=True)}\n" for line in lines)


def csv_link(rows: Sequence[Record]) -> str | None:
    """The rows as a ``data:`` URI; None if there are no rows, or more than :data:`_MOST_ROWS`."""
    if not 0 < len(rows) <= _MOST_ROWS:
        return None
    return f"data:text/csv;charset=utf-8,{quote(csv_text(rows), safe=',.-_~')}"
