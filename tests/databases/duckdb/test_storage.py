"""The storage version of a file: the one of a new file, and the message for one that cannot be read."""

from __future__ import annotations

import os
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from sparkify import ConfigurationError, Warehouse
from sparkify.databases.duckdb.repair import _error_at_open
from sparkify.databases.repair import Repair
from sparkify.doctor import examine
from tests.support.commands import run_here
from tests.support.data import Data, rows
from tests.support.making import event, song

VERSION = slice(12, 20)
BLOCK = 4096
"""Bytes of the first block of a file. Its first eight are the checksum of the others."""


def version_of(file: Path) -> int:
    """The storage version in the first block."""
    (found,) = struct.unpack("<Q", file.read_bytes()[VERSION])
    assert isinstance(found, int)
    return found


def give_version(file: Path, version: int) -> None:
    """Write another storage version into the first block, as another DuckDB would have written it."""
    content = bytearray(file.read_bytes())
    content[VERSION] = struct.pack("<Q", version)
    checksum = 5381
    for (word,) in struct.iter_unpack("<Q", content[8:BLOCK]):
        checksum ^= word * 0xBF58476D1CE4E5B9 % 2**64
    content[:8] = struct.pack("<Q", checksum)
    file.write_bytes(content)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A warehouse without rows."""
    found = tmp_path / "w.duckdb"
    with Warehouse(f"duckdb:///{found}") as warehouse:
        warehouse.migrate()
    return found


@pytest.mark.parametrize("by", ["migrate", "load"])
def test_new_file_is_for_duckdb_1_5_and_newer(by: str, data: Data, tmp_path: Path) -> None:
    data.song("a.json", song())
    data.log("a.json", event())
    made = tmp_path / "w.duckdb"
    with Warehouse(f"duckdb:///{made}") as warehouse:
        if by == "migrate":
            warehouse.migrate()
        else:
            warehouse.load(log_data=data.logs, song_data=data.songs)
        # A checkpoint by a newer DuckDB does not raise it either.
        assert rows(warehouse, "SELECT tags FROM duckdb_databases() WHERE NOT internal") == [
            ({"storage_version": "v1.5.0+"},)
        ]
    # DuckDB 1.5 writes 68. DuckDB 2.0 would write 69, which 1.5 refuses.
    assert version_of(made) == 68


def test_file_of_1_5_default_is_loaded_into_and_keeps_its_version(data: Data, tmp_path: Path) -> None:
    made = tmp_path / "w.duckdb"
    duckdb.connect(str(made), config={"storage_compatibility_version": "v1.0.0"}).close()
    data.song("a.json", song())
    data.log("a.json", event())
    with Warehouse(f"duckdb:///{made}") as warehouse:
        warehouse.migrate()
        assert warehouse.load(log_data=data.logs, song_data=data.songs).rows["songplays"] == 1
    assert version_of(made) == 64


def test_newer_file_says_what_to_do(file: Path) -> None:
    give_version(file, 70)
    before = file.read_bytes()
    version = duckdb.__version__
    newest = 68 if version.startswith("1.5.") else 69
    with Warehouse(f"duckdb:///{file}") as warehouse, pytest.raises(ConfigurationError) as raised:
        warehouse.load()
    assert str(raised.value) == (
        f"{file}: has storage version 70, made by DuckDB v{version}; DuckDB {version} reads 64 to {newest}; "
        "nothing was changed. Run this with a newer DuckDB, or copy the database with that one into a file for "
        "this one: COPY FROM DATABASE, see docs/duckdb.md."
    )
    assert file.read_bytes() == before


def test_older_file_says_what_to_do(file: Path) -> None:
    give_version(file, 51)
    with Warehouse(f"duckdb:///{file}") as warehouse, pytest.raises(ConfigurationError) as raised:
        warehouse.status()
    assert raised.value.found.startswith("has storage version 51, ")
    assert raised.value.hint == (
        "Export it with the DuckDB that made it, and import it with this one: EXPORT, IMPORT DATABASE."
    )


@pytest.mark.parametrize("command", [("load",), ("status",), ("check",), ("query", "totals"), ("migrate",)])
def test_commands_end_with_2_on_newer_file(command: tuple[str, ...], file: Path) -> None:
    give_version(file, 70)
    done = run_here("sparkify", *command, "--database", f"duckdb:///{file}", cwd=file.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("has storage version 70") == 1, done.stderr
    assert "Traceback" not in done.stderr


def test_damaged_block_is_one_sentence(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[3 * BLOCK + 100] ^= 1
    file.write_bytes(content)
    done = run_here("sparkify", "status", "--database", f"duckdb:///{file}", cwd=file.parent)
    assert (done.returncode, done.stdout) == (1, "")
    assert "DuckDB could not read or write" in done.stderr
    assert "Corrupt database file: computed checksum" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_has_storage_version_and_maker(file: Path) -> None:
    (found,) = (one for one in examine(f"duckdb:///{file}") if one.check == "database")
    version = duckdb.__version__
    assert found.message == f"{file} opens: storage v1.5.0+, made by DuckDB v{version}, read by {version}"
    assert found.status == "ok"


def test_doctor_says_what_to_do_with_newer_file(file: Path) -> None:
    give_version(file, 70)
    (found,) = (one for one in examine(f"duckdb:///{file}") if one.check == "database")
    assert (found.status, found.exit_code) == ("problem", 1)
    assert found.message.startswith(f"{file}: has storage version 70, made by DuckDB v{duckdb.__version__}; ")
    assert found.advice.startswith("Run this with a newer DuckDB, or ")


@pytest.fixture
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What is there instead of a file of DuckDB."""
    path = tmp_path / "other"
    if request.param == "folder":
        path.mkdir()
    elif request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "sqlite":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE t (n)")
    else:
        path.write_bytes(b"" if request.param == "empty" else b"some text")
    return path


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ("folder", "is a folder, and the database is a file"),
        ("pipe", "is no file"),
        ("sqlite", "is a database of SQLite, and not of DuckDB"),
        ("empty", "is empty, and no database"),
        ("text", "is no database of DuckDB"),
    ],
    indirect=["other"],
)
def test_what_is_no_file_of_duckdb_is_named_and_left_alone(other: Path, found: str, data: Data) -> None:
    data.log("a.json", event())
    with Warehouse(f"duckdb:///{other}") as warehouse:
        for command in (
            lambda: warehouse.load(log_data=data.logs, only=["events"]),
            warehouse.migrate,
            warehouse.status,
            warehouse.check,
            lambda: warehouse.snapshot(other.with_name("copy")),
            warehouse.database.repair,
        ):
            with pytest.raises(ConfigurationError) as caught:
                command()
            assert (caught.value.where, caught.value.found) == (str(other), found)
    diagnoses = {one.check: one.message for one in examine(f"duckdb:///{other}", repair=True)}
    assert diagnoses["database"] == diagnoses["repair"] == f"{other}: {found}"
    # Nothing is created beside it: no history, log or copy.
    assert [path.name for path in other.parent.iterdir() if path.name.startswith((other.name, "copy"))] == [
        "other"
    ]


def test_nothing_is_downloaded_to_open_a_file_that_is_to_be_repaired(tmp_path: Path) -> None:
    """DuckDB would look for an extension that reads a file of SQLite, in the network if it may."""
    with closing(sqlite3.connect(tmp_path / "x")) as connection:
        connection.execute("CREATE TABLE t (n)")
    error = _error_at_open(tmp_path / "x")
    assert error is not None
    assert "download" not in str(error)


@pytest.mark.parametrize("name", ["./day:1.duckdb", "./duckdb:x.duckdb", "a:b.duckdb", "day 1:2.duckdb"])
def test_file_with_colon_in_its_name_is_one_file(
    name: str, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What DuckDB takes for no prefix; ``duckdb:x.duckdb`` was ``x.duckdb`` to it, and another file to us."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    data.log("a.json", event())
    with Warehouse(name) as warehouse:
        warehouse.load(log_data=data.logs, only=["events"])
        warehouse.snapshot("copy.duckdb")
    assert warehouse.database.repair() == Repair()
    with duckdb.connect("copy.duckdb") as copy:
        assert copy.execute("SELECT count(*) FROM songplays").fetchall() == [(1,)]
    file = Path(name).name
    assert {path.name for path in folder.iterdir()} == {"copy.duckdb", file, f"{file}.history.jsonl"}
    assert Path(file).stat().st_mode & 0o777 == 0o600
