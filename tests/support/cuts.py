"""Cut the connections of loads of the stand-in for Redshift, and check the stored rows and the exit code.

    python -m tests.support.cuts --cuts 1000 [--seed N]

A proxy between redshift_connector and the stand-in cuts the connection of each load. In three of ten loads it
cuts when the stand-in has committed and not yet answered, or is about to commit; in the others after a random
byte in either direction, TLS included. Some loads are cut more than once, and some cannot reconnect. Each load
runs the command on one new file. It must exit with 0 if and only if all plays of the file are stored, exactly
once; otherwise with 75, and if the plays are stored nevertheless, the message must say that the outcome is
unknown. The next load must find or load them. After every twenty files the star must equal that of an
undisturbed DuckDB load of the same files. Prints one line of JSON, and exits with 1 on any violation.

``--sabotage`` uses a loader that retries without checking what is stored, and stops once that is detected.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import ssl
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import redshift_connector

from sparkify import Warehouse
from sparkify.etl.errors import IN_DOUBT
from standin import Standin
from standin.faults import Fault, When
from tests.support.cloud import ROLE, Cloud
from tests.support.commands import run_here
from tests.support.data import star
from tests.support.making import event, write
from tests.support.tcp_proxy import CuttingProxy, Direction, cutting_proxy

_ROUNDS = 20
"""Number of files after which the star is compared and a new warehouse begins."""
_LOST = 0.3
"""The share of the loads whose COMMIT is not answered."""


@dataclass
class CutAtCommit(Fault):
    """Cuts the connection at the COMMIT of a load, which takes effect nevertheless.

    :ivar cut: the function that cuts.
    :ivar late: whether to cut before the server begins to commit, which is then delayed; else after the commit.
    :ivar times: how many COMMITs in a row to cut.
    """

    cut: Callable[[], None] = lambda: None
    late: bool = False
    in_load: bool = False

    def matches(self, sql: str, when: When) -> bool:
        """Cut at the right moment. Always returns False: the server itself has no fault."""
        if re.match(r"\s*LOCK\b", sql):
            self.in_load = True
        elif self.in_load and self.pattern.search(sql) and self.fired < (self.times or 0):
            if when == ("before" if self.late else "after"):
                self.fired += 1
                self.in_load = False
                self.cut()
                if self.late:
                    # Long enough for the client to reconnect and ask.
                    time.sleep(0.05)
        elif re.match(r"\s*ROLLBACK\b", sql):
            self.in_load = False
        return False


@dataclass
class Cuts:
    """Runs the cut loads, and collects the counts and violations.

    :ivar load: loads the new files through the proxy; returns the exit code and what was written to stderr.
    """

    standin: Standin
    proxy: CuttingProxy
    folder: Path
    seed: int
    load: Callable[[], tuple[int, str]]
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.whole: dict[Direction, int] = {"up": 0, "down": 0}

    def run(self, cuts: int, *, until_wrong: bool = False) -> None:
        """Run this many cut loads, in blocks with one warehouse each."""
        block = 0
        while (left := cuts - self.seen["loads"]) > 0 and not (until_wrong and self.wrong):
            self._block(block, min(left, _ROUNDS), until_wrong=until_wrong)
            block += 1

    def _block(self, block: int, rounds: int, *, until_wrong: bool) -> None:
        cloud = Cloud(self.standin)
        cloud.with_tables().close()
        logs = self.folder / str(block) / "log_data"
        self._put(logs, 0)
        self.proxy.plan()
        code, told = self.load()
        if code:
            raise SystemExit(f"a load that nobody disturbed ended with {code}: {told}")
        self.whole = dict(self.proxy.passed)
        for number in range(1, rounds + 1):
            if until_wrong and self.wrong:
                return
            self._put(logs, number)
            self._one(f"seed {self.seed}, block {block}, load {number}", number)
        if until_wrong:
            return
        with cloud.warehouse() as warehouse, Warehouse(f"duckdb:///{logs.parent}/reference.duckdb") as other:
            other.load(log_data=logs, only=["events"])
            failed = [str(result) for result in warehouse.check() if not result.ok]
            if failed or star(warehouse) != star(other):
                self.wrong.append(f"seed {self.seed}, block {block}: another star; checks: {failed}")

    def _one(self, said: str, number: int) -> None:
        """Run one cut load, and after a failure the next load."""
        chance = self.chance
        lost = chance.random() < _LOST
        refuse = chance.random() < 0.2
        fault = CutAtCommit("drop", re.compile(r"^\s*(commit|end)\b", re.IGNORECASE), cut=self.proxy.cut)
        if lost:
            fault.late = chance.random() < 0.3
            self.standin.faults.add(fault)
            self.proxy.plan(then_refuse=refuse, reset=chance.random() < 0.5)
        else:
            times = chance.choice([1, 1, 1, 2, 6])
            ways: tuple[Direction, ...] = ("up", "down")
            directions = [chance.choice(ways) for _ in range(times)]
            planned = [(way, chance.randrange(self.whole[way])) for way in directions]
            self.proxy.plan(planned, then_refuse=refuse, reset=chance.random() < 0.5)
        code, told = self.load()
        cuts = self.proxy.cuts
        self.proxy.plan()
        self.standin.clear_faults()
        plays = self._plays(number)
        self.seen["loads"] += 1
        self.seen["cut"] += cuts > 0
        self.seen["connections cut"] += cuts
        self.seen["lost COMMIT answers"] += fault.fired
        self.seen[f"exit {code}"] += 1
        told = told.strip().replace("\n", " / ")
        if plays not in (0, _PLAYS):
            self.wrong.append(f"{said}: {plays} of {_PLAYS} plays; exit {code}: {told}")
        if "Traceback" in told:
            self.wrong.append(f"{said}: a traceback: {told}")
        if code == 0 and plays == 0:
            self.wrong.append(f"{said}: exit 0 without the plays: {told}")
        if code not in (0, 75) or (code == 75 and plays and IN_DOUBT not in told):
            self.wrong.append(f"{said}: exit {code} with {plays} plays: {told}")
        if code:
            self.seen["in doubt"] += IN_DOUBT in told
            again = self.load()
            if again[0] != 0 or self._plays(number) != _PLAYS:
                self.wrong.append(f"{said}, loaded again: {self._plays(number)} plays, exit {again}")

    def _put(self, logs: Path, number: int) -> None:
        # A few listeners in turn, and each song by one of three artists.
        lines = [
            event(
                sessionId=number,
                itemInSession=item,
                userId=str(1 + number % 5),
                song=f"Song {item}",
                artist=f"Band {number % 3}",
                level="free" if number % 7 else "paid",
                ts=1_541_000_000_000 + 60_000 * (100 * number + item),
            )
            for item in range(_PLAYS)
        ]
        path = write(logs / f"{number}.json", lines)
        self.standin.put_object(f"s3://plays/log_data/{number}.json", path.read_bytes())

    def _plays(self, number: int) -> int:
        # The server may still be at work for the client that was cut.
        listener: Any = self.standin._listener
        while not listener.idle:
            time.sleep(0.002)
        return int(self.standin.query(f"SELECT count(*) FROM songplays WHERE session_id = {number}")[0][0] or 0)


_PLAYS = 3
"""Number of plays in each file."""


def command(standin: Standin, port: int, home: Path) -> tuple[int, str]:
    """Run ``sparkify-etl load`` through a port. Returns its exit code, and what it wrote to stderr."""
    environment = {
        **standin.environment,
        "SPARKIFY_DATABASE_URL": standin.url.replace(f":{standin.port}/", f":{port}/"),
        "SPARKIFY_IAM_ROLE_ARN": ROLE,
        "SPARKIFY_LOG_DATA": "s3://plays/log_data",
        "SPARKIFY_LOG_JSONPATH": "s3://plays/log_json_path.json",
        "SPARKIFY_MANIFEST_PREFIX": "s3://plays/manifests",
        "SPARKIFY_CONNECT_TIMEOUT": "20",
    }
    with patch("tenacity.nap.time.sleep", lambda _seconds: None):
        done = run_here("sparkify", "load", "--only", "events", cwd=home, environment=environment)
    return done.returncode, done.stderr


def naive(standin: Standin, port: int) -> tuple[int, str]:
    """Do what a load must not do: insert the newest file, and insert it again if the connection was lost."""
    number = max(int(Path(uri).stem) for uri in standin.objects_below("s3://plays/log_data/"))
    values = ", ".join(
        f"({number}, {item}, '2018-11-01', 1, 'free', 'SO', 'AR', 'exact', 1, 1)" for item in range(_PLAYS)
    )
    for _ in range(3):
        try:
            with redshift_connector.connect(**standin.connect_args() | {"port": port}) as connection:
                cursor = connection.cursor()
                cursor.execute("LOCK load_lock")
                cursor.execute(
                    "INSERT INTO songplays (session_id, item_in_session, start_time, user_id, level, song_id, "
                    f"artist_id, match, match_id, load_id) VALUES {values}"
                )
                connection.commit()
            return 0, ""
        except (redshift_connector.Error, OSError, ssl.SSLError) as lost:
            error = lost
    return 75, str(error)


def main() -> None:
    """Cut, inspect, load, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sabotage", action="store_true", help="load without looking what is there")
    options = parser.parse_args()
    # redshift_connector 2.2 calls ssl.SSLContext() without a protocol.
    warnings.simplefilter("ignore", DeprecationWarning)
    with tempfile.TemporaryDirectory(prefix="sparkify-cuts-") as name, Standin.start() as standin:
        os.environ.update(standin.environment)
        found = run(standin, Path(name), cuts=options.cuts, seed=options.seed, sabotage=options.sabotage)
    print(json.dumps(found))
    sys.exit(1 if found["wrong"] else 0)


def run(standin: Standin, folder: Path, *, cuts: int, seed: int, sabotage: bool = False) -> dict[str, Any]:
    """Run this many cut loads. Returns the counts and the violations."""
    home = folder / "home"
    home.mkdir()
    with cutting_proxy(standin.port) as proxy:
        rounds = Cuts(standin, proxy, folder, seed, lambda: command(standin, proxy.port, home))
        if sabotage:
            rounds.load = lambda: naive(standin, proxy.port)
        rounds.run(cuts, until_wrong=sabotage)
    return {"asked for": cuts, "seed": seed, **rounds.seen, "wrong": rounds.wrong[:20]}


if __name__ == "__main__":
    main()
