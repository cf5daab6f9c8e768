"""A database that the user may not read or write: one line that says so, and exit code 2."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.commands import run_without_privileges
from tests.support.data import Data
from tests.support.making import event

pytestmark = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root cannot give up its privileges (setpriv)"
)

UNREADABLE = (
    "w.duckdb: may not be read by this user; nothing was changed. "
    "Run this as its owner, or have its owner allow it (chmod, chown)."
)


@pytest.fixture
def file(tables: Path, tmp_path: Path) -> Path:
    """A warehouse without rows, in a folder of its own."""
    folder = tmp_path / "home"
    folder.mkdir()
    return Path(shutil.copy(tables, folder / "w.duckdb"))


@pytest.mark.parametrize(
    "command",
    [
        ("load", "--log-data", "../data/log_data", "--only", "events"),
        ("status",),
        ("query", "totals"),
        ("sql", "SELECT 1"),
        ("report",),
        ("migrate",),
        ("snapshot", "copy.duckdb"),
    ],
    ids=lambda command: command[0],
)
def test_unreadable_file_is_one_line(command: tuple[str, ...], file: Path, data: Data) -> None:
    data.log("a.json", event())
    file.chmod(0)
    done = run_without_privileges(*command, "--database", file.name, cwd=file.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"error: {UNREADABLE}"
    assert "not expected" not in done.stderr
    assert list(file.parent.iterdir()) == [file]


def test_status_of_unreadable_file_prints_object(file: Path) -> None:
    file.chmod(0)
    history = file.with_name("w.duckdb.history.jsonl")
    history.touch(0)
    done = run_without_privileges("status", "--json", "--database", file.name, cwd=file.parent)
    assert done.returncode == 2
    assert json.loads(done.stdout) == {"url": "duckdb:///w.duckdb", "failures": []}
    assert done.stderr.splitlines() == [
        "warning: w.duckdb.history.jsonl: the history cannot be read: Permission denied",
        f"error: {UNREADABLE}",
    ]


def test_unreadable_history_alone_is_one_line(file: Path) -> None:
    file.with_name("w.duckdb.history.jsonl").touch(0)
    done = run_without_privileges("status", "--database", file.name, cwd=file.parent)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: w.duckdb.history.jsonl: the history cannot be read: Permission denied\n"


@pytest.mark.parametrize("options", [(), ("--repair",)])
def test_doctor_does_not_repair_unreadable_file(options: tuple[str, ...], file: Path) -> None:
    file.chmod(0)
    done = run_without_privileges("doctor", "--json", *options, "--database", file.name, cwd=file.parent)
    assert done.returncode == 1
    found = {one["check"]: one for one in json.loads(done.stdout)}
    for check in ("database", "repair")[: 1 + len(options)]:
        assert found[check]["message"] == "w.duckdb: may not be read by this user"
        assert found[check]["advice"] == "Run this as its owner, or have its owner allow it (chmod, chown)."


WRITING = [
    ("load", "--log-data", "../data/log_data", "--only", "events"),
    ("prune", "--rejects-older-than", "1d"),
    ("migrate",),
]


@pytest.mark.parametrize("command", WRITING, ids=lambda command: command[0])
def test_file_that_may_not_be_written_is_one_line(command: tuple[str, ...], file: Path, data: Data) -> None:
    data.log("a.json", event())
    file.chmod(0o400)
    done = run_without_privileges(*command, "--database", file.name, cwd=file.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == (
        "error: w.duckdb: may not be written by this user; nothing was changed. "
        "Run this as its owner, or have its owner allow it (chmod, chown)."
    )
    assert run_without_privileges("query", "totals", "--database", file.name, cwd=file.parent).returncode == 0


@pytest.mark.parametrize(
    ("command", "made"),
    list(zip(WRITING, ["w.duckdb.wal", "w.duckdb.wal", "w.duckdb.journal"], strict=True)),
    ids=lambda part: part[0],
)
def test_folder_that_may_not_be_written_is_one_line(
    command: tuple[str, ...], made: str, file: Path, data: Data
) -> None:
    data.log("a.json", event())
    file.parent.chmod(0o555)
    done = run_without_privileges(*command, "--database", file.name, cwd=file.parent)
    assert (done.returncode, done.stdout) == (2, "")
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Loading")]
    assert lines == [
        f"error: {file.parent}: the folder may not be written by this user, and {made} has to be made in it; "
        "nothing was changed. Put the database elsewhere, or have its owner allow it (chmod, chown)."
    ]


def test_doctor_finds_file_that_may_not_be_written(file: Path) -> None:
    file.chmod(0o400)
    done = run_without_privileges("doctor", "--json", "--database", file.name, cwd=file.parent)
    assert done.returncode == 1
    found = {one["check"]: one for one in json.loads(done.stdout)}["database"]
    assert (found["status"], found["message"], found["advice"]) == (
        "problem",
        "w.duckdb: may be read, but not written by this user",
        "Run this as its owner, or have its owner allow it (chmod, chown).",
    )


def test_doctor_finds_folder_that_may_not_be_written(file: Path) -> None:
    file.parent.chmod(0o555)
    done = run_without_privileges("doctor", "--json", "--database", file.name, cwd=file.parent)
    assert done.returncode == 1
    found = {one["check"]: one for one in json.loads(done.stdout)}["folder"]
    assert (found["status"], found["message"], found["advice"]) == (
        "problem",
        f"{file.parent}: nothing may be written there",
        "Put the database elsewhere, or have its owner allow it (chmod, chown).",
    )
