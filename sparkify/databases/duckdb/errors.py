"""What the errors of DuckDB mean to the user."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
from sqlalchemy.exc import DBAPIError

from sparkify.databases.duckdb.rollback import log_of
from sparkify.databases.duckdb.storage import made_by
from sparkify.databases.permissions import not_writable
from sparkify.etl.disk import disk_error_in
from sparkify.etl.errors import UNCHANGED, ConfigurationError, SparkifyError, TemporaryError

__all__ = ["open_here", "translate", "who_uses"]

_OTHER_STORAGE = re.compile(
    r"version number (?P<found>\d+), but we can only read "
    r"(?:storage )?versions between (?P<from>\d+) and (?P<to>\d+)"
)

_DAMAGED = re.compile(r"Corrupt database|Corrupt WAL|replaying WAL|Could not read enough bytes")
"""Found in messages about the file of the database or its log."""

_OPTION = re.compile(
    r"(unrecognized configuration parameter|Memory must have|Memory cannot be|Unknown unit for memory)[^\n]*"
)
"""Found in messages about the options after the question mark of a URL."""

_DENIED = re.compile(r'Cannot open file "([^"\n]+)": (?:Permission denied|Operation not permitted)')

_GONE = re.compile(r"Table with name (\S+) does not exist")


def who_uses(error: BaseException) -> str | None:
    """Which process keeps the database from being opened; None for any other error."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, duckdb.IOException) or "Could not set lock" not in str(cause):
        return None
    holder = re.search(r"\(PID (\d+)\)", str(cause))
    return f"process {holder[1]}" if holder else "another process"


def open_here(error: BaseException, file: Path | None) -> SparkifyError | None:
    """The error for a database that this process already has open in a way that excludes this one; None for any
    other error.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, duckdb.ConnectionException) or "different configuration" not in str(cause):
        return None
    return ConfigurationError(
        "this process has the database open already, and not as it is to be opened now: one is read_only, "
        "or has other options in its URL",
        where=str(file) if file else None,
        state=UNCHANGED,
        hint="Use the Warehouse that has it open, or close that first.",
    )


def translate(error: Exception, file: Path | None = None) -> SparkifyError | None:
    """The error in our words, or None for an unknown one.

    :param file: the file of the database.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    message = str(cause)
    first = message.strip().splitlines()[0][:300] if message.strip() else ""
    if who := who_uses(error):
        return TemporaryError(f"the database is in use by {who}", state=UNCHANGED, hint="Try again later.")
    if here := open_here(error, file):
        return here
    if isinstance(cause, duckdb.CatalogException) and (gone := _GONE.search(message)):
        return ConfigurationError(
            f"the table {gone[1]} is gone",
            where=str(file) if file else None,
            state=UNCHANGED,
            hint="Restore a copy, or load into a new database.",
        )
    if isinstance(cause, duckdb.Error) and (option := _OPTION.search(message)):
        return ConfigurationError(
            f"the URL of the database has an option that DuckDB refuses ({option[0]})",
            state=UNCHANGED,
            hint="See docs/duckdb.md.",
        )
    if isinstance(cause, duckdb.Error) and "read-only mode" in message:
        return ConfigurationError(
            "the database was opened to be read only",
            where=str(file) if file else None,
            state=UNCHANGED,
            hint="Open it without read_only, and without access_mode=READ_ONLY.",
        )
    if isinstance(cause, duckdb.Error) and file and (denied := _DENIED.search(message)):
        # Whether they can be read is checked before they are opened.
        for own in (file, log_of(file)):
            if Path(denied[1]).name == own.name:
                return not_writable(own, state=UNCHANGED)
    if other := _OTHER_STORAGE.search(message):
        return _unreadable(other, file)
    if isinstance(cause, duckdb.TransactionException) and "onflict" in message:
        return TemporaryError("another load is running in this process", state=UNCHANGED)
    if isinstance(cause, duckdb.Error) and (told := disk_error_in(message)):
        return told
    if isinstance(cause, duckdb.OutOfMemoryException):
        return SparkifyError(f"DuckDB ran out of memory ({first})", state=UNCHANGED)
    # Damage has no class of its own: a log that cannot be replayed may raise an InternalException.
    damaged = isinstance(cause, duckdb.Error) and _DAMAGED.search(message) is not None
    if damaged or isinstance(cause, duckdb.IOException | duckdb.FatalException):
        hint = "Run: sparkify-etl doctor --repair" if damaged and file else None
        return SparkifyError(f"DuckDB could not read or write ({first})", state=UNCHANGED, hint=hint)
    return None


def _unreadable(versions: re.Match[str], file: Path | None) -> ConfigurationError:
    maker = file and made_by(file)
    if int(versions["found"]) > int(versions["to"]):
        hint = (
            "Run this with a newer DuckDB, or copy the database with that one into a file for this one: "
            "COPY FROM DATABASE, see docs/duckdb.md."
        )
    else:
        hint = "Export it with the DuckDB that made it, and import it with this one: EXPORT, IMPORT DATABASE."
    return ConfigurationError(
        f"has storage version {versions['found']}{f', made by DuckDB {maker}' if maker else ''}; "
        f"DuckDB {duckdb.__version__} reads {versions['from']} to {versions['to']}",
        where=str(file) if file else None,
        state=UNCHANGED,
        hint=hint,
    )
