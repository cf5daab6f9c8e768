"""Pipeline declarations that are rejected because a transform does not cover the columns of its target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import (
    CHAR,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Enum,
    Identity,
    Integer,
    MetaData,
    Numeric,
    Select,
    String,
    Table,
    literal,
    select,
)
from sqlalchemy.dialects.mysql import TINYINT
from sqlalchemy.types import TIMESTAMP

from sparkify import ConfigurationError
from sparkify.etl.declarations import Append, Pipeline, Source, Transform, Update, from_json
from sparkify.pipeline import SPARKIFY

CUSTOMERS = Table(
    "customers",
    MetaData(),
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("name", String(64)),
    Column("city", String(64)),
    Column("rank", Integer, server_default="0"),
)


@pytest.mark.parametrize(
    "column",
    [
        Column("price", Numeric(10, 2), info=from_json("price")),
        Column("at", TIMESTAMP, info=from_json("at")),
        Column("day", Date, info=from_json("day")),
        Column("paid", Boolean, info=from_json("paid")),
        Column("state", Enum("new", "paid", name="state"), info=from_json("state")),
        Column("country", CHAR(2), info=from_json("country")),
        Column("mysql", TINYINT, info=from_json("number")),
    ],
    ids=lambda column: column.name,
)
def test_source_refuses_type_that_json_is_not_read_into(column: Column[Any]) -> None:
    """COPY makes 19.98 of the number 19.99 in a NUMERIC(10, 2), without a word."""
    staging = Table("staging_orders", MetaData(), Column("id", Integer, info=from_json("id")), column)
    with pytest.raises(
        ConfigurationError, match=rf"staging_orders\.{column.name}: a .* cannot be read from JSON"
    ):
        Source(name="orders", staging=staging)


@pytest.mark.parametrize(
    "column",
    [
        Column("at", DateTime, info=from_json("at", epoch="ms")),
        Column("at", TIMESTAMP, info=from_json("at")),
        Column("at", Date, info=from_json("at")),
    ],
    ids=repr,
)
def test_source_that_refuses_type_of_time_names_the_one_that_is_read(column: Column[Any]) -> None:
    staging = Table("staging_orders", MetaData(), column)
    with pytest.raises(ConfigurationError, match=r'Use TIMESTAMP of sqlalchemy.types with epoch="ms"'):
        Source(name="orders", staging=staging)


def test_own_pipeline_covers_its_targets() -> None:
    """It is not compared when it is imported; a copy is."""
    assert vars(replace(SPARKIFY)) == vars(SPARKIFY)


def test_pipeline_that_is_compared_by_a_test_is_taken_as_it_is() -> None:
    other = replace(SPARKIFY, transforms=(append("name"),), tables=(CUSTOMERS,), compare_columns=False)
    assert other.transforms
    with pytest.raises(ValueError, match="city"):
        replace(other)


EVENTS = frozenset({"events"})


def pipeline(*transforms: Transform) -> Pipeline:
    return replace(SPARKIFY, transforms=transforms, tables=(*SPARKIFY.tables, CUSTOMERS))


def columns(*names: str) -> Callable[..., Select[*tuple[str, ...]]]:
    """A transform's rows with these columns."""
    return lambda _load_id: select(*(literal("x").label(name) for name in names))


def append(*names: str) -> Append:
    return Append(title="customers", target=CUSTOMERS, rows=columns(*names), reads=EVENTS)


def update(*names: str) -> Update:
    return Update(title="move customers", target=CUSTOMERS, rows=columns(*names), reads=EVENTS, key=("number",))


def test_pipeline_takes_transforms_that_cover_their_target() -> None:
    # The database fills number and rank, so a SELECT may omit or include them.
    assert pipeline(append("name", "city"), append("city", "name", "rank", "number")).transforms


@pytest.mark.parametrize(
    ("names", "missing"), [(("name",), "city"), (("city",), "name"), (("rank",), "city, name")]
)
def test_pipeline_refuses_select_without_column_of_target(names: tuple[str, ...], missing: str) -> None:
    """The column would be NULL in every row, in silence."""
    with pytest.raises(
        ValueError, match=f"^transform 'customers': its SELECT has no column {missing} of customers$"
    ):
        pipeline(append(*names))


def test_pipeline_refuses_select_with_column_that_target_lacks() -> None:
    with pytest.raises(ValueError, match="^transform 'customers': customers has no column town, zip$"):
        pipeline(append("name", "city", "zip", "town"))


def test_pipeline_names_problems_of_every_transform() -> None:
    with pytest.raises(ValueError, match=r"has no column zip; transform 'customers': .* no column city of"):
        pipeline(append("name", "city", "zip"), append("name"))


def test_pipeline_takes_update_of_some_columns_and_refuses_unknown_ones() -> None:
    assert pipeline(update("number", "city")).transforms
    with pytest.raises(ValueError, match="^transform 'move customers': customers has no column town$"):
        pipeline(update("number", "town"))
    with pytest.raises(
        ValueError, match="^transform 'move customers': its SELECT has no column number of customers$"
    ):
        pipeline(update("city"))


def test_pipeline_refuses_new_column_of_star_without_its_transform() -> None:
    """What a developer meets who adds a column to a model of Sparkify, and forgets the transform."""
    (users,) = (transform for transform in SPARKIFY.transforms if transform.title == "users")
    wider = users.target.to_metadata(MetaData())
    wider.append_column(Column("nickname", String(64)))
    with pytest.raises(ValueError, match="'users': its SELECT has no column nickname of users"):
        pipeline(replace(users, target=wider))
