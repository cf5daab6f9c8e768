"""Readers while another process holds the file: each sees what was committed before, and then the file."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from sparkify import ConfigurationError, SparkifyError, TemporaryError, Warehouse
from sparkify.analytics import totals
from sparkify.databases.duckdb import connecting, snapshots
from sparkify.databases.duckdb.rollback import journal_of
from sparkify.databases.duckdb.snapshots import take_snapshot
from tests.support.data import Data, rows
from tests.support.making import event

WRITER = """
import sys
from sparkify import Warehouse
from sqlalchemy import text
with Warehouse(sys.argv[1]) as warehouse, warehouse.engine.connect() as connection:
    for line in sys.stdin:
        if line == "commit\\n":
            connection.commit()
        else:
            connection.execute(text(line))
        print("done", flush=True)
"""
COUNT = "SELECT count(*) FROM songplays"


class Writer:
    """Another process that writes to a warehouse."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def run(self, sql: str) -> None:
        """Run it there, in a transaction that stays open; or ``commit``."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{sql}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@contextmanager
def writing(warehouse: Warehouse) -> Iterator[Writer]:
    command = [sys.executable, "-c", WRITER, str(warehouse.url)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Writer(process)
        process.communicate()


@pytest.fixture
def loaded(data: Data, warehouse: Warehouse) -> Warehouse:
    """A closed warehouse with three plays."""
    data.log("one.json", *(event(ts=1541102400000 + n, itemInSession=n) for n in range(3)))
    warehouse.load(only=["events"])
    warehouse.close()
    return warehouse


def readers(warehouse: Warehouse) -> Warehouse:
    return Warehouse(warehouse.url, read_only=True)


def test_reader_sees_what_was_committed_before(loaded: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    with writing(loaded) as writer:
        writer.run("DELETE FROM songplays WHERE item_in_session = 0")
        with readers(loaded) as reader:
            assert rows(reader, COUNT) == [(3,)]
            assert len(reader.check()) > 20
            # One copy, reported once.
            (told,) = caplog.messages
            assert told == (
                f"the database is in use by process {writer.process.pid}: "
                "what is read is what was committed before"
            )
        writer.run("commit")
        # So far only in the writer's log, not in the file.
        with readers(loaded) as reader:
            assert rows(reader, COUNT) == [(2,)]
    caplog.clear()
    with readers(loaded) as reader:
        assert rows(reader, COUNT) == [(2,)]
    assert caplog.messages == []


def test_second_warehouse_of_a_process_says_to_close_the_first(loaded: Warehouse) -> None:
    assert rows(loaded, COUNT) == [(3,)]
    with readers(loaded) as reader:
        for read in (lambda: list(reader.query(totals())), reader.status, lambda: list(reader.sql(COUNT))):
            with pytest.raises(ConfigurationError) as caught:
                read()
            assert str(caught.value) == (
                f"{loaded.database.file}: this process has the database open already, and not as it is to be "
                "opened now: one is read_only, or has other options in its URL; nothing was changed. "
                "Use the Warehouse that has it open, or close that first."
            )
        loaded.close()
        assert rows(reader, COUNT) == [(3,)]


def test_copies_leave_nothing_behind(
    loaded: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert loaded.database.file is not None
    there = sorted(loaded.database.file.parent.iterdir())
    with writing(loaded) as writer, readers(loaded) as reader:
        writer.run("SELECT 1")
        assert rows(reader, COUNT) == [(3,)]
        # Not even during the read.
        assert list(folder.iterdir()) == []
    assert sorted(loaded.database.file.parent.iterdir()) == there


def test_long_lived_reader_returns_to_the_file(loaded: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_LIFE", -1)
    with readers(loaded) as reader:
        with writing(loaded) as writer:
            writer.run("DELETE FROM songplays")
            assert rows(reader, COUNT) == [(3,)]
            writer.run("commit")
            assert rows(reader, COUNT) == [(0,)]
            writer.run("INSERT INTO songplays SELECT * FROM songplays")
        with writing(loaded) as writer:
            # The reader holds no lock on the file itself.
            writer.run("DELETE FROM songplays")


def test_reader_that_rests_keeps_no_load_waiting(data: Data, loaded: Warehouse) -> None:
    data.log("two.json", event(ts=1541202400796))
    code = (
        "import sys\n"
        "from sparkify import Warehouse\n"
        "Warehouse(sys.argv[1]).load(only=['events'], log_data=sys.argv[2], lock_timeout=0)\n"
    )
    load = [sys.executable, "-c", code, str(loaded.url), str(data.logs)]
    with readers(loaded) as reader:
        assert rows(reader, COUNT) == [(3,)]
        with reader.engine.connect() as connection:
            assert connection.exec_driver_sql(COUNT).scalar() == 3
            done = subprocess.run(load, capture_output=True, text=True, check=False)
            assert "the database is in use by process" in done.stderr
        subprocess.run(load, check=True)
        assert rows(reader, COUNT) == [(4,)]


def test_reader_waits_for_the_end_of_a_checkpoint(loaded: Warehouse) -> None:
    assert loaded.database.file is not None
    journal = journal_of(loaded.database.file)
    with writing(loaded) as writer, readers(loaded) as reader:
        writer.run("SELECT 1")
        journal.write_bytes(b"")
        timer = threading.Timer(0.3, journal.unlink)
        timer.start()
        assert rows(reader, COUNT) == [(3,)]
        assert not journal.exists()
        timer.join()


def test_copy_does_not_count_when_a_checkpoint_ran_meanwhile(
    loaded: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, copy_blocks = loaded.database.file, snapshots._copy_blocks
    assert file is not None
    with writing(loaded) as writer:
        writer.run("DELETE FROM songplays")
        writer.run("commit")

        def late(source: int, copy: Path) -> None:
            copy_blocks(source, copy)
            writer.run("CHECKPOINT")

        assert take_snapshot(file, tmp_path / "copy")
        monkeypatch.setattr(snapshots, "_copy_blocks", late)
        assert not take_snapshot(file, tmp_path / "copy")


def test_reader_gives_up_at_last(loaded: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_TIMEOUT", 0.3)
    assert loaded.database.file is not None
    with writing(loaded) as writer:
        writer.run("SELECT 1")
        journal_of(loaded.database.file).write_bytes(b"")
        with (
            pytest.raises(TemporaryError, match=f"in use by process {writer.process.pid}"),
            readers(loaded) as reader,
        ):
            reader.status()


def test_reader_reads_while_loads_commit(data: Data, loaded: Warehouse) -> None:
    """Every answer is that of one commit: the plays and the ledger agree."""
    code = (
        "import sys\n"
        "from sparkify import Warehouse\n"
        "for number in range(8):\n"
        "    with Warehouse(sys.argv[1]) as warehouse:\n"
        "        warehouse.load(only=['events'], log_data=f'{sys.argv[2]}/{number}')\n"
    )
    for number in range(8):
        (data.logs / f"{number}").mkdir()
        data.log(
            f"{number}/n.json",
            *(event(ts=1541200000000 + 1000 * number + n, itemInSession=n) for n in range(100)),
        )
    seen: list[tuple[int, int]] = []
    with subprocess.Popen([sys.executable, "-c", code, str(loaded.url), str(data.logs)]) as loads:
        while loads.poll() is None:
            with readers(loaded) as reader:
                (found,) = rows(
                    reader, "SELECT (SELECT count(*) FROM songplays), (SELECT sum(loaded) FROM load_history)"
                )
            seen.append((int(found[0]), int(found[1])))
    assert loads.returncode == 0
    assert all(plays == lines for plays, lines in seen)
    assert seen == sorted(seen)
    with readers(loaded) as reader:
        assert rows(reader, COUNT) == [(803,)]


def plays_in(file: Path) -> int:
    with duckdb.connect(str(file), read_only=True) as connection:
        return int((connection.execute(COUNT).fetchone() or [-1])[0])


def test_snapshot_has_what_is_committed_while_another_process_writes(loaded: Warehouse, tmp_path: Path) -> None:
    target = tmp_path / "bi.duckdb"
    with writing(loaded) as writer:
        writer.run("DELETE FROM songplays WHERE item_in_session = 0")
        writer.run("commit")
        writer.run("DELETE FROM songplays")
        assert loaded.snapshot(target) == target
    assert plays_in(target) == 2
    assert sorted(path.name for path in tmp_path.iterdir() if "bi" in path.name) == ["bi.duckdb"]
    assert target.stat().st_mode & 0o777 == 0o600


def test_snapshot_replaces_an_older_one_that_is_open(loaded: Warehouse, tmp_path: Path) -> None:
    target = tmp_path / "bi.duckdb"
    loaded.snapshot(target)
    target.chmod(0o640)
    with duckdb.connect(str(target), read_only=True) as older:
        with loaded.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM songplays")
        loaded.close()
        loaded.snapshot(str(target))
        assert older.execute(COUNT).fetchone() == (3,)
    assert plays_in(target) == 0
    assert target.stat().st_mode & 0o777 == 0o640


def error_elsewhere(file: Path | None) -> str:
    """What another process says that opens the file for writing."""
    code = f"import duckdb; duckdb.connect({str(file)!r})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr


def test_snapshot_of_what_this_process_writes_does_not_let_others_in(loaded: Warehouse, tmp_path: Path) -> None:
    with loaded.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM songplays")
        loaded.snapshot(tmp_path / "bi.duckdb")
        assert "Could not set lock" in error_elsewhere(loaded.database.file)
    assert plays_in(tmp_path / "bi.duckdb") == 3


def test_snapshot_on_another_file_system_does_not_let_others_in(
    loaded: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: int) -> int:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    with loaded.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM songplays")
        loaded.snapshot(tmp_path / "bi.duckdb")
        assert "Could not set lock" in error_elsewhere(loaded.database.file)
    assert plays_in(tmp_path / "bi.duckdb") == 3


def test_snapshot_where_python_cannot_have_the_system_copy(
    loaded: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "copy_file_range")
    loaded.snapshot(tmp_path / "bi.duckdb")
    assert plays_in(tmp_path / "bi.duckdb") == 3


def test_snapshot_behind_a_checkpoint_that_failed_here_does_not_let_others_in(
    loaded: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "_TIMEOUT", 0)
    assert loaded.database.file is not None
    journal = journal_of(loaded.database.file)
    with loaded.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM songplays")
        journal.write_bytes(b"")
        with pytest.raises(TemporaryError, match="changes all the time"):
            loaded.snapshot(tmp_path / "bi.duckdb")
        assert "Could not set lock" in error_elsewhere(loaded.database.file)
        assert journal.exists()
    loaded.close()
    loaded.snapshot(tmp_path / "bi.duckdb")
    assert plays_in(tmp_path / "bi.duckdb") == 0


def test_snapshot_needs_a_file(loaded: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a file of the database itself"):
        loaded.snapshot(str(loaded.database.file))
    with pytest.raises(ConfigurationError, match="DuckDB has no file here that could be copied"):
        Warehouse("duckdb:///:memory:").snapshot(tmp_path / "x.duckdb")
    with pytest.raises(ConfigurationError, match=r"gone\.duckdb: is not there yet\. Run: sparkify-etl load"):
        Warehouse(f"duckdb:///{tmp_path}/gone.duckdb").snapshot(tmp_path / "x.duckdb")
    with pytest.raises(SparkifyError, match=r"no-such-folder.*No such file or directory"):
        loaded.snapshot(tmp_path / "no-such-folder" / "x.duckdb")
    assert not list(tmp_path.glob("*x.duckdb*"))


def test_snapshot_gives_up_at_last(loaded: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_TIMEOUT", 0.2)
    assert loaded.database.file is not None
    with writing(loaded) as writer:
        writer.run("SELECT 1")
        journal_of(loaded.database.file).write_bytes(b"")
        with pytest.raises(TemporaryError, match="changes all the time"):
            loaded.snapshot(tmp_path / "bi.duckdb")
    assert not list(tmp_path.glob("*bi.duckdb*"))


@pytest.mark.parametrize("read_only", [False, True])
def test_what_does_not_fit_into_memory_is_for_the_owner_alone(loaded: Warehouse, read_only: bool) -> None:
    assert loaded.database.file is not None
    folder = Path(f"{loaded.database.file}.tmp")
    with Warehouse(loaded.url, read_only=read_only) as warehouse, warehouse.engine.connect() as connection:
        connection.exec_driver_sql("SET memory_limit = '32MB'")
        connection.exec_driver_sql("SET threads = 1")
        connection.exec_driver_sql(
            "CREATE TEMPORARY TABLE large AS SELECT range, md5(range::VARCHAR) AS text FROM range(800_000)"
        )
        assert list(folder.iterdir())
        assert folder.stat().st_mode & 0o777 == 0o700
    # DuckDB empties the folder after we close; the next user removes it.
    with Warehouse(loaded.url, read_only=read_only) as warehouse:
        assert rows(warehouse, COUNT) == [(3,)]
    assert not folder.exists()
