"""Some of the names of ``make hostile``, and that it would see what is not escaped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import run_here, run_module
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


@pytest.mark.parametrize("option", ["--log-data", "--song-data", "--only", "--database", "--on-drift"])
def test_newline_in_an_option_begins_no_line(option: str, tmp_path: Path) -> None:
    done = run_here("sparkify", "load", option, "x\nerror: forged", cwd=tmp_path)
    assert done.returncode
    assert [line for line in done.stderr.split("\n") if line.startswith("error: forged")] == []
