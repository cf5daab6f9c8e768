"""Load one DuckDB file from many processes at once while others read it: one load per file, no failed reader.

    python -m tests.support.loaders --rounds 100 [--loaders 8] [--readers 2]

Each round has one new file, and all processes begin at the same moment. One load loads the file; the others
find nothing new or, in every other round, do not wait for the lock and may end with 75. Each reader must end
with 0, and count the plays before or after the load. Prints one line of JSON; exits with 1 on any violation.

``--sabotage`` loads without reading which files are known, and stops once that is detected.
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
"""Number of plays in each round."""
_NAME = "sparkify.duckdb"


def started(work: Callable[[], str]) -> tuple[int, int]:
    """Start a process that does some work. Returns its id, and the pipe for its answer."""
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
    """Wait for a process. Returns its answer, which is empty if the process died."""
    pid, read = process
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(pid, 0)
    return answer


def command(folder: Path, *arguments: str) -> str:
    """Run a command. Returns its exit code and its output as JSON."""
    environment = {"SPARKIFY_DATABASE_URL": f"duckdb:///{folder / _NAME}"}
    done = run_here("sparkify", *arguments, cwd=folder, environment=environment)
    return json.dumps({"code": done.returncode, "out": done.stdout, "told": done.stderr})


def count(folder: Path) -> str:
    """The number of plays and of loads, and the failed checks, as JSON."""
    with Warehouse(f"duckdb:///{folder / _NAME}") as warehouse:
        plays, loads = rows(
            warehouse, "SELECT (SELECT count(*) FROM songplays), (SELECT count(*) FROM load_history)"
        )[0]
        return json.dumps([plays, loads, [str(one) for one in warehouse.check() if not one.ok]])


def forget_known_files() -> None:
    """Make loads do what they must not do; the suite has to detect it."""
    read_known = ledger.read_known

    def nothing_known(*arguments: Any) -> ledger.Known:
        known = read_known(*arguments)
        return replace(known, files={name: {} for name in known.files})

    setattr(ledger, "read_known", nothing_known)  # noqa: B010 - a function is replaced on purpose


class Rounds:
    """Runs rounds of simultaneous loads and readers, and collects the violations."""

    def __init__(self, folder: Path, *, loaders: int, readers: int) -> None:
        self.folder = folder
        self.loaders, self.readers = loaders, readers
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self, number: int) -> None:
        """Run one round."""
        logs = self.folder / "log_data"
        # Fifty users in turn, so that more than songplays grows.
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
    """Run this many rounds. Returns the counts and the violations."""
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
    """Start the processes, count, repeat."""
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
