"""The report page: the time of its queries, and the time to build the page from their answers.

    python benchmarks/report.py [--events 1000000] [--songs 15000] [--runs 3]

Both are parts of one command, measured in turns in one process, on a warehouse of generated events.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from sparkify import Warehouse
from sparkify.generate import generate
from sparkify.report import collect, render


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--songs", type=int, default=15_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sparkify-bench-") as folder:
        made = generate(Path(folder) / "data", events=options.events, songs=options.songs)
        with Warehouse(f"duckdb:///{folder}/sparkify.duckdb") as warehouse:
            warehouse.load(log_data=made.log_data, song_data=made.song_data)
            asked, built, size = [], [], 0
            for _ in range(options.runs):
                started = time.perf_counter()
                facts = collect(warehouse, checks=False)
                between = time.perf_counter()
                size = len(render(facts).encode())
                asked.append(between - started)
                built.append(time.perf_counter() - between)
            started = time.perf_counter()
            warehouse.check()
            checked = time.perf_counter() - started
    queries, page = statistics.median(asked), statistics.median(built)
    print(f"{options.events:,} events, median of {options.runs}")
    print(f"queries  {queries:8.2f} s")
    print(f"checks   {checked:8.2f} s")
    print(f"page     {page:8.2f} s   {page / queries:.3f} of the queries; {size / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
