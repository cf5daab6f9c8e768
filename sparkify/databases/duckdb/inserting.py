"""Inserts rows of values from outside, as JSON: from the text of a statement, or from a file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Table

from sparkify.databases.duckdb.dialect import DuckDBDialect, literal
from sparkify.databases.duckdb.reading import quoted

__all__ = ["inserts"]

_MOST_IN_TEXT = 1_000
"""Most rows that are inserted from the text of the statement; more come from a file."""

_AT_ONCE = 1_000
"""Rows that are encoded at once: one by one, half of the time would go into starting."""

_dialect: Any = DuckDBDialect()
_json = json.JSONEncoder(default=str).encode


def inserts(table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The statement that inserts many rows, with its parameters. All rows have the same keys."""
    names = list(rows[0])
    shape = {name: str(table.c[name].type.compile(dialect=_dialect)) for name in names}
    insert = f"INSERT INTO {quoted(table.name)} ({', '.join(map(quoted, names))})"
    if len(rows) <= _MOST_IN_TEXT:
        # As JSON in one text: 15,000 rows take 20 s as VALUES, and 14 s as lists of parameters.
        values = ", ".join(f"r.{quoted(name)}" for name in names)
        some = _json([dict(row) for row in rows])
        yield (
            f"{insert} SELECT {values} FROM (SELECT unnest(from_json(CAST($1 AS JSON), $2)) AS r)",
            (some, json.dumps([shape])),
        )
        return
    # From a file: a text of many megabytes takes twice as long.
    with tempfile.NamedTemporaryFile("w", prefix="sparkify-", suffix=".json", encoding="utf-8") as file:
        for start in range(0, len(rows), _AT_ONCE):
            # Without the brackets of their list.
            some = _json([dict(row) for row in rows[start : start + _AT_ONCE]])[1:-1]
            file.write(f"{',' if start else '['}{some}\n")
        file.write("]")
        file.flush()
        columns = ", ".join(f"{quoted(name)}: {literal(kind)}" for name, kind in shape.items())
        read = f"read_json($1, format = 'array', columns = {{{columns}}})"
        yield f"{insert} SELECT {', '.join(map(quoted, names))} FROM {read}", (file.name,)
