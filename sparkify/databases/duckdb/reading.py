"""The SQL with which DuckDB reads files: as text at first, into tables of a database in memory.

What a line must be is said in the statement itself, which fails at the first that is not right.
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
    """Attach a database in memory with an empty staging table, and count from 0 what is not stored there."""
    name = quoted(source.staging.name)
    table = (
        f"ATTACH ':memory:' AS {quoted(catalog)}; "
        f"CREATE TABLE {_table(source, catalog)} AS SELECT * FROM main.{name} WHERE false"
    )
    sequence = f"CREATE SEQUENCE {_skipped(source, catalog)} MINVALUE 0 START 0"
    return table if source.kept is None else f"{table}; {sequence}"


def compress(catalog: str) -> str:
    """Compress what is staged and committed: a checkpoint does, of a database in memory too."""
    return f"CHECKPOINT {quoted(catalog)}"


def detach(catalog: str) -> str:
    """Detach that database, with all that is in it."""
    return f"DETACH {quoted(catalog)}"


def shadow(source: Source, catalog: str) -> str:
    """Shadow the staging table with that of the database in memory, for the connection that sends this."""
    return f"CREATE TEMPORARY VIEW {quoted(source.staging.name)} AS SELECT * FROM {_table(source, catalog)}"


def unshadow(source: Source) -> str:
    """Undo that."""
    return f"DROP VIEW temp.{quoted(source.staging.name)}"


def next_skipped(source: Source, catalog: str) -> str:
    """The statement that takes the next number of the lines that are read and not stored."""
    return f"SELECT {_next_skipped(source, catalog)}"


def _table(source: Source, catalog: str) -> str:
    return f"{quoted(catalog)}.main.{quoted(source.staging.name)}"


def _skipped(source: Source, catalog: str) -> str:
    return f"{quoted(catalog)}.main.{quoted(f'{source.staging.name}_skipped')}"


def _next_skipped(source: Source, catalog: str) -> str:
    return f"nextval('{escaped(_skipped(source, catalog))}')"


def insert_files(source: Source, catalog: str, *, validated: bool = False) -> str:
    """The statement that reads files into the staging table, and fails at a line that is not right.

    :param validated: whether the lines were validated, one by one.
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
    """Whether the column that is watched has a value that is not known: such a line is stored."""
    key = source.keys[watched.column]
    known = ", ".join(f"'{escaped(value)}'" for value in watched.values)
    # Of an IN with many values DuckDB makes a join, for every line, and not for those alone that need a look.
    return f"NOT list_contains([{known}], {_text(key)})" if known else f"{quoted(key)} IS NOT NULL"


def count_lines(source: Source) -> str:
    """The statement that reads files, and fails as the other does, and only counts."""
    return f"SELECT count(*)\n{_from_files(source, 'true', validated=False)}"


def _from_files(source: Source, accepted: str, *, validated: bool) -> str:
    fields = source.fields
    # Everything is read as text: asked for an integer, DuckDB makes 11 of 10.7 and 1 of true in silence.
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
    """The type of the number that a column holds; None of text."""
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
        # Not cast to one with a zone: that takes what it gets for a time of the session's zone.
        made = "make_timestamptz" if column.type.timezone else "make_timestamp"
        return f"{made}({_number(field)} * 1000)"
    return _number(field)


def _text(key: str) -> str:
    """The text of a key without the blanks at its end."""
    name = quoted(key)
    # To trim each text takes two seconds a million lines; to look at its last character next to nothing.
    return f"CASE WHEN suffix({name}, ' ') THEN rtrim({name}, ' ') ELSE {name} END"


def _wrong(column: Column[Any], field: JsonField) -> str:
    """Whether the text of a key breaks the rules of its column, as :class:`LineValidator` has them."""
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
    # What is no number is NULL, and NaN and the infinities lie outside of every range.
    in_range = f"{number} BETWEEN {low} AND {high}"
    if _kind(column) == "DOUBLE" and low <= 0:
        in_range = _in_range_of_0(key, number, low, high, limits.smallest)
    right = f"{in_range} AND {_well_formed(column, field)}"
    return f"({right}) IS NOT TRUE" if field.required else f"({key} <> '' AND ({right}) IS NOT TRUE)"


def _in_range_of_0(key: str, number: str, low: float, high: float, smallest: float) -> str:
    """Whether a number lies in a range with 0 in it, and is 0 or not too near to it.

    That of which the text is a number of JSON, and the value 0, is seen by the spool: DuckDB hands on ``0.0``.
    """
    # A number above 0, as nearly all are, meets one comparison, as it does where the range has no 0.
    below = f" WHEN {number} BETWEEN {low} AND {-smallest} THEN true" if low < 0 else ""
    return (
        f"CASE WHEN {number} BETWEEN {smallest} AND {high} THEN true{below}"
        f" ELSE {number} = 0 AND regexp_full_match({key}, '{_ZERO_TEXT}') END"
    )


def _may_be_no_text(field: JsonField) -> str:
    """Whether what is read for a text may be a bare NaN or infinity, which JSON has not, an array or an object:
    only the line itself tells.
    """
    key = quoted(field.key)
    first = sorted({case(constant[0]) for constant in CONSTANTS for case in (str.lower, str.upper)})
    # No IN: see above. Of most texts the first character tells that they are none, at next to no cost.
    constant = (
        f"({' OR '.join(_begins(key, character) for character in first)})"
        f" AND regexp_full_match({key}, '{'|'.join(CONSTANTS)}', 'i')"
    )
    return " OR ".join([constant, *(f"{_begins(key, bracket)} AND json_valid({key})" for bracket in "[{")])


def _begins(key: str, character: str) -> str:
    """Whether a text begins with an ASCII character: a comparison costs a tenth of ``prefix``."""
    return f"({key} >= '{character}' AND {key} < '{escaped(chr(ord(character) + 1))}')"


def _well_formed(column: Column[Any], field: JsonField) -> str:
    """Whether a text that can be cast to a number has the form of one: a cast also takes blanks, ``1_000``
    and more.
    """
    key = quoted(field.key)
    if _kind(column) == "DOUBLE":
        return f"regexp_full_match({key}, '{FLOAT_TEXT}')"
    # The regular expression costs twice as much, so only what is not written as usual is put to it.
    plain = f"CAST({_number(field)} AS VARCHAR) = {key}"
    return f"CASE WHEN {plain} THEN true ELSE regexp_full_match({key}, '{INTEGER_TEXT}') END"


def quoted(name: str) -> str:
    """A name, as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def escaped(value: str) -> str:
    """A text, as it stands between quotes in SQL."""
    return value.replace("'", "''")
