"""Error messages and hints for a disk problem, or a limit on files, that stops a load."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from sparkify.etl.errors import ConfigurationError, SparkifyError, TemporaryError

__all__ = ["disk_error", "disk_error_in", "output_error"]

# Each with whether a retry may help: other programs often free what is full.
_REASONS: Mapping[int, tuple[bool, str, str]] = {
    errno.ENOSPC: (True, "no space is left on the disk", "Free some, or {elsewhere}."),
    errno.EDQUOT: (True, "the quota of the disk is used up", "Free some, or {elsewhere}."),
    errno.EMFILE: (True, "this process has as many files open as it may", "Raise the limit (ulimit -n)."),
    errno.ENFILE: (True, "the system has as many files open as it may", "Try again when fewer programs run."),
    errno.EFBIG: (False, "a file has grown as large as it may", "Raise the limit (ulimit -f)."),
    errno.EROFS: (False, "the file system is read-only", "Make it writable, or {elsewhere}."),
    errno.EIO: (False, "the disk does not read or write what it should", "See the system log."),
}

_QUOTED = re.compile(r"""["']([^"'\n]+)["']""")
_FILE = re.compile(r'file "([^"\n]+)"')
"""How DuckDB names a file, even in a message that it quotes within another one."""


def disk_error(error: OSError, folder: Path) -> SparkifyError | None:
    """The error for an OSError raised while writing files below a temporary folder; None if it is not known.

    :param folder: the folder with what was written.
    """
    # A link points to a source file, which was not written.
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    written = sum(path.stat().st_size for path in paths)
    told = f"{written:,} bytes of this load were written there"
    return _explained(error.errno, folder, "name another folder by TMPDIR", told)


def disk_error_in(message: str) -> SparkifyError | None:
    """The error for a message of a database or an OSError that contains the system's text for it; else None."""
    for code in _REASONS:
        if os.strerror(code).lower() in message.lower():
            quoted = _FILE.search(message) or _QUOTED.search(message)
            where = Path(quoted[1]) if quoted else None
            return _explained(code, where, "put the database elsewhere", None)
    return None


def output_error(error: OSError, path: Path) -> SparkifyError:
    """The error for an OSError raised while writing the file or folder that a command was asked for."""
    return _explained(error.errno, path, "write elsewhere", None) or ConfigurationError(
        f"cannot be written: {error.strerror or error}", where=str(path)
    )


def _explained(
    code: int | None, where: Path | None, elsewhere: str, written: str | None
) -> SparkifyError | None:
    if code is None or code not in _REASONS:
        return None
    retry, found, hint = _REASONS[code]
    kind = TemporaryError if retry else ConfigurationError if code == errno.EROFS else SparkifyError
    if code in (errno.ENOSPC, errno.EDQUOT):
        free = None if where is None else _free(where)
        said = [part for part in (written, None if free is None else f"{free:,} bytes are free") if part]
        found += f" ({', '.join(said)})" if said else ""
    return kind(found, where=str(where) if where else None, hint=hint.format(elsewhere=elsewhere))


def _free(path: Path) -> int | None:
    """The free bytes on the disk where a path is or would be; None if they cannot be determined."""
    for place in (path, *path.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None
