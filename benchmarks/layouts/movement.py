"""What a join or a grouping sends between nodes, by the rules of Redshift's planner.

AWS names the ways in "Evaluating the query plan" (DS_DIST_NONE and so on). Which one is taken is its secret;
here it is the one that sends the fewest bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from benchmarks.layouts.placement import EVEN, Cluster, Layout, Placement, decoded

__all__ = ["Grouping", "Join", "Movement", "Side", "Work", "made", "of_grouping", "of_join", "stored"]


@dataclass(frozen=True)
class Side:
    """One side of a join, after its filters.

    :ivar table: whose placement it has; None for what a statement or a temporary table made, which may lie
        anywhere and is taken to be EVEN.
    :ivar width: bytes of a row, of the columns that are needed.
    :ivar on: the columns that are compared, in the order of the other side's.
    """

    table: str | None
    rows: float
    width: float
    on: tuple[str, ...]

    @property
    def size(self) -> float:
        """Bytes of all rows."""
        return self.rows * self.width


@dataclass(frozen=True)
class Join:
    """Two sides with equal columns; ``times`` a day."""

    title: str
    left: Side
    right: Side
    times: float = 1.0


@dataclass(frozen=True)
class Grouping:
    """GROUP BY, or a window's PARTITION BY, over the columns ``on`` of a side.

    :ivar groups: how many there are; each slice sends at most so many rows. A window needs all rows.
    """

    title: str
    side: Side
    groups: float = inf
    times: float = 1.0


Work = Join | Grouping
"""A part of a day's work."""


def stored(table: str, rows: float, *on: str, also: tuple[str, ...] = ()) -> Side:
    """Rows of a table: the columns that are compared, and ``also`` what else is needed of them."""
    return Side(table, rows, decoded(table, *dict.fromkeys((*on, *also))), on)


def made(rows: float, width: float, *on: str) -> Side:
    """Rows that a statement or a temporary table made."""
    return Side(None, rows, width, on)


@dataclass(frozen=True, order=True)
class Movement:
    """Bytes that pass from one node to another, and how Redshift calls it."""

    size: float
    how: str


def of_join(join: Join, layout: Layout, cluster: Cluster) -> Movement:
    """What the join moves. The smaller side is the inner one, which is hashed."""
    inner, outer = sorted((join.left, join.right), key=lambda side: side.size)
    inside, outside = _placement(inner, layout), _placement(outer, layout)
    crossing = _crossing(cluster)
    if inside.style == "ALL":
        return Movement(0.0, "DS_DIST_ALL_NONE")
    if outside.style == "ALL":
        return Movement(inner.size * crossing, "DS_DIST_ALL_INNER")
    inner_at, outer_at = _position(inner, inside), _position(outer, outside)
    if inner_at is not None and inner_at == outer_at:
        return Movement(0.0, "DS_DIST_NONE")
    ways = [
        Movement(inner.size * (cluster.nodes - 1), "DS_BCAST_INNER"),
        Movement((inner.size + outer.size) * crossing, "DS_DIST_BOTH"),
    ]
    if outer_at is not None:
        ways.append(Movement(inner.size * crossing, "DS_DIST_INNER"))
    if inner_at is not None:
        ways.append(Movement(outer.size * crossing, "DS_DIST_OUTER"))
    return min(ways)


def of_grouping(grouping: Grouping, layout: Layout, cluster: Cluster) -> Movement:
    """What is sent so that the rows of each group meet: nothing where they lie together."""
    side = grouping.side
    placement = _placement(side, layout)
    if placement.style == "ALL" or _position(side, placement) is not None:
        return Movement(0.0, "DS_DIST_NONE")
    rows = min(side.rows, grouping.groups * cluster.slices)
    return Movement(rows * side.width * _crossing(cluster), "DIST")


def _placement(side: Side, layout: Layout) -> Placement:
    return EVEN if side.table is None else layout[side.table]


def _position(side: Side, placement: Placement) -> int | None:
    """Which of the columns compared the side is distributed by."""
    return side.on.index(placement.column) if placement.column in side.on else None


def _crossing(cluster: Cluster) -> float:
    """The share of rows that are sent to another node when all are sent to the slice of their key."""
    return (cluster.nodes - 1) / cluster.nodes
