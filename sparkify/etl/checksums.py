"""Keeps checksums of tables' rows in the ledger, load by load, and checks the tables against them.

A load sums up what it adds and what it removes, never a whole table. A sum of hashes does not depend on the
order of rows, and removed rows can be subtracted from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Delete,
    Insert,
    Integer,
    Numeric,
    Select,
    SelectBase,
    String,
    Table,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    union_all,
)

from sparkify.etl.constructs import row_hash
from sparkify.etl.declarations import Check, Checksum, Ledger, Pipeline
from sparkify.etl.session import Session

__all__ = [
    "REBUILD",
    "checksum_check",
    "checksum_checks",
    "find_unknown",
    "forget",
    "forget_all",
    "sum_added",
    "sum_removed",
]

REBUILD = "Rebuild the tables from all files. Run: sparkify-etl load --full-refresh"


def _sums_of_ledger(ledger: Ledger) -> tuple[Checksum, ...]:
    """The checksums of the ledger's own tables, without columns that later loads alter and without times."""
    counts = ("lines", "loaded", "rejected", "blank")
    columns = {
        ledger.history: ("mode", "files", "bytes", *counts, "version"),
        ledger.files: ("source", "uri", "bytes", *counts, "content_hash"),
        ledger.rejects: ("source", "uri", "line", "column_name", "reason", "text"),
    }
    return tuple(
        Checksum(table=table, columns=names, added=_of_load(table), reads=frozenset())
        for table, names in columns.items()
    )


def _of_load(table: Table) -> Any:
    return lambda load_id: table.c.load_id == load_id


def sum_added(ledger: Ledger, sums: Sequence[Checksum], load_id: ColumnElement[int]) -> Insert:
    """The statement that adds the checksums of what a load has added, including its own rows in the ledger."""
    parts = [_changed(one, one.added(load_id), load_id, "FALSE") for one in (*sums, *_sums_of_ledger(ledger))]
    return _insert(ledger, parts)


def sum_removed(ledger: Ledger, sums: Sequence[Checksum], load_id: ColumnElement[int]) -> Insert | None:
    """The statement that adds the checksums of what a load is about to remove; None if it removes nothing."""
    parts = [
        _changed(one, one.removed, load_id, "TRUE").having(func.count() > 0)
        for one in sums
        if one.removed is not None
    ]
    return _insert(ledger, parts) if parts else None


def _insert(ledger: Ledger, parts: Sequence[SelectBase]) -> Insert:
    rows = union_all(*parts) if len(parts) > 1 else parts[0]
    return insert(ledger.checksums).from_select([column.name for column in ledger.checksums.columns], rows)


def _changed(
    one: Checksum, condition: ColumnElement[bool], load_id: ColumnElement[int], removed: str
) -> Select[Any]:
    load = one.load
    found = select(
        cast(load_id, BigInteger).label("load_id"),
        literal_column(f"'{one.table.name}'", String()).label("table_name"),
        (literal_column("0", BigInteger) if load is None else load).label("of_load"),
        literal_column(removed, Boolean()).label("removed"),
        func.count().label("rows"),
        _sum(one).label("checksum"),
        _probe().label("probe"),
    ).where(condition)
    return found if load is None else found.group_by(load)


def _sum(one: Checksum) -> ColumnElement[Any]:
    hashed = row_hash(*(one.table.c[name] for name in one.columns))
    return func.coalesce(cast(func.sum(hashed), Numeric(38, 0)), 0)


def _probe() -> ColumnElement[int]:
    return row_hash(cast(literal_column("'probe'"), String(8)), literal_column("1", Integer()))


def forget_all(ledger: Ledger) -> Delete:
    """The statement by which a full refresh deletes all checksums but those of the load history."""
    return delete(ledger.checksums).where(ledger.checksums.c.table_name != ledger.history.name)


def forget(ledger: Ledger, table: Table, loads: SelectBase) -> Delete:
    """The statement that deletes the checksums of some loads for a table of the ledger."""
    sums = ledger.checksums
    return delete(sums).where(sums.c.table_name == table.name, sums.c.of_load.in_(loads))


@lru_cache(maxsize=8)
def checksum_checks(pipeline: Pipeline) -> tuple[Check, ...]:
    """A check for each table that has checksums."""
    return tuple(checksum_check(pipeline.ledger, one) for one in _all(pipeline))


def _all(pipeline: Pipeline) -> tuple[Checksum, ...]:
    return (*pipeline.checksums, *_sums_of_ledger(pipeline.ledger))


def checksum_check(ledger: Ledger, one: Checksum) -> Check:
    """The check that a table has the rows whose checksums are in the ledger."""
    name = f"{one.table.name}: the rows{'' if one.load is None else ' of each load'} that the ledger has"
    return Check(name=name, rows=lambda _load_id: _unlike(ledger, one), during_load=False, hint=REBUILD)


def _unlike(ledger: Ledger, one: Checksum) -> SelectBase:
    """The loads whose rows in a table do not match the ledger, in number or in checksum."""
    load, sums = one.load, ledger.checksums.c
    none, zero = literal_column("0", BigInteger), literal_column("0", Numeric(38, 0))
    of_load = none if load is None else load
    there = select(
        of_load.label("of_load"),
        func.count().label("rows"),
        none.label("recorded"),
        _sum(one).label("checksum"),
        none.label("unknown"),
    )
    sign = case((sums.removed, -1), else_=1)
    recorded = select(
        sums.of_load,
        none,
        sign * sums.rows,
        cast(-sign * func.coalesce(sums.checksum, zero), Numeric(38, 0)),
        case((_is_known(ledger), 0), else_=1),
    ).where(sums.table_name == one.table.name)
    both = union_all(there if load is None else there.group_by(load), recorded).subquery("sums")
    rows, expected = cast(func.sum(both.c.rows), BigInteger), cast(func.sum(both.c.recorded), BigInteger)
    return (
        select(both.c.of_load, rows.label("rows"), expected.label("recorded_rows"))
        .group_by(both.c.of_load)
        .having(
            or_(rows != expected, and_(func.sum(both.c.unknown) == 0, func.sum(both.c.checksum) != 0)),
        )
    )


def _is_known(ledger: Ledger) -> ColumnElement[bool]:
    sums = ledger.checksums.c
    return and_(sums.checksum.is_not(None), func.coalesce(sums.probe, 0) == _probe())


def find_unknown(session: Session, pipeline: Pipeline) -> dict[str, str]:
    """By the name of each such check, a note on how many loads have rows that can only be counted."""
    sums = pipeline.ledger.checksums.c
    unknown = select(sums.table_name, func.count(sums.of_load.distinct())).where(~_is_known(pipeline.ledger))
    found = {name: int(loads) for name, loads in session.fetch(unknown.group_by(sums.table_name))}
    notes: dict[str, str] = {}
    for one in _all(pipeline):
        if loads := found.get(one.table.name, 0):
            of_loads = "" if one.load is None else f" of {loads:,} {'load' if loads == 1 else 'loads'}"
            notes[checksum_check(pipeline.ledger, one).name] = f"the rows{of_loads} {_COUNTED}"
    return notes


_COUNTED = "are counted alone: they have no checksum before a full refresh"
