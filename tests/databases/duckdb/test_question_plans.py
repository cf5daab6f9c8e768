"""DuckDB's plans for the questions: how often they read the plays, and how they count them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import SelectBase, func, select

from sparkify import Warehouse
from sparkify.analytics import DIMENSIONS, QUESTIONS, plays_by
from sparkify.analytics.songs import songs_and_days
from sparkify.generate import generate
from sparkify.models import SongPlay
from sparkify.warehouse.query import sql_text

READS = {
    "top-songs": 2,
    "top-songs-by-day": 2,
    "the page's songs": 2,
    "top-artists": 2,
    "trending-artists": 3,
    "level-changes": 0,
}
"""Of questions that do not read the plays once. The reasons are in ``tests/unit/test_question_reads.py``."""

ASKED: dict[str, SelectBase] = {
    name: question.ask() for name, question in QUESTIONS.items() if name != "plays-by"
} | {f"plays-by {dimension}": plays_by(dimension) for dimension in DIMENSIONS}
ASKED["the page's songs"] = songs_and_days()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Generated data of four weeks; tests only read it."""
    folder = tmp_path_factory.mktemp("made")
    data = generate(folder / "data", events=2000, songs=100, days=28, seed=5)
    with Warehouse(f"duckdb:///{folder / 'made.duckdb'}") as warehouse:
        warehouse.load(log_data=data.log_data, song_data=data.song_data)
        yield warehouse


def operators(warehouse: Warehouse, sql: str) -> Iterator[dict[str, Any]]:
    """Each operator of the plan, with its name and what it works on."""
    with warehouse.engine.connect() as connection:
        (_, plan), *_ = connection.exec_driver_sql(f"EXPLAIN (FORMAT json) {sql}").all()
    waiting = json.loads(plan)
    while waiting:
        operator = waiting.pop()
        waiting += operator.get("children", [])
        yield operator


def reads(warehouse: Warehouse, statement: SelectBase) -> int:
    """How often the plan reads the plays."""
    found = operators(warehouse, sql_text(statement, "duckdb"))
    return sum(str(one["extra_info"].get("Table", "")).endswith("songplays") for one in found)


@pytest.mark.parametrize("name", ASKED)
def test_plan_of_question_reads_plays_no_more_than_its_text(made: Warehouse, name: str) -> None:
    # DuckDB 2 reads them once for two uses, and not at all for a maximum.
    assert reads(made, ASKED[name]) <= READS.get(name, 1)


def test_second_read_in_plan_is_counted(made: Warehouse) -> None:
    # DuckDB turns this window into a join of the counts with their maximum, each computed from the plays.
    counted = select(SongPlay.user_id, SongPlay.session_id, func.count().label("plays"))
    session = counted.group_by(SongPlay.user_id, SongPlay.session_id).cte("session")
    most = func.max(session.c.plays).over(partition_by=session.c.user_id)
    assert reads(made, select(session, most)) == 2


@pytest.mark.parametrize(("songs", "grouped"), [(200_000, "PERFECT_HASH_GROUP_BY"), (600_000, "HASH_GROUP_BY")])
def test_plays_are_counted_by_place_up_to_18_bits(new_warehouse: Warehouse, songs: int, grouped: str) -> None:
    with new_warehouse.engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE played AS SELECT range AS match_id FROM range({songs})")
    counted = operators(new_warehouse, "SELECT match_id, count(*) FROM played GROUP BY match_id")
    assert [one["name"] for one in counted if "GROUP_BY" in one["name"]] == [grouped]
