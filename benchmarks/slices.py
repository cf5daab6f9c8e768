"""Compare distribution and sort keys by counting bytes: how rows spread over slices, and what moves.

    python -m benchmarks.slices                                   # the tables of docs/scale.md
    python -m benchmarks.slices --part logs --logs data/log_data  # skew of the keys of these files

Nothing is sent to a database and nothing is timed: the numbers are the same on every machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.formatting import table
from benchmarks.layouts.loads import written
from benchmarks.layouts.logs import counts_of_logs
from benchmarks.layouts.model import EVENTS_A_PLAY, busy_share, copy_seconds, load_model
from benchmarks.layouts.placement import CLUSTERS, Cluster, Layout, by_key, encoded, key, skew
from benchmarks.layouts.population import Scale
from benchmarks.layouts.search import CANDIDATES, LAYOUTS, VARIANTS, Cost, Costs, rows_by_slice, rows_of
from benchmarks.layouts.zones import ORDERS, blocks_read, history

__all__ = ["SCALES", "main"]

SCALES = (
    Scale("100 thousand plays a day", 100_000, users=50_000, songs=1_000_000, catalogue=385_000),
    Scale("10 million plays a day", 10_000_000, users=2_000_000, songs=20_000_000, catalogue=10_000_000),
    Scale("the same with hits", 10_000_000, users=2_000_000, songs=20_000_000, catalogue=10_000_000, blunt=1),
    Scale("850 million plays a day", 850_000_000, users=100_000_000, songs=200_000_000, catalogue=100_000_000),
)
"""850 million plays are those of a billion events, at the real month's 6,820 of 8,056."""

_MIDDLE = SCALES[1]
_SIXTEEN = CLUSTERS[4]
Rows = list[list[str]]


def parts_of(logs: Path | None) -> list[tuple[str, str, Callable[[], Rows]]]:
    """The name, the title and the rows of each table."""
    of_logs = [("logs", f"Fullest slice / mean, plays of {logs}", partial(skews_of_logs, logs))] if logs else []
    return [
        *of_logs,
        *(("skew", f"Fullest slice / mean, songplays, {each.title}", partial(skews, each)) for each in SCALES),
        (
            "tables",
            f"Rows and bytes on a slice, {_MIDDLE.title}, 64 slices",
            partial(slices_of, _MIDDLE, _SIXTEEN),
        ),
        (
            "moved",
            f"Moved by each part of a day, {_MIDDLE.title}, 16 nodes, MB",
            partial(moved, _MIDDLE, _SIXTEEN),
        ),
        ("days", "A day of each layout, GB", partial(days, SCALES, (CLUSTERS[0], _SIXTEEN))),
        (
            "variants",
            f"Other days, {_MIDDLE.title}, 16 nodes, GB",
            partial(variants, _MIDDLE, _SIXTEEN),
        ),
        ("best", "The best of all combinations", partial(best, SCALES, (CLUSTERS[0], *CLUSTERS[4:]))),
        ("model", "A load of a day by formulas, 64 slices of 16 nodes but for the last", model),
        ("copy", "COPY of JSON by the number of files, 64 slices", copies),
        ("sort", "Blocks of a column of 8 bytes that are read, % of a slice of 36 months", sort_keys),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.slices",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = list(dict.fromkeys(name for name, _, _ in parts_of(Path())))
    parser.add_argument("--part", nargs="+", choices=names, default=names, help="which tables (default: all)")
    parser.add_argument("--logs", type=Path, help="a folder of logs whose keys are counted")
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    options = parser.parse_args(arguments)
    if options.part == ["logs"] and options.logs is None:
        parser.error("--part logs counts the keys of a folder; name it: --logs data/log_data")
    for name, title, rows in parts_of(options.logs):
        if name in options.part:
            print(f"\n{title}\n\n{table(rows(), markdown=options.markdown)}", flush=True)


def skews(scale: Scale) -> Rows:
    """The skew of each candidate of ``songplays``, on each cluster."""
    rows = [["distributed by", *(f"{cluster.slices} slices" for cluster in CLUSTERS)]]
    for placement in CANDIDATES["songplays"]:
        found = [skew(rows_by_slice("songplays", placement, scale, cluster)) for cluster in CLUSTERS]
        rows.append([str(placement), *(f"{each:.2f}" for each in found)])
    return rows


def skews_of_logs(folder: Path) -> Rows:
    """The same for plays counted in logs."""
    rows = [["distributed by", *(f"{cluster.slices} slices" for cluster in CLUSTERS)]]
    for name, counts in counts_of_logs(folder).items():
        found = [skew(by_key(counts, cluster.slices)) for cluster in CLUSTERS]
        rows.append([str(key(name)), *(f"{each:.2f}" for each in found)])
    return rows


def slices_of(scale: Scale, cluster: Cluster) -> Rows:
    """For each table and candidate: rows and bytes on the fullest slice, all bytes, and the bytes of a load."""
    rows = [
        ["table", "distributed", "rows", "fullest slice", "skew", "GB there", "GB in all", "MB a load on it"]
    ]
    loaded = dict(written(scale.sizes))
    for name, candidates in CANDIDATES.items():
        width = encoded(name)
        for placement in candidates:
            found = rows_by_slice(name, placement, scale, cluster)
            share = max(found) / rows_of(name, scale)
            rows.append(
                [
                    name,
                    str(placement),
                    f"{rows_of(name, scale):,.0f}",
                    f"{max(found):,.0f}",
                    f"{skew(found):.2f}",
                    f"{max(found) * width / 1e9:,.2f}",
                    f"{sum(found) * width / 1e9:,.1f}",
                    f"{share * loaded[name] * width / 1e6:,.2f}",
                ]
            )
    return rows


def moved(scale: Scale, cluster: Cluster) -> Rows:
    """What each part of a day's work moves under each layout, in MB."""
    costs = Costs(scale, cluster)
    rows = [["part", *LAYOUTS]]
    for part in (*costs.load, *costs.questions):
        found = [costs.of_part(part, layout)[0] for layout in LAYOUTS.values()]
        rows.append([part.title, *(f"{each / 1e6:,.1f}" for each in found)])
    return rows


def days(scales: Sequence[Scale], clusters: Sequence[Cluster]) -> Rows:
    """For each layout: what a day sends, writes and waits for, in GB."""
    rows = [["scale", "nodes", "layout", "load", "questions", "written", "waited", "day", "stored"]]
    for scale in scales:
        for cluster in clusters:
            costs = Costs(scale, cluster)
            named: dict[str, Layout] = {**LAYOUTS, "best": costs.best()}
            rows += [
                [scale.title, str(cluster.nodes), name, *_cost(costs.of(each))] for name, each in named.items()
            ]
    return rows


def variants(scale: Scale, cluster: Cluster) -> Rows:
    """What each layout costs under other assumptions about a day, and which of all combinations costs least."""
    rows = [["a day", *LAYOUTS, "least", *CANDIDATES]]
    for variant in VARIANTS:
        costs = Costs(scale, cluster, variant)
        least = costs.best()
        found = [costs.of(layout).day / 1e9 for layout in (*LAYOUTS.values(), least)]
        named = [_short(str(least[name])) for name in CANDIDATES]
        rows.append([variant.title, *(f"{each:,.1f}" for each in found), *named])
    return rows


def best(scales: Sequence[Scale], clusters: Sequence[Cluster]) -> Rows:
    """The layout that the search finds, for each scale and cluster."""
    rows = [["scale", "slices", *CANDIDATES]]
    for scale in scales:
        for cluster in clusters:
            found = Costs(scale, cluster).best()
            rows.append([scale.title, str(cluster.slices), *(_short(str(found[name])) for name in CANDIDATES)])
    return rows


def model() -> Rows:
    """For each scale but the one with hits: sizes, and seconds at assumed rates."""
    cases = [(scale, _SIXTEEN) for scale in SCALES if scale.blunt > 1] + [(SCALES[-1], CLUSTERS[-1])]
    found = [load_model(scale, cluster) for scale, cluster in cases]
    rows = [["", *(f"{scale.title}, {cluster.slices} slices" for scale, cluster in cases)]]
    return rows + [[name, *(f"{each[name]:,.1f}" for each in found)] for name in found[0]]


def copies() -> Rows:
    """How busy the slices are, and how long COPY of a day of ten million plays takes at assumed rates."""
    day = SCALES[1].plays * EVENTS_A_PLAY * 466
    rows = [["files", "slices busy, %", "a day of 10 million plays, s"]]
    for files in (1, 24, 30, 64, 96, 128, 512, 15_000):
        busy = f"{100 * busy_share(files, 64):.0f}"
        rows.append([f"{files:,}", busy, f"{copy_seconds(files, day, 64):,.0f}"])
    return rows


def sort_keys() -> Rows:
    """For each order of rows: the share of blocks that a month, a day and the last load read.

    A row stands for 650: at ten million plays a day, one of 64 slices has 171 million rows, 125,000 per block
    of a column of 8 bytes; here it has 263,000, 192 per block.
    """
    days = 1096
    users = [share for _, share in Scale("", 10_000_000 / 64, 31_250, 1, 1).listeners.shares]
    rows = history(263_040, days, users)
    asked = {"the last month": (days - 30, days), "a month a year ago": (701, 731), "a day": (days - 1, days)}
    last = max(row.loaded for row in rows)
    found = [["sort key", *asked, "the last load, by load_id"]]
    for name, order in ORDERS.items():
        lie = order(rows)
        times, loads = [row.start_time for row in lie], [row.loaded for row in lie]
        shares = [blocks_read(times, 192, first, end) for first, end in asked.values()]
        shares.append(blocks_read(loads, 192, last, last + 1))
        found.append([name, *(f"{100 * share:.1f}" for share in shares)])
    return found


def _cost(cost: Cost) -> list[str]:
    parts = (cost.load, cost.questions, cost.written, cost.waited, cost.day, cost.storage)
    return [f"{part / 1e9:,.2f}" for part in parts]


def _short(placement: str) -> str:
    return placement.removeprefix("KEY(").removesuffix(")")


if __name__ == "__main__":
    main()
