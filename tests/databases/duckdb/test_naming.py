"""The file named by a URL: the same one after a change of directory, with its log beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkify import ConfigurationError, Warehouse
from tests.support.commands import run_here
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


@pytest.mark.parametrize(("folder", "name"), [("a", "b?c.duckdb"), ("a?b", "c.duckdb")])
@pytest.mark.parametrize("command", ["load", "migrate", "status", "query totals"])
def test_question_mark_is_refused_before_anything_is_written(
    command: str, folder: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / folder).mkdir()
    done = run_here("sparkify", *command.split(), "--database", name, cwd=tmp_path / folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: {tmp_path}/{folder}/{name}: has a question mark in its path, before which DuckDB would "
        "end the name of its log. Name another file, or another folder.\n"
    )
    assert list((tmp_path / folder).iterdir()) == []


def test_question_mark_is_refused_in_the_path_of_a_copy(data: Data, home: Path) -> None:
    data.log("a.json", event())
    with Warehouse("own.duckdb") as warehouse:
        warehouse.load(log_data=data.logs, only=["events"])
        with pytest.raises(ConfigurationError, match=r"copy\?\.duckdb: has a question mark in its path"):
            warehouse.snapshot("copy?.duckdb")
    assert {path.name for path in home.iterdir()} == {"own.duckdb", "own.duckdb.history.jsonl"}


@pytest.mark.parametrize("name", ["a#b.duckdb", "a%b.duckdb", "a%3Fb.duckdb", "a%20b.duckdb"])
def test_other_marks_of_urls_are_parts_of_a_name(name: str, data: Data, home: Path) -> None:
    data.log("a.json", event())
    with Warehouse(name) as warehouse:
        assert warehouse.load(log_data=data.logs, only=["events"]).rows["songplays"] == 1
    assert {path.name for path in home.iterdir()} == {name, f"{name}.history.jsonl"}
