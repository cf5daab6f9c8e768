"""Each database of the registry, for the tests that are of all of them."""

from __future__ import annotations

import pytest

from sparkify import databases
from tests.support.drivers import Driver, driver_of


@pytest.fixture(params=databases.names())
def driver(request: pytest.FixtureRequest) -> Driver:
    """Each database, empty. One that has no driver fails."""
    name: str = request.param
    return driver_of(name)(request)
