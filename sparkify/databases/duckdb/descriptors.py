"""Descriptors of database files, which stay open.

When a process closes any descriptor of a file, POSIX takes away all locks that it has on the file: fcntl(2),
"Advisory record locking". DuckDB keeps others out by such a lock: to read the file beside it, and close it,
would let them in.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

__all__ = ["descriptor"]

_guard = threading.Lock()
_open: dict[tuple[int, int, int], int] = {}


def descriptor(file: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a file, which is never closed: one for each file and kind of access.

    :raises OSError: when the file cannot be opened so.
    """
    found = file.stat()
    key = (found.st_dev, found.st_ino, flags)
    with _guard:
        if key not in _open:
            _open[key] = os.open(file, flags | os.O_CLOEXEC)
        return _open[key]
