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
    false,
    func,
    insert,
    or_,
    select,
    true,
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
from sparkify.etl.ranges import in_staged_range

__all__ = ["Change", "Effect", "best_with_target", "changes", "differences"]

Effect = Literal["inserted", "updated", "deleted", "replaced", "collected"]


@dataclass(frozen=True)
class Change:
    """One statement, and what the rows that it touches count as.

    ``replaced`` rows are deleted to be inserted anew by the next statement. ``collected`` rows are those of a
    temporary table, which is dropped at the end of the load.
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
    best = best_with_target(target, transform.rows(load_id), key, transform.best, scope=transform.scope)
    collect, winners = _collected(f"merged_{target.name}", best)
    return [collect, *_exchange(target, key, winners, ~winners.c.is_there, ~winners.c.is_there)]


@changes.register
def _(transform: Sync, load_id: ColumnElement[int]) -> Sequence[Change]:
    target, (key,) = transform.target, transform.key
    rows = differences(target, transform.rows(load_id), key, transform.touched, transform.scope)
    collect, changed = _collected(f"synced_{target.name}", rows)
    return [collect, *_exchange(target, key, changed, None, changed.c.is_wanted)]


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


def best_with_target(
    target: FromClause,
    rows: SelectBase,
    key: str,
    best: Best,
    *,
    scope: ColumnElement[bool] | None = None,
    where: ColumnElement[bool] | None = None,
) -> Select[Any]:
    """The best row of each key of ``rows``, among these and the one that the target has.

    Its last column, ``is_there``, says whether that is the row of the target, which then stays. It is, where
    two are as good.

    :param scope: a row of the target that is out of it stays, however good the others are.
    :param where: one that does not fulfil this gives way.
    """
    batch = rows.cte("batch")
    in_scope = true() if scope is None else scope
    there = select(
        *(target.c[column.key] for column in batch.c),
        true().label("is_there"),
        in_scope.label("in_scope"),
    ).where(target.c[key].in_(select(batch.c[key])), true() if where is None else where)
    new = select(*batch.c, false().label("is_there"), true().label("in_scope"))
    candidates = new.union_all(there).subquery("candidates")
    order = [candidates.c.in_scope, *best(candidates.c), candidates.c.is_there.desc()]
    rank = func.row_number().over(partition_by=candidates.c[key], order_by=order).label("place")
    ranked = select(*candidates.c, rank).subquery("ranked")
    columns = [ranked.c[column.key] for column in batch.c]
    return select(*columns, ranked.c.is_there).where(ranked.c.place == 1)


def differences(
    target: FromClause, rows: SelectBase, key: str, touched: SelectBase, scope: ColumnElement[bool]
) -> Select[Any]:
    """What is to be done for the rows of the target with a touched key to become ``rows``.

    One row for each key that differs. ``is_wanted`` says whether it is a row to be there; else it has a key
    alone, of a row that is to go.
    """
    wanted = rows.subquery("wanted")
    columns = [target.c[column.key] for column in wanted.c]
    there = select(*columns, scope.label("in_scope")).where(target.c[key].in_(touched)).subquery("there")
    others = [column.key for column in wanted.c if column.key != key]
    unlike = or_(*(differs(there.c[name], wanted.c[name]) for name in others))
    is_wanted = wanted.c[key].is_not(None)
    return (
        select(
            func.coalesce(wanted.c[key], there.c[key]).label(key),
            *(wanted.c[name] for name in others),
            is_wanted.label("is_wanted"),
        )
        .select_from(wanted.join(there, there.c[key] == wanted.c[key], full=True))
        .where(or_(there.c[key].is_(None), and_(there.c.in_scope, or_(wanted.c[key].is_(None), unlike))))
    )


def _collected(name: str, rows: SelectBase) -> tuple[Change, Table]:
    """The statement that makes a temporary table of rows, and the table."""
    table = Table(name, MetaData(), *(Column(column.key, column.type) for column in rows.selected_columns))
    return Change(CreateTemporaryTable(table, rows), table, "collected"), table


def _exchange(
    target: Table,
    key: str,
    rows: Table,
    outdated: ColumnElement[bool] | None,
    wanted: ColumnElement[bool],
) -> tuple[Change, Change]:
    """Delete the rows of the target that have the keys of some rows, and insert some.

    :param outdated: of which rows the keys are deleted; None: of all.
    :param wanted: which rows are inserted.
    """
    keys = select(rows.c[key]) if outdated is None else select(rows.c[key]).where(outdated)
    names = [column.key for column in rows.c if column.key in target.c]
    new = select(*(rows.c[name] for name in names)).where(wanted)
    return (
        Change(delete(target).where(target.c[key].in_(keys)), target, "replaced"),
        Change(insert(target).from_select(names, new), target, "inserted"),
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
        there = there.where(in_staged_range(first, bounds))
    present = there.subquery("there")
    missing = (
        select(*(rows.c[name] for name in names))
        .select_from(rows.outerjoin(present, _same_key(present, rows, key)))
        .where(present.c[key[0]].is_(None))
    )
    return Change(insert(target).from_select(names, missing), target, "inserted")


def _same_key(left: FromClause, right: FromClause, key: Sequence[str]) -> ColumnElement[bool]:
    return and_(*(left.c[name] == right.c[name] for name in key))
