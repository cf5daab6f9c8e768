"""A first load by sparkify beside the fastest script written by hand for the same result, as a ratio.

    python benchmarks/load.py [--events 1000000] [--songs 15000] [--runs 3]

Both are whole processes on the same files, run in turns; the ratio of the medians is what counts, since the
machine is not quiet. The script stages in temporary tables, matches the plays in the same tiers, and builds
the same star; it keeps no ledger, checks nothing, accepts what DuckDB accepts, and cannot load a second batch.
Rows are compared afterwards.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from sparkify.generate import generate

BY_HAND = Path(__file__).with_name("by_hand.py")
COUNTS = """
SELECT (SELECT count(*) FROM songplays), (SELECT count(*) FROM users), (SELECT count(*) FROM songs),
       (SELECT count(*) FROM artists), (SELECT count(*) FROM time), (SELECT count(*) FROM user_levels),
       (SELECT count(*) FROM songplays WHERE match = 'exact'),
       (SELECT count(*) FROM songplays WHERE match = 'title_artist'),
       (SELECT count(*) FROM songplays WHERE match = 'normalized')
"""


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds of wall and of processor that a command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def counts(database: Path) -> tuple[int, ...]:
    """What the two must agree on."""
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(COUNTS).fetchone()
    assert found is not None
    return tuple(found)


def main() -> None:
    """Measure, compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--songs", type=int, default=15_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sparkify-bench-") as name:
        folder = Path(name)
        generate(folder / "data", events=options.events, songs=options.songs)
        logs, songs = folder / "data" / "log_data", folder / "data" / "song_data"
        times: dict[str, list[tuple[float, float]]] = {"by hand": [], "sparkify": []}
        databases = {key: folder / f"{key.replace(' ', '-')}.duckdb" for key in times}
        for _ in range(options.runs):
            for key, database in databases.items():
                database.unlink(missing_ok=True)
                command = [sys.executable, str(BY_HAND), str(database), str(logs), str(songs)]
                if key == "sparkify":
                    command = [sys.executable, "-m", "sparkify", "load", "-q", "--database"]
                    command += [f"duckdb:///{database}", "--log-data", str(logs), "--song-data", str(songs)]
                times[key].append(measured(command))
        found = {key: counts(database) for key, database in databases.items()}
        if len(set(found.values())) != 1:
            sys.exit(f"the two do not agree: {found}")
        medians = {
            key: [statistics.median(part) for part in zip(*runs, strict=True)] for key, runs in times.items()
        }
        for key, (wall, processor) in medians.items():
            print(f"{key:9} {wall:7.2f} s wall  {processor:7.2f} s processor")
        ratios = [mine / theirs for mine, theirs in zip(medians["sparkify"], medians["by hand"], strict=True)]
        print(f"ratio     {ratios[0]:7.2f}         {ratios[1]:7.2f}     ({options.events:,} events)")


if __name__ == "__main__":
    main()
