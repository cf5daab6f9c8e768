"""Checks that the declarations of a pipeline fit together: each name in it must refer to something it has."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, String, Table

from sparkify.etl.errors import ConfigurationError
from sparkify.etl.ledger_tables import Checksum
from sparkify.etl.suggestions import did_you_mean

__all__ = [
    "check_best",
    "check_checksums",
    "check_columns",
    "check_json_keys",
    "check_key",
    "check_kind",
    "check_names",
    "check_reads",
    "check_schemas",
    "check_source_name",
    "check_sources",
    "check_target",
    "check_text_column",
    "column_problems",
]

_SOURCE_NAME = re.compile(r"\w[\w.-]*")


def check_kind(given: Collection[str], *, where: str, what: str, kind: type = tuple) -> None:
    """Check that names are given as a tuple, or as a frozenset.

    :param where: what has the names, such as ``transform 'orders'``.
    :param what: the argument that they are given as.
    :raises ConfigurationError: when they are anything else, such as a string, whose letters would be the names.
    """
    if not isinstance(given, kind):
        listed = ", ".join(map(repr, [given] if isinstance(given, str) else given))
        written = f"({listed},)" if kind is tuple else f"{kind.__name__}({{{listed}}})"
        raise ConfigurationError(
            f"{what} is of type {type(given).__name__}", where=where, hint=f"Write it as {what}={written}."
        )


def check_names(
    given: Collection[str], known: Iterable[str], *, where: str, what: str, among: str, kind: type = tuple
) -> None:
    """Check that all names are known.

    :param where: what has the names, such as ``transform 'orders'``.
    :param what: the argument that they are given as.
    :param among: what the known names belong to.
    :param kind: tuple or frozenset.
    :raises ConfigurationError: when they are of another kind, when there are none, or when one is unknown.
    """
    check_kind(given, where=where, what=what, kind=kind)
    names = list(known)
    there = f"{among}: {', '.join(names)}"
    if not given:
        raise ConfigurationError(f"{what} is empty", where=where, hint=f"Name some of {there}.")
    if unknown := sorted(name for name in given if name not in names):
        raise ConfigurationError(
            f"{what} has {', '.join(map(repr, unknown))}, which is none of {there}",
            where=where,
            hint=did_you_mean(unknown[0], names),
        )


# -- sources -----------------------------------------------------------------------------------------------


def check_source_name(name: str) -> None:
    """Check that the name of a source can be part of the names of files, settings and options.

    :raises ConfigurationError: when it cannot.
    """
    if _SOURCE_NAME.fullmatch(name) is None:
        raise ConfigurationError(
            "is no name of a source", where=f"source {name!r}", hint="It has letters, digits, _, - and . alone."
        )


def check_sources(names: Iterable[str], stagings: Iterable[Table]) -> None:
    """Check that no two sources share a name or a staging table. Case is ignored, as it is in settings and in
    DuckDB.

    :param stagings: the staging table of each.
    :raises ConfigurationError: when two do.
    """
    by_name: dict[str, str] = {}
    by_table: dict[str, str] = {}
    for name, staging in zip(names, stagings, strict=True):
        if other := by_name.get(name.lower()):
            raise ConfigurationError(
                f"there is a source {other} already",
                where=f"source {name}",
                hint="Give each a name that differs in more than capitals.",
            )
        if other := by_table.get(staging.name.lower()):
            raise ConfigurationError(
                f"its staging table {staging.name} is that of source {other}",
                where=f"source {name}",
                hint="Give each a staging table of its own.",
            )
        by_name[name.lower()] = by_table[staging.name.lower()] = name


def check_text_column(name: str, columns: Mapping[str, Column[Any]], *, where: str, what: str, of: str) -> None:
    """Check that a name is that of a text column filled from JSON, because its values are compared with texts.

    :param columns: the columns of the staging table that are filled from JSON, by name.
    :param of: the name of the staging table.
    :raises ConfigurationError: when it is not.
    """
    check_names((name,), columns, where=where, what=what, among=f"the columns from JSON of {of}")
    if not isinstance(columns[name].type, String):
        raise ConfigurationError(
            f"{what} is {name}, which is of type {columns[name].type!r}, and its values are compared as texts",
            where=where,
            hint="Name a column of text.",
        )


def check_json_keys(keys: Mapping[str, str], *, where: str) -> None:
    """Check that each key can be written in a JSONPaths file, and that no two columns are filled from the same
    key. Case is ignored, as it is in DuckDB.

    :param keys: by the name of the column.
    :raises ConfigurationError: when a key cannot be written, or two columns share one.
    """
    found: dict[str, str] = {}
    for name, key in keys.items():
        if "'" in key or "\\" in key:
            # A path is $['key']. AWS does not say how to escape these in one (AWS: COPY from JSON format).
            raise ConfigurationError(
                f"the column {name} is filled from the key {key!r}, which no JSONPaths file can name",
                where=where,
                hint="Rename the key before the load: it may have no apostrophe and no backslash.",
            )
        other = found.setdefault(key.lower(), name)
        if other != name:
            alike = f"the key {key!r}" if keys[other] == key else f"the keys {keys[other]!r} and {key!r}"
            raise ConfigurationError(
                f"the columns {other} and {name} are filled from {alike}",
                where=where,
                hint="Read a key once, and what differs in more than capitals.",
            )


# -- tables and transforms ---------------------------------------------------------------------------------


def check_schemas(tables: Iterable[Table]) -> None:
    """Check that no table names a schema: the settings say which one they are all in.

    :raises ConfigurationError: when one does.
    """
    for table in tables:
        if table.schema is not None:
            raise ConfigurationError(
                f"is in a schema, {table.schema}",
                where=f"table {table.name}",
                hint="Leave it out of the model: the setting DB_SCHEMA says in which schema of Redshift the "
                "tables are.",
            )


def check_target(target: Table, tables: Iterable[Table], *, where: str) -> None:
    """Check that a target table is one that a full refresh empties.

    :param tables: the tables of the pipeline.
    :raises ConfigurationError: when it is not.
    """
    names = [table.name for table in tables]
    if target.name not in names:
        raise ConfigurationError(
            f"its target {target.name} is none of the tables of the pipeline: {', '.join(names)}",
            where=where,
            hint="Name it in tables: a full refresh empties those alone, and its rows would be there twice.",
        )


def check_reads(reads: frozenset[str], sources: Iterable[str], *, where: str) -> None:
    """Check that everything read is a source: what reads no source would be left out of every load.

    :param sources: the names of the sources of the pipeline.
    :raises ConfigurationError: when no source is named, or an unknown one.
    """
    check_names(reads, sources, where=where, what="reads", among="the sources", kind=frozenset)


def check_columns(names: Collection[str], table: Table, *, where: str, what: str) -> None:
    """Check that names are those of columns of a table.

    :raises ConfigurationError: when they are not.
    """
    check_names(names, table.c.keys(), where=where, what=what, among=f"the columns of {table.name}")


def check_checksums(checksums: Iterable[Checksum], sources: Sequence[str]) -> None:
    """Check that checksums name sources of the pipeline, and columns of their tables.

    :param sources: the names of the sources of the pipeline.
    :raises ConfigurationError: when they do not.
    """
    for one in checksums:
        where = f"checksum of {one.table.name}"
        check_reads(one.reads, sources, where=where)
        check_columns(one.columns, one.table, where=where, what="columns")
        if one.key:
            check_columns(one.key, one.table, where=where, what="key")


def check_key(key: Collection[str], target: Table, *, where: str, single: bool) -> None:
    """Check that a key consists of columns of the target.

    :param single: whether it must be a single column.
    :raises ConfigurationError: when it is not.
    """
    check_columns(key, target, where=where, what="key")
    if single and len(key) > 1:
        raise ConfigurationError(
            f"key has {len(key)} columns, {', '.join(key)}, and is of one",
            where=where,
            hint="Make one column of them, in the target and in rows.",
        )


def check_best(best: Callable[[Any], Sequence[Any]], target: Table, *, where: str) -> None:
    """Check that the order that decides the best row uses columns of the target.

    :raises ConfigurationError: when it uses another column, or is empty.
    """
    try:
        order = best(target.c)
    except KeyError as exc:
        check_columns((str(exc.args[0]),), target, where=where, what="best")
        raise
    if not order:
        raise ConfigurationError(
            "best is empty", where=where, hint="Return an order in which no two different rows are equal."
        )


def column_problems(
    given: Iterable[str], target: Table, needed: Iterable[str] | None, *, where: str
) -> Iterator[str]:
    """What is wrong with the columns of a SELECT that fills a table.

    :param needed: the columns that it must have; None: all that the database does not fill itself.
    """
    if unknown := sorted(set(given) - set(target.c.keys())):
        yield f"{where}: {target.name} has no column {', '.join(unknown)}"
    if needed is None:
        needed = [
            column.key
            for column in target.c
            if column.server_default is None and column is not target.autoincrement_column
        ]
    if missing := sorted(set(needed) - set(given)):
        yield f"{where}: its SELECT has no column {', '.join(missing)} of {target.name}"
