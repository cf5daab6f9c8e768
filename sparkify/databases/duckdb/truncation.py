"""Detects a truncated file: DuckDB opens one, as long as it need not read what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparkify.databases.duckdb.header import HEADERS
from sparkify.etl.errors import SparkifyError

__all__ = ["refuse_truncated"]

_TABLES = 'SELECT format(\'"{}"."{}"\', schema_name, table_name) FROM duckdb_tables() WHERE NOT temporary'
_BLOCKS = (
    "SELECT coalesce(greatest(max(block_id), max(list_max(additional_block_ids))), -1) "
    "FROM pragma_storage_info(?)"
)
"""-1 for a table that has no block yet: it is empty, or only in the log."""


def refuse_truncated(connection: Any, file: Path, *, copy_of: Path | None = None) -> None:
    """Check that a file has every block that its tables are in. The rows are not read.

    The number of blocks in the header proves nothing: DuckDB truncates the file after writing the header.

    :param connection: of the driver.
    :param copy_of: the file to name in the error, if this one is a copy of it.
    :raises SparkifyError: when the file ends before the last of them.
    :raises duckdb.Error: when it ends before the metadata that locates the tables.
    """
    tables = connection.execute(_TABLES).fetchall()
    last = max((connection.execute(_BLOCKS, table).fetchall()[0][0] for table in tables), default=-1)
    (size,) = connection.execute("SELECT block_size FROM pragma_database_size()").fetchall()[0]
    needed, found = HEADERS + (last + 1) * size, file.stat().st_size
    if found < needed:
        raise SparkifyError(
            f"has been cut off: it has {found:,} bytes of at least {needed:,}",
            where=str(copy_of or file),
            hint="Run: sparkify-etl doctor --repair",
        )
