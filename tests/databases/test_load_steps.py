"""The record of a load's steps: in its report, in the ledger, and in status."""

from __future__ import annotations

import pytest

from sparkify import LoadReport, Warehouse
from sparkify.etl import ledger
from tests.support.cloud import Cloud
from tests.support.data import Data, rows
from tests.support.making import event, song


def assert_kept(warehouse: Warehouse, report: LoadReport) -> None:
    """The report has every step, and the ledger those up to the commit."""
    titles = [step.title for step in report.steps]
    assert titles[:4] == ["list the sources", "prepare the session", "take the lock", "read the ledger"]
    assert titles[4:6] == ["read events into staging_events", "read songs into staging_songs"]
    assert titles[-5:-2] == ["run the checks", "empty staging_events", "empty staging_songs"]
    assert titles[-2:] == ["commit", "tidy up"]
    rows_of = {step.title: step.rows for step in report.steps}
    assert (rows_of["list the sources"], rows_of["plays: insert"]) == (2, 1)
    assert sum(step.seconds for step in report.steps) <= report.seconds
    kept = warehouse.status().steps
    assert [step.title for step in kept] == titles[: titles.index("tidy up")]
    assert [step.rows for step in kept] == [step.rows for step in report.steps][: len(kept)]


def test_steps_of_a_load_on_duckdb(warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", event())
    data.song("a.json", song())
    assert_kept(warehouse, warehouse.load())


def test_steps_of_a_load_on_redshift(cloud: Cloud, data: Data) -> None:
    data.log("a.json", event())
    data.song("a.json", song())
    cloud.put(data.logs, "log_data")
    cloud.put(data.songs, "song_data")
    with cloud.with_tables() as warehouse:
        assert_kept(warehouse, warehouse.load())


def test_steps_of_the_last_loads_are_kept(
    warehouse: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "KEPT_STEPS", 2)
    data.song("a.json", song())
    for number in range(4):
        data.log(f"{number}.json", event(sessionId=number))
        warehouse.load()
    assert rows(warehouse, "SELECT DISTINCT load_id FROM load_steps ORDER BY 1") == [(3,), (4,)]


def test_load_of_nothing_new_keeps_the_steps_of_the_last(warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", event())
    data.song("a.json", song())
    warehouse.load()
    kept = warehouse.status().steps
    lock = rows(warehouse, "SELECT * FROM load_lock")
    report = warehouse.load()
    assert report.nothing_new
    assert [step.title for step in report.steps] == [
        "list the sources",
        "prepare the session",
        "take the lock",
        "read the ledger",
        "count the rows",
    ]
    assert warehouse.status().steps == kept
    # Nothing at all was written.
    assert rows(warehouse, "SELECT * FROM load_lock") == lock


def test_repaired_load_says_that_lines_were_validated(warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", event(), "{")
    data.song("a.json", song())
    report = warehouse.load(max_rejects=1)
    titles = [step.title for step in report.steps]
    assert titles[:3] == ["list the sources", "validate events line by line", "take the lock"]
