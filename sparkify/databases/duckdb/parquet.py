"""Writes rows of any database to a local Parquet file, with an embedded database in memory.

The rows go through a JSON file in which every value is a text, and DuckDB casts each to its type: so decimals,
NaN and timestamps arrive exactly, and only one row at a time is held here.
"""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from sparkify.databases.duckdb.dialect import literal
from sparkify.databases.duckdb.file import CONFIG
from sparkify.databases.duckdb.reading import quoted
from sparkify.databases.rows import Rows

__all__ = ["write_parquet"]

_MOST_DIGITS = 38
# One encoder: dumps() would make a new one for each row.
_encode = json.JSONEncoder(default=str).encode


def write_parquet(rows: Rows, file: Path) -> None:
    """Write rows to a file, replacing it if it exists."""
    places = [0] * len(rows.columns)
    with tempfile.NamedTemporaryFile("w", prefix="sparkify-", suffix=".json", encoding="utf-8") as lines:
        for row in rows:
            for place, value in enumerate(row):
                if isinstance(value, Decimal) and isinstance(scale := value.as_tuple().exponent, int):
                    places[place] = max(places[place], -scale)
            lines.write(_encode(dict(zip(rows.columns, map(_text, row), strict=True))))
            lines.write("\n")
        lines.flush()
        types = [
            f"DECIMAL({_MOST_DIGITS},{scale})" if kind == "DECIMAL" else kind
            for kind, scale in zip(rows.types, places, strict=True)
        ]
        texts = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in rows.columns)
        values = ", ".join(_cast(name, kind) for name, kind in zip(rows.columns, types, strict=True))
        read = f"read_json({literal(lines.name)}, format = 'newline_delimited', columns = {{{texts}}})"
        with duckdb.connect(config=dict(CONFIG)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            copy = f"COPY (SELECT {values} FROM {read}) TO {literal(str(file))}"
            connection.execute(f"{copy} (FORMAT parquet, USE_TMP_FILE false)")


def _cast(name: str, kind: str) -> str:
    column = quoted(name)
    if kind == "BLOB":
        return f"unhex({column}) AS {column}"
    nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))
    source = f"CAST({column} AS JSON)" if nested else column
    return f"CAST({source} AS {kind}) AS {column}"


def _text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case str():
            return value
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case datetime():
            return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat(sep=" ")
        case list() | tuple() | dict():
            return _encode(value)
        case _:
            return str(value)
