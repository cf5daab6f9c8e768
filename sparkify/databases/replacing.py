"""Files that are made under another name beside their own, and what is left of them by processes that died."""

from __future__ import annotations

import glob
import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["name_beside", "sweep", "sync"]


_FORGOTTEN = 24 * 60 * 60
"""Seconds after which what another container has left is taken for that of a dead process."""


def name_beside(path: Path) -> Path:
    """A name for this process to make a file under, until it is whole: another one each time."""
    return path.with_name(f".{path.name}.new-{os.getpid()}-{_namespace()}-{secrets.token_hex(4)}")


def sweep(path: Path) -> None:
    """Remove what processes that were killed while they made a file have left; not what living ones make.

    Containers that share a folder do not see each other's processes, and have some of the same number: of what
    one has left the age must tell.
    """
    name = re.compile(rf"\.{re.escape(path.name)}\.new-(\d+)(?:-(\d+)-[0-9a-f]+)?(?:\.wal)?")
    for left in path.parent.glob(f".{glob.escape(path.name)}.new-*"):
        if (found := name.fullmatch(left.name)) is None:
            continue
        with suppress(OSError):
            elsewhere = found[2] is not None and int(found[2]) != _namespace()
            if time.time() - left.stat().st_mtime > _FORGOTTEN if elsewhere else not _is_alive(int(found[1])):
                left.unlink()


def _namespace() -> int:
    """Which processes this one sees: each container has a number of its own; 0 where there are none."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0


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
