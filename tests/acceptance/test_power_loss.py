"""Some of the states of ``make power-loss``, and that they would see a load that does not sync."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.support.commands import run_module
from tests.support.io_shim import missing
from tests.support.paths import CLONE

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def states(*options: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    done = run_module("tests.support.power_loss", "--events", "600", *options, cwd=CLONE, timeout=3600)
    return done, json.loads(done.stdout)


def test_power_loss_leaves_the_star_of_the_last_load_that_ended_or_the_next() -> None:
    done, found = states("--states", "12", "--seed", "3")
    assert (found["wrong"], done.returncode) == ([], 0), done.stderr
    assert (found["states"], found["before"] >= 2, found["after"] >= 2) == (12, True, True)


def test_power_loss_sees_a_load_that_does_not_sync() -> None:
    done, found = states("--states", "60", "--seed", "3", "--sabotage")
    assert done.returncode == 1, done.stderr
    assert found["violations"] == 1
