"""Builds the one SELECT that counts what is in a batch: its rows, its limits, and its present or new values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    SelectBase,
    String,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
    union_all,
)

from sparkify.etl.profiles import Totals
from sparkify.etl.ranges import select_limits
from sparkify.etl.staging import Source

__all__ = ["Counted", "counted", "select_totals"]

More = Callable[[Source], ColumnElement[int]]


@dataclass(frozen=True)
class Counted:
    """The counts of the staged rows of a source.

    :ivar rows: how many there are.
    :ivar more: the sum of what else was asked for.
    :ivar limits: the values of :func:`~sparkify.etl.ranges.select_limits`.
    """

    rows: int = 0
    more: int = 0
    limits: tuple[Any, ...] = ()
    totals: Totals = field(default_factory=Totals)


def select_totals(sources: Sequence[Source], more: More | None = None) -> SelectBase:
    """One statement for all sources: for each source, a row for each value of the watched column, or one row
    if no column is watched.

    :param more: another aggregate over the staging table of a source, to be summed up.
    """
    parts = [_select(sources, number, more) for number in range(len(sources))]
    return union_all(*parts) if len(parts) > 1 else parts[0]


def _select(sources: Sequence[Source], number: int, more: More | None) -> Select[Any]:
    """The rows of one source, padded to the columns of all sources."""
    source = sources[number]
    counts = _counts(source, literal_column("0") if more is None else more(source))
    counts += [literal_column("0")] * (max(map(_width, sources)) - len(counts))
    watched = None if source.watched is None else source.staging.c[source.watched.column]
    value = cast(null(), String(1)) if watched is None else watched
    columns: list[ColumnElement[Any]] = [literal_column(str(number)).label("source_number")]
    columns.append(value.label("watched_value"))
    columns += [count.label(f"count_{place}") for place, count in enumerate(counts, start=1)]
    columns += _limits(sources, number)
    found = select(*columns).select_from(source.staging)
    return found if watched is None else found.group_by(watched)


def _width(source: Source) -> int:
    return 3 + len(source.fields)


def _counts(source: Source, more: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    kept = source.kept
    is_kept = None if kept is None else source.staging.c[kept.column] == kept.value
    number = func.count() if is_kept is None else func.count(case((is_kept, 1), else_=None))
    filled = [
        func.count(column if is_kept is None else case((is_kept, column), else_=None))
        for column in source.fields
    ]
    return [func.count(), more, number, *filled]


def _limits(sources: Sequence[Source], number: int) -> Iterator[ColumnElement[Any]]:
    """The limits of a source, in columns of its own because each has its own type; other columns are NULL."""
    for at, source in enumerate(sources):
        for place, limit in enumerate(select_limits(source), start=1):
            value = limit if at == number else cast(null(), limit.type)
            yield value.label(f"limit_{at}_{place}")


def counted(sources: Sequence[Source], rows: Sequence[Sequence[Any]]) -> list[Counted]:
    """The counts of each source, given the rows of :func:`select_totals`."""
    first = 2 + max(map(_width, sources))
    found: list[Counted] = []
    for number, source in enumerate(sources):
        size = 2 * len(source.ranges)
        found.append(_counted(source, [row for row in rows if row[0] == number], slice(first, first + size)))
        first += size
    return found


def _counted(source: Source, rows: Sequence[Sequence[Any]], where: slice) -> Counted:
    keys = [one.key for one in source.fields.values()]
    sums = [0] * _width(source)
    limits: list[Any] = [None] * (2 * len(source.ranges))
    values: set[str] = set()
    for row in rows:
        sums = [a + int(b or 0) for a, b in zip(sums, row[2 : 2 + len(sums)], strict=True)]
        limits = [_outer(place, *pair) for place, pair in enumerate(zip(limits, row[where], strict=True))]
        if row[1] is not None:
            values.add(row[1])
    known = () if source.watched is None else source.watched.values
    total, more, kept, *filled = sums
    totals = Totals(kept, dict(zip(keys, filled, strict=True)), frozenset(values.difference(known)))
    return Counted(total, more, tuple(limits), totals)


def _outer(place: int, one: Any, other: Any) -> Any:
    """The lesser of two least values at an even place, the greater of two greatest at an odd one."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other) if place % 2 else min(one, other)
