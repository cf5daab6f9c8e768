"""The storage version of a file: what a new one gets, and what a file has."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from sparkify.databases.duckdb.descriptors import descriptor

__all__ = ["STORAGE_VERSION", "made_by", "storage_version"]

STORAGE_VERSION: Final = "v1.5.0"
"""Of a new file, whichever DuckDB makes it: the newest that every DuckDB reads which sparkify runs on."""

_MAGIC = slice(8, 12)
_MADE_BY = slice(52, 84)


def storage_version(connection: Connection) -> str:
    """The lowest version of DuckDB that reads the database of a connection, such as ``v1.5.0+``."""
    found: str = connection.exec_driver_sql(
        "SELECT map_extract_value(tags, 'storage_version') FROM duckdb_databases() "
        "WHERE database_name = current_database()"
    ).scalar_one()
    return found


def made_by(file: Path) -> str | None:
    """The version of DuckDB that made a file, such as ``v1.5.6``, which need not be the last that wrote to it.

    Read without opening it as a database. None for what is not a file of DuckDB.
    """
    header = os.pread(descriptor(file), _MADE_BY.stop, 0)
    if header[_MAGIC] != b"DUCK":
        return None
    return header[_MADE_BY].rstrip(b"\0").decode("ascii", "replace")
