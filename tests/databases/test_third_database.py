"""A database that only the registry knows: one line there makes everything work for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Engine, create_engine, make_url

from sparkify import ConfigurationError, Warehouse, databases
from sparkify.analytics import top_songs
from sparkify.databases.duckdb.database import DuckDB
from sparkify.warehouse.query import sql_text
from tests.support.data import Data
from tests.support.making import event, song


class Mallard(DuckDB):
    """DuckDB under another name."""

    name = "mallard"
    title = "Mallard"

    def create_engine(self, *, read_only: bool = False) -> Engine:
        return create_engine(
            self.url.set(drivername="duckdb"), connect_args={"read_only": read_only}, hide_parameters=True
        )


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Data) -> Iterator[Warehouse]:
    """A warehouse on that database, registered by one line, and a day of data."""
    module = ModuleType("sparkify.databases.mallard.database")
    module.Mallard = Mallard  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sparkify.databases.mallard", ModuleType("sparkify.databases.mallard"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(databases._CLASSES, "mallard", "Mallard")
    data.log("2018-11-01.json", event())
    data.song("a.json", song())
    monkeypatch.setenv("SPARKIFY_LOG_DATA", str(data.logs))
    monkeypatch.setenv("SPARKIFY_SONG_DATA", str(data.songs))
    monkeypatch.setenv("SPARKIFY_DATABASE_URL", f"mallard:///{tmp_path}/warehouse.db")
    with Warehouse() as made:
        yield made


def test_load_status_check_query_and_dry_run(warehouse: Warehouse) -> None:
    assert warehouse.explain()
    assert warehouse.load().rows["songplays"] == 1
    assert warehouse.load().nothing_new
    found = warehouse.status()
    assert (found.engine, found.at_head, found.rows["songplays"]) == ("mallard", True, 1)
    assert all(result.ok for result in warehouse.check())
    assert warehouse.rejects() == []
    assert [row.plays for row in warehouse.query(top_songs())] == [1]
    assert warehouse.query(top_songs()).to_arrow().num_rows == 1


def test_sql_text(warehouse: Warehouse) -> None:
    assert sql_text(top_songs(), "mallard") == sql_text(top_songs(), "duckdb")


def test_report_and_doctor(warehouse: Warehouse) -> None:
    from sparkify.doctor import examine
    from sparkify.report import build

    warehouse.load()
    assert "Band" in build(warehouse)
    warehouse.close()
    assert [finding for finding in examine() if finding.status != "ok"] == []


def test_migrate(warehouse: Warehouse) -> None:
    assert warehouse.migrate() == warehouse.status().head
    assert warehouse.migrate("base") is None


@pytest.mark.parametrize("url", ["postgresql://u@h/d", "sqlite:///x", "mallard:///x"])
def test_database_that_is_not_registered_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a database that sparkify loads"):
        Warehouse(url)
    with pytest.raises(ConfigurationError, match="is not a database that sparkify loads"):
        sql_text(top_songs(), make_url(url).get_backend_name())
