"""Types, binds, transactions, locks and isolation."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import redshift_connector
import sqlalchemy as sa

from standin import Standin
from tests.databases.standin.conftest import Client

HANG = 300
"""Seconds after which a test that waits is taken to hang."""


def wait_for_waiting(redshift: Standin) -> None:
    """Return when a session waits for a lock."""
    deadline = time.monotonic() + HANG
    while redshift.query("SELECT count(*) FROM pg_locks WHERE NOT granted") == [["0"]]:
        assert time.monotonic() < deadline, "nobody waits for a lock"
        time.sleep(0.01)


def test_types_come_back_as_python_values(rs: Client) -> None:
    rs.run(
        "create table t (a smallint, b integer, c bigint, d numeric(12,4), e real, f double precision, "
        "g boolean, h date, i timestamp, j timestamptz, k varchar(20), l char(5), m super)"
    )
    row = (
        *(-5, 70_000, 5_000_000_000, Decimal("12.3450"), 1.5, 2.25, True, dt.date(2018, 11, 1)),
        dt.datetime(2018, 11, 1, 20, 57, 10, 796000),
        dt.datetime(2018, 11, 1, 20, 57, 10, 796000, tzinfo=dt.UTC),
        *("Björk", "ab"),
    )
    rs.run(
        "insert into t (a, b, c, d, e, f, g, h, i, j, k, l) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        *row,
    )
    rs.run("update t set m = json_parse('{\"a\": [1, 2]}')")
    (found,) = rs.rows("select * from t")
    assert found[:11] == row[:11]
    assert found[11:] == ("ab   ", '{"a": [1, 2]}')
    assert rs.rows("select a, k from t where b = %s and g", 70_000) == [(-5, "Björk")]


def test_null_and_none(rs: Client) -> None:
    rs.run("create table t (a int, b varchar(5))")
    rs.run("insert into t values (%s, %s)", None, None)
    assert rs.rows("select a, b, b is null from t") == [(None, None, True)]


def test_executemany_sums_the_rows(tx: Client) -> None:
    tx.run("create table t (a int, b varchar(20))")
    tx.cursor.executemany("insert into t values (%s, %s)", [(n, f"v{n}") for n in range(50)])
    assert tx.cursor.rowcount == 50
    assert tx.value("select count(*) from t") == 50


def test_row_counts(rs: Client) -> None:
    rs.run("create table t (a int)")
    assert rs.run("insert into t select 1 union all select 2") == 2
    assert rs.run("update t set a = a + 1") == 2
    assert rs.run("delete from t where a = 2") == 1
    assert rs.run("select * from t") == -1


def test_an_error_aborts_the_transaction(tx: Client) -> None:
    tx.run("create table t (a int)")
    tx.commit()
    tx.run("insert into t values (1)")
    with pytest.raises(redshift_connector.ProgrammingError, match="42703"):
        tx.run("select nonsense")
    with pytest.raises(redshift_connector.ProgrammingError, match="25P02"):
        tx.run("select 1")
    with pytest.raises(redshift_connector.ProgrammingError, match="25P02"):
        tx.run("create index i on t (a)")  # even a statement that is always rejected is not examined
    tx.commit()  # of an aborted transaction: rolls back, without an error
    assert tx.value("select count(*) from t") == 0


def test_what_the_stand_in_refuses_aborts_the_transaction_as_well(tx: Client) -> None:
    tx.run("create table t (a int)")
    tx.commit()
    tx.run("insert into t values (1)")
    with pytest.raises(redshift_connector.ProgrammingError, match="0A000"):
        tx.run("create index i on t (a)")
    with pytest.raises(redshift_connector.ProgrammingError, match="25P02"):
        tx.run("select 1")
    tx.rollback()
    assert tx.value("select count(*) from t") == 0


def test_ddl_is_transactional(redshift: Standin, tx: Client) -> None:
    tx.run("create table t (a int distkey sortkey) ")
    tx.rollback()
    assert tx.code("select * from t") == "42P01"
    assert redshift.query("select count(*) from rs.columns") == [["0"]]
    tx.run("create table t (a int)")
    tx.commit()
    tx.run("alter table t add column b int")
    tx.rollback()
    assert tx.code("select b from t") == "42703"


def test_the_log_has_every_statement_with_its_transaction_and_outcome(redshift: Standin, tx: Client) -> None:
    tx.run("create table t (a int)")
    tx.commit()
    tx.run("insert into t values (%s)", 7)
    tx.error("insert into t values ('x')")
    log = [(s.sql, s.outcome, s.code, s.ended) for s in redshift.statements]
    assert log == [
        ("begin transaction", "ok", None, None),
        ("create table t (a int)", "ok", None, None),
        ("commit", "ok", None, "commit"),
        ("begin transaction", "ok", None, None),
        ("insert into t values ($1)", "ok", None, None),
        ("insert into t values ('x')", "error", "22P02", None),
        ("rollback", "ok", None, "rollback"),
    ]
    first, *_, last = redshift.statements
    assert first.xid != last.xid
    assert len({s.xid for s in redshift.statements}) == 2
    assert redshift.statements[4].parameters == (b"\x00\x07",)
    redshift.clear_statements()
    assert redshift.statements == []


def test_a_statement_that_is_prepared_once_is_logged_each_time(redshift: Standin, tx: Client) -> None:
    tx.run("create table t (a varchar(5))")
    tx.commit()
    redshift.clear_statements()
    for _ in range(3):
        tx.run("insert into t values (%s)", "x")
        tx.commit()
    assert [s.sql for s in redshift.statements] == [
        "begin transaction",
        "insert into t values ($1)",
        "commit",
    ] * 3
    assert redshift.statements[1].parameters == ("x",)


def test_truncate_commits(redshift: Standin, tx: Client, connect: Callable[..., Client]) -> None:
    tx.run("create table t (a int)")
    tx.run("create table u (a int)")
    tx.run("insert into u values (1)")
    tx.run("insert into t values (1)")
    tx.run("truncate t")
    assert not tx.connection.in_transaction
    tx.rollback()
    other = connect()
    assert other.rows("select (select count(*) from t), (select count(*) from u)") == [(0, 1)]
    (truncated,) = [s for s in redshift.statements if s.sql == "truncate t"]
    assert truncated.ended == "commit"


@pytest.mark.parametrize("statement", ["truncate t, u", "truncate t cascade", "truncate t restart identity"])
def test_truncate_takes_one_table(rs: Client, statement: Any) -> None:
    rs.run("create table t (a int)")
    rs.run("create table u (a int)")
    assert rs.code(statement) == "42601"


@pytest.mark.parametrize(
    "words", ["", " full t", " sort only t", " delete only t to 90 percent", " t boost", " reindex t"]
)
def test_vacuum_only_outside_a_transaction(rs: Client, tx: Client, words: str) -> None:
    rs.run("create table t (a int)")
    rs.run(f"vacuum{words}")
    error = tx.error(f"vacuum{words}")
    assert (error["C"], error["M"]) == ("25001", "VACUUM cannot run inside a transaction block")


def test_analyze_anywhere(rs: Client, tx: Client) -> None:
    rs.run("create table t (a int)")
    for words in ("", " t", " t (a)", " t predicate columns", " verbose t"):
        rs.run(f"analyze{words}")
    tx.run("analyze t")
    assert rs.code("analyze nothing") == "42P01"


def test_a_transaction_sees_one_snapshot(tx: Client, rs: Client) -> None:
    rs.run("create table t (a int)")
    assert tx.value("select count(*) from t") == 0
    rs.run("insert into t values (1)")
    assert tx.value("select count(*) from t") == 0
    tx.rollback()
    assert tx.value("select count(*) from t") == 1


CONFLICT = "could not complete because of conflict with concurrent transaction"


def test_a_write_conflict_has_the_words_of_snapshot_isolation(
    rs: Client, connect: Callable[..., Client]
) -> None:
    rs.run("create table token (n int)")
    rs.run("insert into token values (0)")
    first, second = connect(), connect()
    assert second.value("select n from token") == 0
    first.run("update token set n = n + 1")
    first.commit()
    error = second.error("update token set n = n + 1")
    assert (error["C"], error["M"]) == ("XX000", CONFLICT)


def test_the_first_write_takes_the_snapshot_before_it_waits(
    redshift: Standin, rs: Client, connect: Callable[..., Client]
) -> None:
    """Two transactions that begin with an UPDATE of the same row: the second fails and may be retried."""
    rs.run("create table token (n int)")
    rs.run("insert into token values (0)")
    first, second = connect(), connect()
    first.run("update token set n = n + 1")
    outcome: list[str] = []

    def attempt() -> None:
        outcome.append(second.error("update token set n = n + 1")["M"])

    thread = threading.Thread(target=attempt)
    thread.start()
    wait_for_waiting(redshift)
    assert outcome == []
    first.commit()
    thread.join(HANG)
    assert outcome == [CONFLICT]


def test_two_writers_of_a_table_wait_for_each_other(
    redshift: Standin, rs: Client, connect: Callable[..., Client]
) -> None:
    rs.run("create table t (a int)")
    first, second = connect(), connect()
    first.run("insert into t values (1)")
    done = threading.Event()

    def insert() -> None:
        second.run("insert into t values (2)")
        second.commit()
        done.set()

    thread = threading.Thread(target=insert)
    thread.start()
    wait_for_waiting(redshift)
    assert not done.is_set()
    assert rs.value("select count(*) from t") == 0  # a reader does not wait
    first.commit()
    assert done.wait(HANG)
    thread.join()
    assert rs.value("select count(*) from t") == 2  # inserts do not conflict, they only wait for each other


def test_lock_first_lets_the_second_see_what_the_first_did(
    redshift: Standin, rs: Client, connect: Callable[..., Client]
) -> None:
    """LOCK takes no snapshot: what is read after it is what the one before has committed."""
    rs.run("create table ledger (name varchar(10))")
    first, second = connect(), connect()
    first.run("lock ledger")
    seen: list[int] = []

    def load() -> None:
        second.run("lock table ledger")
        seen.append(second.value("select count(*) from ledger"))
        second.commit()

    thread = threading.Thread(target=load)
    thread.start()
    wait_for_waiting(redshift)
    assert seen == []
    first.run("insert into ledger values ('a')")
    first.commit()
    thread.join(HANG)
    assert seen == [1]


def test_a_check_before_the_lock_sees_the_past(rs: Client, connect: Callable[..., Client]) -> None:
    """The reason to lock first: a snapshot taken before the lock does not know of the other's work."""
    rs.run("create table ledger (name varchar(10))")
    first, second = connect(), connect()
    assert second.value("select count(*) from ledger") == 0
    first.run("insert into ledger values ('a')")
    first.commit()
    second.run("lock ledger")
    assert second.value("select count(*) from ledger") == 0


def test_lock_names_no_mode_and_blocks_readers(
    rs: Client, connect: Callable[..., Client], redshift: Standin
) -> None:
    rs.run("create table t (a int)")
    locker, reader = connect(), connect(autocommit=True)
    locker.run("lock t")
    reader.run("set statement_timeout to 200")
    assert reader.code("select * from t") == "57014"
    locker.rollback()
    assert reader.rows("select * from t") == []
    assert locker.code("lock table t in exclusive mode") == "42601"


def test_a_deadlock_ends_one_of_the_two(redshift: Standin, rs: Client, connect: Callable[..., Client]) -> None:
    rs.run("create table t (a int)")
    rs.run("create table u (a int)")
    first, second = connect(), connect()
    first.run("lock t")
    second.run("lock u")
    codes: list[str] = []

    def cross() -> None:
        try:
            second.run("lock t")
        except redshift_connector.ProgrammingError as error:
            codes.append(error.args[0]["C"])
        second.rollback()

    thread = threading.Thread(target=cross)
    thread.start()
    wait_for_waiting(redshift)
    try:
        first.run("lock u")
    except redshift_connector.ProgrammingError as error:
        codes.append(error.args[0]["C"])
    first.rollback()
    thread.join(HANG)
    assert codes == ["40P01"]


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_write_skew(
    redshift: Standin, strict: Standin, monkeypatch: pytest.MonkeyPatch, isolation: Any
) -> None:
    """Two transactions that each read what the other writes: snapshot isolation lets both commit."""
    standin = redshift if isolation == "snapshot" else strict
    monkeypatch.setenv("SSL_CERT_FILE", str(standin.ca_file))
    engine = sa.create_engine(standin.url)
    with engine.begin() as setup:
        setup.execute(sa.text("create table r (a int)"))
        setup.execute(sa.text("create table s (a int)"))
    with engine.connect() as one, engine.connect() as two:
        one.execute(sa.text("insert into r select count(*) from s"))
        two.execute(sa.text("insert into s select count(*) from r"))
        one.commit()
        if isolation == "snapshot":
            two.commit()
        else:
            with pytest.raises(sa.exc.DBAPIError) as caught:
                two.commit()
            assert caught.value.orig is not None
            error = caught.value.orig.args[0]
            assert (error["C"], error["M"]) == ("XX000", "1023")
            assert error["D"].startswith("Serializable isolation violation on table - ")
            assert "transactions forming the cycle are: " in error["D"]
    engine.dispose()


def test_begin_takes_the_words_of_redshift(rs: Client) -> None:
    for words in ("begin", "begin work", "start transaction", "begin isolation level serializable read write"):
        rs.run(words)
        rs.run("end transaction")
    for words in ("abort", "rollback work"):
        rs.run("begin")
        rs.run(words)


def test_settings(rs: Client) -> None:
    rs.run("set search_path to public")
    assert rs.value("show search_path") == "public"
    assert rs.value("select current_schema()") == "public"
    rs.run("set query_group to 'etl'")
    rs.run("set wlm_query_slot_count to 3")
    rs.run("set statement_timeout to 60000")
    rs.run("set session characteristics as transaction isolation level serializable")
    assert rs.value("show transaction isolation level") == "serializable"
    assert rs.code("set nonsense to 1") == "42704"
    assert rs.code("show standard_conforming_strings") == "42704"
    rs.run("create schema star")
    rs.run("set search_path to star, public")
    rs.run("create table t (a int distkey)")
    assert rs.rows("select schemaname, distkey from pg_table_def where tablename = 't'") == [("star", True)]
