"""Checks of a whole warehouse: which ones run, and the order of their results."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, SelectBase, Table

from sparkify.databases.base import Database
from sparkify.etl.checking import run_checks, run_checks_of_load
from sparkify.etl.declarations import Check
from sparkify.etl.session import Session
from sparkify.pipeline import SPARKIFY
from sparkify.pipeline.future import NO_FUTURE_PLAYS

NUMBERS = Table("numbers", MetaData(), Column("number", Integer))


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """With the numbers 1 and -1."""
    engine = database.create_engine()
    with engine.connect() as made:
        made.exec_driver_sql("CREATE TABLE numbers AS SELECT unnest([1, -1]) AS number")
        yield made
    engine.dispose()


def at_most(limit: int, *implied_by: Check) -> tuple[Check, list[int]]:
    """A check that finds the numbers above the limit, and a list that says how often it was asked for."""
    asked: list[int] = []

    def rows(_load_id: object) -> SelectBase:
        asked.append(limit)
        return NUMBERS.select().where(NUMBERS.c.number > limit)

    return Check(name=f"at most {limit}", rows=rows, implied_by=implied_by, hint="Subtract."), asked


def test_implied_check_is_not_run_where_the_others_find_nothing(
    database: Database, connection: Connection
) -> None:
    strict, strict_asked = at_most(1)
    implied, implied_asked = at_most(2, strict)
    found = run_checks(Session(database, connection), [implied, strict])
    assert [(result.name, result.count, result.hint) for result in found] == [
        ("at most 2", 0, "Subtract."),
        ("at most 1", 0, "Subtract."),
    ]
    assert (len(strict_asked), len(implied_asked)) == (1, 0)


def test_implied_check_is_run_where_another_finds_rows(database: Database, connection: Connection) -> None:
    good, _ = at_most(1)
    strict, _ = at_most(-1)
    implied, implied_asked = at_most(0, good, strict)
    found = run_checks(Session(database, connection), [implied, good, strict])
    assert [(result.name, result.rows) for result in found] == [
        ("at most 0", ({"number": 1},)),
        ("at most 1", ()),
        ("at most -1", ({"number": 1},)),
    ]
    assert len(implied_asked) == 1


def test_implied_check_is_run_without_the_others(database: Database, connection: Connection) -> None:
    strict, _ = at_most(1)
    implied, implied_asked = at_most(2, strict)
    assert [result.count for result in run_checks(Session(database, connection), [implied])] == [0]
    assert len(implied_asked) == 1


@pytest.mark.parametrize(("is_dated", "made"), [(False, 1), (True, 3)])
def test_check_is_made_once_in_a_process_unless_it_is_dated(
    database: Database, connection: Connection, *, is_dated: bool, made: int
) -> None:
    check, asked = at_most(0)
    check = replace(check, is_dated=is_dated)
    for number in (1, 2, 3):
        (found,) = run_checks(Session(database, connection), [check])
        assert (found.count, found.rows[0]) == (number, {"number": 1})
        connection.exec_driver_sql("INSERT INTO numbers VALUES (1)")
    assert len(asked) == made


def test_check_of_days_to_come_knows_what_day_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for day in (1, 2):
        monkeypatch.setattr("sparkify.pipeline.future.utc_now", lambda day=day: datetime(2018, 11, day, 23))
        statement = NO_FUTURE_PLAYS.rows(None).compile(compile_kwargs={"literal_binds": True})
        assert f">= '2018-11-0{day + 2} 00:00:00'" in str(statement)
    assert [check.name for check in SPARKIFY.checks if check.is_dated] == [NO_FUTURE_PLAYS.name]


TOUCHED = Table("touched", MetaData(), Column("number", Integer))
NEGATIVE = Table("negative", MetaData(), Column("number", Integer))


@pytest.mark.parametrize(("at_once", "statements"), [(True, 2), (False, 7)])
def test_checks_of_a_load_share_selects(
    at_once: bool, statements: int, database: Database, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """``numbers`` has 1 and -1, and the load has touched -1 alone."""
    touched = NUMBERS.select().where(NUMBERS.c.number < 1)
    checks = [
        Check(name="none touched is negative", rows=lambda _load_id: NEGATIVE.select()),
        Check(name="none touched is 1", rows=lambda _load_id: TOUCHED.select().where(TOUCHED.c.number == 1)),
    ]
    caplog.set_level(logging.DEBUG, "sparkify.etl")
    results, rows = run_checks_of_load(
        Session(database, connection),
        [(check, check.rows(None)) for check in checks],
        {TOUCHED: touched, NEGATIVE: TOUCHED.select().where(TOUCHED.c.number < 0)},
        [NUMBERS],
        at_once=at_once,
    )
    assert [(result.name, result.count, result.rows) for result in results] == [
        ("none touched is negative", 1, ({"number": -1},)),
        ("none touched is 1", 0, ()),
    ]
    assert rows == {"numbers": 2}
    # One count for all, or two tables, two counts, DROP and the row count; and the rows of one check.
    assert len(caplog.records) == statements
    # No temporary table is left.
    assert connection.exec_driver_sql("SELECT count(*) FROM duckdb_tables() WHERE temporary").scalar() == 0


def test_check_that_cannot_tell_all_implies_nothing(database: Database, connection: Connection) -> None:
    strict, _ = at_most(1)
    implied, implied_asked = at_most(2, strict)
    found = run_checks(Session(database, connection), [implied, strict], notes={"at most 1": "half of them"})
    assert len(implied_asked) == 1
    assert [(result.name, result.note) for result in found] == [
        ("at most 2", None),
        ("at most 1", "half of them"),
    ]
