"""The rows of a DuckDB SELECT as frames, Arrow and Parquet: made by the database, without a copy."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, CursorResult

from sparkify.databases.duckdb.dialect import literal
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.files import atomic_write

if TYPE_CHECKING:
    import pyarrow

__all__ = ["arrow_table", "native", "write_parquet"]

_sql = logging.getLogger("sparkify.sql")


def native(result: CursorResult[*tuple[Any, ...]]) -> Any:
    """The cursor of DuckDB, with its whole result still in it."""
    return result.cursor


def arrow_table(connection: Connection, select: str) -> pyarrow.Table:
    """The rows of the text of a SELECT. It is logged here, because it does not pass through the engine."""
    driver: Any = connection.connection.driver_connection
    began = time.perf_counter()
    # From the cursor of a result, DuckDB 2 makes a copy, and warns about it.
    table: pyarrow.Table = driver.sql(select).to_arrow_table()
    seconds = time.perf_counter() - began
    _sql.debug("%.3f s: %s", seconds, select, extra={"seconds": seconds})
    return table


def write_parquet(connection: Connection, select: str, target: str, *, overwrite: bool) -> None:
    """Write the rows of the text of a SELECT to one local file, under another name until it is complete."""
    if "://" in target:
        raise ConfigurationError("the embedded database writes local files", where=target, hint="Give a path.")
    file = Path(target)
    if file.exists() and not overwrite:
        raise ConfigurationError(
            "is there already", where=target, hint="Give another name, or allow to overwrite it."
        )
    if not file.parent.is_dir():
        raise ConfigurationError(f"there is no such folder to write {file.name} in", where=str(file.parent))
    with atomic_write(file) as new:
        connection.exec_driver_sql(f"COPY ({select}) TO {literal(str(new))} (FORMAT parquet)")
