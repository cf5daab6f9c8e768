"""The session, the only way to a database: what it sends, logs and keeps, and what a dry run records."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    column,
    insert,
    literal,
    make_url,
    select,
)

from sparkify.databases import database_type
from sparkify.databases.base import Database
from sparkify.etl.dry_run import DryRun, PlannedStep
from sparkify.etl.session import Session

NUMBERS = Table("numbers", MetaData(), Column("number", Integer), Column("name", String(8)))


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    engine = database.create_engine()
    with engine.connect() as made:
        made.exec_driver_sql("CREATE TABLE numbers (number INTEGER, name VARCHAR)")
        made.commit()
        yield made
    engine.dispose()


def test_run_returns_rowcount_of_a_change_and_rows_of_a_select(
    database: Database, connection: Connection
) -> None:
    session = Session(database, connection)
    inserted = session.run(insert(NUMBERS).values([{"number": 1, "name": "it's"}, {"number": 2, "name": "b"}]))
    assert (inserted.rowcount, list(inserted.rows)) == (2, [])
    found = session.run(select(NUMBERS).order_by(column("number")))
    assert (found.rowcount, [tuple(row) for row in found.rows]) == (0, [(1, "it's"), (2, "b")])
    assert session.run("SELECT count(*) FROM numbers").value == 2


def test_step_keeps_title_rows_and_time(database: Database, connection: Connection) -> None:
    session = Session(database, connection)
    with session.step("fill"):
        session.insert(NUMBERS, [{"number": n, "name": "x"} for n in range(3)])
    ((step),) = session.steps
    assert (step.title, step.rows) == ("fill", 3)
    assert step.seconds >= 0


def test_step_is_logged_with_load_id_rows_and_seconds(
    database: Database, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    session = Session(database, connection)
    session.load_id = 7
    with caplog.at_level(logging.INFO, "sparkify.etl"), session.step("fill"):
        session.run(insert(NUMBERS).values(number=1, name="x"))
    (record,) = caplog.records
    assert record.getMessage().startswith("fill: 1 row, ")
    found = {name: getattr(record, name) for name in ("load_id", "step", "rows")}
    assert found == {"load_id": 7, "step": "fill", "rows": 1}
    assert record.seconds >= 0  # type: ignore[attr-defined]


def test_failed_step_is_logged(
    database: Database, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    session = Session(database, connection)
    with caplog.at_level(logging.INFO, "sparkify.etl"), pytest.raises(ZeroDivisionError), session.step("fail"):
        raise ZeroDivisionError
    (record,) = caplog.records
    assert record.getMessage().startswith("fail: failed after ")
    assert session.steps == []


def test_statement_is_logged_at_debug_without_its_parameters(
    database: Database, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    session = Session(database, connection)
    with caplog.at_level(logging.DEBUG, "sparkify.etl"):
        session.insert(NUMBERS, [{"number": 1, "name": "canary"}])
    assert any("INSERT INTO" in record.getMessage() for record in caplog.records)
    assert "canary" not in caplog.text


def test_dry_run_records_and_sends_no_change(database: Database, connection: Connection) -> None:
    session = DryRun(database, connection)
    with session.step("fill"):
        assert session.run(insert(NUMBERS).values(number=1, name="x")).rowcount == 0
    assert session.planned == [PlannedStep("fill", ("INSERT INTO numbers (number, name) VALUES (1, 'x')",))]
    assert Session(database, connection).run("SELECT count(*) FROM numbers").value == 0


def test_dry_run_reads_what_decides_the_load(database: Database, connection: Connection) -> None:
    Session(database, connection).run(insert(NUMBERS).values(number=5, name="x"))
    session = DryRun(database, connection)
    with session.step("read"):
        assert [row.number for row in session.read(select(NUMBERS.c.number))] == [5]
    assert session.planned == [PlannedStep("read", ("SELECT numbers.number \nFROM numbers",))]


def test_dry_run_without_a_connection_reads_nothing(database: Database) -> None:
    session = DryRun(database, None)
    with session.step("read"):
        assert session.read(select(literal(1))) == ()
    assert len(session.planned) == 1


def test_dry_run_names_values_that_are_not_known() -> None:

    redshift = database_type("redshift")(make_url("redshift+redshift_connector://host:5439/dev"))
    session = DryRun(redshift, None)
    with session.step("record"):
        session.insert(NUMBERS, [{"number": 1, "name": "a"}, {"number": 2, "name": "b"}])
    assert session.planned == [
        PlannedStep("record", ("INSERT INTO numbers (number, name) VALUES (:number, :name)",))
    ]
