"""Literal values in DuckDB statements: the same values and types, and no import of pandas."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from duckdb_sqlalchemy._statements import _top_level_sql_words
from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    LargeBinary,
    MetaData,
    String,
    Table,
    cast,
    create_engine,
    event,
    insert,
    make_url,
    select,
)
from sqlalchemy import literal as value_of
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.types import TIMESTAMP

from sparkify import Warehouse
from sparkify.databases import open_database
from sparkify.databases.duckdb.dialect import inline, literal
from sparkify.etl.session import Session
from tests.support.data import Data
from tests.support.making import event as play
from tests.support.making import song

DUCKDB = open_database(make_url("duckdb://"))

VALUES: dict[str, Any] = {
    "quote": "it's ''",
    "double quote": 'a "b"',
    "backslash": "a\\b\\'",
    "backslash at the end": "a\\",
    "percent": "100 % %s %(x)s %%",
    "parameter": "$1 ? :x {x} __[POSTCOMPILE_x]",
    "comment": "-- a /* b */ ; c",
    "lines": "a\nb\r\n\tc",
    "nul": "a\0b",
    "nul and quote": "\0'",
    "beyond ascii": "Björk 日本 \U0001f600",
    "escape": "\\x00 \\u0000",
    "empty": "",
    "integer": 7,
    "negative": -7,
    "large integer": 2**62,
    "float": 1.5,
    "whole float": 2.0,
    "small float": 5e-324,
    "infinity": math.inf,
    "true": True,
    "decimal": Decimal("1.50"),
    "date": dt.date(2018, 11, 1),
    "datetime": dt.datetime(2018, 11, 1, 20, 57, 10, 796000),
    "time": dt.time(20, 57, 10, 796000),
}


@pytest.mark.parametrize("name", VALUES)
def test_value_comes_back_as_it_does_from_a_parameter(name: str) -> None:
    value = VALUES[name]
    statement = select(value_of(value).label("x"))
    sent = []
    engine, plain = DUCKDB.create_engine(), create_engine("duckdb://")
    event.listen(engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[3]))
    with engine.connect() as ours, plain.connect() as theirs:
        found = ours.execute(statement).scalar_one()
        rendered = ours.exec_driver_sql(DUCKDB.render(statement)).scalar_one()
        bound = theirs.execute(statement).scalar_one()
    assert (found, type(found)) == (value, type(value))
    assert (rendered, type(rendered)) == (value, type(value))
    assert (bound, type(bound)) == (value, type(value))
    assert not any(sent)


@pytest.mark.parametrize("name", [name for name, value in VALUES.items() if isinstance(value, str)])
def test_text_is_compared_and_inserted(name: str) -> None:
    value = VALUES[name]
    table = Table("t", MetaData(), Column("x", String(64)), Column("n", BigInteger))
    with DUCKDB.create_engine().connect() as connection:
        table.create(connection)
        Session(DUCKDB, connection).insert(table, [{"x": value, "n": 1}, {"x": "other", "n": 2}])
        for condition in (table.c.x == value, table.c.x.in_([value, "none"])):
            assert connection.execute(select(table).where(condition)).all() == [(value, 1)]
        assert Session(DUCKDB, connection).run(select(table.c.x).where(table.c.n == 1)).value == value


def test_text_that_is_no_unicode_is_refused() -> None:
    statement = select(value_of("a\udcffb"))
    # Python's codec rejects it up to DuckDB 1.5, DuckDB itself from 2 on.
    refusals = (UnicodeEncodeError, ProgrammingError)
    with DUCKDB.create_engine().connect() as connection, pytest.raises(refusals, match="surrogate"):
        connection.execute(statement)


def test_moment_with_a_zone_is_that_moment() -> None:
    zone = dt.timezone(dt.timedelta(hours=-7))
    moment = dt.datetime(2018, 11, 1, 13, 0, tzinfo=zone)
    with DUCKDB.create_engine().connect() as connection:
        found = connection.execute(select(value_of(moment, TIMESTAMP(timezone=True)))).scalar_one()
    assert found == moment


def test_moment_with_a_zone_is_compared_with_utc() -> None:
    at = Column("at", TIMESTAMP)
    moment = dt.datetime(2018, 11, 15, tzinfo=dt.timezone(dt.timedelta(hours=5)))
    assert DUCKDB.render(at >= moment) == "\"at\" >= TIMESTAMP '2018-11-14 19:00:00'"
    assert DUCKDB.render(at.in_([moment])) == "\"at\" IN (TIMESTAMP '2018-11-14 19:00:00')"


def test_what_has_no_literal_stays_a_parameter() -> None:
    with DUCKDB.create_engine().connect() as connection:
        assert connection.execute(select(value_of(b"\x00'", LargeBinary))).scalar_one() == b"\x00'"


def test_plain_insert_has_parameters() -> None:
    table = Table("t", MetaData(), Column("x", String(8)))
    with DUCKDB.create_engine().connect() as connection:
        table.create(connection)
        connection.execute(insert(table), [{"x": "a"}, {"x": "b"}])
        assert connection.execute(select(table.c.x).order_by(table.c.x)).scalars().all() == ["a", "b"]


INLINED = {
    "text": ("SELECT $1", ("it's",), "SELECT 'it''s'"),
    "list": ("read_json($1)", (["/a", "/b'"],), "read_json(['/a', '/b'''])"),
    "several": ("$2, $1, $2", (1, "x"), "'x', 1, 'x'"),
    "more than nine": (" ".join(f"${n}" for n in range(1, 12)), tuple(range(1, 12)), "1 2 3 4 5 6 7 8 9 10 11"),
    "within a text": ("SELECT '$1 it''s $1', $1", (1,), "SELECT '$1 it''s $1', 1"),
    "within a name": ('SELECT "$1 "" $1", $1', (1,), 'SELECT "$1 "" $1", 1'),
    "a value like a parameter": ("SELECT $1, $2", ("$2", "$1"), "SELECT '$2', '$1'"),
    "no parameters": ("SELECT $1", (), "SELECT $1"),
}


@pytest.mark.parametrize("case", INLINED)
def test_inline_fills_in_parameters(case: str) -> None:
    text, parameters, expected = INLINED[case]
    assert inline(text, parameters) == expected


def test_literal_has_the_type_of_a_parameter() -> None:
    with duckdb.connect() as connection:
        for value in (None, "x", 1, 1.5, 2.0, True, math.inf):
            (found,) = connection.execute(f"SELECT typeof({literal(value)})").fetchall()
            (bound,) = connection.execute("SELECT typeof($1)", [value]).fetchall()
            assert found == bound, value


@pytest.mark.parametrize("number", [1, 1_000, 1_001, 3_000])
def test_insert_of_many_rows(number: int) -> None:
    columns = (Column("n", BigInteger), Column("x", String(64)), Column("y", Double), Column("t", TIMESTAMP))
    table = Table("ta\"b'le", MetaData(), *columns)
    moment = dt.datetime(2018, 11, 1, 20, 57, 10, 796001)
    texts = [value for value in VALUES.values() if isinstance(value, str)]
    rows = [
        {"n": n, "x": texts[n % len(texts)], "y": None if n % 2 else n / 7, "t": moment} for n in range(number)
    ]
    with DUCKDB.create_engine().connect() as connection:
        table.create(connection)
        Session(DUCKDB, connection).insert(table, rows)
        found = connection.execute(select(table).order_by(table.c.n)).all()
    assert found == [tuple(row.values()) for row in rows]


def test_cast_in_a_condition_is_of_the_type_of_its_column() -> None:
    moment = dt.datetime(2018, 11, 1)
    with DUCKDB.create_engine().connect() as connection:
        column = cast("2018-11-01 00:00:00.000", TIMESTAMP)
        assert connection.execute(select(column == moment)).scalar_one() is True


def test_rows_of_a_query_are_typed(tmp_path: Path, data: Data) -> None:
    data.log("a.json", play())
    data.song("a.json", song())
    with Warehouse(f"duckdb:///{tmp_path}/x.duckdb") as warehouse:
        warehouse.load(log_data=data.logs, song_data=data.songs)
        moment = dt.datetime(2018, 11, 1)
        (row,) = warehouse.query(select(value_of(moment).label("at"), value_of(1.5).label("x")))
    assert (row.at, row.x) == (moment, 1.5)


# -- statements without a count ----------------------------------------------------------------------------


def test_no_text_of_a_temporary_table_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Data
) -> None:
    parsed: list[str] = []

    def top_level_words(statement: str) -> Any:
        parsed.append(statement)
        return _top_level_sql_words(statement)

    monkeypatch.setattr("duckdb_sqlalchemy._top_level_sql_words", top_level_words)
    data.log("a.json", play())
    data.song("a.json", song())
    with Warehouse(f"duckdb:///{tmp_path / 'a.duckdb'}") as warehouse:
        warehouse.load(log_data=data.logs, song_data=data.songs)
    assert [text[:40] for text in parsed if text.startswith("create temporary table")] == []


def test_rows_that_are_not_read_yet_outlive_a_temporary_table() -> None:
    with DUCKDB.create_engine().connect() as connection:
        unread = connection.exec_driver_sql("SELECT * FROM range(5000)")
        assert unread.fetchone() == (0,)
        connection.exec_driver_sql("CREATE TEMPORARY TABLE t AS SELECT 1 AS one")
        assert [row[0] for row in unread] == list(range(1, 5000))
        assert connection.exec_driver_sql("SELECT * FROM t").all() == [(1,)]
        with pytest.raises(ProgrammingError, match="already exists"):
            connection.exec_driver_sql("CREATE TEMPORARY TABLE t AS SELECT 2 AS one")
