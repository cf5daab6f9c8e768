"""The options of a load: the library and the command must have the same list."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

import pytest

from sparkify import Settings, Warehouse
from sparkify.cli import load
from sparkify.pipeline import SPARKIFY
from sparkify.warehouse.requests import LOAD_OPTIONS, build_request


def test_library_and_command_have_the_options_of_a_request() -> None:
    assert (
        *("max_rejects", "full_refresh", "reload_changed", "allow_missing", "on_drift", "verify"),
        "lock_timeout",
    ) == LOAD_OPTIONS
    assert set(LOAD_OPTIONS) <= set(inspect.signature(Warehouse.load).parameters)
    assert tuple(load._OPTIONS) == LOAD_OPTIONS


@pytest.mark.parametrize("only", ["events", ["events"], iter(["events"])])
def test_only_takes_one_name_or_several(only: Iterable[str]) -> None:
    request = build_request(SPARKIFY, Settings.load(SPARKIFY.sources), {"events": "/x"}, {}, only)
    assert request.uris == {"events": "/x"}
