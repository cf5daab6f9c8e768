"""Find the layout that sends, writes and waits least in a day, among named ones and all combinations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from benchmarks.layouts.loads import load, songs_load, written
from benchmarks.layouts.movement import Join, Side, Work, of_grouping, of_join
from benchmarks.layouts.placement import (
    ALL,
    EVEN,
    Cluster,
    Layout,
    Placement,
    by_key,
    encoded,
    key,
    placed,
    smallest,
)
from benchmarks.layouts.population import Population, Scale
from benchmarks.layouts.questions import questions

__all__ = ["CANDIDATES", "LAYOUTS", "VARIANTS", "Cost", "Costs", "rows_by_slice", "rows_of"]

CANDIDATES: Mapping[str, tuple[Placement, ...]] = {
    "songplays": (
        *map(key, ("song_id", "artist_id", "match_id", "user_id", "session_id", "start_time")),
        EVEN,
        ALL,
    ),
    "users": (key("user_id"), EVEN, ALL),
    "songs": (*map(key, ("song_id", "artist_id", "artist_key", "title_key")), EVEN, ALL),
    "artists": (*map(key, ("artist_id", "name_key")), EVEN, ALL),
    "time": (key("start_time"), EVEN, ALL),
    "user_levels": (key("user_id"), EVEN, ALL),
    "song_matches": (*map(key, ("match_id", "song_id", "artist_id", "artist_key", "title")), EVEN, ALL),
}
"""The candidate placements of each table: the columns on which it is joined, EVEN and ALL."""

_NULL_OF_INFERRED = ("title_key", "artist_key", "name_key")
"""Columns that are NULL in inferred rows of songs and artists: as a key, they put these rows on one slice."""

_DIMENSIONS = ("users", "songs", "artists", "time", "user_levels", "song_matches")

_DIMENSIONS_BY_KEY: Layout = {
    "song_matches": key("match_id"),
    "songs": key("song_id"),
    "users": key("user_id"),
    "user_levels": key("user_id"),
    "time": key("start_time"),
    "artists": key("artist_id"),
}

LAYOUTS: Mapping[str, Layout] = {
    "first": {**dict.fromkeys(_DIMENSIONS, ALL), "songplays": key("song_id"), "songs": key("song_id")},
    "guide": {
        # The fact with its largest dimension, the others by their most frequent join, small tables ALL.
        "songplays": key("song_id"),
        "songs": key("song_id"),
        "song_matches": key("song_id"),
        "users": key("user_id"),
        "user_levels": key("user_id"),
        "time": key("start_time"),
        "artists": ALL,
    },
    "even": dict.fromkeys(CANDIDATES, EVEN),
    "match": {**_DIMENSIONS_BY_KEY, "songplays": key("match_id")},
    "user": {**_DIMENSIONS_BY_KEY, "songplays": key("user_id")},
}
"""Named layouts; ``first`` is the layout of the migrations up to 0005."""


def rows_of(table: str, scale: Scale) -> float:
    """Rows of a table after the whole history."""
    s = scale.sizes
    return {
        "songplays": s.all_plays,
        "users": s.all_users,
        "songs": s.all_songs,
        "artists": s.all_artists,
        "time": s.all_moments,
        "user_levels": s.all_levels,
        "song_matches": s.all_matches,
    }[table]


def rows_by_slice(table: str, placement: Placement, scale: Scale, cluster: Cluster) -> list[float]:
    """Rows on each slice. Keys that occur about equally often spread evenly."""
    rows = rows_of(table, scale)
    if table in ("songs", "artists") and placement.column in _NULL_OF_INFERRED:
        inferred = scale.inferred_share * rows
        return placed(placement, rows, by_key({0: inferred}, cluster.slices, spread=rows - inferred), cluster)
    uneven: Population | None = None
    if table == "songplays" and placement.column in ("song_id", "match_id", "artist_id"):
        uneven = scale.played
    elif table == "songplays" and placement.column == "user_id":
        uneven = scale.listeners
    head, rest = uneven.counts(rows) if uneven else ({}, rows)
    if placement.column == "artist_id":
        by_artist: dict[int, float] = {}
        for rank, number in head.items():
            by_artist[rank // 8] = by_artist.get(rank // 8, 0.0) + number
        head = by_artist
    return placed(placement, rows, by_key(head, cluster.slices, spread=rest), cluster)


@dataclass(frozen=True)
class Cost:
    """Bytes of a day; ``storage`` has the bytes of the whole history.

    :ivar waited: what the slices could have read while they wait for the one that reads most.
    """

    load: float
    questions: float
    written: float
    waited: float
    storage: float

    @property
    def day(self) -> float:
        """The sum of all but the storage."""
        return self.load + self.questions + self.written + self.waited


@dataclass(frozen=True)
class Variant:
    """Assumptions about a day.

    :ivar asked: how often each question is asked.
    :ivar without: prefixes of the titles of questions that nobody asks.
    :ivar waits: whether the wait of slices for the fullest one counts.
    """

    title: str
    asked: float = 1.0
    without: tuple[str, ...] = ()
    waits: bool = True


PLAIN = Variant("one load, and each question once")
VARIANTS = (
    PLAIN,
    Variant("loads alone", asked=0.0),
    Variant("each question ten times", asked=10.0),
    Variant("without retention", without=("retention",)),
    Variant("without retention and different users", without=("retention", "plays by", "totals: different")),
    Variant("waiting not counted", waits=False),
)
"""Days on which the choice is tested."""


class Costs:
    """The costs of layouts of one scale on one cluster; each part is computed once, since they add up."""

    def __init__(self, scale: Scale, cluster: Cluster, variant: Variant = PLAIN) -> None:
        self.scale, self.cluster, self.variant = scale, cluster, variant
        s = scale.sizes
        self.load = [*load(s), *songs_load(s, 1 / 30)]
        asked = questions(s, variant.asked) if variant.asked else []
        self.questions = [part for part in asked if not part.title.startswith(variant.without)]
        self._parts: dict[tuple[str, tuple[Placement, ...]], tuple[float, float]] = {}
        self._alone: dict[tuple[str, Placement], tuple[float, float]] = {}
        self._idle: dict[tuple[str, Placement], float] = {}

    def of_part(self, part: Work, layout: Layout) -> tuple[float, float]:
        """Bytes per day that a part of the work sends, and bytes that it waits for."""
        stored = [(side, layout[side.table]) for side in _stored(part) if side.table]
        known = (part.title, tuple(placement for _, placement in stored))
        if known not in self._parts:
            moved = (
                of_join(part, layout, self.cluster)
                if isinstance(part, Join)
                else of_grouping(part, layout, self.cluster)
            )
            idle = self.idle if self.variant.waits else _busy
            waited = sum(side.size * idle(side.table or "", placement) for side, placement in stored)
            self._parts[known] = moved.size * part.times, waited * part.times
        return self._parts[known]

    def idle(self, table: str, placement: Placement) -> float:
        """The bytes that slices could read while they wait for the fullest one, as a multiple of the table's.

        A copy on each node is read there by the one slice that has it.
        """
        known = (table, placement)
        if known not in self._idle:
            rows = rows_by_slice(table, placement, self.scale, self.cluster)
            self._idle[known] = max(rows) * self.cluster.slices / rows_of(table, self.scale) - 1
        return self._idle[known]

    def of(self, layout: Layout) -> Cost:
        """What the layout costs."""
        load = [self.of_part(part, layout) for part in self.load]
        questions = [self.of_part(part, layout) for part in self.questions]
        alone = [self._of_table(name, placement) for name, placement in layout.items()]
        return Cost(
            load=sum(moved for moved, _ in load),
            questions=sum(moved for moved, _ in questions),
            written=sum(written for written, _ in alone),
            waited=sum(waited for _, waited in (*load, *questions)),
            storage=sum(storage for _, storage in alone),
        )

    def _of_table(self, table: str, placement: Placement) -> tuple[float, float]:
        """Bytes written per day and bytes stored, on all nodes."""
        known = (table, placement)
        if known not in self._alone:
            copies = self.cluster.nodes if placement.style == "ALL" else 1
            rows = dict(written(self.scale.sizes))[table]
            stored = rows_of(table, self.scale) * encoded(table) * copies
            self._alone[known] = (
                rows * encoded(table) * copies,
                max(stored, float(smallest(table, placement, self.cluster))),
            )
        return self._alone[known]

    def best(self) -> dict[str, Placement]:
        """The layout with the lowest cost of a day among all combinations of the candidates."""
        sums = self._sums()

        def day(layout: Layout) -> float:
            return sum(by[tuple(layout[name] for name in names)] for names, by in sums.items())

        return min(
            (dict(zip(CANDIDATES, each, strict=True)) for each in product(*CANDIDATES.values())), key=day
        )

    def _sums(self) -> dict[tuple[str, ...], dict[tuple[Placement, ...], float]]:
        """The costs of the parts of the work, by their tables and by the placements of these."""
        together: dict[tuple[str, ...], list[Work]] = {(name,): [] for name in CANDIDATES}
        for part in (*self.load, *self.questions):
            together.setdefault(
                tuple(dict.fromkeys(side.table for side in _stored(part) if side.table)), []
            ).append(part)
        del together[()]
        sums: dict[tuple[str, ...], dict[tuple[Placement, ...], float]] = {}
        for names, parts in together.items():
            by = sums[names] = {}
            for chosen in product(*(CANDIDATES[name] for name in names)):
                layout = dict(zip(names, chosen, strict=True))
                by[chosen] = sum(sum(self.of_part(part, layout)) for part in parts)
                if len(names) == 1:
                    by[chosen] += self._of_table(names[0], chosen[0])[0]
        return sums


def _busy(_table: str, _placement: Placement) -> float:
    """The ``idle`` of a day on which no slice waits."""
    return 0.0


def _stored(part: Work) -> list[Side]:
    """The sides that are tables."""
    sides = [part.left, part.right] if isinstance(part, Join) else [part.side]
    return [side for side in sides if side.table]
