"""The record of failed loads, on every database; on a server it is a table of the ledger."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from sparkify import RejectedLines, Settings, TemporaryError, Warehouse
from sparkify.databases.table_journal import TableJournal
from sparkify.etl.journal import Origin
from sparkify.pipeline import SPARKIFY
from tests.support.cloud import Cloud
from tests.support.commands import run_here
from tests.support.cuts import CutAtCommit
from tests.support.data import Data, rows
from tests.support.drivers import Driver
from tests.support.making import event, song
from tests.support.observers import Warnings
from tests.support.tcp_proxy import cutting_proxy

BAD = "{not JSON"
TABLE = "SELECT step, exit_code, attempts, state, host, pid, version FROM failed_loads"
COLUMNS = ("step", "exit_code", "attempts", "state", "host", "pid", "version")


@pytest.fixture
def warehouse(driver: Driver) -> Iterator[Warehouse]:
    """A warehouse with one load."""
    driver.put("songs", "a.json", song())
    driver.put("events", "1.json", event())
    with driver.with_tables() as made:
        made.load()
        yield made


@pytest.fixture
def server(cloud: Cloud, data: Data, hurried: None) -> Iterator[Warehouse]:
    """The same on the stand-in, with a file more to load."""
    data.song("a.json", song())
    data.log("1.json", event())
    for folder in (data.songs, data.logs):
        cloud.put(folder, folder.name)
    with cloud.with_tables() as made:
        made.load()
        cloud.redshift.put_object("s3://plays/log_data/2.json", json.dumps(event(sessionId=2)).encode())
        yield made


def test_failures_since_the_last_load_that_committed_are_told(driver: Driver, warehouse: Warehouse) -> None:
    assert warehouse.failures() == ()
    driver.put("events", "2.json", event(sessionId=2), BAD)
    for _ in range(2):
        with pytest.raises(RejectedLines):
            warehouse.load()
    newest, older = warehouse.failures()
    assert newest.started_at > older.started_at
    assert (newest.exit_code, newest.attempts, newest.state) == (1, 1, "nothing was changed")
    assert newest.error.startswith("1 line cannot be loaded and 0 are allowed: ")
    assert ".json:2: not valid JSON" in newest.error
    assert newest.step is not None
    assert newest.failed_at is not None
    assert newest.seconds is not None
    assert newest.started_at < newest.failed_at
    status = warehouse.status()
    assert status.failures == (newest, older)
    assert [load.load_id for load in status.loads] == [1]
    assert warehouse.load(max_rejects=1).load_id == 2
    assert warehouse.failures() == warehouse.status().failures == ()


def test_failures_before_a_load_that_found_nothing_new_are_told_no_more(
    driver: Driver, warehouse: Warehouse
) -> None:
    driver.put("events", "2.json", BAD)
    for _ in range(2):
        with pytest.raises(RejectedLines):
            warehouse.load()
    assert len(warehouse.failures()) == 2
    assert warehouse.load(only=["songs"]).nothing_new
    assert warehouse.failures() == warehouse.status().failures == ()
    # A failure after that is the only one.
    with pytest.raises(RejectedLines):
        warehouse.load()
    (failure,) = warehouse.failures()
    assert failure.error.startswith("1 line cannot be loaded")


def test_command_shows_what_failed(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "2.json", BAD)
    with pytest.raises(RejectedLines):
        warehouse.load()
    url = warehouse.url.render_as_string(hide_password=False)
    warehouse.close()
    shown = run_here("sparkify", "status", "--database", url)
    assert shown.returncode == 0
    assert "\nfailed since the last load that ended well\n" in shown.stdout
    assert ": 1 line cannot be loaded and 0 are allowed: " in shown.stdout
    (failure,) = json.loads(run_here("sparkify", "status", "--json", "--database", url).stdout)["failures"]
    assert failure["error"].startswith("1 line cannot be loaded")


# -- in memory, and on a server ----------------------------------------------------------------------------


def test_database_in_memory_has_them_in_the_table(data: Data) -> None:
    data.song("a.json", song())
    data.log("1.json", BAD)
    with Warehouse(Settings.load(SPARKIFY.sources, database_url="duckdb://")) as warehouse:
        with pytest.raises(RejectedLines):
            warehouse.load(log_data=data.logs, song_data=data.songs)
        (failure,) = warehouse.failures()
        assert rows(warehouse, TABLE) == [tuple(getattr(failure, name) for name in COLUMNS)]


def test_lost_connection_is_recorded_over_another(cloud: Cloud, server: Warehouse) -> None:
    fault = cloud.redshift.inject("drop", "^COPY staging_events", times=None)
    with pytest.raises(TemporaryError):
        server.load()
    assert fault.fired == 5
    (failure,) = server.failures()
    assert (failure.step, failure.exit_code, failure.attempts) == ("read events into staging_events", 75, 5)
    assert failure.state == "nothing was changed"
    assert failure.error.startswith("Redshift: the connection was lost")
    assert rows(server, TABLE) == [tuple(getattr(failure, name) for name in COLUMNS)]
    assert rows(server, "SELECT count(*) FROM load_history") == [(1,)]


def test_load_in_doubt_is_recorded_as_such(cloud: Cloud, server: Warehouse) -> None:
    cloud.redshift.inject("drop", "^COMMIT", when="after")
    asked = cloud.redshift.inject("drop", r"FROM load_history\s+WHERE load_history.load_id = 2", times=4)
    with pytest.raises(TemporaryError) as caught:
        server.load()
    assert asked.fired == 4
    assert caught.value.state == "it is not known whether it was; to run the load again is safe"
    assert rows(server, "SELECT step, exit_code, state FROM failed_loads") == [
        ("commit", 75, "it is not known whether it was; to run the load again is safe")
    ]


def test_failure_that_cannot_be_recorded_is_warned_of(cloud: Cloud, server: Warehouse) -> None:
    cloud.redshift.inject("drop", "^COPY staging_events", times=None)
    fault = cloud.redshift.inject("error", "^INSERT INTO failed_loads", error=("XX000", "broken"))
    warnings = Warnings()
    with pytest.raises(TemporaryError, match="the connection was lost"):
        server.load(observer=warnings)
    assert fault.fired == 1
    assert warnings.seen[-1].startswith("failed_loads: this failure is not remembered: ")
    assert "broken" in warnings.seen[-1]
    assert rows(server, "SELECT count(*) FROM failed_loads") == [(0,)]


def test_failure_is_told_where_nobody_can_connect_to_record_it(cloud: Cloud, server: Warehouse) -> None:
    attempts = 0
    with cutting_proxy(cloud.redshift.port) as proxy:

        def cut() -> None:
            nonlocal attempts
            attempts += 1
            proxy.plan(then_refuse=attempts == 5)
            proxy.cut()

        cloud.redshift.faults.add(CutAtCommit("drop", re.compile("^COPY"), times=5, cut=cut))
        url = cloud.redshift.url.replace(f":{cloud.redshift.port}/", f":{proxy.port}/")
        warnings = Warnings()
        with (
            cloud.warehouse(database_url=url) as other,
            pytest.raises(TemporaryError, match="the connection was lost") as caught,
        ):
            other.load(observer=warnings)
    assert (attempts, caught.value.state) == (5, "nothing was changed")
    assert warnings.seen[-1].startswith("failed_loads: this failure is not remembered: the connection was ")
    cloud.redshift.clear_faults()
    assert rows(server, "SELECT count(*) FROM failed_loads") == [(0,)]
    assert server.load().load_id == 2


def test_nothing_new_is_told_where_nobody_can_connect_to_settle_failures(cloud: Cloud) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        # Bound but not listening: connections are refused.
        url = cloud.redshift.url.replace(f":{cloud.redshift.port}/", f":{nobody.getsockname()[1]}/")
        with cloud.warehouse(database_url=url) as other:
            warnings = Warnings()
            journal = TableJournal(other.database, other.engine, other.pipeline.ledger, warnings)
            journal.open(Origin(datetime(2018, 11, 1), "host", 1, "1"))
            journal.nothing_new()
    (warning,) = warnings.seen
    assert warning.startswith("failed_loads: failures before this load are still shown: ")


def test_failures_that_cannot_be_settled_are_warned_of(cloud: Cloud, server: Warehouse) -> None:
    assert server.load().load_id == 2
    cloud.redshift.query(
        "INSERT INTO failed_loads SELECT finished_at, 'host', 1, finished_at + interval '1 microsecond', 1, "
        "'x', 'x', 1, 1, 'x', '1', NULL FROM load_history WHERE load_id = 2"
    )
    fault = cloud.redshift.inject("error", "^UPDATE failed_loads", error=("42501", "permission denied"))
    warnings = Warnings()
    assert server.load(observer=warnings).nothing_new
    assert fault.fired == 1
    (warning,) = warnings.seen
    assert warning.startswith("failed_loads: failures before this load are still shown: ")
    assert "permission denied" in warning
    assert len(server.failures()) == 1
    assert server.load().nothing_new
    assert server.failures() == ()
    assert rows(server, "SELECT host FROM failed_loads") == [("host",)]


def test_failure_while_a_load_finds_nothing_new_is_told_after_it(cloud: Cloud, server: Warehouse) -> None:
    assert server.load().load_id == 2
    cloud.redshift.query(
        "INSERT INTO failed_loads SELECT finished_at, 'host', 1, finished_at + interval '1 hour', 1, "
        "'x', 'x', 1, 1, 'x', '1', NULL FROM load_history WHERE load_id = 2"
    )
    assert server.load().nothing_new
    assert [failure.host for failure in server.failures()] == ["host"]


@pytest.mark.parametrize("hours", [-1, 1])
def test_failure_after_a_load_is_told_whatever_the_clocks_say(
    cloud: Cloud, server: Warehouse, hours: int
) -> None:
    """A load came from a machine whose clock is an hour fast, or slow."""
    cloud.redshift.put_object("s3://plays/log_data/3.json", BAD.encode())
    with pytest.raises(RejectedLines):
        server.load()
    assert server.load(max_rejects=1).load_id == 2
    cloud.redshift.query(
        f"UPDATE load_history SET finished_at = finished_at + {hours} * interval '1 hour' WHERE load_id = 2"
    )
    # The failure came before that load, whatever its time says.
    assert server.failures() == ()
    cloud.redshift.put_object("s3://plays/log_data/4.json", BAD.encode())
    with pytest.raises(RejectedLines):
        server.load()
    assert len(server.failures()) == 1
    assert rows(server, "SELECT after_load FROM failed_loads ORDER BY after_load") == [(1,), (2,)]


def test_failures_are_in_the_order_of_the_loads_before_them(cloud: Cloud, server: Warehouse) -> None:
    cloud.redshift.query(
        "INSERT INTO failed_loads SELECT finished_at, host, 1, finished_at + ahead * interval '1 hour', 1, "
        "'x', 'x', 1, 1, 'x', '1', NULL, after_load FROM load_history CROSS JOIN (VALUES ('first', 3, 1), "
        "('second', 1, 2), ('third', 2, 2), ('settled', 9, 0)) AS failed (host, ahead, after_load)"
    )
    assert [failure.host for failure in server.failures()] == ["third", "second", "first"]


def test_load_that_cannot_connect_tries_no_more_to_record_it(
    cloud: Cloud, server: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.close()
    fault = cloud.redshift.inject("drop", "^set search_path", times=None)
    warnings = Warnings()
    with pytest.raises(TemporaryError):
        server.load(observer=warnings)
    assert fault.fired == 1
    assert [text for text in warnings.seen if "failed_loads" in text] == []


def test_failures_of_long_ago_are_deleted(cloud: Cloud, server: Warehouse) -> None:
    cloud.redshift.query(
        "INSERT INTO failed_loads SELECT started_at - interval '401 days', 'old', 1, "
        "finished_at - interval '401 days', 1, 'x', 'x', 1, 1, 'x', '1', NULL::timestamp FROM load_history "
        "UNION ALL SELECT started_at, 'new', 1, finished_at, 1, 'x', 'x', 1, 1, 'x', '1', NULL "
        "FROM load_history"
    )
    cloud.redshift.put_object("s3://plays/log_data/3.json", BAD.encode())
    with pytest.raises(RejectedLines):
        server.load()
    hosts = [host for (host,) in rows(server, "SELECT host FROM failed_loads ORDER BY started_at")]
    assert (len(hosts), hosts[0]) == (2, "new")


def test_secret_of_the_url_is_masked(cloud: Cloud, server: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    password = str(server.url.password)

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise LookupError(f"refused {password}")

    monkeypatch.setattr("sparkify.etl.ledger.record", fail)
    with pytest.raises(LookupError):
        server.load()
    assert len(password) >= 8
    assert rows(server, "SELECT error FROM failed_loads") == [("LookupError: refused ***",)]


def test_long_error_is_kept_as_far_as_it_fits(
    cloud: Cloud, server: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise LookupError("𝄞" * 5000)

    monkeypatch.setattr("sparkify.etl.ledger.record", fail)
    with pytest.raises(LookupError):
        server.load()
    (failure,) = server.failures()
    assert failure.error.startswith("LookupError: 𝄞𝄞")
    # Redshift counts bytes.
    assert 3500 < len(failure.error.encode()) <= 4096


def test_at_most_a_hundred_are_read(cloud: Cloud, server: Warehouse) -> None:
    cloud.redshift.query(
        "INSERT INTO failed_loads SELECT finished_at, 'host', n, finished_at + n * interval '1 second', 1, "
        "'x', 'x', 1, 1, 'x', '1', NULL FROM load_history CROSS JOIN generate_series(1, 150) AS n"
    )
    failures = server.failures()
    assert [failures[0].pid, failures[-1].pid, len(failures)] == [150, 51, 100]
