"""Files that are written under a temporary name beside their own, and those that dead processes have left."""

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
"""Seconds after which a file of another container counts as left by a dead process."""


def name_beside(path: Path) -> Path:
    """A name under which this process writes a file until it is complete: a different one each time."""
    return path.with_name(f".{path.name}.new-{os.getpid()}-{_namespace()}-{secrets.token_hex(4)}")


def sweep(path: Path) -> None:
    """Remove the unfinished files that killed processes have left, but not those that living ones are writing.

    Containers that share a folder do not see each other's processes, and use some of the same numbers: a file
    of another container is judged by its age.
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
    """The PID namespace of this process: each container has its own; 0 if the system has none."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power loss."""
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
