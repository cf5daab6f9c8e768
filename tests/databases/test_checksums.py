"""Checksums after loads, replaced plays, full refreshes, pruning and migrations, on every database."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from sparkify import CheckResult, Warehouse
from sparkify.pipeline import SPARKIFY
from sparkify.warehouse.migrations import Migrations
from tests.support.data import HEAD, rows
from tests.support.drivers import Driver
from tests.support.making import event, song

COUNTS = """SELECT load_id, table_name, of_load, removed, rows FROM load_checksums
    WHERE table_name IN ('songplays', 'users', 'songs', 'artists') ORDER BY 1, 2, 3, 4"""


@pytest.fixture
def warehouse(driver: Driver) -> Iterator[Warehouse]:
    """Its tables, with nothing in them."""
    with driver.with_tables() as made:
        yield made


def wrong(warehouse: Warehouse) -> list[str]:
    return [str(result) for result in warehouse.check() if not result.ok]


def noted(warehouse: Warehouse) -> dict[str, str]:
    return {result.name.split(":")[0]: result.note for result in warehouse.check() if result.note}


def test_each_load_sums_up_what_it_adds_and_removes(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "1.json", event(), event(userId="8", sessionId=2))
    warehouse.load(only=["events"])
    assert rows(warehouse, COUNTS) == [
        (1, "artists", 0, False, 1),
        (1, "songplays", 1, False, 2),
        (1, "songs", 0, False, 1),
        (1, "users", 0, False, 2),
    ]
    assert wrong(warehouse) == []
    # The same play, now paid, replaces the first load's. Its song is in the catalogue now.
    driver.put("events", "2.json", event(level="paid"))
    driver.put("songs", "a.json", song())
    warehouse.load()
    assert rows(warehouse, "SELECT load_id, level FROM songplays ORDER BY 1") == [(1, "free"), (2, "paid")]
    assert [row for row in rows(warehouse, COUNTS) if row[0] == 2] == [
        (2, "artists", 0, False, 1),
        (2, "artists", 0, True, 1),
        (2, "songplays", 1, True, 1),
        (2, "songplays", 2, False, 1),
        (2, "songs", 0, False, 1),
        (2, "songs", 0, True, 1),
        (2, "users", 0, False, 1),
        (2, "users", 0, True, 1),
    ]
    assert wrong(warehouse) == []
    # Only songs: earlier plays get other songs, but stay the same plays.
    driver.put("songs", "b.json", song(song_id="SOEARLIER"))
    warehouse.load()
    assert rows(warehouse, "SELECT DISTINCT song_id FROM songplays") == [("SOEARLIER",)]
    assert wrong(warehouse) == []


def test_full_refresh_and_pruning_leave_the_checksums_right(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "1.json", event(), "{not JSON")
    warehouse.load(only=["events"], max_rejects=1)
    driver.put("events", "2.json", event(sessionId=2))
    warehouse.load(only=["events"])
    warehouse.load(only=["events"], full_refresh=True, max_rejects=1)
    assert wrong(warehouse) == []
    assert rows(
        warehouse, "SELECT DISTINCT load_id FROM load_checksums WHERE table_name <> 'load_history'"
    ) == [(3,)]
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE load_history SET finished_at = TIMESTAMP '2018-12-01 00:00:00'")
    report = warehouse.prune(rejects_older_than="1d", history_older_than="1d")
    assert (report.rejects, report.loads) == (1, 2)
    assert rows(warehouse, "SELECT load_id FROM load_history") == [(3,)]
    assert wrong(warehouse) == []


def test_loads_before_there_were_checksums_are_counted(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "1.json", event(), event(userId="8", sessionId=2))
    warehouse.load(only=["events"])
    Migrations(SPARKIFY, warehouse.database).downgrade(warehouse.engine, "0011")
    warehouse.migrate()
    assert warehouse.status().revision == HEAD
    driver.put("events", "2.json", event(sessionId=3))
    warehouse.load(only=["events"])
    assert wrong(warehouse) == []
    counted = "are counted alone: they have no checksum before a full refresh"
    assert noted(warehouse) == {
        "songplays": f"the rows of 1 load {counted}",
        "load_history": f"the rows of 1 load {counted}",
        "loaded_files": f"the rows of 1 load {counted}",
        **dict.fromkeys(("users", "songs", "artists", "song_matches"), f"the rows {counted}"),
    }
    tampered = "UPDATE songplays SET location = 'Paris' WHERE load_id = {}"
    found = "songplays: the rows of each load that the ledger has: 1 row, such as of_load={}, rows={}"
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql(tampered.format(1))
    assert wrong(warehouse) == []
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql(tampered.format(2))
    assert [text.startswith(found.format(2, 1)) or text for text in wrong(warehouse)] == [True]
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM songplays WHERE load_id = 2")
        connection.exec_driver_sql("DELETE FROM songplays WHERE user_id = 8")
    (found_rows,) = [
        one.rows for one in warehouse.check() if one.name.startswith("songplays: the rows of each load")
    ]
    assert sorted(int(row["of_load"]) for row in found_rows) == [1, 2]


def test_hash_of_another_version_is_no_alteration(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "1.json", event())
    warehouse.load(only=["events"])
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE load_checksums SET probe = probe - 1, checksum = checksum + 1")
    assert wrong(warehouse) == []
    dimensions = {"users", "songs", "artists", "song_matches"}
    assert set(noted(warehouse)) == {"songplays", "load_history", "loaded_files"} | dimensions
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE load_checksums SET probe = probe + 1")
    assert len(wrong(warehouse)) == 7


def test_result_says_how_many_rows_there_are_and_were(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "1.json", event(), event(userId="8", sessionId=2))
    warehouse.load(only=["events"])
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM songplays WHERE user_id = 8")
    (found,) = [one for one in warehouse.check() if one.name.startswith("songplays: the rows of each load")]
    assert isinstance(found, CheckResult)
    assert [{name: int(Decimal(value)) for name, value in row.items()} for row in found.rows] == [
        {"of_load": 1, "rows": 1, "recorded_rows": 2}
    ]
