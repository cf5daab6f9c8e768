"""Declares the tables that hold a warehouse's ledger, and what it sums up of the other tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Table

__all__ = ["Checksum", "Ledger"]


@dataclass(frozen=True, kw_only=True)
class Checksum:
    """How the ledger sums up the rows of a table, so that a check finds rows that no load has made that way.

    A table with a column ``load_id`` is summed up by load, unless ``by_load`` is False; others as a whole.

    :ivar columns: what is summed up. It cannot include a column that a later load updates.
    :ivar added: given the id of a load, the condition for the rows that it may have added, after it has.
    :ivar removed: the condition for the rows that a load may remove, before it does; None: it removes none.
        They are summed up before the first transform that replaces rows of such a table. Rows that meet both
        conditions and stay as they are cancel out.
    :ivar reads: the sources that the transforms of the table read.
    :ivar by_load: False if ``load_id`` is not the load that added the row.
    :ivar key: the columns that identify a row, whichever load has it; empty: all of ``columns``.
    """

    table: Table
    columns: tuple[str, ...]
    key: tuple[str, ...] = ()
    by_load: bool = True
    added: Callable[[ColumnElement[int]], ColumnElement[bool]]
    removed: ColumnElement[bool] | None = None
    reads: frozenset[str]

    @property
    def load(self) -> Column[Any] | None:
        """The column by which it is summed up; None if it is summed up as a whole."""
        return self.table.c.get("load_id") if self.by_load else None


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The tables in which a warehouse records what was loaded (see :mod:`sparkify.etl.ledger`)."""

    history: Table
    files: Table
    rejects: Table
    lock: Table
    steps: Table
    columns: Table
    checksums: Table
    failures: Table

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables of the ledger."""
        return (
            self.history,
            self.files,
            self.rejects,
            self.lock,
            self.steps,
            self.columns,
            self.checksums,
            self.failures,
        )
