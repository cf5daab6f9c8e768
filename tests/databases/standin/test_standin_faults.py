"""Injected faults: error 1023, connections lost before and after a commit, delays, errors."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redshift_connector

from standin import Standin, wire
from standin.fixtures import release
from tests.databases.standin.conftest import Client
from tests.databases.standin.test_standin_copy import ROLE, Bucket, s3

__all__ = ["s3"]

LOST = (redshift_connector.Error, OSError, ValueError)


@pytest.fixture
def t(tx: Client) -> Client:
    tx.run("create table t (a int)")
    tx.commit()
    return tx


def count(connect: Callable[..., Client]) -> Any:
    return connect().value("select count(*) from t")


def test_1023_at_the_next_commit(redshift: Standin, t: Client, connect: Callable[..., Client]) -> None:
    fault = redshift.inject("serialization")
    t.run("insert into t values (1)")
    with pytest.raises(redshift_connector.ProgrammingError) as caught:
        t.commit()
    error = caught.value.args[0]
    assert (error["C"], error["M"]) == ("XX000", "1023")
    assert error["D"].startswith("Serializable isolation violation on table - ")
    assert not t.connection.in_transaction
    assert count(connect) == 0
    assert fault.fired == 1
    (commit,) = [s for s in redshift.statements if s.sql == "commit" and s.outcome == "error"]
    assert commit.ended == "rollback"
    t.run("insert into t values (1)")  # the retry of the whole transaction
    t.commit()
    assert count(connect) == 1


def test_1023_at_the_third_statement_that_matches(
    redshift: Standin, t: Client, connect: Callable[..., Client]
) -> None:
    redshift.inject("serialization", "^insert into t", nth=3)
    t.run("insert into t values (1)")
    t.run("insert into t values (2)")
    with pytest.raises(redshift_connector.ProgrammingError, match="1023"):
        t.run("insert into t values (3)")
    with pytest.raises(redshift_connector.ProgrammingError, match="25P02"):
        t.run("select 1")
    t.rollback()
    assert count(connect) == 0
    t.run("insert into t values (1)")
    t.commit()


def test_a_fault_may_come_several_times(redshift: Standin, t: Client) -> None:
    fault = redshift.inject("error", "^select", times=2, error=("57P01", "terminating connection"))
    for _ in range(2):
        assert t.code("select 1") == "57P01"
    assert t.value("select 1") == 1
    assert fault.fired == 2
    redshift.inject("cancel", "^select", times=None)
    for _ in range(3):
        assert t.error("select 1")["M"].endswith("cancelled on user's request")
    redshift.clear_faults()
    assert t.value("select 1") == 1


def test_an_error_needs_a_code(redshift: Standin) -> None:
    with pytest.raises(ValueError, match="sqlstate"):
        redshift.inject("error")


def test_the_connection_is_lost_before_a_commit(
    redshift: Standin, t: Client, connect: Callable[..., Client]
) -> None:
    redshift.inject("drop")
    t.run("insert into t values (1)")
    with pytest.raises(LOST):
        t.commit()
    assert count(connect) == 0
    (dropped,) = [s for s in redshift.statements if s.outcome == "dropped"]
    assert dropped.sql == "commit"


def test_the_answer_to_a_commit_is_lost(redshift: Standin, t: Client, connect: Callable[..., Client]) -> None:
    redshift.inject("drop", when="after")
    t.run("insert into t values (1)")
    with pytest.raises(LOST):
        t.commit()
    assert count(connect) == 1  # it took effect, but the client was not told
    (dropped,) = [s for s in redshift.statements if s.outcome == "dropped"]
    assert dropped.sql == "commit"


def test_the_connection_is_lost_in_a_statement(
    redshift: Standin, t: Client, connect: Callable[..., Client]
) -> None:
    redshift.inject("drop", "insert.*2")
    t.run("insert into t values (1)")
    with pytest.raises(LOST):
        t.run("insert into t values (2)")
    assert count(connect) == 0


def test_copy_goes_on_without_its_client_unless_in_a_transaction(
    redshift: Standin, t: Client, connect: Callable[..., Client], s3: Bucket
) -> None:
    url = s3.put("d.json", {"a": 1})
    copy = f"copy t from '{url}' {ROLE} json 'auto'"
    alone = connect(autocommit=True)
    redshift.inject("drop", "^copy", when="after")
    with pytest.raises(LOST):
        alone.run(copy)
    assert count(connect) == 1
    redshift.inject("drop", "^copy", when="after")
    with pytest.raises(LOST):
        t.run(copy)
    assert count(connect) == 1


def test_a_delay(redshift: Standin, t: Client) -> None:
    redshift.inject("delay", "^select 'slow'", seconds=0.3)
    start = time.monotonic()
    assert t.value("select 'slow'") == "slow"
    assert time.monotonic() - start >= 0.3


def test_statement_timeout_ends_a_delay(redshift: Standin, t: Client) -> None:
    redshift.inject("delay", "^copy", seconds=600)
    t.run("set statement_timeout to 200")
    start = time.monotonic()
    error = t.error(f"copy t from 's3://any/x' {ROLE} json 'auto'")
    assert (error["C"], error["M"].split(" (")[0]) == ("57014", "Query")
    assert time.monotonic() - start < 300


def test_statement_timeout_ends_a_query(rs: Client) -> None:
    rs.run("set statement_timeout to 100")
    error = rs.error("select pg_sleep(30)")
    assert error["C"] == "57014"
    assert error["M"].endswith("cancelled on user's request")


def test_faults_while_connecting(redshift: Standin, connect: Callable[..., Client]) -> None:
    redshift.inject("drop", "connect")
    with pytest.raises(LOST) as caught:
        connect()
    release(caught.value)
    redshift.inject("error", "connect", error=("53300", "too many connections"))
    with pytest.raises(redshift_connector.ProgrammingError, match="53300"):
        connect()
    assert connect().value("select 1") == 1


def test_a_session_that_the_server_ends(t: Client, connect: Callable[..., Client]) -> None:
    pid = t.value("select pg_backend_pid()")
    connect(autocommit=True).run(f"select pg_terminate_backend({pid})")
    with pytest.raises(redshift_connector.Error):
        t.run("select 1")
    with pytest.raises(LOST):
        t.run("select 1")


def test_a_failure_of_the_stand_in_is_told_as_such(
    redshift: Standin, t: Client, s3: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_bucket: str, key: str) -> None:
        raise RuntimeError(f"cannot look at {key}")

    redshift.before_read = fail
    url = s3.put("d.json", {"a": 1})
    error = t.error(f"copy t from '{url}' {ROLE} json 'auto'")
    assert (error["C"], error["M"]) == ("XX000", "the stand-in failed: RuntimeError('cannot look at d.json')")
    assert "the stand-in failed" in caplog.text
    assert t.value("select count(*) from t") == 0


def test_idle_connections_are_cut_on_command(
    redshift: Standin, t: Client, connect: Callable[..., Client]
) -> None:
    idle = connect()
    assert idle.value("select 1") == 1
    t.run("insert into t values (1)")
    assert redshift.cut_idle() >= 2
    for client in (idle, t):
        with pytest.raises(LOST):
            client.run("select 1")
    # Uncommitted changes are rolled back, and new connections are accepted.
    assert count(connect) == 0
    assert redshift.cut_idle() >= 1
    assert redshift.cut_idle() == 0


def test_connection_at_work_is_not_cut(redshift: Standin, t: Client) -> None:
    ended: list[Any] = []
    redshift.inject("delay", "^select 'slow'", seconds=600)

    worker = threading.Thread(target=lambda: ended.append(t.code("select 'slow'")))
    worker.start()
    while not any("slow" in one.sql for one in redshift.statements):
        time.sleep(0.01)
    assert redshift.cut_idle() == 0
    key = t.connection._backend_key_data
    with socket.create_connection((redshift.host, redshift.port)) as plain:
        plain.sendall(struct.pack("!II", 16, wire.CANCEL_REQUEST) + key)
    worker.join()
    assert ended == ["57014"]


def test_connection_that_is_silent_for_too_long_is_cut(
    redshift: Standin, connect: Callable[..., Client]
) -> None:
    redshift.idle_timeout = 0.2
    silent = connect()
    assert redshift._listener is not None
    while not redshift._listener.idle:
        time.sleep(0.01)
    with pytest.raises(LOST):
        silent.run("select 1")
    redshift.reset()
    assert connect().value("select 1") == 1
