"""Some rounds of ``make loaders`` on DuckDB, and that they would see a load that forgets what is known."""

from __future__ import annotations

import json

from tests.support.commands import run_module
from tests.support.paths import CLONE


def test_loads_and_readers_at_once_load_each_file_once() -> None:
    options = ("--rounds", "2", "--loaders", "3", "--readers", "1")
    done = run_module("tests.support.loaders", *options, cwd=CLONE, timeout=1800)
    found = json.loads(done.stdout)
    assert (found["wrong"], done.returncode) == ([], 0), done.stderr
    assert (found["loaded"], found["readers"]) == (2, 1)


def test_rounds_see_a_load_that_forgets_what_is_known() -> None:
    options = ("--rounds", "2", "--loaders", "2", "--readers", "0", "--sabotage")
    done = run_module("tests.support.loaders", *options, cwd=CLONE, timeout=1800)
    assert done.returncode == 1, done.stderr
    assert "round " in json.loads(done.stdout)["wrong"][0]
