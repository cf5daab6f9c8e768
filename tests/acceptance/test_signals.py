"""A load that is stopped by a signal, in its steps: the exit code, one line, and whether it was committed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.cloud import Cloud
from tests.support.data import Data, rows
from tests.support.making import event, song
from tests.support.paths import CLONE

CODES = {"SIGINT": (130, "interrupted"), "SIGTERM": (143, "terminated")}
IN_DOUBT = "the load was being committed, and it is not known whether it was; to run the load again is safe"
NEVER = 1_000
"""The number of no step."""


def stops(home: Path, which: str, environment: Mapping[str, str]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.stopping", which, "load", "-q"],
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(CLONE), "PYTHONWARNINGS": "ignore", **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def said(stop: Mapping[str, Any]) -> str:
    """What is said of the state after a stop, by what the load had come to."""
    match stop["steps"][-1]:
        case "commit":
            return IN_DOUBT
        case "tidy up":
            return "the load was committed"
    return "nothing was changed"


def check(found: list[dict[str, Any]]) -> None:
    """Require the exit code and the line of every stop."""
    for stop in found:
        code, word = CODES[stop["signal"]]
        assert (stop["code"], stop["err"]) == (code, f"{word}; {said(stop)}\n"), stop


def some(steps: int, scale: int) -> list[int]:
    """Some of the steps before the commit, which is the last but one; all of them where tests run at size."""
    return list(range(0, steps - 2, 9 if scale == 1 else 1))


def alternately(numbers: list[int], first: str, second: str, scale: int) -> str:
    """One of the signals at each of the steps in turn; where tests run at size, also the other."""
    turns = [(first, second)] if scale == 1 else [(first, second), (second, first)]
    return ",".join(f"{turn[place % 2]}:{number}" for turn in turns for place, number in enumerate(numbers))


@pytest.fixture
def home(data: Data) -> Path:
    data.log("a.json", event(), event(itemInSession=1, song="Other"))
    data.song("a.json", song())
    return data.root.parent


def plays(home: Path) -> int:
    with duckdb.connect(str(home / "sparkify.duckdb")) as connection:
        found = connection.execute("SELECT count(*) FROM songplays").fetchone()
    assert found is not None
    return int(found[0])


def test_signal_in_steps_on_duckdb(home: Path, scale: int) -> None:
    (whole,) = stops(home, f"SIGINT:{NEVER}", {})
    steps = len(whole["steps"])
    assert (whole["code"], whole["err"], whole["steps"][-2:]) == (0, "", ["commit", "tidy up"])
    check(stops(home, alternately(some(steps, scale), "SIGINT", "SIGTERM", scale), {}))
    for stop, expected in (("SIGINT:sql", 0), ("SIGTERM:sql", 0), (f"SIGTERM:{steps - 1}", 2)):
        check(stops(home, stop, {}))
        assert plays(home) == expected
    check(stops(home, f"SIGINT:{steps - 2}", {}))
    assert plays(home) in (0, 2)


def test_signal_in_steps_on_redshift(home: Path, cloud: Cloud, scale: int) -> None:
    cloud.put(home / "data" / "log_data", "log_data")
    cloud.put(home / "data" / "song_data", "song_data")
    redshift = cloud.redshift
    settings = {
        **redshift.environment,
        "SPARKIFY_DATABASE_URL": redshift.url,
        "SPARKIFY_LOG_DATA": "s3://plays/log_data",
        "SPARKIFY_SONG_DATA": "s3://plays/song_data",
        "SPARKIFY_LOG_JSONPATH": "s3://plays/log_json_path.json",
        "SPARKIFY_MANIFEST_PREFIX": "s3://plays/manifests",
    }
    with cloud.with_tables():
        (whole,) = stops(home, f"SIGINT:{NEVER}", settings)
    steps = len(whole["steps"])
    assert (whole["code"], whole["err"], whole["steps"][-2:]) == (0, "", ["commit", "tidy up"])
    with cloud.with_tables() as warehouse:
        in_steps = alternately(some(steps, scale), "SIGTERM", "SIGINT", scale)
        before = f"SIGINT:sql,SIGTERM:sql,{in_steps}"
        check(stops(home, before, settings))
        assert rows(warehouse, "SELECT count(*) FROM songplays") == [(0,)]
        check(stops(home, f"SIGINT:{steps - 1}", settings))
        assert rows(warehouse, "SELECT count(*) FROM songplays") == [(2,)]
    with cloud.with_tables() as warehouse:
        check(stops(home, f"SIGTERM:{steps - 2}", settings))
        assert rows(warehouse, "SELECT count(*) FROM songplays") in ([(0,)], [(2,)])
