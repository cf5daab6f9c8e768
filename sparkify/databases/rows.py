"""The rows of one result with the names and types of their columns, to be read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Rows", "unique"]


@dataclass(frozen=True)
class Rows:
    """What a statement returned.

    :ivar columns: names, each once.
    :ivar types: of the columns, as DuckDB names them: ``BIGINT``, ``DECIMAL(10,2)``, ``TIMESTAMP``. A DECIMAL
        without numbers has as many decimal places as its values.
    :ivar rows: one tuple per row, fetched on demand.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Iterable[tuple[Any, ...]]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """The names, with a number appended to each that is already taken.

    >>> unique(["n", "n", "n_1", ""])
    ('n', 'n_1', 'n_1_1', 'column')
    """
    found: list[str] = []
    for given in names:
        name = plain = given or "column"
        number = 0
        while name in found:
            number += 1
            name = f"{plain}_{number}"
        found.append(name)
    return tuple(found)
