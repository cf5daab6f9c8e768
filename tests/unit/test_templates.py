"""Statements of every load: compiled once per kind of database, and filled with the values of each load."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import BigInteger, ClauseElement, Column, MetaData, String, Table, cast, insert, select
from sqlalchemy.exc import CompileError
from sqlalchemy.types import TIMESTAMP

from sparkify.databases import Database, database_type, names
from sparkify.etl.constructs import match_key
from sparkify.etl.ranges import StagedLimit, in_staged_range
from sparkify.etl.templates import LoadNumber, LoadValues, Template

STAGING = Table("staging_orders", MetaData(), Column("placed", TIMESTAMP), Column("customer", String(20)))
ORDERS = Table(
    "orders",
    MetaData(),
    Column("placed", TIMESTAMP),
    Column("customer", String(20)),
    Column("load_id", BigInteger),
)
DAY = (datetime(2018, 11, 1), datetime(2018, 11, 2))


class Counting:
    """Renders as a database does, and keeps what it was asked for."""

    def __init__(self, database: type[Database]) -> None:
        self.asked: list[ClauseElement] = []
        self._database = database

    def render(self, statement: ClauseElement, *, limits: Any = None) -> str:
        self.asked.append(statement)
        return self._database.render(statement, limits=limits)


@pytest.fixture(params=names())
def renderer(request: pytest.FixtureRequest) -> Counting:
    return Counting(database_type(request.param))


def text(template: Template, renderer: Counting, limits: dict[str, Any], load_id: int | None) -> str:
    return " ".join(template.text(renderer, LoadValues(limits, load_id)).split())


def new_orders() -> Template:
    rows = select(STAGING.c.placed, STAGING.c.customer, cast(LoadNumber(), BigInteger).label("load_id")).where(
        in_staged_range(STAGING.c.placed, STAGING.c.placed)
    )
    return Template(insert(ORDERS).from_select(["placed", "customer", "load_id"], rows))


def test_each_load_has_its_values_in_the_text_that_was_compiled_once(renderer: Counting) -> None:
    template = new_orders()
    kept = (
        "INSERT INTO orders (placed, customer, load_id) SELECT staging_orders.placed, staging_orders.customer, "
        "CAST({} AS BIGINT) AS load_id FROM staging_orders "
        "WHERE staging_orders.placed >= {} AND staging_orders.placed <= {}"
    )
    assert text(template, renderer, {"staging_orders.placed": DAY}, 7) == kept.format(
        7, "TIMESTAMP '2018-11-01 00:00:00'", "TIMESTAMP '2018-11-02 00:00:00'"
    )
    assert text(template, renderer, {"staging_orders.placed": (None, None)}, 12) == kept.format(
        12, "NULL", "NULL"
    )
    assert sum(asked is template.statement for asked in renderer.asked) == 1


def test_where_a_limit_is_not_known_it_is_the_select_that_gives_it(renderer: Counting) -> None:
    template = new_orders()
    first = text(template, renderer, {}, 7)
    assert "placed >= (SELECT min(staging_orders.placed) AS min_1 FROM staging_orders)" in first
    assert "CAST(7 AS BIGINT)" in first
    assert "SELECT min(" not in text(template, renderer, {"staging_orders.placed": DAY}, 8)
    assert text(template, renderer, {}, 7) == first


def test_text_of_a_limit_is_filled_in_as_it_is(renderer: Counting) -> None:
    wanted = select(ORDERS.c.placed).where(ORDERS.c.customer >= StagedLimit(STAGING.c.customer, "least"))
    found = text(Template(wanted), renderer, {"staging_orders.customer": ("\x02load\x03 o'1", "z")}, 7)
    assert found.endswith("orders.customer >= '\x02load\x03 o''1'")


def test_each_kind_of_database_has_a_text_of_its_own() -> None:
    template = Template(select(match_key(ORDERS.c.customer)))
    for kind in [*map(database_type, names()), *map(database_type, names())]:
        assert template.text(kind.__new__(kind), LoadValues({}, 1)) == kind.render(template.statement)
    assert len({database_type(name).render(template.statement) for name in names()}) == 2


@pytest.mark.parametrize("limits", [None, {}, {"staging_orders.placed": DAY}])
def test_number_of_load_that_is_not_known_is_an_error(renderer: Counting, limits: Any) -> None:
    with pytest.raises(CompileError, match="number of the load is not known"):
        renderer.render(select(LoadNumber()), limits=limits)
    with pytest.raises(CompileError, match="number of the load is not known"):
        text(Template(select(LoadNumber())), renderer, limits or {}, None)
