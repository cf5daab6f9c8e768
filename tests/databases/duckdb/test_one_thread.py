"""A small load uses one DuckDB thread, and leaves the number of threads of the database unchanged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, create_engine, event

from sparkify import RejectedLines, Warehouse
from sparkify.databases.duckdb import batch, one_thread
from tests.support.data import Data
from tests.support.making import event as line
from tests.support.making import song

ONE = "SET threads = current_setting('external_threads')"
ALL = "SET threads = getvariable('all_threads')"


@pytest.fixture
def engine(data: Data) -> Iterator[Engine]:
    """Of a database that others of this process use too, with three threads."""
    engine = create_engine(f"duckdb:///{data.root / 'own.duckdb'}", connect_args={"config": {"threads": 3}})
    with engine.connect() as other:
        assert threads(other) == 3
        yield engine
        assert threads(other) == 3
    engine.dispose()


def threads(connection: Connection) -> int:
    found = connection.exec_driver_sql("SELECT current_setting('threads')").scalar_one()
    assert isinstance(found, int)
    connection.rollback()
    return found


def load(engine: Engine, data: Data) -> list[str]:
    """Load the data, and return how many threads it asked for, with the reading between."""
    sent: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def executing(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if statement.startswith("SET threads"):
            sent.append(statement)
        elif "read_json" in statement:
            sent.append("songs" if "artist_latitude" in statement else "events")

    try:
        with Warehouse(engine) as warehouse:
            warehouse.load(log_data=data.logs, song_data=data.songs)
    finally:
        event.remove(engine, "before_cursor_execute", executing)
    return sent


def test_small_load_takes_one_thread(engine: Engine, data: Data) -> None:
    data.log("a.json", line())
    data.song("s.json", song())
    assert load(engine, data) == [ONE, "events", "songs", ALL]


def test_large_load_takes_them_all(engine: Engine, data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_thread, "_LITTLE", 0)
    data.log("a.json", line())
    data.song("s.json", song())
    assert load(engine, data) == ["events", "songs"]


def test_load_that_turns_out_large_takes_them_from_then_on(
    engine: Engine, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = data.log("a.json", line())
    data.song("s.json", song())
    monkeypatch.setattr(one_thread, "_LITTLE", log.stat().st_size + 1)  # plus a newline
    assert load(engine, data) == [ONE, "events", ALL, "songs"]


def test_load_that_fails_gives_them_back(engine: Engine, data: Data) -> None:
    data.log("a.json", line(ts="never"))
    data.song("s.json", song())
    with pytest.raises(RejectedLines):
        load(engine, data)
    with engine.connect() as connection:
        assert threads(connection) == 3


def test_load_whose_rows_cannot_be_detached_gives_them_back(
    engine: Engine, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "detach", lambda _catalog: "DETACH nothing")
    data.log("a.json", line())

    @event.listens_for(engine, "before_cursor_execute")
    def executing(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if statement.startswith("INSERT INTO songplays"):
            raise ZeroDivisionError

    with Warehouse(engine) as warehouse, pytest.raises(ZeroDivisionError):
        warehouse.load(log_data=data.logs, only=["events"])
    with engine.connect() as connection:
        assert threads(connection) == 3


def test_database_with_threads_of_the_program_is_loaded(data: Data) -> None:
    """DuckDB refuses to have fewer than these."""
    data.log("a.json", line())
    engine = create_engine(
        f"duckdb:///{data.root / 'own.duckdb'}",
        connect_args={"config": {"threads": 3, "external_threads": 2}},
    )
    with Warehouse(engine) as warehouse:
        assert warehouse.load(log_data=data.logs, only=["events"]).rows["songplays"] == 1
    engine.dispose()


def test_there_is_one_while_the_star_is_made(engine: Engine, data: Data) -> None:
    data.log("a.json", line())
    found = []

    @event.listens_for(engine, "before_cursor_execute")
    def executing(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if statement.startswith("INSERT INTO songplays"):
            with engine.connect() as other:
                found.append(threads(other))

    with Warehouse(engine) as warehouse:
        warehouse.load(log_data=data.logs, only=["events"])
    assert found == [1]
