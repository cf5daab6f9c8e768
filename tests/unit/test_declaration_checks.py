"""Pipeline declarations that are rejected because their names do not fit together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, Double, MetaData, String, Table, literal, true

from sparkify import ConfigurationError
from sparkify.etl.declarations import (
    Kept,
    Pipeline,
    Required,
    Source,
    Sync,
    Transform,
    Update,
    Watched,
    from_json,
)
from tests.support.shop import SHOP
from tests.support.things import pipeline_of

CUSTOMERS, ORDERS = SHOP.transforms
"""A Merge and an Insert."""


def with_orders(**changed: Any) -> Pipeline:
    """The shop, the step of its orders changed."""
    return replace(SHOP, transforms=(CUSTOMERS, replace(ORDERS, **changed)))


def of_customers(**changed: Any) -> Transform:
    """The step of the shop's customers, changed."""
    return replace(CUSTOMERS, **changed)


def refused(error: pytest.ExceptionInfo[ConfigurationError]) -> tuple[str | None, str, str | None]:
    """Where, what was found, and the hint; every one ends a command with 2."""
    assert error.value.exit_code == 2
    return error.value.where, error.value.found, error.value.hint


_SOURCES = "the sources: orders, customers"
_WRITTEN = "Write it as reads=frozenset({'orders'})."


@pytest.mark.parametrize(
    ("reads", "found", "hint"),
    [
        (frozenset({"order"}), f"reads has 'order', which is none of {_SOURCES}", "Did you mean orders?"),
        (frozenset({"orders", "x"}), f"reads has 'x', which is none of {_SOURCES}", None),
        (frozenset(), "reads is empty", f"Name some of {_SOURCES}."),
        ("orders", "reads is of type str", _WRITTEN),
        (("orders",), "reads is of type tuple", _WRITTEN),
    ],
    ids=["misspelt", "one of two", "empty", "a text", "a tuple"],
)
def test_reads_that_is_no_source_is_refused(reads: Any, found: str, hint: str | None) -> None:
    """The step was left out of every load, and the files counted as loaded."""
    with pytest.raises(ConfigurationError) as stopped:
        with_orders(reads=reads)
    assert refused(stopped) == ("transform 'orders'", found, hint)
    orders, customers = SHOP.checksums
    with pytest.raises(ConfigurationError) as stopped:
        replace(SHOP, checksums=(replace(orders, reads=reads), customers))
    assert refused(stopped) == ("checksum of orders", found, hint)


def test_target_that_is_none_of_the_tables_is_refused() -> None:
    """A full refresh did not empty it: its rows were there twice."""
    with pytest.raises(ConfigurationError) as stopped:
        replace(SHOP, tables=(CUSTOMERS.target,))
    assert refused(stopped) == (
        "transform 'orders'",
        "its target orders is none of the tables of the pipeline: customers",
        "Name it in tables: a full refresh empties those alone, and its rows would be there twice.",
    )


# -- columns of a target ---------------------------------------------------------------------------------------

_OF_ORDERS = "the columns of orders: order_id, placed_at, customer_id, channel, cents, load_id"
_OF_CUSTOMERS = "the columns of customers: customer_id, name, country, changed_at"


@pytest.mark.parametrize(
    ("key", "found", "hint"),
    [
        (("order",), f"key has 'order', which is none of {_OF_ORDERS}", "Did you mean order_id?"),
        ((), "key is empty", f"Name some of {_OF_ORDERS}."),
        ("order_id", "key is of type str", "Write it as key=('order_id',)."),
    ],
    ids=str,
)
def test_key_that_is_no_column_is_refused(key: Any, found: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as stopped:
        with_orders(key=key)
    assert refused(stopped) == ("transform 'orders'", found, hint)


def test_key_of_two_columns_is_refused_where_it_is_of_one() -> None:
    key: Any = ("customer_id", "country")
    made: dict[str, Any] = {"title": "x", "target": CUSTOMERS.target, "rows": CUSTOMERS.rows, "key": key}
    sync = Sync(**made, reads=CUSTOMERS.reads, touched=CUSTOMERS.rows(literal(0)), scope=true())
    for step in (of_customers(key=key), sync):
        with pytest.raises(ConfigurationError) as stopped:
            replace(SHOP, transforms=(step, ORDERS))
        assert refused(stopped) == (
            f"transform {step.title!r}",
            "key has 2 columns, customer_id, country, and is of one",
            "Make one column of them, in the target and in rows.",
        )


@pytest.mark.parametrize(
    ("best", "found", "hint"),
    [
        (
            lambda row: [row["changed"].desc()],
            f"best has 'changed', which is none of {_OF_CUSTOMERS}",
            "Did you mean changed_at?",
        ),
        (
            lambda _row: [],
            "best is empty",
            "Return an order in which no two different rows are equal.",
        ),
    ],
    ids=["misspelt", "empty"],
)
def test_best_row_by_no_column_is_refused(best: Any, found: str, hint: str) -> None:
    changed = of_customers(best=best)
    with pytest.raises(ConfigurationError) as stopped:
        replace(SHOP, transforms=(changed, ORDERS))
    assert refused(stopped) == ("transform 'customers'", found, hint)


def test_silent_column_that_is_not_there_is_refused() -> None:
    step = Update(
        title="names",
        target=CUSTOMERS.target,
        rows=CUSTOMERS.rows,
        reads=CUSTOMERS.reads,
        key=("customer_id",),
        silent=("names",),
    )
    with pytest.raises(ConfigurationError) as stopped:
        replace(SHOP, transforms=(step,))
    found = f"silent has 'names', which is none of {_OF_CUSTOMERS}"
    assert refused(stopped) == ("transform 'names'", found, "Did you mean name?")


@pytest.mark.parametrize(
    ("changed", "found", "hint"),
    [
        (
            {"columns": ("cent",)},
            f"columns has 'cent', which is none of {_OF_ORDERS}",
            "Did you mean cents?",
        ),
        ({"columns": "cents"}, "columns is of type str", "Write it as columns=('cents',)."),
        ({"key": ("order",)}, f"key has 'order', which is none of {_OF_ORDERS}", "Did you mean order_id?"),
    ],
    ids=str,
)
def test_checksum_of_no_column_is_refused(changed: Any, found: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as stopped:
        replace(SHOP, checksums=(replace(SHOP.checksums[0], **changed),))
    assert refused(stopped) == ("checksum of orders", found, hint)


def test_table_in_a_schema_is_refused() -> None:
    table = Table("sales", MetaData(schema="shop"), Column("id", BigInteger))
    with pytest.raises(ConfigurationError) as stopped:
        replace(SHOP, tables=(*SHOP.tables, table))
    assert refused(stopped) == (
        "table sales",
        "is in a schema, shop",
        "Leave it out of the model: the setting DB_SCHEMA says in which schema of Redshift the tables are.",
    )


# -- sources ---------------------------------------------------------------------------------------------------

_OF_STAGING = "the columns from JSON of staging_things: id, text"


@pytest.mark.parametrize(
    ("changed", "found", "hint"),
    [
        (
            {"required": (Required(column="txt", value="x", needs=("id",)),)},
            f"column of Required has 'txt', which is none of {_OF_STAGING}",
            "Did you mean text?",
        ),
        (
            {"required": (Required(column="text", value="x", needs=("ids",)),)},
            f"needs has 'ids', which is none of {_OF_STAGING}",
            "Did you mean id?",
        ),
        (
            {"required": (Required(column="text", value="x", needs="id"),)},  # type: ignore[arg-type]
            "needs is of type str",
            "Write it as needs=('id',).",
        ),
        (
            {"kept": Kept(column="txt", value="x")},
            f"column of Kept has 'txt', which is none of {_OF_STAGING}",
            "Did you mean text?",
        ),
        (
            {"kept": Kept(column="id", value="1")},
            "column of Kept is id, which is of type BigInteger(), and its values are compared as texts",
            "Name a column of text.",
        ),
        (
            {"watched": Watched(column="txt")},
            f"column of Watched has 'txt', which is none of {_OF_STAGING}",
            "Did you mean text?",
        ),
        (
            {"watched": Watched(column="text", values="x")},  # type: ignore[arg-type]
            "values is of type str",
            "Write it as values=('x',).",
        ),
        ({"ranges": "id"}, "ranges is of type str", "Write it as ranges=('id',)."),
    ],
    ids=str,
)
def test_source_that_names_no_column_is_refused(changed: Any, found: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as stopped:
        pipeline_of(Column("text", String(8), info=from_json("text")), **changed)
    assert refused(stopped) == ("source things", found, hint)


@pytest.mark.parametrize("name", ["a/b", "", "web orders", "-x", "..", "a\nb"])
def test_name_of_a_source_that_is_part_of_a_path_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError) as stopped:
        replace(SHOP.sources[0], name=name)
    assert refused(stopped) == (
        f"source {name!r}",
        "is no name of a source",
        "It has letters, digits, _, - and . alone.",
    )


def test_sources_of_one_name_or_one_staging_table_are_refused() -> None:
    orders, customers = SHOP.sources
    with pytest.raises(ConfigurationError) as stopped:
        replace(SHOP, sources=(orders, customers, replace(customers, name="Orders")))
    assert refused(stopped) == (
        "source Orders",
        "there is a source orders already",
        "Give each a name that differs in more than capitals.",
    )
    with pytest.raises(ConfigurationError) as stopped:
        replace(SHOP, sources=(orders, customers, replace(customers, name="clients")))
    assert refused(stopped) == (
        "source clients",
        "its staging table staging_customers is that of source customers",
        "Give each a staging table of its own.",
    )


@pytest.mark.parametrize(("key", "alike"), [("id", "the key 'id'"), ("ID", "the keys 'id' and 'ID'")])
def test_columns_of_one_key_are_refused(key: str, alike: str) -> None:
    with pytest.raises(ConfigurationError) as stopped:
        pipeline_of(Column("text", String(8), info=from_json(key)))
    assert refused(stopped) == (
        "source things",
        f"the columns id and text are filled from {alike}",
        "Read a key once, and what differs in more than capitals.",
    )


@pytest.mark.parametrize("key", ["it's", "a\\b"])
def test_key_that_no_jsonpaths_file_can_name_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError) as stopped:
        pipeline_of(Column("text", String(8), info=from_json(key)))
    assert refused(stopped) == (
        "source things",
        f"the column text is filled from the key {key!r}, which no JSONPaths file can name",
        "Rename the key before the load: it may have no apostrophe and no backslash.",
    )


def test_bounds_of_a_text_are_refused() -> None:
    """DuckDB took no notice of them, and Redshift failed in the middle of a load."""
    column = Column("text", String(8), info=from_json("text", epoch="ms", minimum=3))
    with pytest.raises(ConfigurationError) as stopped:
        Source(name="things", staging=Table("staging_things", MetaData(), column))
    assert refused(stopped) == (
        "staging_things.text",
        "a text has no epoch and no minimum",
        "Declare it as an integer, a double or a TIMESTAMP, or leave them out.",
    )
    number = Column("number", Double, info=from_json("number", minimum=3))
    assert Source(name="things", staging=Table("staging_things", MetaData(), number))


def test_column_that_is_not_null_and_that_no_line_fills_is_refused() -> None:
    """Redshift refused every line, and DuckDB loaded NULL."""
    with pytest.raises(ConfigurationError) as stopped:
        pipeline_of(Column("loaded_by", String(8), nullable=False))
    assert refused(stopped) == (
        "staging_things.loaded_by",
        "is NOT NULL, and is not filled from JSON",
        "Declare it with info=from_json(...), or let it be NULL.",
    )


def test_text_that_is_too_long_for_redshift_is_refused() -> None:
    with pytest.raises(ConfigurationError) as stopped:
        pipeline_of(Column("text", String(65_536), info=from_json("text")))
    assert refused(stopped) == (
        "staging_things.text",
        "a text of 65,536 bytes is longer than Redshift has, 65,535",
        "Declare it as Text, which is as long as that.",
    )
