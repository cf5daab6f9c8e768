"""A temporary folder for the files of one load, which a later load removes if this one is killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sparkify.etl.disk import disk_error

__all__ = ["scratch_folder", "sweep"]

_PREFIX = "sparkify-load-"
_LOCK = "lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder below the one for temporary files (TMPDIR), removed at the end.

    What killed loads have left there is removed first.

    :raises TemporaryError: when there is no space for what is written there.
    :raises SparkifyError: when it cannot be written for another reason.
    """
    root = Path(tempfile.gettempdir())
    sweep(root)
    # A committed load does not fail because its folder cannot be removed: a later load sweeps it.
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=root, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        lock = None
        try:
            lock = _take_lock(folder)
            files = folder / "files"
            files.mkdir()
            yield files
        except OSError as exc:
            if told := disk_error(exc, folder):
                raise told from exc
            raise
        finally:
            if lock is not None:
                os.close(lock)


def sweep(root: Path) -> None:
    """Remove the folders of loads that are no longer running, as far as this process may remove them."""
    for folder in root.glob(f"{_PREFIX}*"):
        # A folder without a lock is being created: the lock gets its name once it is held.
        with suppress(OSError):
            handle = os.open(folder / _LOCK, os.O_RDWR)
            try:
                # The system releases a lock however its process ends; a process id may have been reused.
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(handle)


def _take_lock(folder: Path) -> int:
    new = folder / f".{_LOCK}"
    handle = os.open(new, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    new.rename(folder / _LOCK)
    return handle
