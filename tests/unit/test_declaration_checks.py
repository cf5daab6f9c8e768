"""What a pipeline refuses when it is declared, because its names do not fit together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sparkify import ConfigurationError
from sparkify.etl.declarations import Pipeline
from tests.support.shop import SHOP

CUSTOMERS, ORDERS = SHOP.transforms
"""A Merge and an Insert."""


def with_orders(**changed: Any) -> Pipeline:
    """The shop, the step of its orders changed."""
    return replace(SHOP, transforms=(CUSTOMERS, replace(ORDERS, **changed)))


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
    ids=str,
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
