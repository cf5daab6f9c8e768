"""Warehouses with a history, built once and copied for each round; files that the simulator cannot make."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.contestants import Contestant, compare
from benchmarks.data import DataSet
from benchmarks.environments import Environment
from benchmarks.measuring import Measurement

__all__ = ["History", "linked", "songs_in_few_files", "write_crowd"]


def linked(data: DataSet, folder: Path) -> DataSet:
    """The same files in another folder, as hard links: moving a file there leaves the data unchanged."""
    shutil.copytree(data.folder, folder, copy_function=os.link)
    return DataSet(folder)


def songs_in_few_files(data: DataSet, files: int) -> None:
    """Replace the song files, one per song, with so many files that hold the same lines."""
    paths = sorted(path for path in data.songs.rglob("*.json") if path.is_file())
    few = data.folder / "few"
    few.mkdir()
    for number in range(files):
        with (few / f"songs-{number}.json").open("wb") as out:
            for path in paths[number::files]:
                out.write(path.read_bytes().rstrip(b"\n") + b"\n")
    shutil.rmtree(data.songs)
    few.rename(data.songs)


_CROWD = """
COPY (SELECT 'Band ' || (i // 8) AS artist, 'Logged In' AS auth, 'Ann' AS firstName, 'F' AS gender,
        i % 50 AS itemInSession, 'Lee' AS lastName, 180 + i % 997 / 8 AS length,
        CASE WHEN (i // {users}) % 3 = 1 THEN 'paid' ELSE 'free' END AS level, 'Akron, OH' AS location,
        'PUT' AS method, 'NextSong' AS page, 1539541681796.0 AS registration, 1000000000 + i // 50 AS sessionId,
        'Song ' || i AS song, 200 AS status, epoch_ms(TIMESTAMP '2018-11-01') + i * {step} AS ts,
        'Mozilla' AS userAgent, CAST(1000000 + i % {users} AS VARCHAR) AS userId
      FROM range({plays}) t(i)) TO '{path}' (FORMAT json)
"""


def write_crowd(path: Path, *, plays: int, users: int, days: int, by: Environment) -> None:
    """Write a log of plays in the first ``days``, each of a song that is played once; users change level."""
    step = days * 86_400_000 // plays
    sql = _CROWD.format(plays=plays, users=users, step=step, path=path)
    command = [str(by.python), "-c", "import duckdb, sys; duckdb.sql(sys.argv[1])", sql]
    # Its progress bar goes to stdout.
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@dataclass(frozen=True)
class History:
    """Logs, and for each contestant a database with all of them but the last day.

    :ivar title: the history in words.
    """

    title: str
    data: DataSet
    bases: dict[str, Path]
    folder: Path

    @classmethod
    def load(cls, title: str, data: DataSet, who: Sequence[Contestant], folder: Path) -> History:
        """Load all but the last day with each contestant; the data must be a linked copy (:func:`linked`)."""
        last = data.log_files[-1]
        away = last.rename(folder / last.name)
        bases = {}
        for number, each in enumerate(who):
            bases[each.name] = folder / f"base-{number}.duckdb"
            each.load(bases[each.name], data.logs, data.songs)
        away.rename(last)
        return cls(title, data, bases, folder)

    def cases(self, who: Sequence[Contestant]) -> list[Case]:
        """One more day with each contestant, compared with the first sparkify of its environment."""
        databases = {each.name: self.folder / f"day-{number}.duckdb" for number, each in enumerate(who)}
        references = {each.environment: each for each in reversed(who) if each.kind == "sparkify"}

        def one_more_day(each: Contestant) -> Measurement:
            database = databases[each.name]
            database.with_name(f"{database.name}.wal").unlink(missing_ok=True)
            shutil.copyfile(self.bases[each.name], database)
            return each.load(database, self.data.logs, self.data.songs)

        def check(each: Contestant) -> str | None:
            reference = references[each.environment]
            return compare(each, databases[each.name], reference, databases[reference.name])

        return [
            Case(f"{each.name}, {self.title}", partial(one_more_day, each), partial(check, each))
            for each in who
        ]
