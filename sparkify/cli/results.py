"""Prints the rows of a query: as CSV, or as a table with bars that fits the terminal."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import typer

from sparkify.cli import formatting

__all__ = ["print_csv", "print_table"]

_GAP = "  "
_LONGEST_BAR = 24
_SHORTEST_BAR = 8
_SHORTEST_TEXT = 16
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """A line of names, then a line a row. Times are ISO 8601 in UTC, and what is not known is empty."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_plain(row[column]) for column in columns])


def print_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], measure: str) -> None:
    """Rows in columns, numbers to the right. On a terminal each row has a bar as long as its ``measure`` is
    large, and texts are cut where they would break the line; elsewhere nothing is cut.
    """
    cells = [[_cell(column, row[column]) for column in columns] for row in rows]
    lines = [[column.replace("_", " ") for column in columns], *cells]
    right = [_is_number(column, [row[column] for row in rows]) for column in columns]
    bars = [""] * len(lines)
    if sys.stdout.isatty():
        lines, room = _fitted(lines, right, shutil.get_terminal_size().columns)
        bars = ["", *_bars([row[measure] for row in rows], room)]
    widths = _widths(lines)
    for line, bar in zip(lines, bars, strict=True):
        parts = [
            _padded(text, width, to_right) for text, width, to_right in zip(line, widths, right, strict=True)
        ]
        typer.echo(_GAP.join([*parts, bar]).rstrip())


def _plain(value: Any) -> Any:
    return f"{value.isoformat(timespec='milliseconds')}Z" if isinstance(value, datetime) else value


def _is_number(column: str, values: Iterable[Any]) -> bool:
    return column != "weekday" and all(value is None or isinstance(value, int | float) for value in values)


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "-"
    if column == "weekday":
        return _WEEKDAYS[value]
    if isinstance(value, float):
        fraction = column.endswith(("share", "rate", "growth", "chance"))
        return f"{value:.1%}" if fraction else f"{value:,.1f}"
    if isinstance(value, datetime):
        return formatting.when(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int):
        # A number that only names something has no thousands.
        return str(value) if column.endswith("_id") else f"{value:,}"
    # A name comes from the logs, and must not write on the terminal.
    return "".join(c if c.isprintable() else "�" for c in value)


# -- on a terminal -----------------------------------------------------------------------------------------


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    return [max(map(cell_len, texts)) for texts in zip(*lines, strict=True)]


def _padded(text: str, width: int, to_right: bool) -> str:
    from rich.cells import cell_len

    padding = " " * (width - cell_len(text))
    return padding + text if to_right else text + padding


def _fitted(lines: list[list[str]], right: Sequence[bool], columns: int) -> tuple[list[list[str]], int]:
    """The lines with the longest texts cut until a short bar has room, and how much room a bar has."""
    widths = _widths(lines)
    room = columns - sum(widths) - len(_GAP) * len(widths)
    texts = [place for place, to_right in enumerate(right) if not to_right]
    while room < _SHORTEST_BAR and texts:
        longest = max(texts, key=widths.__getitem__)
        if widths[longest] <= _SHORTEST_TEXT:
            break
        widths[longest] -= 1
        room += 1
    return [[_cut(text, width) for text, width in zip(line, widths, strict=True)] for line in lines], room


def _cut(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"


def _bars(values: Sequence[float | None], room: int) -> list[str]:
    """A bar for each value, as long as it is large; nothing where there is no room, or nothing to compare."""
    largest = max((value or 0 for value in values), default=0)
    width = min(_LONGEST_BAR, room)
    if width < _SHORTEST_BAR or largest <= 0 or len(values) < 2:
        return [""] * len(values)
    if "utf" not in (sys.stdout.encoding or "").lower():
        return ["#" * round(width * (value or 0) / largest) for value in values]
    eighths = (round(8 * width * (value or 0) / largest) for value in values)
    return ["█" * (length // 8) + " ▏▎▍▌▋▊▉"[length % 8].strip() for length in eighths]
