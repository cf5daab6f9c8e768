"""Formats rows as a table that fits the terminal: with bars for a question, as they are for SQL."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sparkify.cli import formatting
from sparkify.cli.writing import is_number
from sparkify.etl.values import plain_text, printable

if TYPE_CHECKING:
    from sparkify.databases.rows import Rows

__all__ = ["answer_table", "plain_table"]

_GAP = "  "
_LONGEST_BAR = 24
_SHORTEST_BAR = 8
_SHORTEST_TEXT = 16
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def answer_table(rows: Rows, terminal: bool, measure: str) -> Iterator[str]:
    """Rows in columns, numbers right-aligned. On a terminal each row has a bar in proportion to its
    ``measure``, and texts are cut if they would break the line; elsewhere nothing is cut.
    """
    found = [dict(zip(rows.columns, row, strict=True)) for row in rows]
    if not found:
        return
    cells = [[_cell(column, row[column]) for column in rows.columns] for row in found]
    lines = [[column.replace("_", " ") for column in rows.columns], *cells]
    right = [_is_number(column, [row[column] for row in found]) for column in rows.columns]
    measures = [row[measure] for row in found]
    yield from _laid_out(lines, right, terminal, measures)


def plain_table(rows: Rows, terminal: bool) -> Iterator[str]:
    """Rows in columns, numbers right-aligned, each value as the database has it, and NULL as ``NULL``.
    On a terminal texts are cut if they would break the line.
    """
    cells = [["NULL" if value is None else printable(plain_text(value)) for value in row] for row in rows]
    lines = [list(map(printable, rows.columns)), *cells]
    yield from _laid_out(lines, list(map(is_number, rows.types)), terminal)


def _laid_out(
    lines: list[list[str]], right: Sequence[bool], terminal: bool, measures: Sequence[float | None] = ()
) -> Iterator[str]:
    bars = [""] * len(lines)
    if terminal:
        lines, room = _fitted(lines, right, shutil.get_terminal_size().columns, bar=bool(measures))
        bars = ["", *_bars(measures, room)] if measures else bars
    widths = _widths(lines)
    for line, bar in zip(lines, bars, strict=True):
        parts = [
            _padded(text, width, to_right) for text, width, to_right in zip(line, widths, right, strict=True)
        ]
        yield _GAP.join([*parts, bar]).rstrip()


def _is_number(column: str, values: Iterable[Any]) -> bool:
    return column != "weekday" and all(
        value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values
    )


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
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        # A number that is only an ID has no thousands separators.
        return str(value) if column.endswith("_id") else f"{value:,}"
    return printable(plain_text(value))


# -- on a terminal -----------------------------------------------------------------------------------------


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    return [max(map(cell_len, texts)) for texts in zip(*lines, strict=True)]


def _padded(text: str, width: int, to_right: bool) -> str:
    from rich.cells import cell_len

    padding = " " * (width - cell_len(text))
    return padding + text if to_right else text + padding


def _fitted(
    lines: list[list[str]], right: Sequence[bool], columns: int, *, bar: bool
) -> tuple[list[list[str]], int]:
    """The lines with the longest texts cut until they fit, beside a short bar if there is one; and the columns
    that are left.
    """
    widths = _widths(lines)
    room = columns - sum(widths) - len(_GAP) * len(widths)
    texts = [place for place, to_right in enumerate(right) if not to_right]
    least = _SHORTEST_BAR if bar else -len(_GAP)
    while room < least and texts:
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
    """A bar for each value, in proportion to it; empty if there is no room, or nothing to compare."""
    largest = max((value or 0 for value in values), default=0)
    width = min(_LONGEST_BAR, room)
    if width < _SHORTEST_BAR or largest <= 0 or len(values) < 2:
        return [""] * len(values)
    if "utf" not in (sys.stdout.encoding or "").lower():
        return ["#" * round(width * (value or 0) / largest) for value in values]
    eighths = (round(8 * width * (value or 0) / largest) for value in values)
    return ["█" * (length // 8) + " ▏▎▍▌▋▊▉"[length % 8].strip() for length in eighths]
