"""What a file is: whether DuckDB made it, its storage version, and the one that a new file gets."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import duckdb
from sqlalchemy import Connection

from sparkify.databases.duckdb.descriptors import descriptor
from sparkify.databases.permissions import not_readable
from sparkify.etl.errors import UNCHANGED, ConfigurationError

__all__ = ["STORAGE_VERSION", "describe", "made_by", "refuse_other_file", "refuse_prefix", "storage_version"]

STORAGE_VERSION: Final = "v1.5.0"
"""Of a new file, whichever DuckDB makes it: the newest that every DuckDB supported by sparkify reads."""

_MAGIC = slice(8, 12)
_MADE_BY = slice(52, 84)
_SQLITE = b"SQLite format 3\0"

_PREFIX = re.compile(
    r"(?P<prefix>(?P<own>(?i:duckdb))|(?P<memory>:memory(?=:.))|[A-Za-z0-9_]{2,}):(?P<rest>.*)", re.DOTALL
)
"""Prefixes that DuckDB does not take as part of a file's name."""


def describe(connection: Connection, file: Path) -> str:
    """The storage version of a file, the DuckDB that made it, and the one in use."""
    made = f"made by DuckDB {made_by(file)}, read by {duckdb.__version__}"
    return f"storage {storage_version(connection)}, {made}"


def storage_version(connection: Connection) -> str:
    """The lowest version of DuckDB that reads the database of a connection, such as ``v1.5.0+``."""
    found: str = connection.exec_driver_sql(
        "SELECT map_extract_value(tags, 'storage_version') FROM duckdb_databases() "
        "WHERE database_name = current_database()"
    ).scalar_one()
    return found


def made_by(file: Path) -> str | None:
    """The version of DuckDB that made a file, such as ``v1.5.6``; another one may have written to it since.

    Read without opening it as a database. None for what is not a DuckDB file.
    """
    header = os.pread(descriptor(file), _MADE_BY.stop, 0)
    if header[_MAGIC] != b"DUCK":
        return None
    return header[_MADE_BY].rstrip(b"\0").decode("ascii", "replace")


def refuse_prefix(name: str) -> None:
    """Check that DuckDB takes the name of a database file literally.

    It would open ``duckdb:x`` as ``x``, look for an extension that opens ``sqlite:x``, and keep ``:memory:x``
    in memory.

    :raises ConfigurationError: when it begins with such a prefix. Unless that is ``duckdb:``, the message
        omits what follows: it may be a mistyped URL of a server, with its password.
    """
    found = _PREFIX.match(name)
    if found is None:
        return
    if found["memory"]:
        hint = "Write duckdb:///:memory: for a database in memory, which has no name."
    elif found["own"]:
        hint = f"Write duckdb:///{found['rest']}."
    else:
        hint = "Write ./ before the name of a local file that has a colon, such as duckdb:///./day:1.duckdb."
    begins = f"the name of the database begins with {found['prefix']}:"
    raise ConfigurationError(f"{begins}, which DuckDB takes for no part of a file's name", hint=hint)


def refuse_other_file(file: Path) -> None:
    """Check that what is there, if anything, is a DuckDB file.

    Given a file that it does not know, such as one of SQLite, DuckDB would look for an extension that reads it.

    :raises ConfigurationError: when it is something else, or this user may not read it.
    """
    try:
        _refuse_other_file(file)
    except PermissionError as exc:
        raise not_readable(file) from exc


def _refuse_other_file(file: Path) -> None:
    if file.is_dir():
        raise ConfigurationError(
            "is a folder, and the database is a file",
            where=str(file),
            state=UNCHANGED,
            hint=f"Name the file too, such as duckdb:///{file / 'sparkify.duckdb'}.",
        )
    if not file.exists():
        return
    hint = "Name another file."
    if not file.is_file():
        found = "is no file"
    elif (header := os.pread(descriptor(file), len(_SQLITE), 0))[_MAGIC] == b"DUCK":
        return
    elif not header:
        found, hint = "is empty, and no database", "Remove it: the next load makes one."
    elif header == _SQLITE:
        found = "is a database of SQLite, and not of DuckDB"
    else:
        found = "is no database of DuckDB"
        hint += " If it was one, restore a copy, or move it away and load everything again."
    raise ConfigurationError(found, where=str(file), state=UNCHANGED, hint=hint)
