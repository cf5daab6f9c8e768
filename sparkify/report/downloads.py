"""The answers as CSV that the page itself holds: a link that saves a file, and asks nothing of a network."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sparkify.report.facts import Record

__all__ = ["csv_link", "csv_text"]

_MOST_ROWS = 500
"""An answer of more rows is not kept twice in the page: the command beside it gives it."""


def csv_text(rows: Sequence[Record]) -> str:
    """What ``sparkify-etl query --csv`` prints of these rows."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    if rows:
        writer.writerow(rows[0])
    for row in rows:
        writer.writerow([_plain(value) for value in row.values()])
    return written.getvalue()


def csv_link(rows: Sequence[Record]) -> str | None:
    """The rows as a ``data:`` address; None where there is none, or there are very many."""
    if not 0 < len(rows) <= _MOST_ROWS:
        return None
    return f"data:text/csv;charset=utf-8,{quote(csv_text(rows), safe=',.-_~')}"


def _plain(value: Any) -> Any:
    return f"{value.isoformat(timespec='milliseconds')}Z" if isinstance(value, datetime) else value
