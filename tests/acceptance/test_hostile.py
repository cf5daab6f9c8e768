"""Some of the names of ``make hostile``, and that it would see what is not escaped."""

from __future__ import annotations

import json

from tests.support.commands import run_module
from tests.support.paths import CLONE


def test_hostile_names_are_texts() -> None:
    done = run_module("tests.support.hostile", "--names", "30", "--seed", "1", cwd=CLONE, timeout=1800)
    found = json.loads(done.stdout)
    assert (found["wrong"], done.returncode) == ([], 0), done.stderr
    assert (found["options"], found["refused"] + found["accepted"]) == (3, 15)


def test_names_that_are_not_escaped_are_seen() -> None:
    done = run_module(
        "tests.support.hostile", "--names", "10", "--seed", "3", "--sabotage", cwd=CLONE, timeout=1800
    )
    assert done.returncode == 1, done.stderr
    assert " prints '" in " ".join(json.loads(done.stdout)["wrong"])
