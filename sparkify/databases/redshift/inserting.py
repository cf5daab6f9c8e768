"""How many rows of values go into one INSERT: each statement is a round trip, and has a maximum size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["ROWS_PER_INSERT", "parts"]

ROWS_PER_INSERT = 500
_BYTES_PER_INSERT = 4_000_000
"""Bytes of the values. Even with quotes doubled the statement stays below 16 MB, the longest Redshift takes."""


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
