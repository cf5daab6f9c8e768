"""How often the SQL of each question reads each table: once, except in the cases listed here with a reason."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlglot
from sqlalchemy import Select, SelectBase, func, select
from sqlglot import exp

from sparkify.analytics import DIMENSIONS, QUESTIONS
from sparkify.analytics.songs import songs_and_days
from sparkify.databases import database_type
from sparkify.models import Base, SongPlay

PERIOD = {"since": datetime(2018, 11, 8), "until": datetime(2018, 11, 19), "tz": "Asia/Kolkata"}

OFTEN: dict[str, tuple[dict[str, int], str]] = {
    "top-songs": ({"songplays": 2}, "counts plays, then finds the listeners of those that lead"),
    "top-songs-by-day": ({"songplays": 2}, "counts plays, then finds the days of those that lead"),
    "the page's songs": (
        {"songplays": 2},
        "counts plays, then finds the listeners and days of those that lead",
    ),
    "top-artists": ({"songplays": 2}, "counts plays, then finds the listeners of those that lead"),
    "trending-artists": (
        {"songplays": 3},
        "counts plays, then finds the listeners of those that rose, and asks for the newest moment, which the "
        "statistics of the table have",
    ),
    "trending-artists, of a period": ({"songplays": 2}, "is told the end of the window"),
}
"""By question, the tables that it reads more than once, and why."""


def asked() -> Iterator[tuple[str, Select[*tuple[Any, ...]]]]:
    """Every question of all time, and of a period in a zone."""
    for name, question in QUESTIONS.items():
        takes = inspect.signature(question.ask).parameters
        given = {key: value for key, value in PERIOD.items() if key in takes}
        for dimension in DIMENSIONS if "dimension" in takes else (None,):
            first = () if dimension is None else (dimension,)
            label = name if dimension is None else f"{name} {dimension}"
            yield label, question.ask(*first)
            yield f"{label}, of a period", question.ask(*first, **given)


ASKED: dict[str, SelectBase] = dict(asked()) | {"the page's songs": songs_and_days()}


def reads(statement: SelectBase) -> Counter[str]:
    """How often each table of the warehouse stands in the text; a CTE is written, and so counted, once."""
    text = database_type("redshift").render(statement)
    tables = sqlglot.parse_one(text, dialect="redshift").find_all(exp.Table)
    return Counter(table.name for table in tables if table.name in Base.metadata.tables)


@pytest.mark.parametrize("name", ASKED)
def test_question_reads_each_table_once(name: str) -> None:
    expected, _reason = OFTEN.get(name) or OFTEN.get(name.removesuffix(", of a period"), ({}, ""))
    found = reads(ASKED[name])
    assert found
    assert {table: times for table, times in found.items() if times > 1} == expected


def test_every_exception_is_of_a_question() -> None:
    assert set(OFTEN) <= set(ASKED)


def test_second_read_is_counted() -> None:
    newest = select(func.max(SongPlay.start_time)).scalar_subquery()
    counted = select(SongPlay.user_id, func.count().label("plays")).group_by(SongPlay.user_id).cte("counted")
    other = counted.alias("other")
    once = select(counted.c.plays, other.c.plays).join_from(counted, other, counted.c.plays == other.c.plays)
    assert reads(once) == {"songplays": 1}
    assert reads(once.where(counted.c.plays > func.extract("day", newest))) == {"songplays": 2}
    assert reads(select(SongPlay.user_id).join(SongPlay.user)) == {"songplays": 1, "users": 1}
