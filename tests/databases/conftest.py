"""Warehouses on each database, for the tests that run on all of them, and warehouses without tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkify import Warehouse, databases
from tests.support.cloud import Cloud
from tests.support.drivers import Driver, driver_of


@pytest.fixture(params=databases.names())
def driver(request: pytest.FixtureRequest) -> Driver:
    """Each database, empty. One that has no driver fails."""
    name: str = request.param
    return driver_of(name)(request)


@pytest.fixture(params=["duckdb", "redshift"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    """A warehouse without tables."""
    if request.param == "redshift":
        made = Cloud(request.getfixturevalue("redshift")).warehouse()
    else:
        made = Warehouse(f"duckdb:///{tmp_path}/x.duckdb")
    with made:
        yield made
