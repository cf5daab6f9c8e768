"""Messages about disks that cannot store what is written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sparkify import ConfigurationError, SparkifyError, TemporaryError
from sparkify.etl.disk import disk_error, disk_error_in, output_error


@pytest.mark.parametrize(
    ("code", "retry", "said"),
    [
        (errno.ENOSPC, True, "no space is left on the disk (5 bytes of this load were written there, "),
        (errno.EDQUOT, True, "the quota of the disk is used up (5 bytes of this load were written there, "),
        (errno.EMFILE, True, "this process has as many files open as it may. Raise the limit (ulimit -n)."),
        (errno.ENFILE, True, "the system has as many files open as it may. Try again"),
        (errno.EFBIG, False, "a file has grown as large as it may. Raise the limit (ulimit -f)."),
        (
            errno.EROFS,
            False,
            "the file system is read-only. Make it writable, or name another folder by ",
        ),
        (errno.EIO, False, "the disk does not read or write what it should. See the system log."),
    ],
)
def test_error_of_the_system_is_explained(code: int, retry: bool, said: str, tmp_path: Path) -> None:
    (tmp_path / "spooled").write_text("12345")
    # A source that is linked in place, so nothing of it was written.
    (tmp_path / "linked").symlink_to(__file__)
    told = disk_error(OSError(code, os.strerror(code)), tmp_path)
    assert isinstance(told, TemporaryError) is retry
    assert str(told).startswith(f"{tmp_path}: {said}")


def test_words_of_the_system_in_the_message_of_a_database_are_explained(tmp_path: Path) -> None:
    told = disk_error_in(f'IO Error: Could not write file "{tmp_path}/x.duckdb": No space left on device')
    assert isinstance(told, TemporaryError)
    assert told.where == f"{tmp_path}/x.duckdb"
    assert told.hint == "Free some, or put the database elsewhere."


def test_file_of_a_message_within_a_message_is_found() -> None:
    told = disk_error_in(
        'FATAL Error: Failed: database has been invalidated. Original error: "Failed to create checkpoint '
        'because of error: Could not write file "/data/w.duckdb": Input/output error"'
    )
    assert told is not None
    assert told.where == "/data/w.duckdb"


@pytest.mark.parametrize("message", ["Could not set lock on file", "Binder Error: no such column"])
def test_other_messages_are_not(message: str) -> None:
    assert disk_error_in(message) is None


def test_other_errors_of_the_system_are_not(tmp_path: Path) -> None:
    assert disk_error(OSError(errno.ENOENT, "x"), tmp_path) is None
    assert disk_error(OSError("without a number"), tmp_path) is None
    assert issubclass(TemporaryError, SparkifyError)


def test_output_that_may_not_be_written_is_an_error_of_the_options() -> None:
    told = output_error(PermissionError(errno.EACCES, "Permission denied"), Path("x.csv"))
    assert isinstance(told, ConfigurationError)
    assert str(told) == "x.csv: cannot be written: Permission denied"
