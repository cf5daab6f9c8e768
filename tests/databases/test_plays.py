"""Which plays there are, and what stands in their rows, on every database and whatever came first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sparkify import Warehouse, databases
from sparkify.analytics import sessions, top_users, totals
from tests.support.data import rows
from tests.support.drivers import Driver, driver_of
from tests.support.making import event


@pytest.fixture(params=databases.names())
def driver(request: pytest.FixtureRequest) -> Driver:
    """Each database, empty."""
    name: str = request.param
    return driver_of(name)(request)


@pytest.fixture
def warehouse(driver: Driver) -> Iterator[Warehouse]:
    """Its tables, with nothing in them."""
    with driver.with_tables() as made:
        yield made


def failed(warehouse: Warehouse) -> list[str]:
    """The checks that fail."""
    return [str(result) for result in warehouse.check() if not result.ok]


# -- a session is of one user ------------------------------------------------------------------------------

ANN = event(userId="10", sessionId=29, itemInSession=50)
BOB = event(userId="11", sessionId=29, itemInSession=50, firstName="Bob", song="Other", level="paid")
"""At one moment, in sessions of one number, at one place in them: two plays."""


def test_users_with_sessions_of_one_number_keep_a_play_each_in_one_batch(
    driver: Driver, warehouse: Warehouse
) -> None:
    driver.put("events", "a.json", ANN, BOB)
    warehouse.load(only=["events"])
    assert rows(warehouse, "SELECT user_id, session_id, level FROM songplays ORDER BY 1") == [
        (10, 29, "free"),
        (11, 29, "paid"),
    ]
    assert rows(warehouse, "SELECT user_id, first_name FROM users ORDER BY 1") == [(10, "Ada"), (11, "Bob")]
    assert failed(warehouse) == []


def test_users_with_sessions_of_one_number_keep_a_play_each_in_two_loads(
    driver: Driver, warehouse: Warehouse
) -> None:
    first = driver.put("events", "a.json", ANN)
    second = driver.put("events", "b.json", BOB)
    warehouse.load(sources={"events": first}, only=["events"])
    warehouse.load(sources={"events": second}, only=["events"])
    assert rows(warehouse, "SELECT user_id FROM songplays ORDER BY 1") == [(10,), (11,)]
    assert rows(warehouse, "SELECT title FROM songs ORDER BY 1") == [("Other",), ("Song",)]
    assert failed(warehouse) == []


def test_sessions_of_one_number_are_counted_for_each_user(driver: Driver, warehouse: Warehouse) -> None:
    """Two users, weeks apart, each with three plays in a session 29 of some seven minutes."""
    driver.put(
        "events",
        "a.json",
        *(
            event(userId=user, sessionId=29, itemInSession=item, length=60.0, at=f"{day} 20:0{3 * item}:00")
            for user, day in (("10", "2018-10-01"), ("11", "2018-11-01"))
            for item in range(3)
        ),
    )
    warehouse.load(only=["events"])
    (row,) = warehouse.query(sessions())
    assert (row.level, row.sessions, row.plays, row.plays_per_session) == ("free", 2, 6, 3.0)
    assert (row.minutes_per_session, row.median_minutes) == (7.0, 7.0)
    whole = warehouse.query(totals()).one()
    assert (whole.plays, whole.listeners, whole.sessions, whole.hours) == (6, 2, 2, 0.1)
    assert [(one.user_id, one.sessions) for one in warehouse.query(top_users())] == [(10, 1), (11, 1)]
