"""What the errors of DuckDB mean to the user."""

from __future__ import annotations

import re

import duckdb
from sqlalchemy.exc import DBAPIError

from sparkify.etl.errors import UNCHANGED, SparkifyError, TemporaryError

__all__ = ["translate"]


def translate(error: Exception) -> SparkifyError | None:
    """The error in our words, or None for one that is not known."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    message = str(cause)
    first = message.strip().splitlines()[0][:300] if message.strip() else ""
    if isinstance(cause, duckdb.IOException) and "Could not set lock" in message:
        holder = re.search(r"\(PID (\d+)\)", message)
        who = f"process {holder[1]}" if holder else "another process"
        return TemporaryError(f"the database is in use by {who}", state=UNCHANGED, hint="Try again later.")
    if isinstance(cause, duckdb.TransactionException) and "onflict" in message:
        return TemporaryError("another load is running in this process", state=UNCHANGED)
    if isinstance(cause, duckdb.OutOfMemoryException):
        return SparkifyError(f"DuckDB ran out of memory ({first})", state=UNCHANGED)
    if isinstance(cause, duckdb.IOException):
        return SparkifyError(f"DuckDB could not read or write ({first})", state=UNCHANGED)
    return None
