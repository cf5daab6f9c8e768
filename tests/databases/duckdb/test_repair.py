"""A file whose log is damaged: repaired, with everything that was committed before the damage."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from sparkify import ConfigurationError, SparkifyError, TemporaryError, Warehouse
from sparkify.databases.duckdb.repair import repair
from sparkify.databases.duckdb.rollback import log_of
from sparkify.databases.duckdb.storage import STORAGE_VERSION
from sparkify.doctor import examine
from tests.support.commands import holding
from tests.support.data import Data, rows
from tests.support.making import event

COMMITS = 8
STORAGE = {"storage_compatibility_version": STORAGE_VERSION}


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A file with eight commits in its log, and how long the log was after each."""
    file = tmp_path_factory.mktemp("logged") / "w.duckdb"
    with duckdb.connect(str(file), config=dict(STORAGE)) as connection:
        connection.execute("CREATE TABLE t (n INTEGER, text VARCHAR)")
        connection.execute("CHECKPOINT")
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        sizes = []
        for number in range(1, COMMITS + 1):
            connection.execute(f"INSERT INTO t SELECT {number}, repeat('x', 50) FROM range(20)")
            sizes.append(log_of(file).stat().st_size)
    return file, sizes


def copied(logged: tuple[Path, list[int]], folder: Path, log: bytes) -> Path:
    folder.mkdir(parents=True)
    file = Path(shutil.copy(logged[0], folder))
    log_of(file).write_bytes(log)
    return file


def commits(file: Path) -> list[tuple[int, int]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute("SELECT n, count(*) FROM t GROUP BY n ORDER BY n").fetchall()


def test_log_is_cut_before_its_first_damage(logged: tuple[Path, list[int]], tmp_path: Path) -> None:
    log, sizes = log_of(logged[0]).read_bytes(), logged[1]
    draw = random.Random(4)
    for number in range(20):
        place = draw.randrange(sizes[0] // 2, len(log))
        damaged = bytearray(log)
        damaged[place : place + 200] = draw.randbytes(len(damaged[place : place + 200]))
        file = copied(logged, tmp_path / str(number), bytes(damaged))
        done = repair(file)
        # Everything committed before the damage, and nothing committed after it.
        before = sum(size <= place for size in sizes)
        assert commits(file) == [(n, 20) for n in range(1, before + 1)]
        if done.log is not None:
            assert done.log.read_bytes() == damaged
            assert done.kept + done.lost == len(damaged)


@pytest.mark.parametrize("kept", [0, 3000])
def test_log_that_was_cut_needs_no_repair(logged: tuple[Path, list[int]], tmp_path: Path, kept: int) -> None:
    log, sizes = log_of(logged[0]).read_bytes(), logged[1]
    file = copied(logged, tmp_path / "w", log[:kept])
    assert repair(file).log is None
    assert commits(file) == [(n, 20) for n in range(1, sum(size <= kept for size in sizes) + 1)]


def test_log_of_another_file_is_put_aside(logged: tuple[Path, list[int]], tmp_path: Path) -> None:
    log = log_of(logged[0]).read_bytes()
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other), config=dict(STORAGE)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS n")
    log_of(other).write_bytes(log)
    done = repair(other)
    assert (done.kept, done.lost) == (0, len(log))
    assert done.log is not None
    assert done.log.read_bytes() == log
    assert commits(other) == [(1, 1)]


def test_file_beyond_help_is_left_as_it_is(logged: tuple[Path, list[int]], tmp_path: Path) -> None:
    log = log_of(logged[0]).read_bytes()
    file = copied(logged, tmp_path / "w", log[:2000] + b"damaged" * 100)
    damaged = bytearray(file.read_bytes())
    damaged[12288:12388] = bytes(100)
    file.write_bytes(damaged)
    before = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    with pytest.raises(SparkifyError, match="does not open, with its log or without") as found:
        repair(file)
    assert found.value.exit_code == 1
    assert {path.name: path.read_bytes() for path in file.parent.iterdir()} == before


def test_file_in_use_is_not_repaired(logged: tuple[Path, list[int]], tmp_path: Path) -> None:
    file = copied(logged, tmp_path / "w", log_of(logged[0]).read_bytes())
    with holding(file) as other, pytest.raises(TemporaryError, match=f"in use by process {other.pid}"):
        repair(file)


def test_doctor_repairs_and_next_load_loads_what_was_lost(
    data: Data, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = warehouse.database.file
    assert file is not None
    data.log("one.json", event())
    warehouse.load(only=["events"])
    warehouse.close()
    data.log("two.json", event(ts=1541202400796))
    # A load that is killed and leaves its log.
    code = (
        "import os, sys\n"
        "from sparkify import Warehouse\n"
        "from sparkify.databases.duckdb.database import DuckDB\n"
        "DuckDB.tidy = lambda *_, **__: os._exit(9)\n"
        "Warehouse(sys.argv[1]).load(only=['events'], log_data=sys.argv[2])\n"
    )
    subprocess.run([sys.executable, "-c", code, str(warehouse.url), str(data.logs)], check=False)
    damaged = bytearray(log_of(file).read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    log_of(file).write_bytes(damaged)
    url = str(warehouse.url)
    found = {one.check: one for one in examine(url)}
    assert found["database"].advice == "sparkify-etl doctor --repair"
    found = {one.check: one for one in examine(url, repair=True)}
    assert found["repair"].message.startswith(f"{file}: its log was damaged after ")
    assert (found["repair"].status, found["database"].status) == ("ok", "ok")
    assert {one.check: one for one in examine(url, repair=True)}["repair"].message == f"{file} needs none"
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(1,)]
    assert warehouse.load(only=["events"]).load_id == 2
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(2,)]


def test_doctor_says_which_files_a_file_beyond_help_held(data: Data, warehouse: Warehouse) -> None:
    file = warehouse.database.file
    assert file is not None
    there, gone = data.log("one.json", event()), data.log("two.json", event(ts=1541202400796))
    warehouse.load(only=["events"])
    warehouse.close()
    gone.unlink()
    damaged = bytearray(file.read_bytes())
    damaged[12288:12388] = bytes(100)
    file.write_bytes(damaged)
    found = {one.check: one for one in examine(str(warehouse.url), repair=True)}["repair"]
    assert found.exit_code == 1
    assert found.message.startswith(f"{file}: does not open, with its log or without (")
    assert found.advice == (
        "Restore a copy, or move it away and load everything again. "
        f"It held 2 files, which {file}.history.jsonl names; of these 1 can no longer be found, such as {gone}."
    )
    assert there.exists()


def test_file_that_this_process_has_open_is_not_repaired(warehouse: Warehouse) -> None:
    """Its log was cut for a damage, while what was committed next went to the one that was cut."""
    file = warehouse.database.file
    assert file is not None
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE load_lock SET taken = 7")
    log = log_of(file).read_bytes()
    with pytest.raises(ConfigurationError, match="this process has the database open already"):
        warehouse.database.repair()
    assert log_of(file).read_bytes() == log
    assert list(file.parent.glob("*.damaged-*")) == []
    found = {one.check: one for one in examine(str(warehouse.url))}["database"]
    assert found.advice == "Use the Warehouse that has it open, or close that first."


def test_file_that_has_been_cut_off_is_beyond_help_and_said_to_be(data: Data, warehouse: Warehouse) -> None:
    """DuckDB opens it: a load and status failed without advice, and doctor said that all is well."""
    file = warehouse.database.file
    assert file is not None
    data.log("one.json", event())
    warehouse.load(only=["events"])
    warehouse.close()
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)
    for command in (lambda: warehouse.load(only=["events"], full_refresh=True), warehouse.check):
        with pytest.raises(SparkifyError) as caught:
            command()
        assert caught.value.hint == "Run: sparkify-etl doctor --repair"
        warehouse.close()
    before = file.read_bytes()
    found = {one.check: one for one in examine(str(warehouse.url))}["database"]
    assert (found.status, found.advice) == ("problem", "sparkify-etl doctor --repair")
    repaired = {one.check: one for one in examine(str(warehouse.url), repair=True)}
    beyond_help = "Restore a copy, or move it away and load everything again."
    assert repaired["repair"].advice.startswith(f"{beyond_help} It held 1 file,")
    assert (repaired["database"].status, repaired["database"].advice) == ("problem", beyond_help)
    assert file.read_bytes() == before


@pytest.mark.parametrize("part", [2, 10])
def test_file_that_has_been_cut_off_is_neither_migrated_nor_copied(
    part: int, data: Data, warehouse: Warehouse, tmp_path: Path
) -> None:
    """Both ended well, and the copy took the place of one that was whole."""
    file = warehouse.database.file
    assert file is not None
    data.log("one.json", event())
    warehouse.load(only=["events"])
    copy = warehouse.snapshot(tmp_path / "copy.duckdb")
    warehouse.close()
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // part)
    before, whole = file.read_bytes(), copy.read_bytes()
    for command in (warehouse.migrate, lambda: warehouse.snapshot(copy)):
        with pytest.raises(SparkifyError) as caught:
            command()
        assert caught.value.hint == "Run: sparkify-etl doctor --repair"
        warehouse.close()
    assert (file.read_bytes(), copy.read_bytes()) == (before, whole)
    assert [path.name for path in tmp_path.iterdir() if ".new-" in path.name] == []
