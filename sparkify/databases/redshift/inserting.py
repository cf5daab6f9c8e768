"""How many rows of values go into one INSERT: each statement is a round trip, and has a largest size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["ROWS_PER_INSERT", "parts"]

ROWS_PER_INSERT = 500
_BYTES_PER_INSERT = 4_000_000
"""Of the values. With quotes doubled it stays below 16 MB, beyond which Redshift takes no statement."""


def parts(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The rows, as many at a time as one statement takes."""
    some: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        length = sum(len(str(value).encode()) for value in row.values())
        if some and (len(some) == ROWS_PER_INSERT or size + length > _BYTES_PER_INSERT):
            yield some
            some, size = [], 0
        some.append(dict(row))
        size += length
    if some:
        yield some
