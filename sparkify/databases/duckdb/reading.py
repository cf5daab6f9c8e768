"""The SQL with which DuckDB reads files: as text at first, into temporary tables that shadow the staging ones.

What a line must be is said in the statement itself, which fails at the first that is not right.
"""

from __future__ import annotations

import sys
from typing import Any

from sqlalchemy import Column, Integer, String, Table
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.declarations import JsonField, Source
from sparkify.etl.line_rules import FLOAT_TEXT, INTEGER_TEXT, MAX_LINE

__all__ = ["count_lines", "escaped", "insert_files", "quoted", "shadow", "unshadow"]

_LARGEST = sys.float_info.max


def shadow(staging: Table) -> str:
    """Shadow a staging table with an empty temporary table."""
    name = quoted(staging.name)
    return f"CREATE TEMPORARY TABLE {name} AS SELECT * FROM main.{name} WHERE false"


def unshadow(staging: Table) -> str:
    """Drop the temporary table again."""
    return f"DROP TABLE temp.{quoted(staging.name)}"


def insert_files(source: Source) -> str:
    """The statement that reads files into the staging table, and fails at a line that is not right."""
    fields = source.fields
    names = ", ".join(quoted(column.name) for column in fields)
    values = ",\n       ".join(_value(column, field) for column, field in fields.items())
    return f"INSERT INTO {quoted(source.staging.name)} ({names})\nSELECT {values}\n{_from_files(source)}"


def count_lines(source: Source) -> str:
    """The statement that reads files, and fails as the other does, and only counts."""
    return f"SELECT count(*)\n{_from_files(source)}"


def _from_files(source: Source) -> str:
    fields = source.fields
    # Everything is read as text: asked for an integer, DuckDB makes 11 of 10.7 and 1 of true in silence.
    columns = ", ".join(f"{quoted(field.key)}: 'VARCHAR'" for field in fields.values())
    wrong = [_wrong(column, field) for column, field in fields.items()]
    for required in source.required:
        keys = {column.name: quoted(field.key) for column, field in fields.items()}
        missing = " OR ".join(f"coalesce({keys[name]}, '') = ''" for name in required.needs)
        wrong.append(f"({keys[required.column]} = '{escaped(required.value)}' AND ({missing}))")
    condition = "\n    OR ".join(wrong)
    return (
        f"FROM read_json($1, columns = {{{columns}}}, format = 'newline_delimited',\n"
        f"     hive_partitioning = false, maximum_object_size = {MAX_LINE})\n"
        f"WHERE CASE WHEN {condition}\n    THEN error('a line is not right') ELSE true END"
    )


def _value(column: Column[Any], field: JsonField) -> str:
    """The value of a column, from the text of its key."""
    key = quoted(field.key)
    if isinstance(column.type, String):
        return key
    if isinstance(column.type, TIMESTAMP):
        return f"make_timestamp(CAST(nullif({key}, '') AS BIGINT) * 1000)"
    kind = "BIGINT" if isinstance(column.type, Integer) else "DOUBLE"
    return f"CAST(nullif({key}, '') AS {kind})"


def _wrong(column: Column[Any], field: JsonField) -> str:
    """Whether the text of a key breaks the rules of its column, as :class:`LineValidator` has them."""
    key = quoted(field.key)
    if isinstance(column.type, String):
        parts = [f"strlen({key}) > {column.type.length}"] if column.type.length else []
        if field.required:
            parts.append(f"{key} IS NULL")
        return f"({' OR '.join(parts) or 'false'})"
    whole = isinstance(column.type, Integer | TIMESTAMP)
    kind, pattern = ("BIGINT", INTEGER_TEXT) if whole else ("DOUBLE", FLOAT_TEXT)
    low = -_LARGEST if field.minimum is None else field.minimum
    high = _LARGEST if field.maximum is None else field.maximum
    # One cast for all: what is no number is NULL, and NaN and the infinities lie outside of every range.
    in_range = f"TRY_CAST({key} AS {kind}) BETWEEN {low} AND {high}"
    wrong = f"({key} <> '' AND (NOT regexp_full_match({key}, '{pattern}') OR ({in_range}) IS NOT TRUE))"
    return f"({wrong} OR coalesce({key}, '') = '')" if field.required else wrong


def quoted(name: str) -> str:
    """A name, as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def escaped(value: str) -> str:
    """A text, as it stands between quotes in SQL."""
    return value.replace("'", "''")
