"""The shop's pipeline: two sources, a dimension by Merge, a fact by Insert, and two checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, SelectBase, Table, func, select

from sparkify.etl.declarations import Check, Checksum, Columns, Insert, Ledger, Merge, Pipeline, Source
from tests.support.shop.models import (
    ColumnOrigins,
    Customer,
    LoadFiles,
    LoadProblems,
    Loads,
    LoadSums,
    LoadTimings,
    LoadToken,
    Order,
    RejectedLines,
    StagingCustomer,
    StagingOrder,
)

__all__ = ["SHOP"]


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table


def _customers(_load_id: ColumnElement[int]) -> SelectBase:
    return select(
        StagingCustomer.customer_id, StagingCustomer.name, StagingCustomer.country, StagingCustomer.changed_at
    )


def _newest(row: Columns) -> list[ColumnElement[Any]]:
    return [row["changed_at"].desc(), row["name"], row["country"].asc().nulls_last()]


def _orders(load_id: ColumnElement[int]) -> SelectBase:
    first = func.row_number().over(
        partition_by=StagingOrder.order_id, order_by=[StagingOrder.placed_at, StagingOrder.cents]
    )
    line = select(
        StagingOrder.order_id,
        StagingOrder.placed_at,
        StagingOrder.customer_id,
        StagingOrder.channel,
        StagingOrder.cents,
        first.label("place"),
    ).subquery("line")
    return select(*(column for column in line.c if column.key != "place"), load_id.label("load_id")).where(
        line.c.place == 1
    )


def _repeated_orders(_load_id: ColumnElement[int] | None) -> SelectBase:
    times = func.count().label("times")
    return select(Order.order_id, times).group_by(Order.order_id).having(func.count() > 1)


def _orders_of_nobody(_load_id: ColumnElement[int] | None) -> SelectBase:
    return (
        select(Order.order_id, Order.customer_id)
        .outerjoin(Customer, Customer.customer_id == Order.customer_id)
        .where(Customer.customer_id.is_(None))
    )


def _summary(rows: Mapping[str, int]) -> str:
    return f"{rows['orders']:,} orders of {rows['customers']:,} customers"


_IN_BATCH = Customer.customer_id.in_(select(StagingCustomer.customer_id))

SHOP = Pipeline(
    name="shop",
    sources=(
        Source(name="orders", staging=_table(StagingOrder), ranges=("order_id",)),
        Source(name="customers", staging=_table(StagingCustomer)),
    ),
    transforms=(
        Merge(
            title="customers",
            target=_table(Customer),
            rows=_customers,
            reads=frozenset({"customers"}),
            key=("customer_id",),
            best=_newest,
        ),
        Insert(
            title="orders",
            target=_table(Order),
            rows=_orders,
            reads=frozenset({"orders"}),
            key=("order_id",),
            bounds=_table(StagingOrder).c.order_id,
        ),
    ),
    checks=(
        Check(name="orders: one row for each order_id", rows=_repeated_orders),
        Check(name="orders: every customer_id is in customers", rows=_orders_of_nobody),
    ),
    ledger=Ledger(
        history=_table(Loads),
        files=_table(LoadFiles),
        rejects=_table(RejectedLines),
        lock=_table(LoadToken),
        steps=_table(LoadTimings),
        columns=_table(ColumnOrigins),
        checksums=_table(LoadSums),
        failures=_table(LoadProblems),
    ),
    checksums=(
        Checksum(
            table=_table(Order),
            columns=("order_id", "placed_at", "customer_id", "channel", "cents"),
            added=lambda load_id: Order.load_id == load_id,
            reads=frozenset({"orders"}),
        ),
        Checksum(
            table=_table(Customer),
            columns=tuple(_table(Customer).columns.keys()),
            added=lambda _load_id: _IN_BATCH,
            removed=_IN_BATCH,
            reads=frozenset({"customers"}),
        ),
    ),
    tables=(_table(Order), _table(Customer)),
    migrations=Path(__file__).parent / "migrations",
    create_from_models=True,
    questions="tests.support.shop.questions",
    summary=_summary,
)
