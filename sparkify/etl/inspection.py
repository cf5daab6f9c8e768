"""Compares the tables of a database with the models, and says which SELECTs can run on the tables it has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Select, SelectBase, Table, column, func, select, table
from sqlalchemy.sql.visitors import iterate

from sparkify.etl.results import CheckResult

__all__ = ["Gone", "find_gone"]

_schemas = table("pg_namespace", column("oid"), column("nspname"), schema="pg_catalog")
_tables = table("pg_class", column("oid"), column("relnamespace"), column("relname"), schema="pg_catalog")
_columns = table("pg_attribute", column("attrelid"), column("attnum"), column("attname"), schema="pg_catalog")
# SQLAlchemy's inspector sends a query per table, with parameters, for which DuckDB imports pandas. The views of
# the information schema leave out what the user may not read.
_COLUMNS = (
    select(_tables.c.relname, _columns.c.attname)
    .join_from(_tables, _schemas, _tables.c.relnamespace == _schemas.c.oid)
    .join(_columns, _columns.c.attrelid == _tables.c.oid)
    .where(_schemas.c.nspname == func.current_schema(), _columns.c.attnum > 0)
)


@dataclass(frozen=True)
class Gone:
    """What the models have and the database lacks.

    :ivar tables: the names of missing tables.
    :ivar columns: table and column name of missing columns, in tables that exist.
    """

    tables: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()

    @property
    def result(self) -> CheckResult:
        """The result of the check that the database has every table and column of the models."""
        problems = [f"table {name} is gone" for name in self.tables]
        problems += [f"column {column} of {table} is gone" for table, column in self.columns]
        return CheckResult(
            "tables: each is there, with every column of its model",
            len(problems),
            tuple({"problem": problem} for problem in problems),
            "Restore the database from a copy, or make it anew and load all files",
        )

    def needed_by(self, rows: SelectBase) -> str | None:
        """What a SELECT needs but the database lacks, in words; None if everything that it names exists."""
        if not self.tables and not self.columns:
            return None
        for part in iterate(rows):
            # A SELECT of a whole table uses its columns without naming them.
            named = (*part.selected_columns, part) if isinstance(part, Select) else (part,)
            for one in named:
                if (missing := self._missing(one)) is not None:
                    return missing
        return None

    def _missing(self, part: Any) -> str | None:
        """Which table or column is gone, in words; None if none is."""
        owner = part.table if isinstance(part, Column) else part
        if not isinstance(owner, Table):
            return None
        if owner.name in self.tables:
            return f"table {owner.name} is gone"
        if isinstance(part, Column) and (owner.name, part.name) in self.columns:
            return f"column {part.name} of {owner.name} is gone"
        return None


def find_gone(connection: Connection, tables: Iterable[Table]) -> Gone:
    """The tables and columns that a database lacks, in the order of the models. Read-only."""
    there = defaultdict(set)
    for name, column_name in connection.execute(_COLUMNS):
        there[name].add(column_name)
    gone, columns = [], []
    for model in dict.fromkeys(tables):
        if model.name not in there:
            gone.append(model.name)
            continue
        columns += [(model.name, one.name) for one in model.columns if one.name not in there[model.name]]
    return Gone(tuple(gone), tuple(columns))
