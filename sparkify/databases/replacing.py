"""Files that are made under another name beside their own, and what is left of them by processes that died."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["name_beside", "sweep", "sync"]


def name_beside(path: Path) -> Path:
    """The name under which this process makes a file, until it is whole."""
    return path.with_name(f".{path.name}.new-{os.getpid()}")


def sweep(path: Path) -> None:
    """Remove what processes that were killed while they made a file have left; not what living ones make."""
    for left in path.parent.glob(f".{path.name}.new-*"):
        pid = left.name.removesuffix(".wal").rpartition("-")[2]
        if pid.isdigit() and not _is_alive(int(pid)):
            with suppress(OSError):
                left.unlink()


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, survive a loss of power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
