"""A first load with sparkify, a handwritten script for the same star, and tools that build a simpler one.

    python -m benchmarks.load [--events 1000000 ...] [--songs 15000 ...] [--rounds 3] [--markdown]

Each contestant is a whole process on the same files, run in turns; the median of its rounds is printed.
``by_hand`` builds the same star and keeps a list of files: no checks, no rejects. The others build five of its
tables, without levels, inferred members and a ledger; ``floor`` does so in the least time that DuckDB takes. No
machine is quiet: compare the ratios. A contestant whose rows differ from sparkify's is reported and not timed.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contestants import OPPONENTS, Contestant, compare, contestants
from benchmarks.data import DataSet, generated
from benchmarks.environments import work_folder
from benchmarks.formatting import machine, table
from benchmarks.measuring import Measurement, in_turns, median

__all__ = ["Result", "measure_loads", "rows_of"]


@dataclass(frozen=True)
class Result:
    """What one contestant took for one set of files.

    :ivar data: the size, in words.
    :ivar median: None if the contestant has no time; ``reason`` says why.
    """

    data: str
    kind: str
    duckdb: str
    same_star: bool
    median: Measurement | None = None
    rounds: Sequence[Measurement] = field(default=())
    reason: str | None = None

    @property
    def who(self) -> str:
        """The printed name of the contestant."""
        return f"{self.kind}, DuckDB {self.duckdb}" if self.duckdb else self.kind


def measure_loads(
    title: str, data: DataSet, who: Sequence[Contestant], rounds: int, scratch: Path
) -> list[Result]:
    """The results of all contestants for these files, sparkify's first."""
    databases = {each.name: scratch / f"{number}" / "warehouse.duckdb" for number, each in enumerate(who)}
    data.warm()

    def first_load(each: Contestant) -> Measurement:
        folder = databases[each.name].parent
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return each.load(databases[each.name], data.logs, data.songs)

    ready = {each.name: partial(first_load, each) for each in who if each.environment.is_ready}
    found, reasons = in_turns(ready, rounds)
    results = []
    for each in who:
        reason = reasons.get(each.name)
        if each.name not in ready:
            reason = "not installed"
        elif reason is None:
            reference = next(one for one in who if one.kind == "sparkify" and _may_compare(one, each))
            if reference.name in reasons:
                reason = "there is nothing to compare its rows with"
            elif other := compare(each, databases[each.name], reference, databases[reference.name]):
                reason = f"other rows: {other}"
        taken = () if reason else tuple(found[each.name])
        results.append(
            Result(
                title,
                each.kind,
                each.duckdb,
                each.makes_same_star,
                median(taken) if taken else None,
                taken,
                reason,
            )
        )
    return results


def _may_compare(sparkify: Contestant, other: Contestant) -> bool:
    """Whether both run in one environment; tools in their own are compared with the first sparkify."""
    return other.environment == sparkify.environment or other.kind not in ("sparkify", "by_hand", "floor")


def rows_of(results: Sequence[Result]) -> list[list[str]]:
    """A table of the results, with the ratio to the script that builds the same star on the same DuckDB."""
    rows = [["files", "who", "wall s", "x", "processor s", "x", "peak MB"]]
    for each in results:
        if each.median is None:
            continue
        base = _by_hand(results, each)
        rows.append(
            [
                each.data,
                each.who if each.same_star else f"{each.who} (simpler)",
                f"{each.median.wall:.2f}",
                f"{each.median.wall / base.wall:.2f}" if base else "",
                f"{each.median.processor:.2f}",
                f"{each.median.processor / base.processor:.2f}" if base else "",
                f"{each.median.memory:,.0f}",
            ]
        )
    return rows


def _by_hand(results: Sequence[Result], result: Result) -> Measurement | None:
    """What the handwritten script took for the same files: on the same DuckDB, or else on the first."""
    found = [each for each in results if each.data == result.data and each.kind == "by_hand"]
    found.sort(key=lambda each: each.duckdb != result.duckdb)
    return found[0].median if found else None


def main() -> None:
    """Measure, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--songs", type=int, nargs="+", default=[15_000])
    parser.add_argument("--formats", nargs="+", choices=("plain", "gz"), default=["plain"], help="of the logs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--opponents", nargs="*", choices=OPPONENTS, default=list(OPPONENTS))
    parser.add_argument(
        "--duckdb", nargs="+", default=[], metavar="VERSION", help="else what sparkify installs"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement to this file")
    parser.add_argument("--markdown", action="store_true", help="print the table for docs/performance.md")
    options = parser.parse_args()
    work, who = work_folder(), contestants(options.opponents, options.duckdb)
    if not who[0].environment.is_ready:
        sys.exit(f"{who[0].environment.name} is not installed: python -m benchmarks.environments does it")
    about = _about(who)
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="sparkify-bench-", dir=work) as name:
        for events in options.events:
            for songs in options.songs:
                for kind in options.formats:
                    data = generated(work, events=events, songs=songs, gzip=kind == "gz", by=who[0].environment)
                    title = f"{events:,} events, {songs:,} songs, {kind}"
                    print(f"{title} ...", file=sys.stderr, flush=True)
                    results += measure_loads(title, data, who, options.rounds, Path(name))
    if options.json:
        text = json.dumps({**about, "results": [asdict(each) for each in results]}, indent=1)
        options.json.write_text(text, encoding="utf-8")
    _print(about, results, rounds=options.rounds, markdown=options.markdown)


def _about(who: Sequence[Contestant]) -> dict[str, Any]:
    """The date, the command, the machine, and the versions."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": shlex.join(["python", "-m", "benchmarks.load", *sys.argv[1:]]),
        "machine": machine(),
        "versions": {
            each.environment.name: each.environment.versions() for each in who if each.environment.is_ready
        },
    }


def _print(about: Mapping[str, Any], results: Sequence[Result], *, rounds: int, markdown: bool) -> None:
    code = "`" if markdown else ""
    print(f"{about['date']}, {code}{about['command']}{code}, medians of {rounds}; x: of by_hand's\n")
    print(table(rows_of(results), markdown=markdown))
    for each in results:
        if each.reason:
            print(f"\nNot measured: {each.who}, {each.data}: {each.reason}")
    print()
    print(", ".join(f"{name} {value}" for name, value in about["machine"].items()) + ".")
    for name, versions in about["versions"].items():
        print(
            f"{'* ' if markdown else ''}{name}: {', '.join(f'{one} {text}' for one, text in versions.items())}"
        )


if __name__ == "__main__":
    main()
