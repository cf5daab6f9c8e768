"""The bytes that a join or a grouping sends between nodes, by the rules of Redshift's planner.

AWS lists the strategies in "Evaluating the query plan" (DS_DIST_NONE and so on), but not how the planner
chooses one; here it is the one that sends the fewest bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from benchmarks.layouts.placement import EVEN, Cluster, Layout, Placement, decoded

__all__ = ["Grouping", "Join", "Movement", "Side", "Work", "made", "of_grouping", "of_join", "stored"]


@dataclass(frozen=True)
class Side:
    """One side of a join, after its filters.

    :ivar table: the table whose placement it has; None for the result of a statement or a temporary table,
        which may be anywhere and is assumed to be EVEN.
    :ivar width: bytes of a row, counting the needed columns.
    :ivar on: the compared columns, in the order of the other side's.
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
    """A join of two sides on equal columns, ``times`` a day."""

    title: str
    left: Side
    right: Side
    times: float = 1.0


@dataclass(frozen=True)
class Grouping:
    """GROUP BY, or a window's PARTITION BY, over the columns ``on`` of a side.

    :ivar groups: the number of groups; each slice sends at most so many rows. A window needs all rows.
    """

    title: str
    side: Side
    groups: float = inf
    times: float = 1.0


Work = Join | Grouping
"""A part of a day's work."""


def stored(table: str, rows: float, *on: str, also: tuple[str, ...] = ()) -> Side:
    """Rows of a table: the compared columns, and ``also`` the other columns that are needed."""
    return Side(table, rows, decoded(table, *dict.fromkeys((*on, *also))), on)


def made(rows: float, width: float, *on: str) -> Side:
    """Rows of the result of a statement or of a temporary table."""
    return Side(None, rows, width, on)


@dataclass(frozen=True, order=True)
class Movement:
    """Bytes sent between nodes, and Redshift's name for it."""

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
    """What is sent to bring the rows of each group together: nothing if they are on one slice already."""
    side = grouping.side
    placement = _placement(side, layout)
    if placement.style == "ALL" or _position(side, placement) is not None:
        return Movement(0.0, "DS_DIST_NONE")
    rows = min(side.rows, grouping.groups * cluster.slices)
    return Movement(rows * side.width * _crossing(cluster), "DIST")


def _placement(side: Side, layout: Layout) -> Placement:
    return EVEN if side.table is None else layout[side.table]


def _position(side: Side, placement: Placement) -> int | None:
    """The position of the distribution column among the compared columns, or None."""
    return side.on.index(placement.column) if placement.column in side.on else None


def _crossing(cluster: Cluster) -> float:
    """The share of rows that go to another node when each row is sent to the slice of its key."""
    return (cluster.nodes - 1) / cluster.nodes
