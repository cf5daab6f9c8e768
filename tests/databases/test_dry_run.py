"""A dry run prints exactly what the load then sends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from sparkify import Warehouse
from sparkify.etl import plan
from sparkify.etl.adapter import Adapter
from sparkify.etl.dry_run import PlannedStep
from tests.support.cloud import Cloud
from tests.support.data import Data
from tests.support.drivers import Driver
from tests.support.making import event as play
from tests.support.making import song

# Values of the ledger's rows, and the folder of a load's objects, are only known when the load runs.
_VALUES = re.compile(r"(INSERT INTO \w+ \([^)]*\) VALUES ).*", re.DOTALL)
# On DuckDB the running load has a literal where the plan has $1 or $2.
_LITERALS = (
    (re.compile(r"(read_json\()\['[^']*'\]"), r"\1$1"),
    (re.compile(r"(from_json\()CAST\('(?:''|[^'])*' AS JSON\), '(?:''|[^'])*'\)"), r"\1CAST($1 AS JSON), $2)"),
)
# A plan made without a listing does not know the files.
_LISTED = re.compile(r"(loaded_files\.uri IN \()'[^)]*'\)")
# For a limit of the batch, a plan has a SELECT, and a load that has staged the batch has the value.
LIMIT = re.compile(r"(?<=[<>]= )(?:\(SELECT (?:min|max)\(staging_\w+\.\w+\) [^()]*\)|TIMESTAMP '[^']*'|NULL\b)")
_LOAD = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")
_BATCH = re.compile(r"(batch_of_\w+?)_[0-9a-f]{8}\b")


def without_values(statement: str) -> str:
    """A statement with names in the places of what only a running load knows."""
    for pattern, instead in _LITERALS:
        statement = pattern.sub(instead, statement)
    statement = LIMIT.sub(":limit", _BATCH.sub(r"\1", _LISTED.sub(r"\1...)", statement)))
    return _LOAD.sub(":load", _VALUES.sub(r"\1...", statement))


@contextmanager
def sent(warehouse: Warehouse) -> Iterator[list[str]]:
    """Every statement that goes to the driver while the block runs."""
    texts: list[str] = []

    def keep(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        texts.append(statement)

    event.listen(warehouse.engine, "before_cursor_execute", keep)
    try:
        yield texts
    finally:
        event.remove(warehouse.engine, "before_cursor_execute", keep)


def planned(steps: list[PlannedStep]) -> list[str]:
    """The statements of a dry run, without BEGIN and COMMIT, which the driver sends by itself."""
    texts = [without_values(text) for step in steps for text in step.statements]
    return [text for text in texts if text not in ("BEGIN", "COMMIT")]


def assert_load_sends(warehouse: Warehouse, steps: list[PlannedStep]) -> None:
    """Load, and compare what is sent, from the first statement of the plan on, with the plan."""
    with sent(warehouse) as texts:
        warehouse.load()
    found = [without_values(text) for text in texts]
    expected = planned(steps)
    # Before that, the load looks up the revision of the tables.
    assert found[found.index(expected[0]) :] == expected


def one_day(data: Data) -> None:
    data.log("2018-11-01.json", play(), play(page="Home", itemInSession=1))
    data.song("a.json", song())


def test_dry_run_on_duckdb_prints_what_the_first_load_sends(warehouse: Warehouse, data: Data) -> None:
    one_day(data)
    assert_load_sends(warehouse, warehouse.explain())


def test_dry_run_on_duckdb_prints_what_the_second_load_sends(warehouse: Warehouse, data: Data) -> None:
    one_day(data)
    warehouse.load()
    data.log("2018-11-02.json", play(sessionId=2))
    steps = warehouse.explain()
    assert any("songplays" in text and " 2 " in text for text in planned(steps))
    assert_load_sends(warehouse, steps)


def test_dry_run_on_redshift_prints_what_the_first_load_sends(cloud: Cloud, data: Data) -> None:
    one_day(data)
    cloud.put(data.logs, "log_data")
    cloud.put(data.songs, "song_data")
    with cloud.with_tables() as warehouse:
        assert_load_sends(warehouse, warehouse.explain())


def test_dry_run_on_redshift_connects_to_nothing(cloud: Cloud) -> None:
    with cloud.warehouse() as warehouse:
        with sent(warehouse) as texts:
            assert warehouse.explain()
        assert texts == []


@pytest.mark.parametrize("kind", ["before_the_lock", "after_the_checks"])
def test_statement_of_another_path_is_seen(
    kind: str, warehouse: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison above sees a statement that does not pass through the session."""
    one_day(data)
    steps = warehouse.explain()
    method = {"before_the_lock": "lock", "after_the_checks": "tidy"}[kind]
    original: Callable[..., None] = getattr(type(warehouse.database), method)

    def besides(self: Adapter, session: Any, *rest: Any, **named: Any) -> None:
        session._open.exec_driver_sql("SELECT 42")
        original(self, session, *rest, **named)

    monkeypatch.setattr(type(warehouse.database), method, besides)
    with pytest.raises(AssertionError):
        assert_load_sends(warehouse, steps)


def test_dry_run_writes_nothing(new_warehouse: Warehouse, data: Data, tmp_path: Path) -> None:
    one_day(data)
    assert new_warehouse.explain()
    assert not list(tmp_path.glob("*.duckdb*"))


# -- one load after the other ------------------------------------------------------------------------------


def test_later_load_of_a_process_sends_what_it_would_send_alone(driver: Driver) -> None:
    """Its statements were compiled for the loads before it; the numbers and the limits are its own."""
    first = driver.put("events", "1.json", play(), play(itemInSession=1, song="Other"))
    second = driver.put("events", "2.json", play(itemInSession=2, at="2018-11-02 10:00:00", level="paid"))

    def load(uri: str, kept: str) -> list[str]:
        if kept:
            driver.restore(kept)
        with driver.warehouse() if kept else driver.with_tables() as warehouse, sent(warehouse) as texts:
            warehouse.load(sources={"events": uri}, only=["events"])
        # Without what differs each time: the rows of the ledger, and the names of folders and objects.
        for pattern, instead in (*_LITERALS, (_BATCH, r"\1"), (_VALUES, r"\1..."), (_LOAD, ":load")):
            texts = [pattern.sub(instead, text) for text in texts]
        return texts

    load(first, "")
    driver.save("one day")
    plan._statements.cache_clear()
    alone = load(second, "one day")
    for uri in (first, second):
        before = load(uri, "")
    assert before != alone
    assert load(second, "one day") == alone
    assert [text for text in alone if "TIMESTAMP '2018-11-02 10:00:00" in text and "songplays" in text]
