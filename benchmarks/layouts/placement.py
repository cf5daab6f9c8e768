"""Where the rows of a table lie: on which slices, how unevenly, and how many bytes they take there."""

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
"""Bytes of a block, the smallest amount that a column takes on a slice (AWS: 1 MB)."""

_HIDDEN = 3
"""Columns that Redshift adds to each table: who inserted and deleted a row, and its number."""

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
"""Two nodes are the fewest that move anything: with two slices each, as ra3.xlplus has, then with four, as
ra3.4xlarge."""


@dataclass(frozen=True)
class Placement:
    """How a table is distributed; ``column`` is that of KEY."""

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
    """Rows on each slice when those of one key lie together.

    :param counts: rows of each key that has many.
    :param spread: rows of all other keys, each so few that they lie evenly.
    :param slice_of: the slice of a key; by default a hash of it.
    """
    place = slice_of or (lambda value: _scrambled(value) % slices)
    rows = [spread / slices] * slices
    for value, number in counts.items():
        rows[place(value)] += number
    return rows


def placed(placement: Placement, rows: float, keyed: list[float], cluster: Cluster) -> list[float]:
    """Rows on each slice, copies included: those of ALL lie on one slice of each node.

    :param keyed: the rows on each slice where the placement is KEY.
    """
    if placement.style == "KEY":
        return keyed
    if placement.style == "EVEN":
        return [rows / cluster.slices] * cluster.slices
    of_node = cluster.slices // cluster.nodes
    return [rows if number % of_node == 0 else 0.0 for number in range(cluster.slices)]


def skew(rows: list[float]) -> float:
    """The fullest slice against the mean: all wait for that one. 1 where there is no row."""
    mean = sum(rows) / len(rows)
    return max(rows) / mean if mean else 1.0


def _scrambled(value: int) -> int:
    """64 bits that look random, the same in every process (SplitMix64)."""
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
"""Bytes of a text, the mean over the plays of a real month; a key is taken to be shorter than its name."""

_OF_DECODED = {"raw": 1.0, "az64": 0.5, "zstd": 0.35}
"""What an encoding leaves of a column: an assumption, about what published comparisons of such columns show."""


def decoded(table: str, *columns: str) -> float:
    """Bytes of a row in memory and between nodes: of the columns named, or of all."""
    found = Base.metadata.tables[table].columns
    return float(sum(_width(found[name]) for name in columns or found.keys()))


def encoded(table: str, *columns: str) -> float:
    """Bytes of a row in blocks: of the columns named, or of all."""
    found = Base.metadata.tables[table].columns
    return sum(
        _width(column) * _OF_DECODED[str(column.dialect_options["redshift"]["encode"])]
        for column in (found[name] for name in columns or found.keys())
    )


def smallest(table: str, placement: Placement, cluster: Cluster) -> int:
    """Bytes that a table takes with a row on each slice: a block a column, sorted and not sorted rows apart."""
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
    # BIGINT is an Integer of SQLAlchemy too, and TIMESTAMP has as many bytes.
    return 4 if type(kind) is Integer and not isinstance(kind, Double) else 8
