"""Descriptors of database files, which stay open.

When a process closes any descriptor of a file, POSIX releases all locks that it holds on the file: fcntl(2),
"Advisory record locking". DuckDB keeps others out with such a lock: opening the file a second time to read it,
and closing it, would let them in.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

__all__ = ["descriptor", "is_open_here"]

_guard = threading.Lock()
_open: dict[tuple[int, int, int], int] = {}


def descriptor(file: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a file, which is never closed: one for each file and access mode.

    :raises OSError: when the file cannot be opened in that mode.
    """
    found = file.stat()
    key = (found.st_dev, found.st_ino, flags)
    with _guard:
        if key not in _open:
            _open[key] = os.open(file, flags | os.O_CLOEXEC)
        return _open[key]


def is_open_here(file: Path) -> bool:
    """Whether this process has a file open under another descriptor than these, as DuckDB has a database.

    The lock of DuckDB does not tell: a process is not kept out by its own.

    :raises OSError: when the file does not exist, or the open files cannot be listed.
    """
    found = file.stat()
    with _guard:
        ours = set(_open.values())
    # Linux and macOS list the open descriptors there.
    for number in {int(listed.name) for listed in Path("/dev/fd").iterdir()} - ours:
        # It may be closed by now, as that of the listing is.
        with suppress(OSError):
            if os.path.samestat(os.fstat(number), found):
                return True
    return False
