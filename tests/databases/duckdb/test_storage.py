"""The storage version of a file: which one a new file has, and what is said of one that cannot be read."""

from __future__ import annotations

import struct
from pathlib import Path

import duckdb
import pytest

from sparkify import ConfigurationError, Warehouse
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
        # A checkpoint of a newer DuckDB does not raise it either.
        assert rows(warehouse, "SELECT tags FROM duckdb_databases() WHERE NOT internal") == [
            ({"storage_version": "v1.5.0+"},)
        ]
    # 68 is what DuckDB 1.5 writes; that of 2.0 is 69, which 1.5 refuses.
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
