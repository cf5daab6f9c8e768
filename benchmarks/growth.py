"""The cost of a load into a warehouse with a long history, and of starting up: ratios of cases run in turns.

    python -m benchmarks.growth [--part days ...] [--scale 0.1] [--rounds 3] [--markdown]

Each part builds its warehouses with the measured code, in a folder that is removed afterwards; the files are
kept. The sizes are those at which the project is judged; ``--scale`` shrinks them.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.cases import Case, Part, Taken, measure_part, part_tables
from benchmarks.contestants import Contestant, contestants
from benchmarks.data import DataSet, generated
from benchmarks.environments import ROOT, work_folder
from benchmarks.formatting import machine
from benchmarks.histories import History, linked, songs_in_few_files, write_crowd
from benchmarks.measuring import Measurement, measure

__all__ = ["PARTS", "Setting"]


@dataclass(frozen=True)
class Setting:
    """Where a part is measured, and with which contestants.

    :ivar scratch: an empty folder, on the same file system as the data.
    :ivar who: sparkify, then the handwritten script; both for each version of DuckDB.
    """

    work: Path
    scratch: Path
    scale: float
    who: Sequence[Contestant]

    def size(self, number: int) -> int:
        """The scaled number; at least 1."""
        return max(1, round(number * self.scale))

    def data(self, *, events: int, songs: int, days: int = 30, gzip: bool = False) -> DataSet:
        """Files of exactly these sizes, which are already scaled."""
        by = self.who[0].environment
        return generated(self.work, events=events, songs=songs, days=days, gzip=gzip, by=by)

    def folder(self, name: str) -> Path:
        """A new folder in the scratch folder."""
        folder = self.scratch / name
        folder.mkdir()
        return folder

    def pairs(self, situation: str) -> list[tuple[str, str, str]]:
        """The ratios of sparkify to the handwritten script, on each DuckDB."""
        ours = [each.name for each in self.who if each.kind == "sparkify"]
        theirs = [each.name for each in self.who if each.kind == "by_hand"]
        return [
            (f"{situation}: {one} / by hand", f"{one}, {situation}", f"{other}, {situation}")
            for one, other in zip(ours, theirs, strict=True)
        ]

    def ratios(self, situation: str, other: str) -> list[tuple[str, str, str]]:
        """The ratio of one situation to another, for each contestant."""
        return [
            (f"{each.name}: {situation} / {other}", f"{each.name}, {situation}", f"{each.name}, {other}")
            for each in self.who
        ]


def days(setting: Setting) -> Part:
    """A day of 1,000 events after 30, 300 and 3,000 such days."""
    cases: list[Case] = []
    ratios = []
    first = f"after {setting.size(30):,} days"
    for number in (30, 300, 3000):
        past = setting.size(number)
        data = setting.data(events=1000 * (past + 1), songs=setting.size(15_000), days=past + 1)
        folder = setting.folder(f"{past}-days")
        history = History.load(f"after {past:,} days", linked(data, folder / "data"), setting.who, folder)
        cases += history.cases(setting.who)
        ratios += setting.pairs(history.title)
        if history.title != first:
            ratios += setting.ratios(history.title, first)
    return Part("One more day of 1,000 events", cases, ratios)


def big_day(setting: Setting) -> Part:
    """A day after thirty days with ten million events, with a thirtieth as many."""
    events = setting.size(10_333_000)
    data = setting.data(events=events, songs=setting.size(15_000), days=31)
    folder = setting.folder("big-day")
    title = f"after {events * 30 // 31:,} events"
    history = History.load(title, linked(data, folder / "data"), setting.who, folder)
    return Part(f"One more day of {events // 31:,} events", history.cases(setting.who), setting.pairs(title))


def dimensions(setting: Setting) -> Part:
    """A day of 1,000 events, with a million users, two million songs played and a catalogue of 385,000."""
    past = setting.size(3000)
    users, songs_played, catalogue = (setting.size(number) for number in (1_000_000, 2_000_000, 385_000))
    data = setting.data(events=1000 * (past + 1), songs=catalogue, days=past + 1)
    folder = setting.folder("dimensions")
    data = linked(data, folder / "data")
    songs_in_few_files(data, 8)
    # The name sorts before the last day, which is loaded separately.
    by = setting.who[0].environment
    write_crowd(data.logs / "0-crowd.json", plays=songs_played, users=users, days=past, by=by)
    title = f"{users:,} users, {songs_played:,} songs played, {catalogue:,} of the catalogue"
    history = History.load(title, data, setting.who, folder)
    return Part("One more day beside large dimensions", history.cases(setting.who), setting.pairs(title))


def nothing_new(setting: Setting) -> Part:
    """A load with nothing to load, compared with importing SQLAlchemy and connecting."""
    cases, ratios = [], []
    ours = [each for each in setting.who if each.kind == "sparkify"]
    for number in (3000, 100_000):
        files = setting.size(number)
        data = setting.data(events=setting.size(10_000), songs=files, days=30)
        for at, each in enumerate(ours):
            folder = setting.folder(f"known-{number}-{at}")
            database, name = folder / "known.duckdb", f"{each.name}, {files:,} song files known"
            each.load(database, data.logs, data.songs)
            cases.append(Case(name, _load_of(each, database, data)))
            ratios.append((f"{name} / connecting", name, f"{each.name}: SQLAlchemy, connecting"))
            if number == 3000:
                cases.append(Case(f"{each.name}: SQLAlchemy, connecting", _connecting_to(each, database)))
    return Part("Nothing new", cases, ratios)


def _load_of(each: Contestant, database: Path, data: DataSet) -> Callable[[], Measurement]:
    return lambda: each.load(database, data.logs, data.songs)


def _connecting_to(each: Contestant, database: Path) -> Callable[[], Measurement]:
    text = f"from sqlalchemy import create_engine; create_engine('duckdb:///{database}').connect().close()"
    return lambda: measure([each.environment.python, "-c", text])


_EMPTY_PROGRAM = """
import typer

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def nothing() -> None:
    "Do nothing."


app()
"""


def start(setting: Setting) -> Part:
    """``--help``, compared with a Typer program with one command that does nothing, without rich."""
    program = setting.scratch / "empty.py"
    program.write_text(_EMPTY_PROGRAM, encoding="utf-8")
    here = setting.who[0].environment
    env = {"PYTHONPATH": str(ROOT), "TERM": "dumb"}
    cases = [
        Case("sparkify-etl --help", lambda: measure([here.script("sparkify-etl"), "--help"], env=env)),
        Case("empty program --help", lambda: measure([here.python, program, "--help"], env=env)),
        Case("python -c pass", lambda: measure([here.python, "-c", "pass"])),
    ]
    return Part("Start", cases, [("--help / empty program", cases[0].name, cases[1].name)])


def files(setting: Setting) -> Part:
    """The same rows in other files: tiny files, compressed files, many days."""
    events, songs = setting.size(1_000_000), setting.size(15_000)
    tiny = setting.data(events=setting.size(10_000), songs=setting.size(100_000))
    eight = linked(tiny, setting.scratch / "eight")
    songs_in_few_files(eight, 8)
    many_days = setting.size(3001)
    situations = {
        f"{setting.size(100_000):,} song files": tiny,
        "the same in 8": eight,
        "logs in gz": setting.data(events=events, songs=songs, gzip=True),
        f"{many_days:,} days": setting.data(events=events, songs=songs, days=many_days),
        "logs plain, 30 days": setting.data(events=events, songs=songs),
    }
    cases = [
        Case(f"{each.name}, {situation}", _first_load_of(each, setting.folder(f"{number}-{at}"), data))
        for at, (situation, data) in enumerate(situations.items())
        for number, each in enumerate(setting.who)
    ]
    names = list(situations)
    ratios = [
        *setting.ratios(names[0], names[1]),
        *setting.ratios(names[2], names[4]),
        *setting.ratios(names[3], names[4]),
    ]
    return Part("The same rows in other files: a first load", cases, ratios)


def month(setting: Setting) -> Part:
    """A first load of as much data as the real month has."""
    data = setting.data(events=8056, songs=71)
    cases = [
        Case(f"{each.name}, 8,056 events", _first_load_of(each, setting.folder(f"month-{number}"), data))
        for number, each in enumerate(setting.who)
    ]
    return Part("A month of 8,056 events", cases, setting.pairs("8,056 events"))


def _first_load_of(each: Contestant, folder: Path, data: DataSet) -> Callable[[], Measurement]:
    def load() -> Measurement:
        database = folder / "warehouse.duckdb"
        for path in folder.iterdir():
            path.unlink()
        return each.load(database, data.logs, data.songs)

    return load


PARTS: Mapping[str, Callable[[Setting], Part]] = {
    "days": days,
    "big-day": big_day,
    "dimensions": dimensions,
    "nothing-new": nothing_new,
    "start": start,
    "files": files,
    "month": month,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--duckdb", nargs="+", default=[], metavar="VERSION", help="else sparkify's own")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the medians to this file")
    parser.add_argument("--markdown", action="store_true", help="print the tables for docs/performance.md")
    options = parser.parse_args()
    work, who = work_folder(), contestants(["by_hand"], options.duckdb)
    for each in who:
        if not each.environment.is_ready:
            name = each.environment.name
            sys.exit(f"{name} is not installed: python -m benchmarks.environments {name} does it")
    print(f"{datetime.now(UTC):%Y-%m-%d}, {shlex.join(['python', '-m', 'benchmarks.growth', *sys.argv[1:]])}")
    print(", ".join(f"{name} {value}" for name, value in machine().items()), flush=True)
    for name, versions in {each.environment.name: each.environment.versions() for each in who}.items():
        print(f"{name}: {', '.join(f'{package} {version}' for package, version in versions.items())}")
    found: list[Taken] = []
    for name in options.part:
        with tempfile.TemporaryDirectory(prefix="sparkify-bench-", dir=work) as scratch:
            print(f"{name} ...", file=sys.stderr, flush=True)
            part = PARTS[name](Setting(work, Path(scratch), options.scale, who))
            found.append(measure_part(part, options.rounds))
            print(f"\n{part_tables(found[-1], markdown=options.markdown)}", flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
