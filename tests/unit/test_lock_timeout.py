"""The time that a load may wait for another load."""

from __future__ import annotations

import math

import pytest

from sparkify import ConfigurationError
from sparkify.etl.lock_timeout import check_lock_timeout
from sparkify.etl.request import LoadRequest
from sparkify.etl.retention import prune_request


@pytest.mark.parametrize(("seconds", "told"), [(-1, "-1"), (-math.inf, "-inf"), (math.nan, "nan")])
def test_what_nobody_can_wait_is_refused_by_load_and_prune_alike(seconds: float, told: str) -> None:
    for refused in (
        lambda: check_lock_timeout(seconds),
        lambda: LoadRequest(uris={}, lock_timeout=seconds),
        lambda: prune_request("1d", None, dry_run=False, lock_timeout=seconds),
    ):
        with pytest.raises(ConfigurationError) as stopped:
            refused()
        assert str(stopped.value) == f"cannot wait {told} seconds. Give lock_timeout=0 or more."


@pytest.mark.parametrize("seconds", [0, 0.5, math.inf])
def test_no_time_and_any_time_can_be_waited(seconds: float) -> None:
    check_lock_timeout(seconds)
