"""Some of the operations of ``make io-faults``, and that it would see a load that is not one transaction."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.support.commands import run_module
from tests.support.io_shim import missing
from tests.support.paths import CLONE

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def io_faults(*options: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    done = run_module("tests.support.io_faults", "--events", "600", *options, cwd=CLONE, timeout=3600)
    return done, json.loads(done.stdout)


def test_load_whose_operation_fails_or_is_the_last_leaves_yesterdays_star_or_todays() -> None:
    done, found = io_faults("--only", "second", "kill", "torn", "ENOSPC", "EIO", "--every", "13")
    assert (found["wrong"], done.returncode) == ([], 0), done.stderr
    # Some in the middle, some behind the commit.
    assert found["before"] >= 2
    assert found["after"] >= 2
    assert found["killed"] >= 3


def test_io_faults_see_a_load_that_commits_in_between() -> None:
    done, found = io_faults("--only", "second", "kill", "--sabotage", "--every", "17")
    assert done.returncode == 1, done.stderr
    assert "neither before nor after" in found["wrong"][0]
