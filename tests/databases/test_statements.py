"""A load sends the same number of statements for one file as for many, and on a late day as on the second."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import pytest

from sparkify import Warehouse
from sparkify.databases.redshift import inserting
from tests.databases.test_dry_run import sent
from tests.support.cloud import Cloud
from tests.support.data import Data
from tests.support.making import event, song


def write_days(data: Data, numbers: Iterable[int]) -> None:
    """A file a day: plays of two users, one of whom changes level each day, and one song of each day."""
    for number in numbers:
        day = f"2018-{10 + number // 28}-{1 + number % 28:02d}"
        level = "free" if number % 2 else "paid"
        data.log(
            f"{day}.json",
            event(userId="7", sessionId=number, level=level, at=f"{day} 09:00:00.000"),
            event(
                userId="8", sessionId=number, itemInSession=1, song=f"Song {number}", at=f"{day} 10:00:00.000"
            ),
            event(userId="8", sessionId=number, itemInSession=2, page="Home", at=f"{day} 11:00:00.000"),
        )


def beginnings(statements: Iterable[str]) -> list[str]:
    """How each statement begins, without the number of the load and the names of its files."""
    plain = (re.sub(r"batch_of_(\w+?)_\w+", r"batch_of_\1", text) for text in statements)
    return [re.sub(r"\d+", "0", text)[:60] for text in plain]


def assert_constant(warehouse: Warehouse, write: Callable[[Iterable[int]], None]) -> None:
    """Load day after day, 30 days at once, and a day after them."""

    def load(numbers: Iterable[int]) -> list[str]:
        write(numbers)
        with sent(warehouse) as statements:
            assert warehouse.load().sources[0].files > 0
        return beginnings(statements)

    load([0])
    second = load([1])
    assert len(second) > 20
    assert load(range(2, 32)) == second
    assert load([32]) == second


def test_statements_of_a_load_on_duckdb_are_constant(warehouse: Warehouse, data: Data) -> None:
    data.song("a.json", song())
    assert_constant(warehouse, lambda numbers: write_days(data, numbers))


def test_statements_of_a_load_on_redshift_are_constant(cloud: Cloud, data: Data) -> None:
    def write(numbers: Iterable[int]) -> None:
        write_days(data, numbers)
        cloud.put(data.logs, "log_data")

    data.song("a.json", song())
    cloud.put(data.songs, "song_data")
    with cloud.with_tables() as warehouse:
        assert_constant(warehouse, write)


def test_statement_for_each_row_of_the_ledger_is_seen(
    cloud: Cloud, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: with an INSERT for each file 30 files take 29 statements more."""

    def write(numbers: Iterable[int]) -> None:
        write_days(data, numbers)
        cloud.put(data.logs, "log_data")

    monkeypatch.setattr(inserting, "ROWS_PER_INSERT", 1)
    data.song("a.json", song())
    cloud.put(data.songs, "song_data")
    with cloud.with_tables() as warehouse, pytest.raises(AssertionError):
        assert_constant(warehouse, write)
