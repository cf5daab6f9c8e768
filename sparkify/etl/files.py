"""Files that are there whole, or as they were before, and paths that lead to one file."""

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
    """Another name to write to, in the same folder, which takes the place of ``path`` at the end of the block.

    Where the block fails, ``path`` is left as it is and what was written is removed. Behind a link it is the
    file that the link leads to. A pipe or a device, such as ``/dev/stdout``, has no other name to write
    to: it gets what was written when all of it is there.

    :raises OSError: when that cannot be, as for a link that leads to itself.
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
    """Whether two paths lead to one file, or would, if there were one."""
    # Not by Path.resolve(), which raises RuntimeError for a link to itself before Python 3.13.
    if os.path.realpath(path) == os.path.realpath(other):
        return True
    return path.exists() and other.exists() and path.samefile(other)
