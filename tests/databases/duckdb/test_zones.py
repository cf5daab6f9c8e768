"""Times are those of the files, in UTC, whatever the time zone of the machine or the session."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
from sqlalchemy import BigInteger, Column, MetaData, StaticPool, Table, create_engine, text
from sqlalchemy.types import TIMESTAMP

from sparkify import Warehouse
from sparkify.databases.duckdb.reading import attach, insert_files
from sparkify.etl.declarations import Source, from_json
from tests.support.paths import CLONE

ELSEWHERE = "SET TimeZone = 'America/New_York'"


def test_epoch_is_read_into_a_column_with_a_zone(tmp_path: Path) -> None:
    staging = Table(
        "staging",
        MetaData(),
        Column("n", BigInteger, info=from_json("n")),
        Column("moment", TIMESTAMP(timezone=True), info=from_json("at", epoch="ms")),
    )
    source = Source(name="a", staging=staging)
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"n": 1, "at": 0}) + "\n" + json.dumps({"n": 2, "at": 1541106106796}) + "\n")
    with duckdb.connect() as connection:
        connection.execute(ELSEWHERE)
        connection.execute("CREATE TABLE staging (n BIGINT, moment TIMESTAMP WITH TIME ZONE)")
        connection.execute(attach(source, "batch"))
        connection.execute(insert_files(source, "batch"), [[str(file)]])
        found = connection.execute("SELECT n, epoch_ms(moment) FROM batch.staging ORDER BY n").fetchall()
    assert found == [(1, 0), (2, 1541106106796)]


_PROGRAM = """
from sqlalchemy import text
from sparkify import Warehouse

for url in ("duckdb://", "duckdb:///x.duckdb"):
    with Warehouse(url) as warehouse, warehouse.session() as session:
        print(session.scalar(text("SELECT current_setting('TimeZone')")))
"""


def test_sessions_are_in_utc(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(CLONE), "TZ": "Asia/Kolkata"}
    program = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "UTC\nUTC\n"


def test_engine_of_the_caller_is_in_utc_while_it_is_used() -> None:
    engine = create_engine("duckdb://", poolclass=StaticPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(ELSEWHERE)
        connection.commit()
    with Warehouse(engine) as warehouse, warehouse.session() as session:
        assert session.scalar(text("SELECT current_setting('TimeZone')")) == "UTC"
    engine.dispose()
