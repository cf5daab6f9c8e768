"""A migration that is killed at its commit, or before its checkpoint has ended, counts as not begun."""

from __future__ import annotations

import errno
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from sparkify import SparkifyError, TemporaryError, Warehouse
from sparkify.databases.duckdb import checkpoints, rollback
from sparkify.databases.duckdb.header import HEADERS
from sparkify.databases.duckdb.rollback import journal_of, log_of
from sparkify.pipeline import SPARKIFY
from sparkify.warehouse.migrations import Migrations
from tests.support.data import HEAD, rows

REVISIONS = ["base", *(f"{number:04}" for number in range(1, int(HEAD) + 1))]
STEPS = [*pairwise(REVISIONS), *pairwise(reversed(REVISIONS))]
"""Every migration, up and down."""


def move(warehouse: Warehouse, revision: str) -> None:
    migrations = Migrations(SPARKIFY, warehouse.database)
    at = REVISIONS.index(schema(warehouse)[0])
    (migrations.upgrade if at < REVISIONS.index(revision) else migrations.downgrade)(warehouse.engine, revision)


def schema(warehouse: Warehouse) -> tuple[str, list[Any]]:
    """The revision, and every column."""
    found = rows(
        warehouse,
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'main' AND table_name <> 'alembic_version' ORDER BY ALL",
    )
    if not found:
        return "base", []
    return rows(warehouse, "SELECT version_num FROM alembic_version")[0][0], found


class Kill:
    """Copies the files of a warehouse at the moment of a checkpoint: what a kill would leave of it.

    :ivar files: a folder with the database, its log and its journal.
    """

    def __init__(self, warehouse: Warehouse, folder: Path, number: int, patch: pytest.MonkeyPatch) -> None:
        assert warehouse.database.file is not None
        self.file = folder / "w.duckdb"
        folder.mkdir()
        original, source, calls = checkpoints._checkpoint, warehouse.database.file, iter(range(1, 99))

        def copying(connection: Connection) -> None:
            if next(calls) == number:
                connection.commit()
                for path, name in ((source, ""), (log_of(source), ".wal"), (journal_of(source), ".journal")):
                    shutil.copy(path, f"{self.file}{name}")
            original(connection)

        patch.setattr(checkpoints, "_checkpoint", copying)

    def open(self) -> Warehouse:
        return Warehouse(f"duckdb:///{self.file}")


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file at each revision."""
    folder = tmp_path_factory.mktemp("at")
    made = {revision: folder / f"{revision}.duckdb" for revision in REVISIONS}
    for before, revision in zip([None, *REVISIONS], REVISIONS, strict=False):
        if before is None:
            duckdb.connect(str(made[revision])).close()
            continue
        shutil.copy(made[before], made[revision])
        with Warehouse(f"duckdb:///{made[revision]}") as warehouse:
            move(warehouse, revision)
    return made


@pytest.fixture
def copied(at: dict[str, Path], tmp_path: Path) -> Any:
    """A warehouse at a revision."""

    def copy(revision: str) -> Warehouse:
        shutil.copy(at[revision], tmp_path / "w.duckdb")
        return Warehouse(f"duckdb:///{tmp_path / 'w.duckdb'}")

    return copy


@pytest.mark.parametrize(("before", "after"), STEPS)
def test_migration_killed_behind_its_commit_is_undone(
    before: str, after: str, copied: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with copied(before) as warehouse:
        was = schema(warehouse)
        # The first checkpoint is for what was committed before.
        kill = Kill(warehouse, tmp_path / "killed", 2, monkeypatch)
        move(warehouse, after)
        done = schema(warehouse)
    assert (was[0], done[0]) == (before, after)
    assert log_of(kill.file).stat().st_size
    with kill.open() as killed:
        assert schema(killed) == was
        assert not journal_of(kill.file).exists()
        move(killed, after)
        assert schema(killed) == done


def test_migrations_of_one_upgrade_are_undone_together(
    copied: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with copied("0003") as warehouse:
        kill = Kill(warehouse, tmp_path / "killed", 2, monkeypatch)
        move(warehouse, HEAD)
        assert schema(warehouse)[0] == HEAD
    caplog.clear()
    with kill.open() as killed:
        assert schema(killed)[0] == "0003"
    assert f"{kill.file}: a migration that was cut off was undone" in caplog.messages


def test_without_its_journal_the_log_is_replayed_or_refused_with_the_way_out(
    copied: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with copied("0004") as warehouse:
        kill = Kill(warehouse, tmp_path / "killed", 2, monkeypatch)
        move(warehouse, "0003")
    journal_of(kill.file).unlink()
    with kill.open() as killed:
        if duckdb.__version__ >= "2":
            assert schema(killed)[0] == "0003"
            return
        with pytest.raises(SparkifyError, match=r"replaying WAL.* nothing was changed.*doctor --repair$"):
            killed.status()


def test_migration_that_fails_leaves_those_before_it(copied: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with copied("0001") as warehouse:

        @contextmanager
        def failing(connection: Connection) -> Iterator[None]:
            with migrating(warehouse.database, connection):
                yield
                raise LookupError("the next one fails")

        migrating = type(warehouse.database).migrating
        monkeypatch.setattr(warehouse.database, "migrating", failing)
        with pytest.raises(LookupError):
            move(warehouse, "0005")
        assert not journal_of(warehouse.database.file).exists()
        assert log_of(warehouse.database.file).stat().st_size == 0
    with Warehouse(warehouse.url) as again:
        assert schema(again)[0] == "0005"


def test_checkpoint_that_fails_behind_migrations_loses_nothing(
    copied: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with copied("0001") as warehouse:
        file = warehouse.database.file
        original, calls = checkpoints._checkpoint, iter(range(1, 99))

        def failing(connection: Connection) -> None:
            if next(calls) == 2:
                connection.commit()
                # Like a checkpoint that fails after writing a block.
                with file.open("r+b") as opened:
                    opened.seek(HEADERS)
                    opened.write(b"torn")
                raise OSError(errno.EIO, "the disk")
            original(connection)

        monkeypatch.setattr(checkpoints, "_checkpoint", failing)
        with pytest.raises(OSError, match="the disk"):
            move(warehouse, "0002")
        # This process continues with what it has committed, and commits more.
        left = tmp_path / "left"
        left.mkdir()
        for path in (file, log_of(file), journal_of(file)):
            shutil.copy(path, left / path.name)
    with Warehouse(f"duckdb:///{left / file.name}") as again:
        assert schema(again)[0] == "0002"


def test_migration_whose_checkpoint_ends_the_database_is_undone_at_once(
    copied: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with copied("0008") as warehouse:
        file, was = warehouse.database.file, schema(warehouse)
        original, calls = checkpoints._checkpoint, iter(range(1, 99))

        def failing(connection: Connection) -> None:
            if next(calls) != 2:
                return original(connection)
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (HEADERS, before[1]))
            try:
                return original(connection)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)

        monkeypatch.setattr(checkpoints, "_checkpoint", failing)
        with pytest.raises(SparkifyError) as caught:
            warehouse.migrate("0009")
        assert caught.value.where == str(file)
        assert caught.value.found.startswith("a file has grown as large as it may")
        assert caught.value.state == "nothing was changed"
        assert not journal_of(file).exists()
        # The same process continues with the previous tables.
        assert schema(warehouse) == was
        assert warehouse.migrate("0009") == "0009"
    assert not [record for record in caplog.records if record.exc_info]


def test_migration_whose_journal_cannot_be_written_is_not_begun(
    copied: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with copied("0008") as warehouse:
        file, was = warehouse.database.file, schema(warehouse)

        def full(*_arguments: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(rollback, "_write", full)
            with pytest.raises(TemporaryError) as caught:
                warehouse.migrate("0009")
        assert caught.value.where == str(journal_of(file))
        assert caught.value.found.startswith("no space is left on the disk (")
        assert caught.value.state == "nothing was changed"
        assert schema(warehouse) == was
        assert warehouse.migrate("0009") == "0009"


def test_migration_whose_checkpoint_was_ended_is_said_to_be_in_doubt(
    copied: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with copied("0008") as warehouse:
        original, calls = checkpoints._checkpoint, iter(range(1, 99))

        def failing(connection: Connection) -> None:
            original(connection)
            if next(calls) == 2:
                # As if the header was written and its sync failed.
                connection.invalidate()
                raise DBAPIError("CHECKPOINT", None, duckdb.FatalException("fsync failed!"))

        monkeypatch.setattr(checkpoints, "_checkpoint", failing)
        with pytest.raises(SparkifyError) as caught:
            warehouse.migrate("0009")
        assert caught.value.state == (
            "the migrations were being committed, and it is not known whether they were; "
            "to run them again is safe"
        )
        assert schema(warehouse)[0] == "0009"


def test_half_of_a_commit_that_failed_is_not_left_in_the_log(
    copied: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with copied("0003") as warehouse, monkeypatch.context() as patch:
        kill = Kill(warehouse, tmp_path / "killed", 2, patch)
        move(warehouse, "0004")
    half = log_of(kill.file).read_bytes()[:8192]
    with copied("0003") as warehouse:
        file, was = warehouse.database.file, schema(warehouse)
        original, done = checkpoints._checkpoint, []

        def cut(connection: Connection) -> None:
            original(connection)
            done.append("checkpoint")
            if "error" in done:
                # The disk prevented DuckDB from truncating the log.
                assert not connection.invalidated
                log_of(file).write_bytes(half)

        def full(connection: Connection) -> None:
            if done == ["checkpoint"]:
                done.append("error")
                connection.connection.rollback()
                reason = f'Failed to commit: Could not write file "{log_of(file)}": No space left on device'
                raise DBAPIError("COMMIT", None, duckdb.TransactionException(reason))

        with monkeypatch.context() as patch:
            patch.setattr(checkpoints, "_checkpoint", cut)
            event.listen(warehouse.engine, "commit", full)
            with pytest.raises(TemporaryError, match="no space is left") as caught:
                warehouse.migrate("0004")
            event.remove(warehouse.engine, "commit", full)
        assert done == ["checkpoint", "error", "checkpoint"]
        assert caught.value.state == "nothing was changed"
        assert not journal_of(file).exists()
        assert schema(warehouse) == was
        assert warehouse.migrate("0004") == "0004"


@pytest.mark.parametrize("revision", ["0001", "0004", "+2"])
def test_new_file_is_made_at_the_revision_that_was_asked_for(revision: str, tmp_path: Path) -> None:
    expected = "0002" if revision == "+2" else revision
    with Warehouse(f"duckdb:///{tmp_path / 'new.duckdb'}") as warehouse:
        assert warehouse.migrate(revision) == expected
