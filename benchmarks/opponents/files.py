"""What the handwritten scripts share: DuckDB's settings, and the files below a folder, many combined into one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["SETTINGS", "few", "files_below", "in_sql"]

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "preserve_insertion_order": False,
    "autoload_known_extensions": False,
}
"""DuckDB's settings: it opens fast, and does not look for extensions elsewhere."""

_FEW = 50


def files_below(folder: str) -> Iterator[str]:
    """The path of every file, in no particular order."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from files_below(entry.path)
            else:
                yield entry.path


def in_sql(texts: Iterable[str]) -> str:
    """A list of texts as an SQL literal."""
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"


@contextmanager
def few(paths: Sequence[str]) -> Iterator[list[str]]:
    """The files, or one file with the same lines if there are many: DuckDB would mostly open tiny files.

    The combined file is removed afterwards.
    """
    if len(paths) <= _FEW or any(path.endswith(".gz") for path in paths):
        yield list(paths)
        return
    handle, whole = tempfile.mkstemp(suffix=".json")
    try:
        with os.fdopen(handle, "wb", buffering=1 << 20) as out:
            for path in paths:
                source = os.open(path, os.O_RDONLY)
                while block := os.read(source, 1 << 14):
                    out.write(block)
                os.close(source)
                out.write(b"\n")
        yield [whole]
    finally:
        Path(whole).unlink()
