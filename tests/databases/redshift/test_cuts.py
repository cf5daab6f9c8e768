"""A few of the cuts of ``make cuts``, and a control: a load that retries without checking is detected."""

from __future__ import annotations

from pathlib import Path

from standin import Standin
from tests.support import cuts


def test_load_whose_connection_is_cut_ends_as_one_load(redshift: Standin, tmp_path: Path) -> None:
    found = cuts.run(redshift, tmp_path, cuts=10, seed=2)
    assert found["wrong"] == []
    assert found["loads"] == 10
    assert found["cut"] >= 8
    assert found["lost COMMIT answers"] >= 2
    # Some could not reconnect.
    assert found["exit 75"] >= 1


def test_cuts_see_a_load_that_begins_again_without_looking(redshift: Standin, tmp_path: Path) -> None:
    found = cuts.run(redshift, tmp_path, cuts=20, seed=1, sabotage=True)
    assert "6 of 3 plays" in found["wrong"][0]
