"""Data that does not fit into memory spills beside the file, for its owner only, and goes with the process."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from sparkify import TemporaryError, Warehouse
from tests.support.commands import holding
from tests.support.data import Data, rows
from tests.support.making import event
from tests.support.paths import CLONE

SPILL = """
import os, signal, sys
from sparkify import Warehouse
with Warehouse(sys.argv[1]) as warehouse, warehouse.engine.connect() as connection:
    connection.exec_driver_sql("SET memory_limit = '32MB'")
    connection.exec_driver_sql("SET threads = 1")
    connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE large AS SELECT range, md5(range::VARCHAR) AS text FROM range(800_000)"
    )
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def loaded(data: Data, warehouse: Warehouse) -> Warehouse:
    data.log("a.json", event())
    warehouse.load(only=["events"])
    warehouse.close()
    return warehouse


@pytest.fixture
def folder(loaded: Warehouse) -> Path:
    return Path(f"{loaded.database.file}.tmp")


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """As a process has it that reads a copy."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def open_files() -> Iterator[str]:
    """The names of what this process has open."""
    for path in Path("/proc/self/fd").iterdir():
        # The descriptor of the listing itself is closed by now.
        with suppress(FileNotFoundError):
            yield str(path.readlink())


def write(warehouse: Warehouse) -> None:
    with Warehouse(warehouse.url) as again:
        assert rows(again, "SELECT count(*) FROM songplays") == [(1,)]


def test_what_a_killed_process_has_spilled_is_removed_by_the_next(loaded: Warehouse, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SPILL, loaded.url.render_as_string()], cwd=CLONE, timeout=100, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert sum(path.stat().st_size for path in folder.iterdir()) > 1_000_000
    write(loaded)
    assert not folder.exists()


def test_what_may_be_in_use_is_left(loaded: Warehouse, folder: Path) -> None:
    folder.mkdir()
    spilled, own = folder / "duckdb_temp_storage_DEFAULT-0.tmp", folder / "notes.txt"
    spilled.touch()
    own.touch()
    with in_use(folder):
        write(loaded)
        assert spilled.exists()
    with Warehouse(loaded.url, read_only=True) as reader:
        # Another program may also have the file open for reading.
        assert rows(reader, "SELECT count(*) FROM songplays") == [(1,)]
        assert spilled.exists()
    write(loaded)
    assert not spilled.exists()
    # Neither ours nor DuckDB's.
    assert own.exists()


def test_connection_that_is_not_made_leaves_no_lock(loaded: Warehouse, folder: Path) -> None:
    assert loaded.database.file is not None
    with holding(loaded.database.file), pytest.raises(TemporaryError, match="in use by process"):
        loaded.migrate(lock_timeout=0)
    assert not folder.exists()
    assert not [name for name in open_files() if name.startswith(str(folder))]
