"""Rows made by other rules or before a column existed: in status, in check, and after a full refresh."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Column, MetaData, String, Table, select

from sparkify import CheckResult, Warehouse
from sparkify.etl.declarations import Insert, Pipeline, Rows
from tests.support.making import write
from tests.support.shop import SHOP
from tests.support.shop.data import order
from tests.support.shop.fixtures import Shop

STRICTER = replace(SHOP, rules_version=2)
CHECK = "loads: every load is of version {} of the rules"
REFRESH = "Run: sparkify-etl load --full-refresh"


@pytest.fixture
def loaded(shop: Shop) -> Shop:
    """The shop after two loads by the rules of version 1."""
    with shop.warehouse() as warehouse:
        warehouse.migrate()
        warehouse.load()
        new_order(shop, 4)
        warehouse.load()
    return shop


def new_order(shop: Shop, number: int) -> None:
    """One more file, with one more order in it."""
    write(shop.data.orders / f"{number}.json", [order(orderId=number)])
    shop.publish()


def rules(warehouse: Warehouse) -> CheckResult:
    """The result of the check of the rules; every other check is ok."""
    *others, found = warehouse.check()
    assert [result.name for result in others if not result.ok] == []
    return found


def test_loads_by_the_current_rules_are_ok(loaded: Shop) -> None:
    with loaded.warehouse() as warehouse:
        assert warehouse.status().notices == ()
        assert rules(warehouse) == CheckResult(CHECK.format(1), 0, hint=REFRESH)


def test_raised_rules_are_reported_until_a_full_refresh(loaded: Shop) -> None:
    with loaded.warehouse(STRICTER) as warehouse:
        assert warehouse.status().notices == (
            f"2 loads were made by other rules than version 2, the current one. {REFRESH}",
        )
        found = rules(warehouse)
        assert found.name == CHECK.format(2)
        assert found.rows == ({"load_id": 1, "rules_version": 1}, {"load_id": 2, "rules_version": 1})
        assert (found.ok, found.hint) == (False, REFRESH)
        # This does not stop a load by the new rules, which does not rebuild the old rows.
        new_order(loaded, 5)
        warehouse.load()
        assert len(warehouse.status().notices) == 1
        assert rules(warehouse).count == 2
        warehouse.load(full_refresh=True)
        assert warehouse.status().notices == ()
        assert rules(warehouse).ok
    # Under the old rules, the new rows count as made by other rules.
    with loaded.warehouse() as warehouse:
        assert warehouse.status().notices == (
            f"1 load was made by other rules than version 1, the current one. {REFRESH}",
        )
        assert rules(warehouse).rows == ({"load_id": 4, "rules_version": 2},)


def test_loads_without_a_version_are_of_the_first(loaded: Shop) -> None:
    """The history of a warehouse that is older than the column."""
    with loaded.warehouse() as warehouse:
        with warehouse.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE loads SET rules_version = NULL")
        assert rules(warehouse).ok
        assert warehouse.status().notices == ()
    with loaded.warehouse(STRICTER) as warehouse:
        assert rules(warehouse).count == 2


def with_note() -> Pipeline:
    """The shop's pipeline after a column was added to its orders."""
    orders, customers = SHOP.tables
    wider = orders.to_metadata(MetaData())
    wider.append_column(Column("note", String(16)))
    merge, insert = SHOP.transforms
    assert isinstance(insert, Insert)
    return replace(
        SHOP,
        tables=(wider, customers),
        transforms=(merge, replace(insert, target=wider, rows=noted(insert.rows, wider))),
    )


def noted(rows: Rows, target: Table) -> Rows:
    def with_column(load_id):  # type: ignore[no-untyped-def]
        found = rows(load_id).subquery("found")
        return select(*found.c, found.c.channel.label("note"))

    return with_column


def test_an_added_column_is_reported_until_a_full_refresh(loaded: Shop) -> None:
    with loaded.warehouse() as warehouse, warehouse.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE orders ADD COLUMN note VARCHAR(16)")
    with loaded.warehouse(with_note()) as warehouse:
        # No load has filled it yet.
        assert warehouse.status().notices == ()
        new_order(loaded, 5)
        warehouse.load()
        assert warehouse.status().notices == (
            f"orders.note is filled since load 3, and NULL in the rows of earlier loads. {REFRESH}",
        )
        assert rules(warehouse).ok
        warehouse.load(full_refresh=True)
        assert warehouse.status().notices == ()
        notes = warehouse.query(select(warehouse.pipeline.tables[0].c.note)).all()
        assert [note for (note,) in notes] == ["web"] * 5
    # The pipeline without the column does not report it.
    with loaded.warehouse() as warehouse:
        assert warehouse.status().notices == ()
