"""Writes files completely or not at all, and compares paths that may lead to the same file."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_write", "is_same_file"]


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder to write to, which replaces ``path`` at the end of the block.

    If the block fails, ``path`` is left as it is and what was written is removed. A symbolic link is followed:
    the file that it points to is replaced. A pipe or a device, such as ``/dev/stdout``, cannot be replaced, so
    the content is first written to a temporary folder, and then copied as a whole.

    :raises OSError: when ``path`` cannot be replaced, such as a link that points to itself.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        with tempfile.TemporaryDirectory(prefix="sparkify-") as folder:
            whole = Path(folder) / path.name
            yield whole
            with whole.open("rb") as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
        return
    # Not by Path.resolve(), which raises RuntimeError for a link to itself before Python 3.13.
    path = Path(os.path.realpath(path))
    if path.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    new = path.with_name(f".{path.name}.new-{secrets.token_hex(4)}")
    try:
        yield new
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def is_same_file(path: Path, other: Path) -> bool:
    """Whether two paths lead to the same file, or would if it existed."""
    # Not by Path.resolve(), which raises RuntimeError for a link to itself before Python 3.13.
    if os.path.realpath(path) == os.path.realpath(other):
        return True
    return path.exists() and other.exists() and path.samefile(other)
