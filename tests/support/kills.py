"""Kill loads at random moments, and check the file afterwards and after the next load.

    python -m tests.support.kills --kills 1000 [--seed N]

Each load is a separate process that gets SIGKILL after a random time. Half of them are first loads, which also
create the file; the other half add a day to an existing star. Afterwards the file must open and hold the star
before or after the load, complete. Then the same load runs to its end, and must produce the star of an
undisturbed load. Prints one line of JSON, and exits with 1 on any violation.

The processes are forked from this one, which imports everything and never opens a database: starting Python a
thousand times would take most of the time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import ClauseElement, Connection

from sparkify import Warehouse
from sparkify.databases.sidecar import sidecar_of
from sparkify.etl.session import Outcome, Session
from sparkify.generate import generate
from tests.support.data import rows, star


def forked(work: Callable[[], str], *, kill_after: float | None = None) -> str | None:
    """Do the work in another process. Returns its result, or None if the process was killed first."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        code = 1
        try:
            os.write(write, work().encode())
            code = 0
        except BaseException as exc:
            sys.stderr.write(f"{type(exc).__name__}: {exc}\n")
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(write)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read().decode()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return None
    if os.waitstatus_to_exitcode(status):
        raise SystemExit("a process that was not killed failed; what it said stands above")
    return answer


def load(database: Path, data: Path) -> str:
    """Load the new files."""
    with Warehouse(f"duckdb:///{database}") as warehouse:
        warehouse.load(log_data=data / "log_data", song_data=data / "song_data")
    return "loaded"


def fingerprint(database: Path) -> str:
    """A hash of the star, without what depends on the number of loads, and the ledger's count of lines."""
    if not database.exists():
        return "nothing"
    with Warehouse(f"duckdb:///{database}") as warehouse:
        lines = rows(warehouse, "SELECT coalesce(sum(lines), 0) FROM load_history")[0][0]
        if failed := [result.name for result in warehouse.check() if not result.ok]:
            return f"failed: {failed}"
        found = repr(star(warehouse))
    return "nothing" if lines == 0 else f"{hashlib.sha256(found.encode()).hexdigest()[:16]} {lines}"


def commit_after_every_statement() -> None:
    """Make loads do what they must not do; the suite has to detect it."""
    run = Session.run

    def committing(
        self: Session,
        statement: ClauseElement | str,
        parameters: tuple[Any, ...] = (),
        *,
        apart: Connection | None = None,
    ) -> Outcome:
        outcome = run(self, statement, parameters, apart=apart)
        if self._connection is not None and self._connection.in_transaction():
            self._connection.exec_driver_sql("COMMIT")
            self._connection.exec_driver_sql("BEGIN TRANSACTION")
        return outcome

    setattr(Session, "run", committing)  # noqa: B010 - a method is replaced on purpose


def main() -> None:
    """Kill, inspect, load, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--events", type=int, default=12_000, help="how many are loaded")
    parser.add_argument(
        "--sabotage",
        action="store_true",
        help="commit after every statement; ends with the first kill that shows it",
    )
    options = parser.parse_args()
    with suppress(ImportError):
        # If installed, DuckDB imports it at the first parameter: do so once here, and not in each process.
        import pandas  # noqa: F401
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="sparkify-kills-") as name:
        folder = Path(name)
        data = folder / "data"
        generate(data, events=options.events, songs=150, days=4, seed=options.seed)
        # Yesterday: all days but the last. A loaded file is known by its name, so the last is moved away.
        last = max((data / "log_data").rglob("*.json"))
        last.rename(folder / "last")
        base = folder / "base.duckdb"
        forked(partial(load, base, data))
        yesterday = forked(partial(fingerprint, base))
        (folder / "last").rename(last)
        began = time.perf_counter()
        whole = folder / "whole.duckdb"
        shutil.copy(base, whole)
        forked(partial(load, whole, data))
        took = time.perf_counter() - began
        today = forked(partial(fingerprint, whole))
        if options.sabotage:
            commit_after_every_statement()
        seen: Counter[str] = Counter()
        wrong: list[str] = []
        for number in range(options.kills):
            if options.sabotage and wrong:
                break
            database = folder / f"kill-{number}" / "sparkify.duckdb"
            database.parent.mkdir()
            before = "nothing"
            if number % 2:
                shutil.copy(base, database)
                before = str(yesterday)
            after = chance.uniform(0, took * (1.1 if number % 2 else 1.8))
            finished = forked(partial(load, database, data), kill_after=after)
            found = forked(partial(fingerprint, database))
            seen["today" if found == today else "before" if found == before else "neither"] += 1
            seen["finished"] += finished is not None
            said = f"kill {number} after {after:.3f} s"
            if found not in (before, today):
                wrong.append(f"{said}: {found}")
                continue
            forked(partial(load, database, data))
            again = forked(partial(fingerprint, database))
            if again != today:
                wrong.append(f"{said}, loaded again: {again}")
            known = (database, sidecar_of(database))
            if stray := [path.name for path in database.parent.iterdir() if path not in known]:
                wrong.append(f"{said} left {stray}")
            shutil.rmtree(database.parent)
    print(json.dumps({"kills": options.kills, **seen, "wrong": wrong[:20]}))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
