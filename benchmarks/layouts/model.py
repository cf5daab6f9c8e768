"""What a load takes on a cluster of some size, by formulas with rates that are assumed, not measured."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from benchmarks.layouts.placement import Cluster, encoded
from benchmarks.layouts.population import Scale
from benchmarks.layouts.search import LAYOUTS, Costs

__all__ = ["ASSUMED", "EVENTS_A_PLAY", "Rates", "busy_share", "copy_seconds", "load_model"]

EVENTS_A_PLAY = 8_056 / 6_820
"""Of the real month."""

_JSON = 466
"""Bytes of an event, and how many times smaller gzip makes a file: measured in the real month."""
_GZIP = 10.4

_GB = 1e9


@dataclass(frozen=True)
class Rates:
    """Bytes a second, of which only a cluster can tell the true ones.

    :ivar copied: of JSON, uncompressed, by one slice.
    :ivar scanned: of encoded columns, by one slice.
    :ivar network: between nodes, by one node.
    :ivar written: of encoded columns, by one slice.
    :ivar sorted_alone: by one slice for a window that has one partition.
    :ivar validated: lines a second by the client: measured, in one thread.
    :ivar object_seconds: to begin an object of S3, by one slice: 14,896 small ones were published to take 4 to
        5 minutes on four nodes, taken to be 8 slices.
    """

    copied: float = 10e6
    scanned: float = 200e6
    network: float = 1e9
    written: float = 50e6
    sorted_alone: float = 50e6
    validated: float = 44_000
    object_seconds: float = 0.15


ASSUMED = Rates()


def busy_share(files: int, slices: int) -> float:
    """How much of the slices' time COPY uses on files of one size: a file of JSON is read by one slice.

    >>> busy_share(1, 64), busy_share(30, 64), busy_share(65, 64), busy_share(128, 64)
    (0.015625, 0.46875, 0.5078125, 1.0)
    """
    return files / slices / ceil(files / slices)


def copy_seconds(files: int, size: float, slices: int, rates: Rates = ASSUMED) -> float:
    """Seconds of COPY: the slice with the most files.

    :param size: bytes of all files, uncompressed.
    """
    most = ceil(files / slices)
    return most * (rates.object_seconds + size / files / rates.copied)


def load_model(scale: Scale, cluster: Cluster, rates: Rates = ASSUMED) -> dict[str, float]:
    """Of a load of one day: sizes in GB, and seconds of its parts one after the other."""
    s = scale.sizes
    events = s.plays * EVENTS_A_PLAY
    size = events * _JSON
    cost = Costs(scale, cluster).of(LAYOUTS["user"])
    batch = s.plays * 250
    return {
        "events a day, millions": events / 1e6,
        "JSON a day, GB": size / _GB,
        "the same in gz, GB": size / _GZIP / _GB,
        "all of 36 months, GB": cost.storage / _GB,
        "moved by a load, GB": cost.load / _GB,
        "written by a load, GB": cost.written / _GB,
        "COPY of 8 files a slice, s": copy_seconds(8 * cluster.slices, size, cluster.slices, rates),
        "moving, s": cost.load / cluster.nodes / rates.network,
        "writing, s": cost.written / cluster.slices / rates.written,
        "reading the batch ten times, s": 10 * batch / cluster.slices / rates.scanned,
        "reading the keys of the dimensions, s": sum(
            encoded(table, column) * rows / cluster.slices / rates.scanned
            for table, column, rows in (
                ("song_matches", "title", 3 * s.all_matches),
                ("songs", "song_id", 5 * s.all_songs),
                ("users", "user_id", 3 * s.all_users),
            )
        ),
        "numbering the songs played on one slice, s": s.matches * 47 / rates.sorted_alone,
        "validating one file of 512 for a bad line, s": events / 512 / rates.validated,
    }
