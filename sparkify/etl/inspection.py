"""Compares the tables of a database with the models, and says which SELECTs can be run on those there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Connection, SelectBase, Table, inspect
from sqlalchemy.sql.visitors import iterate

from sparkify.etl.results import CheckResult

__all__ = ["Gone", "find_gone"]


@dataclass(frozen=True)
class Gone:
    """What the models have and the database has not.

    :ivar tables: the names of tables.
    :ivar columns: table and column, of tables that are there.
    """

    tables: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()

    @property
    def result(self) -> CheckResult:
        """What the check says that the tables are those of the models."""
        problems = [f"table {name} is gone" for name in self.tables]
        problems += [f"column {column} of {table} is gone" for table, column in self.columns]
        return CheckResult(
            "tables: each is there, with every column of its model",
            len(problems),
            tuple({"problem": problem} for problem in problems),
            "Restore the database from a copy, or make it anew and load all files",
        )

    def needed_by(self, rows: SelectBase) -> str | None:
        """What a SELECT cannot do without, in words; None where everything is there that it names."""
        if not self.tables and not self.columns:
            return None
        for part in iterate(rows):
            if isinstance(part, Table) and part.name in self.tables:
                return f"table {part.name} is gone"
            if isinstance(part, Column) and isinstance(part.table, Table):
                if part.table.name in self.tables:
                    return f"table {part.table.name} is gone"
                if (part.table.name, part.name) in self.columns:
                    return f"column {part.name} of {part.table.name} is gone"
        return None


def find_gone(connection: Connection, tables: Iterable[Table]) -> Gone:
    """The tables and columns that a database lacks, in the order of the models. Read-only."""
    inspector = inspect(connection)
    there = set(inspector.get_table_names())
    gone, columns = [], []
    for table in dict.fromkeys(tables):
        if table.name not in there:
            gone.append(table.name)
            continue
        columns += _missing_columns([one["name"] for one in inspector.get_columns(table.name)], table)
    return Gone(tuple(gone), tuple(columns))


def _missing_columns(there: Sequence[str], table: Table) -> list[tuple[str, str]]:
    return [(table.name, column.name) for column in table.columns if column.name not in there]
