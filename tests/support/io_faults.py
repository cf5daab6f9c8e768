"""Inject a fault or a kill at every file operation of DuckDB loads and migrations, one at a time.

    python -m tests.support.io_faults [--every K] [--only second kill] [--seed N]

Operations are every write, sync, truncation, creation, rename, link and removal of a file beside the database
or in TMPDIR. At operation N the process gets SIGKILL, either before it or in the middle of a write (at half, or
after some sectors of 512 bytes), or the operation fails with ENOSPC or EIO, once or from then on. N covers all
operations of a first load, of a second load, of a full refresh, and of each migration up and down.

Afterwards ``sparkify-etl status`` must open the file, the star must be complete and equal to the one before or
after, and the tables must match the revision. The command must exit with 0 if and only if the load committed,
unless the message says that the outcome is unknown, and must print no traceback. Then the same action runs to
its end, and must produce the result of an undisturbed one. Prints one line of JSON, and exits with 1 on any
violation.

A case takes two processes, forked from one that has imported everything and never opens a database.
``--sabotage`` commits after every statement, and stops at the first case that detects it.
"""

from __future__ import annotations

import argparse
import errno
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from sparkify import Warehouse
from sparkify.databases.duckdb.checkpoints import IN_DOUBT as MIGRATION_IN_DOUBT
from sparkify.etl.errors import IN_DOUBT
from sparkify.etl.translation import translating
from sparkify.generate import generate
from sparkify.pipeline import SPARKIFY
from sparkify.warehouse.migrations import Migrations
from tests.support.commands import run_here
from tests.support.data import HEAD
from tests.support.io_shim import COUNT, FAIL, KILL, SECTORS, TORN, Shim, require_shim
from tests.support.kills import commit_after_every_statement, fingerprint, forked

NAME = "sparkify.duckdb"


@dataclass(frozen=True)
class Fault:
    """What happens at the N-th operation.

    :ivar of: the kinds of operations it applies to; see :meth:`Shim.disarm`.
    """

    mode: int
    of: str = "cwtasrlu"
    error: int = 0
    for_good: bool = False


FAULTS = {
    "kill": Fault(KILL),
    "torn": Fault(TORN, "w"),
    "torn at 512": Fault(SECTORS, "w"),
    "ENOSPC": Fault(FAIL, "cwtarl", errno.ENOSPC),
    "ENOSPC for good": Fault(FAIL, "cwtarl", errno.ENOSPC, for_good=True),
    "EIO": Fault(FAIL, error=errno.EIO),
    "EIO for good": Fault(FAIL, error=errno.EIO, for_good=True),
}
"""The faults by name."""

Action = Callable[[Path], dict[str, Any]]


@dataclass
class Scenario:
    """An action on a database, and the contents of the database before and after it.

    :ivar base: the file before the action; None if there is none.
    :ivar states: the contents that are allowed afterwards: those before, and those after.
    :ivar twice: the contents after running the action twice.
    :ivar kinds: the kinds of its file operations, in order.
    :ivar files: the files in the case's folder after the action.
    """

    name: str
    base: Path | None
    action: Action
    states: list[str] = field(default_factory=list)
    twice: str = ""
    kinds: str = ""
    files: list[str] = field(default_factory=list)


# -- what is done, each in a process of its own --------------------------------------------------------------


def command(*arguments: str, folder: Path) -> dict[str, Any]:
    """Run a command on the database of a folder: its exit code, and what it wrote to stderr."""
    environment = {"SPARKIFY_DATABASE_URL": f"duckdb:///{folder / NAME}", "TMPDIR": str(folder / "tmp")}
    tempfile.tempdir = str(folder / "tmp")
    done = run_here("sparkify", *arguments, cwd=folder.parent, environment=environment)
    return {"code": done.returncode, "told": done.stderr}


def load(data: Path, folder: Path, *options: str) -> dict[str, Any]:
    """Load the new files."""
    logs, songs = str(data / "log_data"), str(data / "song_data")
    return command("load", "--log-data", logs, "--song-data", songs, *options, folder=folder)


def upgrade(revision: str, folder: Path) -> dict[str, Any]:
    """Migrate the tables to a revision."""
    return command("migrate", revision, folder=folder)


def downgrade(revision: str, folder: Path) -> dict[str, Any]:
    """Downgrade the tables to a revision, for which there is no command."""
    with Warehouse(f"duckdb:///{folder / NAME}") as warehouse:
        try:
            with translating(warehouse.database.translate):
                Migrations(SPARKIFY, warehouse.database).downgrade(warehouse.engine, revision)
        except Exception as exc:
            return {"code": getattr(exc, "exit_code", 70), "told": f"{type(exc).__name__}: {exc}"}
    return {"code": 0, "told": ""}


def schema(folder: Path) -> str:
    """The revision and the columns of every table, which are equal for all files at one revision."""
    engine = create_engine(f"duckdb:///{folder / NAME}")
    with engine.connect() as connection:
        columns = connection.exec_driver_sql(
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
            "WHERE table_schema = 'main' ORDER BY 1, 2"
        ).fetchall()
        revision = None
        if any(table == "alembic_version" for table, *_ in columns):
            revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").fetchall()
    engine.dispose()
    return repr((revision, [tuple(column) for column in columns]))


def look(folder: Path, *, with_status: bool = True) -> dict[str, Any]:
    """The database's star if it is at head, else its tables; and whether ``status`` opens it."""
    database = folder / NAME
    if not database.exists():
        return {"found": "nothing", "opens": True, "told": ""}
    status = command("status", folder=folder) if with_status else {"code": 0, "told": ""}
    try:
        found = schema(folder)
        if f"'{HEAD}'" in found:
            # Includes the checks and every row.
            rows = fingerprint(database)
            # An empty warehouse counts as nothing.
            found = rows if rows == "nothing" else f"{found} {rows}"
    except Exception as exc:
        return {"found": f"{type(exc).__name__}: {exc}", "opens": False, "told": status["told"] or str(exc)}
    return {"found": found, "opens": status["code"] == 0, "told": status["told"]}


# -- the cases -----------------------------------------------------------------------------------------------


class Faults:
    """Runs scenarios with faults, and collects the violations."""

    def __init__(self, shim: Shim, folder: Path, *, seed: int) -> None:
        self.shim = shim
        self.folder = folder
        self.seed = seed
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.cases = 0

    def prepare(self, scenario: Scenario) -> None:
        """Run a scenario undisturbed, and record its results and its file operations."""
        case = self._case(scenario)
        before = asked(partial(look, case))["found"]

        def count() -> dict[str, Any]:
            self.shim.arm(case, COUNT)
            done = scenario.action(case)
            return done | {"kinds": self.shim.disarm()}

        done = asked(count)
        if done["code"]:
            raise SystemExit(f"{scenario.name}, undisturbed: {done['told']}")
        scenario.kinds = done["kinds"]
        scenario.states = [before, asked(partial(look, case))["found"]]
        scenario.files = sorted(path.name for path in case.iterdir())
        asked(partial(scenario.action, case))
        scenario.twice = asked(partial(look, case))["found"]
        shutil.rmtree(case)

    def run(self, scenario: Scenario, name: str, number: int) -> None:
        """Run a scenario once, with the named fault at one operation."""
        self.cases += 1
        case = self._case(scenario)
        fault = FAULTS[name]
        said = f"{scenario.name}, {name} at {number} of {len(scenario.kinds)} ({scenario.kinds[number - 1]})"

        def faulty() -> dict[str, Any]:
            self.shim.arm(
                case, fault.mode, number, error=fault.error, for_good=fault.for_good, seed=self.seed + number
            )
            done = scenario.action(case)
            self.shim.disarm()
            return done

        done = asked(faulty)
        # Otherwise DuckDB itself aborted the process.
        killed = done.get("killed", False) and fault.mode != FAIL
        if done.get("killed") and not killed:
            done = {"code": 134, "told": "aborted"}

        def after() -> dict[str, Any]:
            found = look(case)
            again = scenario.action(case)
            return {"first": found, "again": again, "last": look(case, with_status=False)}

        found = asked(after)
        if found.get("killed"):
            self.wrong.append(f"{said}: the process that looked died")
            return
        first, before, today = found["first"], scenario.states[0], scenario.states[-1]
        committed = first["found"] == today
        self.seen["killed" if killed else f"exit {done['code']}"] += 1
        self.seen["after" if committed else "before" if first["found"] == before else "neither"] += 1
        if not first["opens"]:
            self.seen["does not open"] += 1
            self.wrong.append(f"{said}: does not open: {first['told'].strip()}")
        elif first["found"] not in scenario.states:
            self.wrong.append(f"{said}: neither before nor after: {_short(first['found'])}")
        if not killed:
            told = done["told"].strip()
            if "Traceback" in told:
                self.wrong.append(f"{said}: a traceback: {told[-500:]}")
            if done["code"] == 0 and not committed:
                self.wrong.append(f"{said}: exit 0, and not committed: {told}")
            in_doubt = IN_DOUBT in told or MIGRATION_IN_DOUBT in told
            if done["code"] and committed and before != today and not in_doubt:
                self.wrong.append(f"{said}: exit {done['code']}, and committed: {told}")
            self.seen["in doubt"] += in_doubt
        if found["again"]["code"] or found["last"]["found"] != (scenario.twice if committed else today):
            self.wrong.append(
                f"{said}, again: exit {found['again']['code']}, {_short(found['last']['found'])}: "
                f"{found['again']['told'].strip()[-500:]}"
            )
        # A leftover file costs no row, and may be removed by hand.
        self.seen["left a file"] += bool({path.name for path in case.iterdir()} - set(scenario.files))
        shutil.rmtree(case)

    def _case(self, scenario: Scenario) -> Path:
        case = self.folder / f"case-{self.cases}"
        (case / "tmp").mkdir(parents=True)
        if scenario.base is not None:
            shutil.copy(scenario.base, case / NAME)
        return case


def _short(text: str) -> str:
    return text if len(text) < 200 else f"{text[:60]} ... {text[-100:]}"


def asked(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do work in another process: what it returned, or ``{"killed": True}`` if the process was killed."""
    answer = forked(lambda: json.dumps(work()))
    return {"killed": True} if answer is None else json.loads(answer)


def scenarios(folder: Path, data: Path) -> Iterator[Scenario]:
    """All scenarios, in the order in which each creates the starting point of the next."""
    last = max((data / "log_data").rglob("*.json"))
    kept = folder / "last"
    last.rename(kept)
    base = folder / "base"
    (base / "tmp").mkdir(parents=True)
    asked(partial(load, data, base))
    kept.rename(last)
    whole = folder / "whole"
    shutil.copytree(base, whole)
    asked(partial(load, data, whole))
    yield Scenario("first", None, partial(load, data))
    yield Scenario("second", base / NAME, partial(load, data))
    yield Scenario("refresh", whole / NAME, lambda case: load(data, case, "--full-refresh"))
    revisions = [f"{number:04}" for number in range(1, int(HEAD) + 1)]
    at = folder / "at"
    shutil.copytree(whole, at)
    for newer, older in zip(revisions[:0:-1], revisions[-2::-1], strict=True):
        start = folder / f"at-{newer}"
        shutil.copy(at / NAME, start)
        yield Scenario(f"down to {older}", start, partial(downgrade, older))
        asked(partial(downgrade, older, at))
        begin = folder / f"from-{older}"
        shutil.copy(at / NAME, begin)
        yield Scenario(f"up to {newer}", begin, partial(upgrade, newer))


def import_all(folder: Path, data: Path) -> None:
    """Import the modules that a load imports lazily: once here, and not in each forked process."""

    def names() -> str:
        case = folder / "imports"
        (case / "tmp").mkdir(parents=True)
        load(data, case)
        look(case)
        downgrade(f"{int(HEAD) - 1:04}", case)
        return json.dumps(sorted(sys.modules))

    for name in json.loads(str(forked(names))):
        if name.split(".")[0] in (
            "sparkify",
            "alembic",
            "sqlalchemy",
            "duckdb",
            "duckdb_sqlalchemy",
            "rich",
            "typer",
        ):
            import_module(name)


def main() -> None:
    """Count the operations, inject the faults, inspect, run again, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--every", type=int, default=1, help="one operation in so many of each scenario and fault"
    )
    parser.add_argument(
        "--only", nargs="*", default=[], help="first second refresh down up, and faults; else all"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--events", type=int, default=1500)
    parser.add_argument("--sabotage", action="store_true", help="commit after every statement")
    options = parser.parse_args()
    require_shim("tests.support.io_faults")
    with tempfile.TemporaryDirectory(prefix="sparkify-io-") as name:
        found = run(Path(name), options)
    print(json.dumps(found), flush=True)
    sys.exit(1 if found["violations"] else 0)


def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run all cases. Returns the counts and the violations."""
    data = folder / "data"
    generate(data, events=options.events, songs=60, days=4, seed=options.seed)
    import_all(folder, data)
    faults = Faults(Shim(), folder, seed=options.seed)
    chance = random.Random(options.seed)
    points: Counter[str] = Counter()
    cases: Counter[str] = Counter()
    only = set(options.only) - set(FAULTS)
    for scenario in scenarios(folder, data):
        kind = scenario.name.split()[0]
        if only and kind not in only:
            if only <= set(points):
                # Only the scenarios up to the last requested one are needed: each builds on those before it.
                break
            continue
        faults.prepare(scenario)
        if options.sabotage:
            commit_after_every_statement()
        points[scenario.name] = len(scenario.kinds)
        for name, fault in FAULTS.items():
            if name not in (set(FAULTS) & set(options.only) or FAULTS):
                continue
            numbers = [n for n, kind in enumerate(scenario.kinds, 1) if kind in fault.of]
            for number in numbers[chance.randrange(options.every) :: options.every]:
                if options.sabotage and faults.wrong:
                    break
                faults.run(scenario, name, number)
                cases[name] += 1
    return {
        "cases": faults.cases,
        "points": points,
        "faults": cases,
        **faults.seen,
        "violations": len(faults.wrong),
        "wrong": faults.wrong[:40],
    }


if __name__ == "__main__":
    main()
