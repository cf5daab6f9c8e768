"""Copies of a file that another process has locked, with everything committed so far.

DuckDB keeps readers out while a process writes, and shows them nothing of the file. But between two checkpoints
it only writes to blocks that do not count yet, and appends to its log. So a copy of the log, and then of the
file, is a database with every commit up to then, if no checkpoint ran meanwhile: a checkpoint has its journal
beside the file while it runs, and leaves another header.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb

from sparkify.databases.duckdb.descriptors import descriptor
from sparkify.databases.duckdb.file import CONFIG
from sparkify.databases.duckdb.header import read_headers
from sparkify.databases.duckdb.naming import refuse_question_mark
from sparkify.databases.duckdb.rollback import journal_of, log_of, undo_checkpoint
from sparkify.databases.duckdb.storage import refuse_other_file
from sparkify.databases.duckdb.truncation import refuse_truncated
from sparkify.databases.replacing import name_beside, sweep, sync
from sparkify.etl.disk import disk_error_in
from sparkify.etl.errors import SparkifyError

__all__ = ["take_snapshot", "tries", "write_snapshot"]

_TIMEOUT = 10
"""Seconds for which a copy is retried, as long as checkpoints run."""
_BETWEEN_TRIES = 0.1
"""Seconds."""

_NO_COPY_RANGE = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)
"""Why a file system or a kernel cannot copy between two files itself."""


def tries() -> Iterator[None]:
    """At least one try, and more for as long as checkpoints are waited for."""
    until = time.monotonic() + _TIMEOUT
    yield
    while time.monotonic() < until:
        time.sleep(_BETWEEN_TRIES)
        yield


def take_snapshot(file: Path, copy: Path) -> bool:
    """Copy what is committed in a DuckDB file that another process writes. Returns whether no checkpoint
    interfered.

    :param copy: where to; its log is written beside it.
    :raises OSError: when the file cannot be read, or the copy cannot be written.
    """
    if journal_of(file).exists():
        return False
    # This process may have it open too.
    source = descriptor(file)
    before = read_headers(source)
    # The log first: it may refer to blocks, which are written before it.
    log_of(copy).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        shutil.copyfile(log_of(file), log_of(copy))
    _copy_blocks(source, copy)
    return not journal_of(file).exists() and read_headers(source) == before


def write_snapshot(file: Path, target: Path) -> bool:
    """Write what is committed in a DuckDB file to another one, which is complete or does not exist. Returns
    whether no checkpoint interfered.

    A process that has an older file of that name open continues to read the older one.

    :raises ConfigurationError: when it is not a DuckDB file, or the path of the other has a question mark.
    :raises duckdb.Error: when the copy does not open.
    :raises SparkifyError: when it cannot be written, or the file is truncated.
    """
    refuse_question_mark(target)
    refuse_other_file(file)
    undo_checkpoint(file)
    try:
        return _write_snapshot(file, target)
    except OSError as exc:
        reason = f"cannot be written: {exc.strerror}"
        raise disk_error_in(str(exc)) or SparkifyError(reason, where=str(target)) from exc


def _write_snapshot(file: Path, target: Path) -> bool:
    sweep(target)
    new = name_beside(target)
    try:
        new.touch(0o600)
        if not any(take_snapshot(file, new) for _ in tries()):
            return False
        # What is in the log gets into the file when it is closed.
        with duckdb.connect(str(new), config=dict(CONFIG)) as connection:
            # An older copy may be the only whole one.
            refuse_truncated(connection, new, copy_of=file)
        if target.exists():
            new.chmod(stat.S_IMODE(target.stat().st_mode))
        sync(new)
        new.replace(target)
    finally:
        for left in (new, log_of(new)):
            left.unlink(missing_ok=True)
    sync(target.parent)
    return True


def _copy_blocks(source: int, copy: Path) -> None:
    """Copy a file, sharing its blocks if the file system can."""
    with copy.open("wb") as opened:
        size = os.fstat(source).st_size
        done = 0
        try:
            while done < size:
                copied = os.copy_file_range(source, opened.fileno(), size - done, done, done)
                if not copied:
                    return
                done += copied
            return
        except AttributeError:
            # Python has it only on Linux.
            pass
        except OSError as exc:
            if done or exc.errno not in _NO_COPY_RANGE:
                raise
        # Not over a second descriptor: closing it would release the lock of DuckDB in this process.
        while part := os.pread(source, 1 << 20, done):
            done += opened.write(part)
