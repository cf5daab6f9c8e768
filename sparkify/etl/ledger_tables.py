"""Which tables a warehouse keeps its ledger in, and what that sums up of the other tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Table

__all__ = ["Checksum", "Ledger"]


@dataclass(frozen=True, kw_only=True)
class Checksum:
    """What the ledger sums up of the rows of a table, so that a check finds rows that no load has made so.

    A table with a column ``load_id`` is summed up by load, unless ``by_load`` is False, another as a whole.

    :ivar columns: what is summed up. A column that an update of a later load alters cannot be.
    :ivar added: given the id of the load, tells the rows of the table that it may have added, once it has.
    :ivar removed: tells the rows that it may remove, before it does; None: it removes none. What it names is
        collected before the first transform that replaces rows of such a table. Rows that both tell and that
        stay as they are count for nothing.
    :ivar reads: as of the transforms of the table.
    :ivar by_load: False where ``load_id`` is not that of the load which added a row.
    :ivar key: of the columns those that tell one row from another, whichever load has it; empty: all of them.
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
        """The column by which it is summed up; None where it is summed up as a whole."""
        return self.table.c.get("load_id") if self.by_load else None


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The tables in which a warehouse keeps what was loaded (see :mod:`sparkify.etl.ledger`)."""

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
        """All of them."""
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
