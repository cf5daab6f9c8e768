"""A file that is there whole, or as it was before."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_write"]


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Another name in the same folder to write to, which takes the place of ``path`` at the end of the block.

    Where the block fails, ``path`` is left as it is and what was written is removed.
    """
    new = path.with_name(f".{path.name}.new-{secrets.token_hex(4)}")
    try:
        yield new
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
