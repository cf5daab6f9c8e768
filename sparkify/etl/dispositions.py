"""From a transform to the statements that carry it out, in SQL that every database here runs as it is.

DELETE, never TRUNCATE: on Redshift TRUNCATE commits the transaction. Keys are found with IN (SELECT ...) and
LEFT JOIN ... IS NULL, and no MERGE is used, so that one text serves all and DuckDB's tests run production's.

What a batch brings is collected in a temporary table first, so that it is computed once, and a large target
is read only where its keys are among those of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, Literal

from sqlalchemy import (
    Column,
    ColumnElement,
    Delete,
    FromClause,
    MetaData,
    Select,
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

from sparkify.etl.constructs import CreateTemporaryTable, differs
from sparkify.etl.declarations import (
    Append,
    Best,
    Collect,
    Insert,
    Merge,
    Replace,
    Sync,
    Transform,
    Update,
)

__all__ = ["Change", "Effect", "best_of_each", "changes"]

Effect = Literal["inserted", "updated", "deleted", "replaced", "collected", "found"]


@dataclass(frozen=True)
class Change:
    """One statement, and what the rows that it touches count as.

    ``replaced`` rows are deleted to be inserted anew by the next statement. ``collected`` rows are those of a
    temporary table, which is dropped at the end of the load; so are ``found`` ones, copies of rows of a target.
    """

    statement: CreateTemporaryTable | Delete | InsertStatement | UpdateStatement
    table: Table
    effect: Effect


@singledispatch
def changes(transform: Transform, load_id: ColumnElement[int]) -> Sequence[Change]:
    """The statements of a transform, in order."""
    raise TypeError(f"no disposition is known for {type(transform).__name__}")


@changes.register
def _(transform: Collect, load_id: ColumnElement[int]) -> Sequence[Change]:
    return [
        Change(CreateTemporaryTable(transform.target, transform.rows(load_id)), transform.target, "collected")
    ]


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
    best = best_of_each(transform.rows(load_id), transform.key, transform.best)
    collect_batch, batch = _collected(f"merged_{target.name}", best)
    collect_present, there = _present(target, batch, key, select(batch.c[key]), transform.scope)
    # A row of the batch has a rival where the target has its key, within the scope of the merge.
    names = [column.key for column in batch.c]
    rivals = select(*(there.c[name] for name in names), literal_column("1").label("is_there")).where(
        there.c.in_scope
    )
    both = (
        select(*batch.c, literal_column("0").label("is_there"))
        .where(batch.c[key].in_(select(rivals.subquery("rivals").c[key])))
        .union_all(rivals)
        .subquery("both_rows")
    )
    # Of two rows that are as good the one that is there comes first, and nothing is written.
    order = [*transform.best(both.c), both.c.is_there.desc()]
    rank = func.row_number().over(partition_by=both.c[key], order_by=order).label("place")
    ranked = select(both.c[key], both.c.is_there, rank).subquery("ranked")
    beaten = select(ranked.c[key]).where(ranked.c.place == 1, ranked.c.is_there == 0)
    return [collect_batch, collect_present, *_exchange(target, key, batch, there, beaten)]


@changes.register
def _(transform: Sync, load_id: ColumnElement[int]) -> Sequence[Change]:
    target, (key,) = transform.target, transform.key
    collect_rows, rows = _collected(f"synced_{target.name}", transform.rows(load_id))
    collect_present, there = _present(target, rows, key, transform.touched, transform.scope)
    others = [column.key for column in rows.c if column.key != key]
    unlike = or_(*(differs(there.c[name], rows.c[name]) for name in others))
    stale = (
        select(there.c[key])
        .select_from(there.outerjoin(rows, rows.c[key] == there.c[key]))
        .where(there.c.in_scope, or_(rows.c[key].is_(None), unlike))
    )
    return [collect_rows, collect_present, *_exchange(target, key, rows, there, stale)]


@changes.register
def _(transform: Replace, load_id: ColumnElement[int]) -> Sequence[Change]:
    target = transform.target
    rows = transform.rows(load_id)
    names = rows.selected_columns.keys()
    return [
        Change(delete(target).where(transform.scope), target, "replaced"),
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


def _collected(
    name: str, rows: SelectBase, effect: Literal["collected", "found"] = "collected"
) -> tuple[Change, Table]:
    """The statement that makes a temporary table of rows, and the table."""
    table = Table(name, MetaData(), *(Column(column.key, column.type) for column in rows.selected_columns))
    return Change(CreateTemporaryTable(table, rows), table, effect), table


def _present(
    target: Table, rows: Table, key: str, keys: SelectBase, scope: ColumnElement[bool] | None
) -> tuple[Change, Table]:
    """Copy what the target has of some keys, with the columns of ``rows`` and whether it lies in the scope."""
    in_scope = literal_column("true") if scope is None else scope
    columns = [target.c[column.key] for column in rows.c]
    there = select(*columns, in_scope.label("in_scope")).where(target.c[key].in_(keys))
    return _collected(f"present_{rows.name}", there, "found")


def _exchange(
    target: Table, key: str, rows: Table, there: Table, outdated: Select[Any]
) -> tuple[Change, Change]:
    """Delete the outdated rows of the target, and insert those that it then has not.

    :param there: a copy of what the target has of their keys, so that it is searched once.
    """
    kept = select(there.c[key]).where(there.c[key].not_in(outdated)).subquery("kept")
    missing = (
        select(*rows.c)
        .select_from(rows.outerjoin(kept, kept.c[key] == rows.c[key]))
        .where(kept.c[key].is_(None))
    )
    return (
        Change(delete(target).where(target.c[key].in_(outdated)), target, "replaced"),
        Change(insert(target).from_select(rows.c.keys(), missing), target, "inserted"),
    )


def _insert_missing(
    target: Table, rows: FromClause, key: Sequence[str], bounds: ColumnElement[Any] | None
) -> Change:
    """Insert the rows whose key the target has not."""
    names = rows.c.keys()
    first = target.c[key[0]]
    there = select(*(target.c[name] for name in key))
    if bounds is None:
        there = there.where(first.in_(select(rows.c[key[0]])))
    else:
        # Only the part of a large target in which this batch can be: whole blocks of it are never read.
        low, high = select(func.min(bounds)).scalar_subquery(), select(func.max(bounds)).scalar_subquery()
        there = there.where(first >= low, first <= high)
    present = there.subquery("there")
    missing = (
        select(*(rows.c[name] for name in names))
        .select_from(rows.outerjoin(present, _same_key(present, rows, key)))
        .where(present.c[key[0]].is_(None))
    )
    return Change(insert(target).from_select(names, missing), target, "inserted")


def _same_key(left: FromClause, right: FromClause, key: Sequence[str]) -> ColumnElement[bool]:
    return and_(*(left.c[name] == right.c[name] for name in key))
