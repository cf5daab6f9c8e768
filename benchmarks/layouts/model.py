"""Estimate a load on a cluster of a given size, by formulas with rates that are assumed, not measured."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from benchmarks.layouts.placement import Cluster, encoded
from benchmarks.layouts.population import Scale
from benchmarks.layouts.search import LAYOUTS, Costs

__all__ = ["ASSUMED", "EVENTS_A_PLAY", "Rates", "busy_share", "copy_seconds", "load_model"]

EVENTS_A_PLAY = 8_056 / 6_820
"""Events per play in the real month."""

_JSON = 466
"""Bytes of an event, and the compression ratio of gzip: both measured in the real month."""
_GZIP = 10.4

_GB = 1e9


@dataclass(frozen=True)
class Rates:
    """Rates, in bytes per second unless said otherwise; only a cluster can show the true ones.

    :ivar copied: uncompressed JSON that one slice copies.
    :ivar scanned: encoded columns that one slice scans.
    :ivar network: what one node sends to others.
    :ivar written: encoded columns that one slice writes.
    :ivar sorted_alone: what one slice sorts for a window with one partition.
    :ivar validated: lines per second that the client validates: measured, in one thread.
    :ivar object_seconds: seconds for a slice to begin an S3 object: by a published report, 14,896 small ones
        take 4 to 5 minutes on four nodes, which are assumed to have 8 slices.
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
    """The share of the slices' time that COPY uses, with files of equal size: one slice reads a JSON file.

    >>> busy_share(1, 64), busy_share(30, 64), busy_share(65, 64), busy_share(128, 64)
    (0.015625, 0.46875, 0.5078125, 1.0)
    """
    return files / slices / ceil(files / slices)


def copy_seconds(files: int, size: float, slices: int, rates: Rates = ASSUMED) -> float:
    """Seconds of COPY: those of the slice with the most files.

    :param size: bytes of all files, uncompressed.
    """
    most = ceil(files / slices)
    return most * (rates.object_seconds + size / files / rates.copied)


def load_model(scale: Scale, cluster: Cluster, rates: Rates = ASSUMED) -> dict[str, float]:
    """Sizes in GB of a load of one day, and the seconds of each of its parts."""
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
