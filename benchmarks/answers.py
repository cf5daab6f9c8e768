"""Measure each question, the page and the checks on a large warehouse: whole processes, run in turns.

    python -m benchmarks.answers [--events 10000000] [--before FOLDER] [--only top-songs check] [--markdown]

The warehouse is loaded once and kept in the work folder; ``--database`` names an existing one instead.
``--before`` is another clone, such as a worktree of an earlier commit, which is measured as well.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.data import generated
from benchmarks.environments import ROOT, environment, work_folder
from benchmarks.formatting import machine, table
from benchmarks.measuring import Measurement, in_turns, measure, median

__all__ = ["COMMANDS", "rows_of"]

COMMANDS = (
    "query totals",
    "query top-songs",
    "query top-songs-by-day",
    "query top-artists",
    "query trending-artists",
    "query top-users",
    *(
        f"query plays-by {name}"
        for name in ("level", "gender", "location", "platform", "browser", "hour", "weekday", "day")
    ),
    "query plays-by hour --tz America/Los_Angeles",
    "query peak-hours",
    "query sessions",
    "query level-changes",
    "query retention",
    "query match-quality",
    "query unmatched",
    "query freshness",
    "report",
    "report --no-checks",
    "check",
)
"""Every question, the page with and without the checks, and the checks."""


def ask(python: Path, clone: Path, command: str, database: Path) -> Measurement:
    """What the command takes with the code of a compiled clone."""
    with tempfile.TemporaryDirectory(prefix="sparkify-bench-") as folder:
        return measure(
            [python, "-m", "sparkify", *command.split(), "--database", f"duckdb:///{database}"],
            cwd=Path(folder),
            env={"PYTHONPATH": str(clone)},
        )


def compile_clone(python: Path, clone: Path) -> None:
    """Compile a clone, as pip does on installation: otherwise each process would do it, in half a second."""
    measure([python, "-m", "compileall", "-q", clone / "sparkify"])


def rows_of(found: Sequence[tuple[str, Sequence[Measurement]]], clones: Sequence[str]) -> list[list[str]]:
    """The table: wall time, processor time and memory of each command with each clone."""
    head = ["command", *(f"{clone}{unit}" for clone in clones for unit in ("wall s", "processor s", "peak MB"))]
    rows = [head]
    for command, measured in found:
        row = [command]
        for each in measured:
            row += [f"{each.wall:.2f}", f"{each.processor:.2f}", f"{each.memory:,.0f}"]
        rows.append(row)
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--songs", type=int, default=15_000)
    parser.add_argument("--database", type=Path, metavar="FILE", help="a warehouse that is there already")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="a clone to measure beside this one")
    parser.add_argument("--environment", default="sparkify", help="whose Python runs them; current: this one")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="commands with such a word")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", action="store_true", help="print the table for docs/performance.md")
    options = parser.parse_args()
    python = environment(options.environment).python
    database = options.database or _loaded(options.events, options.songs, options.environment)
    clones = {"before: ": options.before.absolute()} if options.before else {}
    clones |= {"after: " if clones else "": ROOT}
    print(f"{datetime.now(UTC):%Y-%m-%d}, {shlex.join(['python', '-m', 'benchmarks.answers', *sys.argv[1:]])}")
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    for clone in clones.values():
        compile_clone(python, clone)
    found = []
    for command in COMMANDS:
        if options.only and not set(options.only) & set(command.split()):
            continue
        runs = {
            name: (lambda clone=clone, command=command: ask(python, clone, command, database.absolute()))
            for name, clone in clones.items()
        }
        taken, failed = in_turns(runs, options.rounds)
        for name, reason in failed.items():
            print(f"{name}{command}: {reason}", file=sys.stderr)
        if not failed:
            found.append((command, [median(taken[name]) for name in clones]))
            print(*rows_of(found[-1:], list(clones))[-1], sep="  ", file=sys.stderr, flush=True)
    print(f"\n{table(rows_of(found, list(clones)), markdown=options.markdown)}")
    print("load at the end", *(f"{load:.1f}" for load in os.getloadavg()))


def _loaded(events: int, songs: int, name: str) -> Path:
    """A warehouse of so many events, loaded with this code if it does not exist."""
    by, work = environment(name), work_folder()
    database = work / f"{events}-events-{songs}-songs.duckdb"
    if not database.exists():
        data = generated(work, events=events, songs=songs, by=by)
        command: list[str | Path] = [by.python, "-m", "sparkify", "load", "--quiet"]
        command += ["--database", f"duckdb:///{database}", "--log-data", data.logs, "--song-data", data.songs]
        measure(command, env={"PYTHONPATH": str(ROOT)})
    return database


if __name__ == "__main__":
    main()
