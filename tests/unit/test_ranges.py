"""The limits of a batch: literals if they are known, otherwise the SELECTs that return them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Column, ColumnElement, Insert, Integer, MetaData, Select, Table, cast, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import UnsupportedCompilationError
from sqlalchemy.types import TIMESTAMP

from sparkify.databases import database_type, names
from sparkify.etl.constructs import CreateTemporaryTable
from sparkify.etl.declarations import Source, from_json
from sparkify.etl.ranges import StagedLimit, in_staged_range, limit_key, limits_of, select_limits
from sparkify.pipeline import SPARKIFY

STAGING = Table(
    "staging_orders",
    MetaData(),
    Column("id", Integer, info=from_json("id")),
    Column("placed", TIMESTAMP, info=from_json("placed", epoch="ms")),
)
ORDERS = Table("orders", MetaData(), Column("id", Integer), Column("placed", TIMESTAMP))
SOURCE = Source(name="orders", staging=STAGING, ranges=("id", "placed"))
LIMITS = {
    "staging_orders.id": (3, 7),
    "staging_orders.placed": (datetime(2018, 11, 1, 20, 0, 0, 796000), datetime(2018, 11, 2)),
}
BETWEEN = (
    "orders.placed >= TIMESTAMP '2018-11-01 20:00:00.796000' "
    "AND orders.placed <= TIMESTAMP '2018-11-02 00:00:00'"
)


@pytest.fixture(params=names())
def render(request: pytest.FixtureRequest) -> Callable[..., str]:
    """The text of a statement on one line, for each database."""
    database = database_type(request.param)
    return lambda *args, **named: " ".join(database.render(*args, **named).split())


def orders() -> Select[Any]:
    return select(ORDERS.c.id).where(in_staged_range(ORDERS.c.placed, STAGING.c.placed))


def test_limits_of_batch_by_column() -> None:
    assert limits_of(SOURCE, (3, 7, "a", "b")) == {
        "staging_orders.id": (3, 7),
        "staging_orders.placed": ("a", "b"),
    }
    assert limits_of(SOURCE, None) == {
        "staging_orders.id": (None, None),
        "staging_orders.placed": (None, None),
    }
    assert limits_of(replace(SOURCE, ranges=()), None) == {}


def test_known_limit_is_a_literal(render: Callable[..., str]) -> None:
    assert render(orders(), limits=LIMITS).endswith(f"WHERE {BETWEEN}")
    ids = select(ORDERS.c.placed).where(in_staged_range(ORDERS.c.id, STAGING.c.id))
    assert render(ids, limits=LIMITS).endswith("WHERE orders.id >= 3 AND orders.id <= 7")


def test_limit_of_batch_without_rows_is_null(render: Callable[..., str]) -> None:
    assert render(orders(), limits=limits_of(SOURCE, None)).endswith(
        "orders.placed >= NULL AND orders.placed <= NULL"
    )


def test_unknown_limit_is_the_select_that_gives_it(render: Callable[..., str]) -> None:
    text = render(orders())
    for function, sign in (("min", ">="), ("max", "<=")):
        limit = rf"(SELECT {function}(staging_orders.placed) AS {function}_1 FROM staging_orders)"
        assert f"orders.placed {sign} {limit}" in text
    assert " FROM orders WHERE " in text


@pytest.mark.parametrize(
    "within",
    [
        lambda rows: CreateTemporaryTable(ORDERS, rows),
        lambda rows: insert(ORDERS).from_select(["id"], rows),
        lambda rows: ORDERS.delete().where(ORDERS.c.id.in_(rows)),
        lambda rows: select(rows.cte("old").c.id),
        lambda rows: rows.union_all(select(rows.subquery("old").c.id)),
        lambda rows: select(cast(rows.scalar_subquery(), Integer)),
    ],
    ids=["CreateTemporaryTable", "Insert", "Delete", "CTE", "union", "scalar subquery"],
)
def test_known_limit_is_a_literal_wherever_it_stands(
    within: Callable[[Select[Any]], Insert], render: Callable[..., str]
) -> None:
    text = render(within(orders()), limits=LIMITS)
    assert BETWEEN in text
    assert "staging_orders" not in text


def test_limit_has_no_default_text() -> None:
    with pytest.raises(UnsupportedCompilationError):
        select(StagedLimit(STAGING.c.placed, "least")).compile(dialect=postgresql.dialect())


def test_select_of_limits(render: Callable[..., str]) -> None:
    text = render(select(*select_limits(SOURCE)).select_from(STAGING))
    aggregates = ("min(staging_orders.id)", "max(staging_orders.id)", "min(staging_orders.placed)")
    assert [text.index(one) for one in aggregates] == sorted(text.index(one) for one in aggregates)


def test_range_of_another_column_is_refused() -> None:
    with pytest.raises(ValueError, match="^source orders: staging_orders has no column day$"):
        replace(SOURCE, ranges=("id", "day"))


def test_limit_of_an_expression_is_refused() -> None:
    longer: ColumnElement[int] = STAGING.c.id + 1
    with pytest.raises(TypeError, match="a column of a staging table is wanted"):
        limit_key(longer)


def test_bounds_that_are_no_range_of_a_source_are_refused() -> None:
    """They would be SELECTs in every load, in silence."""
    without = tuple(replace(source, ranges=()) for source in SPARKIFY.sources)
    with pytest.raises(ValueError, match="^transform 'times': its bounds are no range of a source$"):
        replace(SPARKIFY, sources=without)
