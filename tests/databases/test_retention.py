"""What is removed from the ledger over time, on every database, and what must stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sparkify import ConfigurationError, TemporaryError, Warehouse
from sparkify.etl.retention import parse_age
from tests.support.cloud import Cloud
from tests.support.commands import run_here
from tests.support.data import Data, rows, star
from tests.support.drivers import Driver
from tests.support.making import event, song

BAD = "{not JSON"
HISTORY = "SELECT load_id, mode FROM load_history ORDER BY load_id"
REJECTS = "SELECT load_id, text FROM rejected_rows ORDER BY load_id"
FILES = "SELECT uri, fingerprint, lines, loaded, rejected, blank, load_id FROM loaded_files ORDER BY uri"


@pytest.fixture
def warehouse(driver: Driver) -> Iterator[Warehouse]:
    """Two loads, each with a rejected line; the first ended a hundred days ago."""
    driver.put("songs", "a.json", song())
    with driver.with_tables() as made:
        for number in (1, 2):
            driver.put("events", f"{number}.json", event(sessionId=number), f"{BAD} {number}")
            made.load(max_rejects=1)
        age(made, 1, days=100)
        yield made


def age(warehouse: Warehouse, load_id: int, *, days: int) -> None:
    """Let a load have ended so many days ago, and an hour."""
    ended = datetime.now(UTC) - timedelta(days=days, hours=1)
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE load_history SET finished_at = TIMESTAMP '{ended:%Y-%m-%d %H:%M:%S}' "
            f"WHERE load_id = {load_id}"
        )


def ledger(warehouse: Warehouse) -> list[Any]:
    return [rows(warehouse, query) for query in (HISTORY, REJECTS, FILES, "SELECT * FROM load_lock")]


def failed(warehouse: Warehouse) -> list[str]:
    return [result.name for result in warehouse.check() if not result.ok]


def test_old_rejected_lines_are_removed_and_their_counts_stay(driver: Driver, warehouse: Warehouse) -> None:
    files, plays = rows(warehouse, FILES), star(warehouse)
    report = warehouse.prune(rejects_older_than="90d")
    assert (report.rejects, report.loads, report.dry_run, report.history_before) == (1, 0, False, None)
    assert report.rejects_before is not None
    assert rows(warehouse, REJECTS) == [(2, f"{BAD} 2")]
    assert rows(warehouse, FILES) == files
    assert rows(warehouse, HISTORY) == [(1, "incremental"), (2, "incremental")]
    assert star(warehouse) == plays
    assert failed(warehouse) == []
    # No loaded file counts as new.
    assert warehouse.load().nothing_new
    assert warehouse.prune(rejects_older_than="90d").rejects == 0
    assert warehouse.prune(rejects_older_than=timedelta(days=101)).rejects == 0
    assert warehouse.prune(rejects_older_than="0h").rejects == 1


def test_loads_before_a_full_refresh_are_removed(driver: Driver, warehouse: Warehouse) -> None:
    age(warehouse, 2, days=50)
    # Loads whose rows still exist stay, however old they are.
    assert warehouse.prune(history_older_than="0h").loads == 0
    warehouse.load(full_refresh=True, max_rejects=2)
    age(warehouse, 3, days=95)
    driver.put("events", "3.json", event(sessionId=3))
    warehouse.load()
    files = rows(warehouse, FILES)
    assert warehouse.prune(history_older_than="90d").loads == 1
    assert rows(warehouse, HISTORY) == [(2, "incremental"), (3, "full refresh"), (4, "incremental")]
    assert warehouse.prune(history_older_than="7w").loads == 1
    assert warehouse.prune(history_older_than="0h").loads == 0
    assert rows(warehouse, HISTORY) == [(3, "full refresh"), (4, "incremental")]
    assert rows(warehouse, FILES) == files
    assert failed(warehouse) == []
    assert warehouse.status().notices == ()
    # Load numbers continue.
    driver.put("events", "4.json", event(sessionId=4))
    assert warehouse.load().load_id == 5


def test_rows_of_older_rules_are_found_after_pruning(warehouse: Warehouse) -> None:
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE load_history SET rules_version = 1 WHERE load_id = 1")
    before = (failed(warehouse), warehouse.status().notices)
    assert before[0]
    warehouse.prune(rejects_older_than="0h", history_older_than="0h")
    assert (failed(warehouse), warehouse.status().notices) == before


def test_dry_run_counts_and_changes_nothing(warehouse: Warehouse) -> None:
    warehouse.load(full_refresh=True, max_rejects=2)
    before = ledger(warehouse)
    report = warehouse.prune(rejects_older_than="0h", history_older_than="90d", dry_run=True)
    assert (report.rejects, report.loads, report.dry_run) == (2, 1, True)
    assert ledger(warehouse) == before
    done = warehouse.prune(rejects_older_than="0h", history_older_than="90d")
    assert (done.rejects, done.loads) == (2, 1)
    assert [len(table) for table in ledger(warehouse)] == [2, 0, len(before[2]), 1]


def test_load_and_prune_take_the_same_lock(warehouse: Warehouse) -> None:
    ((_, taken),) = rows(warehouse, "SELECT token, taken FROM load_lock")
    warehouse.prune(rejects_older_than="90d")
    assert rows(warehouse, "SELECT token, taken FROM load_lock") == [(1, taken + 1)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing is named that is to be removed. Give rejects_older_than='90d'"),
        ({"rejects_older_than": "90"}, "'90' is not an age. Give hours, days or weeks: 12h, 90d or 8w."),
        ({"history_older_than": timedelta(days=-1)}, "is not an age"),
        ({"rejects_older_than": "9d", "lock_timeout": -1}, "cannot wait -1 seconds"),
    ],
)
def test_wrong_arguments_change_nothing(warehouse: Warehouse, arguments: Any, message: str) -> None:
    before = ledger(warehouse)
    with pytest.raises(ConfigurationError, match=message):
        warehouse.prune(**arguments)
    assert ledger(warehouse) == before


@pytest.mark.parametrize(
    ("text", "hours"), [("12h", 12), ("0h", 0), ("90d", 2160), ("8w", 1344), (timedelta(hours=1), 1)]
)
def test_age_is_read(text: str | timedelta, hours: int) -> None:
    assert parse_age(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "d", "-1d", "1.5d", "90 d", "90D", "1m", "99999999d", "9999999w", "٣d"])
def test_other_texts_are_no_age(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not an age"):
        parse_age(text)


def test_prune_waits_for_a_load_on_redshift(cloud: Cloud) -> None:
    with cloud.with_tables() as warehouse, warehouse.engine.connect() as other:
        other.exec_driver_sql("LOCK load_lock")
        with pytest.raises(TemporaryError, match="another load has the lock") as caught:
            warehouse.prune(rejects_older_than="90d", lock_timeout=0.1)
        assert caught.value.state == "nothing was changed"
        other.rollback()
        assert warehouse.prune(rejects_older_than="90d", lock_timeout=0.1).rejects == 0


def test_failure_between_the_tables_changes_nothing_on_redshift(cloud: Cloud, data: Data) -> None:
    data.log("a.json", event(), BAD)
    data.song("a.json", song())
    cloud.put(data.logs, "log_data")
    cloud.put(data.songs, "song_data")
    with cloud.with_tables() as warehouse:
        for full_refresh in (False, True):
            warehouse.load(max_rejects=1, full_refresh=full_refresh)
        before = ledger(warehouse)
        fault = cloud.redshift.inject("error", "^delete from load_history", error=("XX000", "broken"))
        with pytest.raises(Exception, match="broken"):
            warehouse.prune(rejects_older_than="0h", history_older_than="0h")
        assert fault.fired == 1
        assert ledger(warehouse) == before


def test_command(warehouse: Warehouse) -> None:
    url = warehouse.url.render_as_string(hide_password=False)
    warehouse.close()

    def run(*arguments: str) -> Any:
        return run_here("sparkify", "prune", *arguments, environment={"SPARKIFY_DATABASE_URL": url})

    shown = run("--rejects-older-than", "90d", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("Would remove 1 rejected line of loads before 20")
    done = json.loads(run("--rejects-older-than", "90d", "--history-older-than", "1w", "--json").stdout)
    assert {name: done[name] for name in ("rejects", "loads", "dry_run")} == {
        "rejects": 1, "loads": 0, "dry_run": False,
    }  # fmt: skip
    assert done["rejects_before"].endswith("Z")
    again = run("--rejects-older-than", "90d", "--history-older-than", "1w")
    assert again.stdout.startswith("Removed 0 rejected lines of loads before 20")
    assert " UTC and 0 loads before 20" in again.stdout
    nothing = run()
    assert (nothing.returncode, nothing.stdout) == (2, "")
    assert "Give --rejects-older-than 90d" in nothing.stderr
    assert run("--rejects-older-than", "soon").returncode == 2
