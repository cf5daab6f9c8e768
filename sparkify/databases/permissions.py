"""Errors for a database that this user may not read or write: a retry changes nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from sparkify.etl.errors import UNCHANGED, ConfigurationError

__all__ = ["FILE_ADVICE", "FOLDER_ADVICE", "not_readable", "not_writable", "refuse_folder"]

_ALLOW = "or have its owner allow it (chmod, chown)."

FILE_ADVICE: Final = f"Run this as its owner, {_ALLOW}"
"""What users who may not read or write the file can do."""

FOLDER_ADVICE: Final = f"Put the database elsewhere, {_ALLOW}"
"""What users who may not create files in its folder can do."""


def not_readable(file: Path) -> ConfigurationError:
    """The error for a file that this user may not read."""
    return _denied(file, "read", UNCHANGED)


def not_writable(file: Path, *, state: str | None = None) -> ConfigurationError:
    """The error for a file that this user may not write, or for its folder if the file does not exist.

    :param state: in what state things were left, if known.
    """
    if file.exists():
        return _denied(file, "written", state)
    return ConfigurationError(
        f"the folder may not be written by this user, and {file.name} has to be made in it",
        where=str(file.parent.absolute()),
        state=state,
        hint=FOLDER_ADVICE,
    )


def refuse_folder(file: Path) -> None:
    """Check that this user may create files in the folder of a file.

    :raises ConfigurationError: when not. A folder that does not exist and a read-only file system are left
        to the code that writes there.
    """
    folder = file.parent
    if not folder.is_dir() or os.access(folder, os.W_OK | os.X_OK):
        return
    if not os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise not_writable(file, state=UNCHANGED)


def _denied(file: Path, what: str, state: str | None) -> ConfigurationError:
    return ConfigurationError(
        f"may not be {what} by this user",
        where=str(file),
        state=state,
        hint=FILE_ADVICE,
    )
