"""Formats results: numbers, sizes, tables of text, JSON, SQL."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import typer

from sparkify.cli.messages import warn
from sparkify.cli.remedies import as_typed
from sparkify.cli.streams import raw
from sparkify.config.secrets import redact
from sparkify.etl.escaping import escape_controls, escape_json

__all__ = ["count", "print_json", "print_sql", "print_table", "seconds", "size", "when"]

_REMEDIES = frozenset(("advice", "error", "hint", "notices", "problem"))
"""Fields of results whose text may name a command to run."""


def print_json(value: Any) -> None:
    """Print a result as JSON: keys as the library names them, times as ISO 8601 in UTC."""
    typer.echo(escape_json(json.dumps(_plain(value), indent=2, ensure_ascii=False)))


def print_sql(text: str) -> None:
    """Print SQL and a newline: to a pipe or a file as it is sent, on a terminal escaped, with a warning if that
    changes it.
    """
    if not sys.stdout.isatty():
        # The output may be run as SQL, and to a database an escaped character is a different text.
        raw(sys.stdout).write(redact(f"{text}\n"))
        return
    if escape_controls(text) != text:
        warn("the SQL has control characters, which are escaped here; print it into a file to run it")
    sys.stdout.write(f"{text}\n")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _field(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='milliseconds')}Z"
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _field(name: str, value: Any) -> Any:
    found = _plain(value)
    if name not in _REMEDIES:
        return found
    return [as_typed(text) for text in found] if isinstance(found, list) else found and as_typed(found)


def count(number: int, what: str, plural: str | None = None) -> str:
    """``1 file``, ``8,056 files``."""
    return f"{number:,} {what if number == 1 else plural or what + 's'}"


def size(number: float) -> str:
    """Bytes, in the unit that reads best."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:,.0f} {unit}" if unit == "B" else f"{number:,.1f} {unit}"
        number /= 1000
    raise AssertionError


def seconds(number: float) -> str:
    """A duration: ``0.8 s``, ``3 min 20 s``."""
    if number < 60:
        return f"{number:.1f} s"
    return f"{number // 60:.0f} min {number % 60:.0f} s"


def when(moment: datetime) -> str:
    """A UTC timestamp, to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def print_table(heads: Sequence[str], rows: Sequence[Sequence[Any]], *, indent: str = "  ") -> None:
    """Print rows in columns, numbers right-aligned."""
    cells = [[_cell(value) for value in row] for row in rows]
    right = [
        bool(cells) and all(isinstance(row[place], int | float) for row in rows) for place in range(len(heads))
    ]
    widths = [max([len(head), *(len(row[place]) for row in cells)]) for place, head in enumerate(heads)]
    for line in ([*heads], *cells):
        padded = [
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        ]
        typer.echo((indent + "  ".join(padded)).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    return f"{value:,}" if isinstance(value, int) else str(value)
