"""Copies of a file that another process has locked: what was committed in it last.

DuckDB keeps readers out while a process writes, and tells nothing of it to them. But between two checkpoints it
writes to blocks that do not count yet, and appends to its log. So a copy of the log, and of the file after it,
is a database with every commit up to then, if no checkpoint ran meanwhile: the journal of one lies beside the
file while it runs, and each leaves another header.
"""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from sparkify.databases.duckdb.header import read_headers
from sparkify.databases.duckdb.journal import journal_of

__all__ = ["log_of", "take_snapshot"]

_NO_COPY_RANGE = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)
"""Why a file system or a kernel does not copy between two files by itself."""


def log_of(file: Path) -> Path:
    """Where DuckDB has the log of a file, while there is one."""
    return file.with_name(f"{file.name}.wal")


def take_snapshot(file: Path, copy: Path) -> bool:
    """Copy what is committed in a file of DuckDB that another process writes. Returns whether no checkpoint was
    in the way.

    :param copy: where to; its log is written beside it.
    :raises OSError: when it cannot be read, or the copy not be written.
    """
    if journal_of(file).exists():
        return False
    with file.open("rb") as opened:
        before = read_headers(opened.fileno())
        # The log first: it may speak of blocks, which are written before it.
        log_of(copy).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(log_of(file), log_of(copy))
        _copy_blocks(opened.fileno(), copy)
        return not journal_of(file).exists() and read_headers(opened.fileno()) == before


def _copy_blocks(source: int, copy: Path) -> None:
    """Copy a file; a file system that can shares its blocks."""
    with copy.open("wb") as opened:
        size = os.fstat(source).st_size
        done = 0
        try:
            while done < size:
                copied = os.copy_file_range(source, opened.fileno(), size - done, done, done)
                if not copied:
                    return
                done += copied
        except OSError as exc:
            if done or exc.errno not in _NO_COPY_RANGE:
                raise
            with os.fdopen(os.dup(source), "rb") as whole:
                whole.seek(0)
                shutil.copyfileobj(whole, opened, 1 << 20)
