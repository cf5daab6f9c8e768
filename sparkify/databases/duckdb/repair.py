"""Repairs a DuckDB file that no longer opens, as far as possible."""

from __future__ import annotations

import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from sparkify.databases.duckdb.errors import open_here, who_uses
from sparkify.databases.duckdb.file import CONFIG
from sparkify.databases.duckdb.rollback import log_of, undo_checkpoint
from sparkify.databases.duckdb.storage import refuse_other_file
from sparkify.databases.duckdb.truncation import refuse_truncated
from sparkify.databases.repair import Repair
from sparkify.databases.replacing import sync
from sparkify.etl.errors import SparkifyError, TemporaryError
from sparkify.etl.translation import first_line

__all__ = ["repair"]

_DAMAGED = re.compile(r"entry at byte position (\d+)")
"""How DuckDB reports the first log entry whose checksum is wrong."""


def repair(file: Path) -> Repair:
    """Make a file open again: undo a checkpoint that was cut off, and cut the log before its first damage.

    What follows the damage was committed, or was about to be, and is lost; the whole log is kept beside the
    file under another name. The file itself is changed only if a checkpoint is undone.

    :raises ConfigurationError: when it is not a DuckDB file, or this process has it open.
    :raises TemporaryError: when another process has the file open.
    :raises SparkifyError: when the file does not open without its log either.
    """
    refuse_other_file(file)
    undone = f"{what} that was cut off" if (what := undo_checkpoint(file)) else None
    error = _error_at_open(file)
    if error is None:
        return Repair(undone=undone)
    if who := who_uses(error):
        raise TemporaryError(
            f"the database is in use by {who}", where=str(file), hint="Wait for it, or end it."
        )
    if here := open_here(error, file):
        # What it commits meanwhile would go to the log that is cut.
        raise here
    log = log_of(file)
    if not log.exists():
        raise _beyond_help(file, error)
    kept = _kept(log)
    shutil.copy2(log, kept)
    size = log.stat().st_size
    left = size
    while error is not None and left:
        damaged = _DAMAGED.search(str(error))
        # Closer to the start each time; an error without a position concerns the whole log.
        left = min(int(damaged[1]), left - 1) if damaged else 0
        _cut(log, left)
        error = _error_at_open(file)
    if error is not None:
        kept.replace(log)
        raise _beyond_help(file, error)
    sync(file.parent)
    return Repair(undone=undone, log=kept, lost=size - left, kept=left)


def _error_at_open(file: Path) -> Exception | None:
    """Why a file does not open; None if it does. Nothing is written."""
    try:
        # In an absolute path, a name with a colon is not taken for a prefix.
        with duckdb.connect(str(file.absolute()), read_only=True, config=dict(CONFIG)) as connection:
            refuse_truncated(connection, file)
    except Exception as exc:
        # Any class is possible: damage may look like anything.
        return exc
    return None


def _kept(log: Path) -> Path:
    return log.with_name(f"{log.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")


def _cut(log: Path, size: int) -> None:
    if not size:
        log.unlink()
        return
    with log.open("r+b") as opened:
        opened.truncate(size)
        os.fsync(opened.fileno())


def _beyond_help(file: Path, error: Exception) -> SparkifyError:
    found = f"does not open, with its log or without ({first_line(error)[:300]})"
    return SparkifyError(
        error.found if isinstance(error, SparkifyError) else found,
        where=str(file),
        hint="Restore a copy, or move it away and load everything again.",
    )
