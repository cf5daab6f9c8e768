"""How many blocks a query of a time range reads, by the order of the rows on a slice.

Redshift keeps the minimum and the maximum of each block, and reads a block if its values may be in the
requested range.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

__all__ = ["ORDERS", "Row", "Zones", "blocks_read", "history"]


@dataclass(frozen=True)
class Row:
    """A play on one slice.

    :ivar loaded: the day of its load, as an increasing number.
    """

    start_time: float
    user_id: int
    loaded: float


@dataclass(frozen=True)
class Zones:
    """The range of values of each block, in block order."""

    bounds: Sequence[tuple[float, float]]

    @classmethod
    def of(cls, values: Sequence[float], rows_a_block: int) -> Zones:
        """The zones of values in storage order."""
        blocks = (values[at : at + rows_a_block] for at in range(0, len(values), rows_a_block))
        return cls([(min(block), max(block)) for block in blocks])

    def read(self, first: float, end: float) -> list[bool]:
        """Whether each block may hold a value from ``first`` to ``end``, which is excluded."""
        return [low < end and high >= first for low, high in self.bounds]


def blocks_read(values: Sequence[float], rows_a_block: int, first: float, end: float) -> float:
    """The share of a column's blocks that are read for values from ``first`` to ``end``, which is excluded."""
    found = Zones.of(values, rows_a_block).read(first, end)
    return sum(found) / len(found)


def history(rows: int, days: int, users: Sequence[float], *, late: float = 0.02, seed: int = 1) -> list[Row]:
    """Plays in the order of their loads; within a load they are unordered.

    :param users: the weights of users.
    :param late: the share of days whose file is loaded late, by up to 60 days.
    """
    chance = Random(seed)
    late_by = {day: chance.randint(1, 60) for day in range(days) if chance.random() < late}
    who = chance.choices(range(len(users)), weights=users, k=rows)
    plays = []
    for user in who:
        at = chance.random() * days
        day = int(at)
        plays.append(Row(at, user, day + late_by.get(day, 0)))
    return sorted(plays, key=lambda row: row.loaded)


def _unsorted_end(rows: Sequence[Row]) -> list[Row]:
    """Sorted by time, but for the last 30 loads, which no VACUUM has seen yet."""
    last = max(row.loaded for row in rows) - 30
    old = sorted((row for row in rows if row.loaded <= last), key=lambda row: row.start_time)
    return old + [row for row in rows if row.loaded > last]


def _one_load(rows: Sequence[Row]) -> list[Row]:
    """In the order in which COPY of all files by all slices loads them."""
    last = max(row.loaded for row in rows)
    shuffled = Random(1).sample(rows, len(rows))
    return [Row(row.start_time, row.user_id, last) for row in shuffled]


ORDERS: Mapping[str, Callable[[Sequence[Row]], list[Row]]] = {
    "start_time": lambda rows: sorted(rows, key=lambda row: row.start_time),
    "start_time, the last 30 loads unsorted": _unsorted_end,
    "start_time, user_id": lambda rows: sorted(rows, key=lambda row: (row.start_time, row.user_id)),
    "user_id": lambda rows: sorted(rows, key=lambda row: row.user_id),
    "user_id, start_time": lambda rows: sorted(rows, key=lambda row: (row.user_id, row.start_time)),
    "none: as they were loaded": list,
    "none: all in one load, as of a full refresh": _one_load,
}
"""The storage order of the rows under each sort key; the argument has them in load order."""
