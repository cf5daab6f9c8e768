"""The file that a URL names: the same one wherever the process goes, with its log beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkify import Warehouse
from tests.support.data import Data, rows
from tests.support.making import event


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    return home


@pytest.mark.parametrize("closed", [False, True])
def test_relative_path_stays_one_file_when_the_working_folder_changes(
    closed: bool, data: Data, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.log("a.json", event())
    elsewhere = data.root / "elsewhere"
    elsewhere.mkdir()
    with Warehouse("own.duckdb") as warehouse:
        warehouse.load(log_data=data.logs, only=["events"])
        assert warehouse.database.file == Path("own.duckdb")
        if closed:
            warehouse.close()
        monkeypatch.chdir(elsewhere)
        data.log("b.json", event(itemInSession=1))
        warehouse.load(log_data=data.logs, only=["events"])
        assert warehouse.database.file == home / "own.duckdb"
        assert rows(warehouse, "SELECT count(*) FROM songplays") == [(2,)]
    assert list(elsewhere.iterdir()) == []
    assert {path.name for path in home.iterdir()} == {"own.duckdb", "own.duckdb.history.jsonl"}
