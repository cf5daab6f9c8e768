"""From a transform to the statements that carry it out, in SQL that every database here runs as it is.

DELETE, never TRUNCATE: on Redshift TRUNCATE commits the transaction. Keys are found with IN (SELECT ...) and
LEFT JOIN ... IS NULL, and no MERGE is used, so that one text serves all and DuckDB's tests run production's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Delete,
    FromClause,
    SelectBase,
    Table,
    and_,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy import Insert as InsertStatement
from sqlalchemy import Update as UpdateStatement

from sparkify.etl.constructs import differs
from sparkify.etl.declarations import Append, Best, Insert, Merge, Replace, Sync, Transform, Update

__all__ = ["Change", "best_of_each", "changes"]

Effect = Literal["inserted", "updated", "deleted", "replaced"]


@dataclass(frozen=True)
class Change:
    """One statement, and what the rows that it touches count as.

    ``replaced`` rows are deleted to be inserted anew by the next statement.
    """

    statement: Delete | InsertStatement | UpdateStatement
    table: Table
    effect: Effect


@singledispatch
def changes(transform: Transform, load_id: ColumnElement[int]) -> Sequence[Change]:
    """The statements of a transform, in order."""
    raise TypeError(f"no disposition is known for {type(transform).__name__}")


@changes.register
def _(transform: Append, load_id: ColumnElement[int]) -> Sequence[Change]:
    rows = transform.rows(load_id)
    statement = insert(transform.target).from_select(rows.selected_columns.keys(), rows)
    return [Change(statement, transform.target, "inserted")]


@changes.register
def _(transform: Insert, load_id: ColumnElement[int]) -> Sequence[Change]:
    rows = transform.rows(load_id).subquery("new")
    return [_insert_missing(transform.target, rows, transform.key, transform.bounds)]


@changes.register
def _(transform: Merge, load_id: ColumnElement[int]) -> Sequence[Change]:
    target, (key,) = transform.target, transform.key
    rows = transform.rows(load_id).subquery("batch")
    names = rows.c.keys()
    there = select(*(target.c[name] for name in names), literal_column("1").label("is_there")).where(
        target.c[key].in_(select(rows.c[key]))
    )
    if transform.scope is not None:
        there = there.where(transform.scope)
    both = select(*rows.c, literal_column("0").label("is_there")).union_all(there).subquery("both_rows")
    # Of two rows that are as good the one that is there comes first, and nothing is written.
    order = [*transform.best(both.c), both.c.is_there.desc()]
    rank = func.row_number().over(partition_by=both.c[key], order_by=order).label("place")
    ranked = select(both.c[key], both.c.is_there, rank).subquery("ranked")
    beaten = select(ranked.c[key]).where(ranked.c.place == 1, ranked.c.is_there == 0)
    best = best_of_each(transform.rows(load_id), transform.key, transform.best)
    return [
        Change(delete(target).where(target.c[key].in_(beaten)), target, "replaced"),
        _insert_missing(target, best.subquery("best"), transform.key, None),
    ]


@changes.register
def _(transform: Sync, load_id: ColumnElement[int]) -> Sequence[Change]:
    target, (key,) = transform.target, transform.key
    rows = transform.rows(load_id).subquery("source")
    others = [column.key for column in rows.c if column.key != key]
    unlike = or_(*(differs(target.c[name], rows.c[name]) for name in others))
    stale = (
        select(target.c[key])
        .select_from(target.outerjoin(rows, rows.c[key] == target.c[key]))
        .where(transform.scope, or_(rows.c[key].is_(None), unlike))
        .correlate(None)
    )
    return [
        Change(delete(target).where(target.c[key].in_(stale)), target, "replaced"),
        _insert_missing(target, rows, transform.key, None),
    ]


@changes.register
def _(transform: Replace, load_id: ColumnElement[int]) -> Sequence[Change]:
    target = transform.target
    rows = transform.rows(load_id)
    names = rows.selected_columns.keys()
    return [
        Change(
            delete(target).where(target.c[transform.group].in_(transform.groups(load_id))), target, "replaced"
        ),
        Change(insert(target).from_select(names, rows), target, "inserted"),
    ]


@changes.register
def _(transform: Update, load_id: ColumnElement[int]) -> Sequence[Change]:
    target = transform.target
    rows = transform.rows(load_id).subquery("source")
    named = [
        column.key
        for column in rows.c
        if column.key not in transform.key and column.key not in transform.silent
    ]
    values = {name: rows.c[name] for name in (*named, *transform.silent)}
    changed = (
        update(target)
        .values(values)
        .where(
            _same_key(target, rows, transform.key),
            or_(*(differs(target.c[name], rows.c[name]) for name in named)),
        )
    )
    return [Change(changed, target, "updated")]


def best_of_each(rows: SelectBase, key: Sequence[str], best: Best) -> SelectBase:
    """One row for each key: the first by the order that ``best`` gives."""
    source = rows.subquery("candidates")
    rank = func.row_number().over(partition_by=[source.c[name] for name in key], order_by=list(best(source.c)))
    ranked = select(*source.c, rank.label("place")).subquery("ranked")
    return select(*(ranked.c[column.key] for column in source.c)).where(ranked.c.place == 1)


def _insert_missing(
    target: Table, rows: FromClause, key: Sequence[str], bounds: ColumnElement[Any] | None
) -> Change:
    """Insert the rows whose key the target has not."""
    names = rows.c.keys()
    there: FromClause = target
    if bounds is not None:
        # Only the part of a large target in which this batch can be: whole blocks of it are never read.
        low, high = select(func.min(bounds)).scalar_subquery(), select(func.max(bounds)).scalar_subquery()
        column = target.c[key[0]]
        there = select(*(target.c[name] for name in key)).where(column >= low, column <= high).subquery("there")
    missing = (
        select(*(rows.c[name] for name in names))
        .select_from(rows.outerjoin(there, _same_key(there, rows, key)))
        .where(there.c[key[0]].is_(None))
    )
    return Change(insert(target).from_select(names, missing), target, "inserted")


def _same_key(left: FromClause, right: FromClause, key: Sequence[str]) -> ColumnElement[bool]:
    return and_(*(left.c[name] == right.c[name] for name in key))
