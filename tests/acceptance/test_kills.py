"""A few of the kills of ``make kill``, and that they would see a load that is not one transaction."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.support.commands import run_module
from tests.support.paths import CLONE


def kills(*options: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    done = run_module(
        "tests.support.kills", "--kills", "8", "--events", "3000", *options, cwd=CLONE, timeout=1800
    )
    return done, json.loads(done.stdout)


def test_a_killed_load_leaves_yesterdays_star_or_todays() -> None:
    before = 0
    for seed in range(5):
        done, found = kills("--seed", str(seed))
        assert (found["wrong"], done.returncode) == ([], 0), done.stderr
        # Not among what was seen where every kill came too late.
        before += found.get("before", 0)
        # Some must come in the middle, else nothing was tried. Where the machine has become idle since the time
        # of a load was taken, most come too late; then others.
        if before >= 2:
            return
    raise AssertionError("40 kills came too late")


def test_the_kills_see_a_load_that_commits_in_between() -> None:
    for seed in range(5):
        done, found = kills("--seed", str(seed), "--sabotage")
        assert done.returncode in (0, 1), done.stderr
        # A kill may come when nothing of it was written yet; then others.
        if done.returncode == 1:
            assert found["wrong"]
            return
    raise AssertionError("40 kills saw nothing")
