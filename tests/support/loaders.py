"""Many processes that load one DuckDB file at once, and some that read it: each file once, no reader fails.

    python -m tests.support.loaders --rounds 100 [--loaders 8] [--readers 2]

In each round there is one new file, and every process begins at the same moment: one load loads it, the
others have nothing new, or end with 75 where they do not wait for the lock, in every other round. Each
reader ends with 0, and counts the plays of before or of after. Prints one line of JSON, and exits with 1
when something of this was not so.

``--sabotage`` loads without reading which files are known; ends when that shows.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sparkify import Warehouse
from sparkify.etl import ledger
from tests.support.commands import run_here
from tests.support.data import rows
from tests.support.making import event, write

_PLAYS = 20
"""Of each round."""
_NAME = "sparkify.duckdb"


def started(work: Callable[[], str]) -> tuple[int, int]:
    """A process that does some work: its id, and the pipe that it answers into."""
    read, answers = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        code = 1
        try:
            os.write(answers, work().encode()[:60_000])
            code = 0
        finally:
            os._exit(code)
    os.close(answers)
    return pid, read


def ended(process: tuple[int, int]) -> str:
    """What it answered; nothing where it died."""
    pid, read = process
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(pid, 0)
    return answer


def command(folder: Path, *arguments: str) -> str:
    """How a command ended, and what it printed, as JSON."""
    environment = {"SPARKIFY_DATABASE_URL": f"duckdb:///{folder / _NAME}"}
    done = run_here("sparkify", *arguments, cwd=folder, environment=environment)
    return json.dumps({"code": done.returncode, "out": done.stdout, "told": done.stderr})


def count(folder: Path) -> str:
    """The plays, the loads, and the checks that fail, as JSON."""
    with Warehouse(f"duckdb:///{folder / _NAME}") as warehouse:
        plays, loads = rows(
            warehouse, "SELECT (SELECT count(*) FROM songplays), (SELECT count(*) FROM load_history)"
        )[0]
        return json.dumps([plays, loads, [str(one) for one in warehouse.check() if not one.ok]])


def forget_known_files() -> None:
    """What a load must not do; the suite has to see it."""
    read_known = ledger.read_known

    def nothing_known(*arguments: Any) -> ledger.Known:
        known = read_known(*arguments)
        return replace(known, files={name: {} for name in known.files})

    setattr(ledger, "read_known", nothing_known)  # noqa: B010 - a function is replaced on purpose


class Rounds:
    """Some loads and readers at once, again and again."""

    def __init__(self, folder: Path, *, loaders: int, readers: int) -> None:
        self.folder = folder
        self.loaders, self.readers = loaders, readers
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self, number: int) -> None:
        """One round."""
        logs = self.folder / "log_data"
        # A thousand users, so that the star grows by more than plays.
        lines = (event(sessionId=number, itemInSession=n, userId=str(1 + number % 50)) for n in range(_PLAYS))
        write(logs / f"{number}.json", lines)
        timeouts = ["600", *["0.05" if number % 2 else "600"] * (self.loaders - 1)]
        load = ("load", "--only", "events", "--log-data", str(logs), "--lock-timeout")
        loads = [started(partial(command, self.folder, *load, timeout)) for timeout in timeouts]
        query = partial(command, self.folder, "query", "totals", "--format", "json")
        readers = [started(query) for _ in range(self.readers if number > 1 else 0)]
        committed = 0
        for process in loads:
            done = json.loads(ended(process) or '{"code": -1, "out": "", "told": "died"}')
            kind = "loaded" if done["out"].count("Loaded ") else f"exit {done['code']}"
            committed += kind == "loaded"
            self.seen[kind] += 1
            if done["code"] not in (0, *((75,) if number % 2 else ())) or "Traceback" in done["told"]:
                self.wrong.append(f"round {number}: exit {done['code']}: {done['told'][-300:]}")
        before, after = (number - 1) * _PLAYS, number * _PLAYS
        for process in readers:
            done = json.loads(ended(process) or '{"code": -1, "out": "", "told": "died"}')
            self.seen["readers"] += 1
            plays = json.loads(done["out"])[0]["plays"] if done["code"] == 0 else None
            told = f"exit {done['code']}: {done['told'][-300:]}"
            self.seen["readers that saw yesterday"] += plays == before
            if plays not in (before, after):
                self.wrong.append(f"round {number}: a reader: {plays} plays, {told}")
        plays, loads_so_far, failed = json.loads(ended(started(partial(count, self.folder))))
        if (plays, loads_so_far, failed, committed) != (after, number, [], 1):
            self.wrong.append(
                f"round {number}: {plays} plays, {loads_so_far} loads, {committed} committed; {failed}"
            )


def run(
    folder: Path, *, rounds: int, loaders: int = 8, readers: int = 2, sabotage: bool = False
) -> dict[str, Any]:
    """So many rounds: what was seen, and what was wrong."""
    if sabotage:
        forget_known_files()
    found = Rounds(folder, loaders=loaders, readers=readers)
    for number in range(1, rounds + 1):
        if sabotage and found.wrong:
            break
        found.run(number)
    return {
        "rounds": rounds,
        "loaders": loaders,
        **found.seen,
        "violations": len(found.wrong),
        "wrong": found.wrong[:20],
    }


def main() -> None:
    """Begin at once, count, again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--loaders", type=int, default=8)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--sabotage", action="store_true", help="do not read which files are known")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sparkify-loaders-") as name:
        found = run(Path(name), **vars(options))
    print(json.dumps(found))
    sys.exit(1 if found["violations"] else 0)


if __name__ == "__main__":
    main()
