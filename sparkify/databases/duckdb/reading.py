"""The SQL with which DuckDB reads files: as text at first, into tables of a database in memory.

The statement itself has the rules for a line, and fails at the first line that breaks one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Integer, String
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.column_types import number_limits, text_limit
from sparkify.etl.declarations import JsonField, Source, Watched
from sparkify.etl.line_rules import CONSTANTS, FLOAT_TEXT, INTEGER_TEXT, MAX_LINE

__all__ = [
    "attach",
    "compress",
    "count_lines",
    "detach",
    "escaped",
    "insert_files",
    "next_skipped",
    "quoted",
    "shadow",
    "unshadow",
]

_ZERO_TEXT = "-?[0.]+([eE].*)?"


def attach(source: Source, catalog: str) -> str:
    """Attach a database in memory with an empty staging table, and a counter of skipped lines, from 0."""
    name = quoted(source.staging.name)
    table = (
        f"ATTACH ':memory:' AS {quoted(catalog)}; "
        f"CREATE TABLE {_table(source, catalog)} AS SELECT * FROM main.{name} WHERE false"
    )
    sequence = f"CREATE SEQUENCE {_skipped(source, catalog)} MINVALUE 0 START 0"
    return table if source.kept is None else f"{table}; {sequence}"


def compress(catalog: str) -> str:
    """Compress what is staged and committed: a checkpoint does that, even for a database in memory."""
    return f"CHECKPOINT {quoted(catalog)}"


def detach(catalog: str) -> str:
    """Detach that database, with all that is in it."""
    return f"DETACH {quoted(catalog)}"


def shadow(source: Source, catalog: str) -> str:
    """Shadow the staging table with that of the database in memory, for the connection that sends this."""
    return f"CREATE TEMPORARY VIEW {quoted(source.staging.name)} AS SELECT * FROM {_table(source, catalog)}"


def unshadow(source: Source) -> str:
    """Undo :func:`shadow`."""
    return f"DROP VIEW temp.{quoted(source.staging.name)}"


def next_skipped(source: Source, catalog: str) -> str:
    """The statement that takes the next number from the counter of lines that are read but not stored."""
    return f"SELECT {_next_skipped(source, catalog)}"


def _table(source: Source, catalog: str) -> str:
    return f"{quoted(catalog)}.main.{quoted(source.staging.name)}"


def _skipped(source: Source, catalog: str) -> str:
    return f"{quoted(catalog)}.main.{quoted(f'{source.staging.name}_skipped')}"


def _next_skipped(source: Source, catalog: str) -> str:
    return f"nextval('{escaped(_skipped(source, catalog))}')"


def insert_files(source: Source, catalog: str, *, validated: bool = False) -> str:
    """The statement that reads files into the staging table, and fails at an invalid line.

    :param validated: whether the lines were validated one by one.
    """
    fields = source.fields
    names = ", ".join(quoted(column.name) for column in fields)
    values = ",\n       ".join(_value(column, field) for column, field in fields.items())
    otherwise = "true"
    if source.kept is not None:
        key = _text(source.keys[source.kept.column])
        # Every line must be accounted for, so one that is not stored is counted: nextval() is never below 0.
        skipped = f"{_next_skipped(source, catalog)} < 0"
        watched = f" WHEN {_is_new(source.watched, source)} THEN true" if source.watched is not None else ""
        otherwise = f"CASE WHEN {key} = '{escaped(source.kept.value)}' THEN true{watched} ELSE {skipped} END"
    rows = _from_files(source, otherwise, validated=validated)
    return f"INSERT INTO {_table(source, catalog)} ({names})\nSELECT {values}\n{rows}"


def _is_new(watched: Watched, source: Source) -> str:
    """Whether the watched column has a value that is not known yet: such a line is stored."""
    key = source.keys[watched.column]
    known = ", ".join(f"'{escaped(value)}'" for value in watched.values)
    # DuckDB turns an IN with many values into a join over every line, not only those that need the check.
    return f"NOT list_contains([{known}], {_text(key)})" if known else f"{quoted(key)} IS NOT NULL"


def count_lines(source: Source) -> str:
    """The statement that only counts the lines of files, and fails as :func:`insert_files` does."""
    return f"SELECT count(*)\n{_from_files(source, 'true', validated=False)}"


def _from_files(source: Source, accepted: str, *, validated: bool) -> str:
    fields = source.fields
    # Everything is read as text: asked for an integer, DuckDB silently turns 10.7 into 11 and true into 1.
    columns = ", ".join(f"{quoted(field.key)}: 'VARCHAR'" for field in fields.values())
    numbers = "".join(
        f",\n       TRY_CAST({quoted(field.key)} AS {kind}) AS {_number(field)}"
        for column, field in fields.items()
        if (kind := _kind(column)) is not None
    )
    wrong = [_wrong(column, field) for column, field in fields.items()]
    if not validated:
        wrong += [_may_be_no_text(field) for column, field in fields.items() if isinstance(column.type, String)]
    for required in source.required:
        missing = " OR ".join(f"coalesce({_text(source.keys[name])}, '') = ''" for name in required.needs)
        wrong.append(f"({_text(source.keys[required.column])} = '{escaped(required.value)}' AND ({missing}))")
    condition = "\n    OR ".join(wrong)
    return (
        f"FROM (SELECT *{numbers}\n"
        f"FROM read_json($1, columns = {{{columns}}}, format = 'newline_delimited',\n"
        f"     hive_partitioning = false, maximum_object_size = {MAX_LINE}))\n"
        f"WHERE CASE WHEN {condition}\n    THEN error('a line is not right') ELSE {accepted} END"
    )


def _kind(column: Column[Any]) -> str | None:
    """The type of the number that a column holds; None for text."""
    if isinstance(column.type, String):
        return None
    return "BIGINT" if isinstance(column.type, Integer | TIMESTAMP) else "DOUBLE"


def _number(field: JsonField) -> str:
    """The name of the number that the text of a key was cast to."""
    return quoted(f"{field.key} as number")


def _value(column: Column[Any], field: JsonField) -> str:
    """The value of a column."""
    if isinstance(column.type, String):
        return _text(field.key)
    if isinstance(column.type, TIMESTAMP):
        # Not a cast to a type with a zone, which takes its input to be in the zone of the session.
        made = "make_timestamptz" if column.type.timezone else "make_timestamp"
        return f"{made}({_number(field)} * 1000)"
    return _number(field)


def _text(key: str) -> str:
    """The text of a key without trailing blanks."""
    name = quoted(key)
    # Trimming every text takes two seconds per million lines; checking its last character, next to nothing.
    return f"CASE WHEN suffix({name}, ' ') THEN rtrim({name}, ' ') ELSE {name} END"


def _wrong(column: Column[Any], field: JsonField) -> str:
    """Whether the text of a key breaks the rules of its column, the same as in :class:`LineValidator`."""
    key = quoted(field.key)
    if isinstance(column.type, String):
        length = text_limit(column.type)
        parts = [f"(strlen({key}) > {length} AND strlen(rtrim({key}, ' ')) > {length})"]
        if field.required:
            parts.append(
                f"coalesce({_text(field.key)}, '') = ''" if field.empty_is_missing else f"{key} IS NULL"
            )
        return f"({' OR '.join(parts)})"
    number = _number(field)
    limits = number_limits(column)
    low, high = limits.within(field.minimum, field.maximum)
    # What is not a number is NULL, and NaN and the infinities are outside of every range.
    in_range = f"{number} BETWEEN {low} AND {high}"
    if _kind(column) == "DOUBLE" and low <= 0:
        in_range = _in_range_of_0(key, number, low, high, limits.smallest)
    right = f"{in_range} AND {_well_formed(column, field)}"
    return f"({right}) IS NOT TRUE" if field.required else f"({key} <> '' AND ({right}) IS NOT TRUE)"


def _in_range_of_0(key: str, number: str, low: float, high: float, smallest: float) -> str:
    """Whether a number is in a range that includes 0, and is 0 or not too close to it.

    The spool detects a JSON number that is too close and becomes 0: DuckDB passes that on as ``0.0``.
    """
    # A number above 0, as nearly all are, takes one comparison, as it does if the range has no 0.
    below = f" WHEN {number} BETWEEN {low} AND {-smallest} THEN true" if low < 0 else ""
    return (
        f"CASE WHEN {number} BETWEEN {smallest} AND {high} THEN true{below}"
        f" ELSE {number} = 0 AND regexp_full_match({key}, '{_ZERO_TEXT}') END"
    )


def _may_be_no_text(field: JsonField) -> str:
    """Whether what is read as a text may be a bare NaN or infinity, which JSON does not have, an array or an
    object: only the line itself tells.
    """
    key = quoted(field.key)
    first = sorted({case(constant[0]) for constant in CONSTANTS for case in (str.lower, str.upper)})
    # No IN: see above. The first character rules out most texts, at next to no cost.
    constant = (
        f"({' OR '.join(_begins(key, character) for character in first)})"
        f" AND regexp_full_match({key}, '{'|'.join(CONSTANTS)}', 'i')"
    )
    return " OR ".join([constant, *(f"{_begins(key, bracket)} AND json_valid({key})" for bracket in "[{")])


def _begins(key: str, character: str) -> str:
    """Whether a text begins with an ASCII character: a comparison costs a tenth of ``prefix``."""
    return f"({key} >= '{character}' AND {key} < '{escaped(chr(ord(character) + 1))}')"


def _well_formed(column: Column[Any], field: JsonField) -> str:
    """Whether a text that can be cast to a number is written as one: a cast also accepts blanks, ``1_000``
    and more.
    """
    key = quoted(field.key)
    if _kind(column) == "DOUBLE":
        return f"regexp_full_match({key}, '{FLOAT_TEXT}')"
    # The regular expression costs twice as much, so it only checks texts that are not written as usual.
    plain = f"CAST({_number(field)} AS VARCHAR) = {key}"
    return f"CASE WHEN {plain} THEN true ELSE regexp_full_match({key}, '{INTEGER_TEXT}') END"


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def escaped(value: str) -> str:
    """A text as it is written between quotes in SQL."""
    return value.replace("'", "''")
