"""The placement of a table's rows: on which slices, how unevenly, and how many bytes they take there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Boolean, Column, Double, Integer, SmallInteger, String, Table

from sparkify.models import Base

__all__ = [
    "ALL",
    "BLOCK",
    "CLUSTERS",
    "EVEN",
    "Cluster",
    "Layout",
    "Placement",
    "by_key",
    "decoded",
    "encoded",
    "key",
    "placed",
    "skew",
    "smallest",
]

BLOCK = 1 << 20
"""Bytes of a block, the smallest size of a column on a slice (AWS: 1 MB)."""

_HIDDEN = 3
"""Columns that Redshift adds to each table: the inserting and the deleting transaction, and the row number."""

Style = Literal["KEY", "EVEN", "ALL"]


@dataclass(frozen=True)
class Cluster:
    """Nodes, and the slices of all of them together."""

    nodes: int
    slices: int


CLUSTERS = (
    Cluster(2, 4),
    Cluster(2, 8),
    Cluster(4, 16),
    Cluster(8, 32),
    Cluster(16, 64),
    Cluster(32, 128),
)
"""With fewer than two nodes nothing moves: first two slices per node, as ra3.xlplus has, then four, as
ra3.4xlarge."""


@dataclass(frozen=True)
class Placement:
    """How a table is distributed; ``column`` is the distribution key of KEY."""

    style: Style
    column: str | None = None

    def __str__(self) -> str:
        return self.style if self.column is None else f"KEY({self.column})"


EVEN, ALL = Placement("EVEN"), Placement("ALL")

Layout = Mapping[str, Placement]
"""The placement of each table."""


def key(column: str) -> Placement:
    """Distributed by a column."""
    return Placement("KEY", column)


def by_key(
    counts: Mapping[int, float],
    slices: int,
    *,
    spread: float = 0.0,
    slice_of: Callable[[int], int] | None = None,
) -> list[float]:
    """Rows on each slice if the rows of a key share a slice.

    :param counts: rows of each key that has many.
    :param spread: rows of all other keys, each with so few that they spread evenly.
    :param slice_of: the slice of a key; by default from a hash of it.
    """
    place = slice_of or (lambda value: _scrambled(value) % slices)
    rows = [spread / slices] * slices
    for value, number in counts.items():
        rows[place(value)] += number
    return rows


def placed(placement: Placement, rows: float, keyed: list[float], cluster: Cluster) -> list[float]:
    """Rows on each slice, copies included: ALL puts them on one slice of each node.

    :param keyed: the rows on each slice if the placement is KEY.
    """
    if placement.style == "KEY":
        return keyed
    if placement.style == "EVEN":
        return [rows / cluster.slices] * cluster.slices
    of_node = cluster.slices // cluster.nodes
    return [rows if number % of_node == 0 else 0.0 for number in range(cluster.slices)]


def skew(rows: list[float]) -> float:
    """Rows on the fullest slice, for which all wait, divided by the mean; 1 if there is no row."""
    mean = sum(rows) / len(rows)
    return max(rows) / mean if mean else 1.0


def _scrambled(value: int) -> int:
    """64 bits that look random but are the same in every process (SplitMix64)."""
    mask = (1 << 64) - 1
    bits = (value + 0x9E3779B97F4A7C15) & mask
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & mask
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & mask
    return bits ^ (bits >> 31)


# -- bytes -------------------------------------------------------------------------------------------------

_TEXT = {
    "user_agent": 108,
    "location": 28,
    "song_id": 18,
    "artist_id": 18,
    "title": 18,
    "artist_name": 13,
    "name": 13,
    "title_key": 15,
    "artist_key": 11,
    "name_key": 11,
    "first_name": 6,
    "last_name": 6,
    "gender": 1,
    "level": 4,
    "match": 8,
}
"""Mean bytes of a text over the plays of a real month; a key is assumed to be shorter than its name."""

_OF_DECODED = {"raw": 1.0, "az64": 0.5, "zstd": 0.35}
"""The share of a column's bytes that an encoding leaves: assumed, close to published comparisons."""


def decoded(table: str, *columns: str) -> float:
    """Bytes of a row in memory and between nodes: of the named columns, or of all."""
    found = Base.metadata.tables[table].columns
    return float(sum(_width(found[name]) for name in columns or found.keys()))


def encoded(table: str, *columns: str) -> float:
    """Bytes of a row in blocks: of the named columns, or of all."""
    found = Base.metadata.tables[table].columns
    return sum(
        _width(column) * _OF_DECODED[str(column.dialect_options["redshift"]["encode"])]
        for column in (found[name] for name in columns or found.keys())
    )


def smallest(table: str, placement: Placement, cluster: Cluster) -> int:
    """Bytes of a table with a row on each slice: a block per column, separate for sorted and unsorted rows."""
    model: Table = Base.metadata.tables[table]
    regions = 2 if model.dialect_options["redshift"]["sortkey"] else 1
    filled = cluster.nodes if placement.style == "ALL" else cluster.slices
    return BLOCK * (len(model.columns) + _HIDDEN) * filled * regions


def _width(column: Column[object]) -> int:
    kind = column.type
    if isinstance(kind, String):
        return _TEXT[column.name]
    if isinstance(kind, Boolean):
        return 1
    if isinstance(kind, SmallInteger):
        return 2
    # SQLAlchemy's BIGINT is an Integer too; TIMESTAMP has as many bytes.
    return 4 if type(kind) is Integer and not isinstance(kind, Double) else 8
