"""Renders an HTML table for notebooks, with all text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from html import escape
from itertools import islice
from typing import Any

__all__ = ["html_table"]

_MOST = 50


def html_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    """The first fifty rows, numbers right-aligned, and whether there are more. NULL is not shown as empty text.

    >>> html_table(["<b>"], [["a & b"], [None]])  # doctest: +ELLIPSIS
    '<table><thead><tr><th>&lt;b&gt;</th></tr></thead><tbody><tr><td ...>a &amp; b</td></tr><tr><td ...
    """
    rest = iter(rows)
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in islice(rest, _MOST))
    more = f"<p>The first {_MOST} rows; there are more.</p>" if next(rest, None) is not None else ""
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    number = not isinstance(value, bool | str | date) and hasattr(value, "__float__")
    if value is None:
        text = "<i>NULL</i>"
    elif isinstance(value, datetime):
        text = escape(value.isoformat(sep=" "))
    else:
        text = escape(str(value))
    return f'<td style="text-align: {"right" if number else "left"}">{text}</td>'
