"""Loads in which not the loading itself fails, but the lock, the cleanup or an idle connection."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy import event as sqlalchemy_event

from sparkify import ConfigurationError, SparkifyError, TemporaryError, Warehouse
from sparkify.analytics import totals
from sparkify.databases.redshift.database import Redshift
from sparkify.etl.errors import IN_DOUBT
from tests.databases.redshift.test_redshift_load import one_play
from tests.support.cloud import ROLE, Cloud
from tests.support.commands import run_here
from tests.support.cuts import CutAtCommit
from tests.support.data import rows
from tests.support.making import event
from tests.support.observers import Warnings


@pytest.fixture
def empty(cloud: Cloud) -> Iterator[Warehouse]:
    """A warehouse on the stand-in with tables, and nothing in them."""
    with cloud.with_tables() as warehouse:
        yield warehouse


# -- the lock ----------------------------------------------------------------------------------------------


def test_load_tries_lock_again_whose_holder_is_gone(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    """The LOCK was cancelled, and whoever had it ended before it was asked who that is."""
    one_play(cloud, tmp_path)
    fault = cloud.redshift.inject("cancel", "^LOCK load_lock")
    warnings = Warnings()
    assert empty.load(lock_timeout=0.5, observer=warnings).load_id == 1
    assert fault.fired == 1
    assert warnings.seen == []


def test_load_tries_lock_twice_whose_holder_is_unseen(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    one_play(cloud, tmp_path)
    fault = cloud.redshift.inject("cancel", "^LOCK load_lock", times=None)
    with pytest.raises(TemporaryError, match="has the lock: a transaction that this user may not see; nothing"):
        empty.load(lock_timeout=0.5)
    assert fault.fired == 2
    cloud.redshift.clear_faults()
    assert empty.load().load_id == 1


@pytest.mark.parametrize("seconds", [3e6, float("inf")])
def test_load_waits_for_lock_for_longer_than_a_statement_may_take(
    seconds: float, cloud: Cloud, empty: Warehouse, tmp_path: Path
) -> None:
    """The limit of a statement is a number of milliseconds in 32 bits, not quite 25 days."""
    one_play(cloud, tmp_path)
    fault = cloud.redshift.inject("cancel", "^LOCK load_lock", times=3)
    assert empty.load(lock_timeout=seconds).load_id == 1
    assert fault.fired == 3
    limits = [sent.sql for sent in cloud.redshift.statements if sent.sql.startswith("SET statement_timeout")]
    assert max(limits, key=len) == "SET statement_timeout TO 2147483000"


# -- after the commit --------------------------------------------------------------------------------------

NO_ROOM = ("53100", "disk full")


def load_twice_over_tables_that_stay(cloud: Cloud, warehouse: Warehouse, folder: Path) -> Warnings:
    """Load, with temporary tables that cannot be dropped after the commit, and once more."""
    one_play(cloud, folder)
    warnings = Warnings()
    fault = cloud.redshift.inject("error", "^DROP TABLE", error=NO_ROOM)
    assert warehouse.load(observer=warnings).load_id == 1
    assert fault.fired == 1
    cloud.redshift.put_object("s3://plays/log_data/b.json", json.dumps(event(sessionId=2)).encode())
    assert warehouse.load(observer=warnings).load_id == 2
    return warnings


def test_load_after_temporary_tables_that_were_not_dropped(
    cloud: Cloud, empty: Warehouse, tmp_path: Path
) -> None:
    warnings = load_twice_over_tables_that_stay(cloud, empty, tmp_path)
    assert warnings.seen == ["loaded, but tidying up failed: disk full"]
    assert rows(empty, "SELECT session_id FROM songplays ORDER BY 1") == [(1,), (2,)]


def test_temporary_tables_that_stay_in_the_connection_are_seen(
    cloud: Cloud, empty: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the pool gives the connection to the next load."""
    monkeypatch.setattr(Redshift, "discard", lambda *_: None)
    with pytest.raises(SparkifyError, match="already exists"):
        load_twice_over_tables_that_stay(cloud, empty, tmp_path)


def test_prune_says_in_the_same_words_that_tidying_failed(
    cloud: Cloud, empty: Warehouse, tmp_path: Path
) -> None:
    one_play(cloud, tmp_path)
    cloud.redshift.put_object("s3://plays/log_data/bad.json", b"{")
    empty.load(max_rejects=1)
    warnings = Warnings()
    cloud.redshift.inject("error", "^ANALYZE", error=NO_ROOM)
    assert empty.prune(rejects_older_than="0h", observer=warnings).rejects == 1
    assert warnings.seen == ["removed, but tidying up failed: disk full"]
    assert rows(empty, "SELECT count(*) FROM rejected_rows") == [(0,)]


# -- idle connections --------------------------------------------------------------------------------------


def put_day(cloud: Cloud, number: int) -> None:
    cloud.redshift.put_object(
        f"s3://plays/log_data/{number}.json", json.dumps(event(sessionId=number)).encode()
    )


@contextmanager
def cut_before(cloud: Cloud, statement: str, *, times: int | None) -> Iterator[list[int]]:
    """Cut the idle connections before a statement with this text is sent, ``times`` times; how many each."""
    cut: list[int] = []

    def before(_conn: Any, _cursor: Any, text: str, *_rest: Any) -> None:
        if statement in text and (times is None or len(cut) < times):
            cut.append(cloud.redshift.cut_idle())

    sqlalchemy_event.listen(Engine, "before_cursor_execute", before)
    try:
        yield cut
    finally:
        sqlalchemy_event.remove(Engine, "before_cursor_execute", before)


def test_connection_that_was_cut_between_uses_is_replaced(cloud: Cloud, empty: Warehouse) -> None:
    put_day(cloud, 1)
    warnings = Warnings()
    assert empty.load(only=["events"], observer=warnings).load_id == 1
    for number, use in enumerate(
        (
            lambda: empty.status().rows["songplays"],
            lambda: empty.query(totals()).one().plays,
            lambda: rows(empty, "SELECT count(*) FROM songplays")[0][0],
            lambda: len(empty.check()) and 1,
        )
    ):
        assert cloud.redshift.cut_idle() >= 1, number
        assert use() == 1, number
    assert cloud.redshift.cut_idle() >= 1
    put_day(cloud, 2)
    assert empty.load(only=["events"], observer=warnings).load_id == 2
    assert warnings.seen == []


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("statement", ["LOCK", "INSERT INTO songplays", "DROP TABLE"])
def test_load_whose_connection_is_cut_in_its_transaction_ends_as_one_load(
    cloud: Cloud, empty: Warehouse, statement: str
) -> None:
    put_day(cloud, 1)
    with cut_before(cloud, statement, times=1) as cut:
        assert empty.load(only=["events"]).load_id == 1
    assert cut == [1]
    assert rows(empty, "SELECT count(*) FROM songplays") == [(1,)]
    assert rows(empty, "SELECT load_id, files FROM load_history") == [(1, 1)]
    put_day(cloud, 2)
    assert empty.load(only=["events"]).load_id == 2


@pytest.mark.usefixtures("hurried")
def test_load_whose_connection_is_cut_each_time_ends_as_temporary(
    cloud: Cloud, empty: Warehouse, tmp_path: Path
) -> None:
    put_day(cloud, 1)
    environment = {
        **cloud.redshift.environment,
        "SPARKIFY_DATABASE_URL": cloud.redshift.url,
        "SPARKIFY_IAM_ROLE_ARN": ROLE,
        "SPARKIFY_LOG_DATA": "s3://plays/log_data",
        "SPARKIFY_LOG_JSONPATH": "s3://plays/log_json_path.json",
        "SPARKIFY_MANIFEST_PREFIX": "s3://plays/manifests",
    }
    with cut_before(cloud, "INSERT INTO songplays", times=None) as cut:
        done = run_here("sparkify", "load", "--only", "events", cwd=tmp_path, environment=environment)
    assert (done.returncode, cut) == (75, [1] * 5)
    *_, error = told = done.stderr.splitlines()
    assert sum(line.endswith("trying again: the connection was lost") for line in told) == 4
    assert "the connection was lost, also when tried again" in error
    assert "Traceback" not in done.stderr
    assert rows(empty, "SELECT count(*) FROM songplays") == [(0,)]


def test_connection_that_was_cut_in_a_transaction_is_put_back_in_silence(
    cloud: Cloud, empty: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    with empty.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        cloud.redshift.cut_idle()
    assert [record.getMessage() for record in caplog.records if record.levelname != "DEBUG"] == []
    assert rows(empty, "SELECT 1") == [(1,)]


def test_query_whose_connection_is_cut_is_a_temporary_error(cloud: Cloud, empty: Warehouse) -> None:
    with (
        cut_before(cloud, "FROM songplays", times=1) as cut,
        pytest.raises(TemporaryError, match="was lost") as lost,
    ):
        empty.query(totals()).all()
    assert cut == [1]
    assert lost.value.exit_code == 75
    assert empty.query(totals()).one().plays == 0


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("nth", range(1, 6))
def test_connection_that_is_dropped_at_a_rollback_is_temporary(
    cloud: Cloud, empty: Warehouse, nth: int
) -> None:
    """Also where it ends what the ping of the pool has begun: that was an InterfaceError, not expected."""
    put_day(cloud, 1)
    for use in (lambda: empty.load(only=["events"]), lambda: empty.sql("SELECT count(*) FROM songplays").all()):
        cloud.redshift.clear_faults()
        cloud.redshift.inject("drop", "^rollback$", nth=nth)
        with suppress(TemporaryError):
            use()
    cloud.redshift.clear_faults()
    empty.load(only=["events"])
    assert rows(empty, "SELECT count(*) FROM songplays") == [(1,)]


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("statement", ["^COPY", "^COMMIT"])
@pytest.mark.parametrize(
    "refusal",
    [ConnectionRefusedError(111, "Connection refused"), socket.gaierror(socket.EAI_NONAME, "not known")],
    ids=["refused", "no-such-host"],
)
def test_load_goes_on_where_the_server_restarts(
    cloud: Cloud,
    empty: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    statement: str,
    refusal: OSError,
) -> None:
    """The connection is lost, and for a moment nothing listens there."""
    one_play(cloud, tmp_path)
    fault = cloud.redshift.inject("drop", statement, when="after")
    connect = socket.socket.connect
    refused: list[Any] = []

    def restarting(own: socket.socket, address: Any) -> None:
        if fault.fired and address[1] == cloud.redshift.port and len(refused) < 2:
            refused.append(address)
            raise refusal
        connect(own, address)

    monkeypatch.setattr(socket.socket, "connect", restarting)
    assert empty.load().load_id == 1
    assert len(refused) == 2
    assert rows(empty, "SELECT count(*) FROM songplays") == [(1,)]


def test_server_that_never_answered_is_no_temporary_error(cloud: Cloud) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = cloud.redshift.url.replace(f":{cloud.redshift.port}/", f":{port}/")
    with (
        cloud.warehouse(database_url=url) as warehouse,
        pytest.raises(ConfigurationError, match="nothing listens there"),
    ):
        warehouse.load()


@pytest.mark.usefixtures("hurried")
def test_error_behind_a_lost_commit_does_not_say_that_nothing_was_changed(
    cloud: Cloud, empty: Warehouse
) -> None:
    """The load is committed, its answer is lost, and then nobody may log in any more."""
    put_day(cloud, 1)
    users, user = cloud.redshift.users, cloud.redshift.user

    def lock_out() -> None:
        users[user] = "another"
        listener: Any = cloud.redshift._listener
        listener.hang_up()

    fault = CutAtCommit("drop", re.compile("^commit$", re.IGNORECASE), cut=lock_out)
    cloud.redshift.faults.add(fault)
    try:
        with pytest.raises(SparkifyError, match="password is wrong") as stopped:
            empty.load(only=["events"])
    finally:
        users[user] = cloud.redshift.password
    assert fault.fired == 1
    assert stopped.value.state is not None
    assert stopped.value.state.endswith(IN_DOUBT)
    assert rows(empty, "SELECT count(*) FROM songplays") == [(1,)]
    assert empty.load(only=["events"]).nothing_new
