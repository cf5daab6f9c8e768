"""A checkpoint interrupted at any write leaves a file that opens and has everything that was committed."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy.exc import DatabaseError

from sparkify import SparkifyError, Warehouse
from sparkify.databases.duckdb import checkpoints, rollback
from sparkify.databases.duckdb.descriptors import descriptor
from sparkify.databases.duckdb.header import HEADERS, Headers, read_headers
from sparkify.databases.duckdb.rollback import journal_of, journaled, log_of, undo_checkpoint
from sparkify.databases.duckdb.storage import made_by
from sparkify.etl import runner
from sparkify.etl.errors import IN_DOUBT
from sparkify.etl.observer import Observer
from sparkify.etl.session import Session
from tests.support.commands import holding
from tests.support.data import Data, rows
from tests.support.making import event

HEADER = HEADERS // 3
COUNT = "SELECT count(*) FROM songplays"


@dataclass
class Cut:
    """The second load of a warehouse, as its checkpoint found the files and as it left them.

    :ivar before: a folder with the database, its log and its journal.
    :ivar after: the bytes of the database.
    """

    before: Path
    after: bytes

    @property
    def file(self) -> bytes:
        return (self.before / "w.duckdb").read_bytes()

    @property
    def block(self) -> int:
        with (self.before / "w.duckdb").open("rb") as opened:
            return read_headers(opened.fileno()).block_size

    def overwritten(self) -> list[int]:
        """Where the blocks begin that were there before and are not the same after."""
        file, size = self.file, self.block
        return [
            place
            for place in range(HEADERS, len(file), size)
            if file[place : place + size] != self.after[place : place + size]
        ]

    def header(self) -> int:
        """Where the header is that it has written."""
        file = self.file
        (place,) = (
            place
            for place in (HEADER, 2 * HEADER)
            if file[place : place + HEADER] != self.after[place : place + HEADER]
        )
        return place

    def plays(self, folder: Path, file: bytes, *, without: str | None = None) -> int:
        """How many plays a warehouse has whose file was left so, its log and journal as they were before."""
        shutil.copytree(self.before, folder)
        (folder / "w.duckdb").write_bytes(file)
        if without is not None:
            (folder / f"w.duckdb.{without}").unlink()
        with Warehouse(f"duckdb:///{folder / 'w.duckdb'}", read_only=True) as warehouse:
            assert [result for result in warehouse.check() if not result.ok] == []
            return int(rows(warehouse, "SELECT count(*) FROM songplays")[0][0])


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Cut:
    """A load of two plays, and one of three more."""
    root = tmp_path_factory.mktemp("cut")
    data, file = Data(root / "data"), root / "w.duckdb"
    found: list[Cut] = []

    @contextmanager
    def watched(path: Path, blocks: list[int], **_options: bool) -> Iterator[None]:
        with journaled(path, blocks):
            before = root / "before"
            before.mkdir()
            for copied in (path, log_of(path), journal_of(path)):
                shutil.copy(copied, before / copied.name)
            yield
            found.append(Cut(before, path.read_bytes()))

    with pytest.MonkeyPatch.context() as patch:
        for name, count in (("one.json", 2), ("two.json", 3)):
            data.log(name, *(event(ts=1541102400000 + 1000 * count + n, itemInSession=n) for n in range(count)))
            with Warehouse(f"duckdb:///{file}") as warehouse:
                warehouse.load(only=["events"], log_data=data.logs)
            patch.setattr(checkpoints, "journaled", watched)
    (one,) = found
    return one


def torn(cut: Cut, place: int, size: int, written: int) -> bytes:
    """The file with so many bytes of one write."""
    file = bytearray(cut.file.ljust(len(cut.after), b"\0"))
    file[place : place + written] = cut.after[place : place + written]
    assert file[place : place + size] not in (cut.after[place : place + size], cut.file[place : place + size])
    return bytes(file)


def test_checkpoint_overwrites_blocks_in_place(cut: Cut) -> None:
    # The reason for the journal: without such overwrites it would not be needed.
    assert cut.overwritten()


@pytest.mark.parametrize("part", [8, 512, 4096])
def test_torn_block_is_written_back(cut: Cut, tmp_path: Path, part: int) -> None:
    for number, place in enumerate(cut.overwritten()):
        # A block begins with its checksum, which no longer matches the rest.
        left = torn(cut, place, cut.block, part)
        assert cut.plays(tmp_path / str(number), left) == 5


def test_without_journal_torn_block_ends_the_file(cut: Cut, tmp_path: Path) -> None:
    for number, place in enumerate(cut.overwritten()):
        with pytest.raises(SparkifyError, match=r"(?i)corrupt|checksum"):
            cut.plays(tmp_path / str(number), torn(cut, place, cut.block, 4096), without="journal")


def test_torn_header_is_written_back(cut: Cut, tmp_path: Path) -> None:
    place = cut.header()
    left = torn(cut, place, HEADER, 12)
    with pytest.raises(SparkifyError, match=r"(?i)corrupt|checksum"):
        cut.plays(tmp_path / "without", left, without="journal")
    assert cut.plays(tmp_path / "with", left) == 5


def test_blocks_without_their_header_do_not_count(cut: Cut, tmp_path: Path) -> None:
    left = bytearray(cut.after)
    left[:HEADERS] = cut.file[:HEADERS]
    assert cut.plays(tmp_path / "w", bytes(left)) == 5


def test_ended_checkpoint_is_left_as_it_is(cut: Cut, tmp_path: Path) -> None:
    # The log is gone by then: writing the blocks back would lose the second load.
    assert cut.plays(tmp_path / "w", cut.after, without="wal") == 5
    assert not (tmp_path / "w" / "w.duckdb.journal").exists()


@pytest.mark.parametrize("kept", [0, 10, 5000, -1])
def test_journal_that_is_not_whole_is_removed(cut: Cut, tmp_path: Path, kept: int) -> None:
    folder = tmp_path / "w"
    shutil.copytree(cut.before, folder)
    journal = folder / "w.duckdb.journal"
    journal.write_bytes(journal.read_bytes()[:kept])
    assert not undo_checkpoint(folder / "w.duckdb")
    assert not journal.exists()
    assert (folder / "w.duckdb").read_bytes() == cut.file


def test_journal_of_another_file_is_removed(cut: Cut, tmp_path: Path) -> None:
    other = tmp_path / "w.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    shutil.copy(cut.before / "w.duckdb.journal", tmp_path)
    before = other.read_bytes()
    assert not undo_checkpoint(other)
    assert not journal_of(other).exists()
    assert other.read_bytes() == before


def test_journal_is_left_alone_while_another_process_has_the_file(cut: Cut, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    shutil.copytree(cut.before, folder)
    file = folder / "w.duckdb"
    with holding(file):
        assert not undo_checkpoint(file)
        assert journal_of(file).exists()


def test_journal_is_left_alone_while_this_process_has_the_file(cut: Cut, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    shutil.copytree(cut.before, folder)
    file = folder / "w.duckdb"
    with duckdb.connect(str(file)):
        assert not undo_checkpoint(file)
        assert journal_of(file).exists()
        code = f"import duckdb; duckdb.connect({str(file)!r})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "Could not set lock" in done.stderr


def test_journal_is_left_alone_while_its_checkpoint_runs_in_this_process(tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        connection.execute("CHECKPOINT")
        with journaled(file, [0]):
            assert not undo_checkpoint(file)
            assert journal_of(file).stat().st_mode & 0o777 == 0o600
        assert not journal_of(file).exists()


@pytest.mark.parametrize("touched", [True, False])
def test_journal_of_a_checkpoint_that_failed_stays_where_it_was_begun(tmp_path: Path, touched: bool) -> None:
    file = tmp_path / "w.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        connection.execute("CHECKPOINT")
    before = file.read_bytes()

    def fail() -> None:
        with journaled(file, [0]):
            if touched:
                with file.open("r+b") as opened:
                    opened.seek(HEADERS)
                    opened.write(b"torn")
            raise OSError(errno.EIO, "the disk")

    with pytest.raises(OSError, match="the disk"):
        fail()
    assert journal_of(file).exists() == touched
    if touched:
        # The blocks that it has saved differ from the current ones in the file.
        with pytest.raises(SparkifyError, match="cannot be written: File exists"), journaled(file, [0]):
            pass
    assert undo_checkpoint(file) == ("a checkpoint" if touched else None)
    assert file.read_bytes() == before


def test_reading_the_headers_does_not_let_others_in(tmp_path: Path) -> None:
    # Closing the descriptor would release DuckDB's lock.
    file = tmp_path / "w.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        with journaled(file, [0]):
            pass
        made_by(file)
        code = f"import duckdb; duckdb.connect({str(file)!r})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "Could not set lock" in done.stderr


def test_checksums_are_those_of_duckdb(tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS a FROM range(1000)")
        connection.execute("CHECKPOINT")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("CHECKPOINT")
    headers = Headers(file.read_bytes()[:HEADERS])
    assert headers.checkpoint == 2
    assert headers.block_size == 262144
    found = []
    for places in ((HEADER,), (2 * HEADER,), (HEADER, 2 * HEADER)):
        damaged = bytearray(headers.raw)
        for place in places:
            damaged[place + 20] ^= 1
        found.append(Headers(bytes(damaged)).checkpoint)
    # If one is damaged, the other counts; if both are, none.
    assert sorted(found) == [-1, 1, 2]


# -- when they run -------------------------------------------------------------------------------------------


def headers_of(file: Path) -> Headers:
    return read_headers(descriptor(file))


def test_no_checkpoint_but_our_own(tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    with Warehouse(f"duckdb:///{file}") as warehouse:
        warehouse.migrate()
        before = headers_of(file)
        with warehouse.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE many AS SELECT range AS a FROM range(300000)")
            connection.exec_driver_sql("ALTER TABLE many ADD COLUMN b VARCHAR")
        with warehouse.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE many SET b = repeat(md5(a::VARCHAR), 3)")
        # DuckDB itself would begin a checkpoint at 16 MB.
        assert log_of(file).stat().st_size > 17_000_000
        assert headers_of(file) == before
    # After closing, everything committed is in the file.
    assert not log_of(file).exists()
    assert headers_of(file).checkpoint > before.checkpoint
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.execute("SELECT count(b), sum(a) FROM many").fetchone() == (300000, 44999850000)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_log_is_for_those_who_may_read_the_file(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "w.duckdb"
    with Warehouse(f"duckdb:///{file}") as warehouse:
        warehouse.migrate()
    file.chmod(mode)
    with Warehouse(f"duckdb:///{file}") as warehouse:
        with warehouse.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t AS SELECT 1 AS a")
            connection.exec_driver_sql("SELECT 1")
        assert log_of(file).stat().st_size > 0
        assert log_of(file).stat().st_mode & 0o777 == mode
    assert not log_of(file).exists()


def test_commit_of_nothing_leaves_no_log(tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    with Warehouse(f"duckdb:///{file}") as warehouse:
        warehouse.migrate()
        before = file.read_bytes()
        with warehouse.engine.begin() as connection:
            connection.exec_driver_sql("SELECT 1")
    assert not log_of(file).exists()
    assert file.read_bytes() == before


class Listening(Observer):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, message: str) -> None:
        self.warnings.append(message)


def test_journal_that_cannot_be_written_is_warned_of(
    data: Data, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = Listening()

    def full(path: Path, flags: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    data.log("one.json", event())
    warehouse.migrate()
    monkeypatch.setattr(rollback, "_private", full)
    assert warehouse.load(only=["events"], log_data=data.logs, observer=listening).load_id == 1
    (told,) = listening.warnings
    assert told.startswith("loaded, but tidying up failed: no space is left on the disk")
    warehouse.close()
    assert warehouse.database.file is not None
    assert log_of(warehouse.database.file).exists()
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(1,)]


def test_journal_that_cannot_be_removed_is_in_nobodys_way(
    data: Data, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert warehouse.database.file is not None
    journal = journal_of(warehouse.database.file)
    unlink = Path.unlink

    def stays(path: Path, *, missing_ok: bool = False) -> None:
        if path == journal:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        unlink(path, missing_ok=missing_ok)

    listening = Listening()
    warehouse.migrate()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", stays)
        data.log("one.json", event())
        assert warehouse.load(only=["events"], log_data=data.logs, observer=listening).load_id == 1
        assert listening.warnings == []
        assert journal.exists()
        # The journal is not overwritten, which would lose what it saves; committed data stays in the log.
        data.log("two.json", event(itemInSession=1))
        assert warehouse.load(only=["events"], log_data=data.logs, observer=listening).load_id == 2
        (told,) = listening.warnings
        assert told.startswith("loaded, but tidying up failed: the disk does not read or write")
    warehouse.close()
    with Warehouse(warehouse.url) as again:
        assert rows(again, COUNT) == [(2,)]
    assert not journal.exists()


def test_operation_that_fails_behind_the_commit_is_warned_of(
    data: Data, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "the file")

    listening = Listening()
    warehouse.migrate()
    data.log("one.json", event())
    monkeypatch.setattr(type(warehouse.database), "tidy", fail)
    assert warehouse.load(only=["events"], log_data=data.logs, observer=listening).load_id == 1
    assert listening.warnings == ["loaded, but tidying up failed: [Errno 5] Input/output error: 'the file'"]
    warehouse.close()
    assert rows(warehouse, COUNT) == [(1,)]


def test_error_behind_the_commit_says_that_the_load_was_committed(
    data: Data, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is: the folder for temporary files takes it for its own."""

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "the file")

    warehouse.migrate()
    data.log("one.json", event())
    monkeypatch.setattr(runner._Load, "_tidy", fail)
    with pytest.raises(SparkifyError, match="the disk does not read .*; the load was committed"):
        warehouse.load(only=["events"], log_data=data.logs)
    assert rows(warehouse, COUNT) == [(1,)]


@pytest.mark.parametrize("committed", [True, False])
def test_commit_whose_sync_fails_is_in_doubt(
    committed: bool, data: Data, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As DuckDB 2 says it; the log may have reached the disk all the same."""
    commit = Session.commit

    def fail(session: Session) -> None:
        if session.last_step == "commit":
            if committed:
                commit(session)
            error = duckdb.FatalException("FATAL Error: fsync failed!")
            raise DatabaseError("COMMIT", None, error)
        commit(session)

    warehouse.migrate()
    data.log("one.json", event())
    with monkeypatch.context() as patch:
        patch.setattr(Session, "commit", fail)
        told = r"could not read or write \(FATAL Error: fsync failed!\); the load was being"
        with pytest.raises(SparkifyError, match=told) as stopped:
            warehouse.load(only=["events"], log_data=data.logs)
    assert stopped.value.exit_code == 1
    assert IN_DOUBT in str(stopped.value)
    warehouse.close()
    assert warehouse.load(only=["events"], log_data=data.logs).nothing_new == committed
    assert rows(warehouse, COUNT) == [(1,)]
