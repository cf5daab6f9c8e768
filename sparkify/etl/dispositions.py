"""Turns a transform into the statements that carry it out, in SQL that every supported database runs as is.

DELETE, never TRUNCATE: on Redshift TRUNCATE commits the transaction. Keys are matched with IN (SELECT ...) and
LEFT JOIN ... IS NULL, never MERGE, so one text runs everywhere and tests on DuckDB run the SQL of production.

What a batch contributes is first collected in a temporary table, so that it is computed once, and only those
rows of a large target are read whose keys are in the batch.
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

    ``replaced`` rows are deleted so that the next statement can insert them again. ``collected`` rows are those
    of a temporary table, which is dropped at the end of the load.
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
    """The best row for each key of ``rows``, among these and the row in the target.

    The last column, ``is_there``, says whether the best row is the target's, which then stays. On a tie, the
    target's row is best.

    :param scope: a target row outside of it always stays, however good the others are.
    :param where: a target row that does not satisfy this is never best.
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
    """The changes that make the rows of the target with a touched key equal ``rows``.

    One row for each key that differs. If ``is_wanted``, it is a row to insert; otherwise it has only a key, and
    the row with that key is to be deleted.
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
    """The statement that creates a temporary table from rows, and the table."""
    table = Table(name, MetaData(), *(Column(column.key, column.type) for column in rows.selected_columns))
    return Change(CreateTemporaryTable(table, rows), table, "collected"), table


def _exchange(
    target: Table,
    key: str,
    rows: Table,
    outdated: ColumnElement[bool] | None,
    wanted: ColumnElement[bool],
) -> tuple[Change, Change]:
    """Delete target rows by the keys in ``rows``, then insert from ``rows``.

    :param outdated: selects the rows whose keys are deleted; None: all of them.
    :param wanted: selects the rows that are inserted.
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
    """Insert the rows whose key the target lacks."""
    names = rows.c.keys()
    first = target.c[key[0]]
    there = select(*(target.c[name] for name in key))
    if bounds is None:
        there = there.where(first.in_(select(rows.c[key[0]])))
    else:
        # Read only the part of a large target that this batch can be in, skipping whole blocks of it.
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
