"""The folder ``NAME.tmp`` beside a file, for what does not fit into memory; DuckDB would let everybody read it.

Each connection holds a lock on it, which distinguishes leftovers of killed processes from files in use.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["give_back", "spill_folder", "sweep", "taken"]

_LOCK = "sparkify.spill"
"""Where the record of a connection keeps its lock."""


def spill_folder(file: Path) -> Path:
    """Where what does not fit into memory is written."""
    return file.with_name(f"{file.name}.tmp")


@contextmanager
def taken(file: Path, record: Any) -> Iterator[None]:
    """Make the folder for the connection that is made in the block, which gives it back when it is closed.

    :param record: that of the connection.
    """
    folder = spill_folder(file)
    # If nothing can be written, nothing is spilled.
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        record.info[_LOCK] = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(record.info[_LOCK], fcntl.LOCK_SH)
    try:
        yield
    except BaseException:
        give_back(file, record)
        raise


def sweep(file: Path, record: Any) -> None:
    """Remove what killed processes have left in the folder.

    :param record: that of a connection with the file open for writing: no other program uses the folder.
    """
    lock = record.info.get(_LOCK)
    if lock is None:
        return
    with suppress(OSError):
        try:
            # The system releases the locks of other processes however they end.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in spill_folder(file).glob("duckdb_temp_*"):
                left.unlink()
        finally:
            fcntl.flock(lock, fcntl.LOCK_SH)


def give_back(file: Path, record: Any) -> None:
    """Remove the folder when a connection is closed, unless another one uses it."""
    lock = record.info.pop(_LOCK, None)
    with suppress(OSError):
        if lock is not None:
            os.close(lock)
        # Fails while there is something in it.
        spill_folder(file).rmdir()
