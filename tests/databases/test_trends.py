"""Trending artists: how often chance alone names one, and whether a real rise is named."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, literal, select, union_all

from sparkify import Warehouse
from sparkify.analytics import trending_artists
from sparkify.analytics.trends import _grown

MONTHS = 100
POWER = 10
ARTISTS = 200
LISTENERS = 120
WEEK = timedelta(days=7)
FIRST = datetime(2000, 1, 1)


def two_weeks(month: int, chance: random.Random, risers: int = 0) -> Iterator[tuple[int, datetime, int]]:
    """Plays without a trend (artist, moment, listener): few artists have most of them, few listeners make most
    of them, and each listens more in one week than in the other. In every other month they stay with an artist
    for a while, so that plays come in runs.

    :param risers: how many listeners more find the first of the rarer artists in the second week.
    """
    begin = FIRST + month * 2 * WEEK
    for listener in range(LISTENERS):
        for week in range(2):
            left = int(min(40, 2 * chance.paretovariate(1.2)))
            while left > 0:
                artist = int(ARTISTS * chance.random() ** 3)
                for _ in range(min(left, chance.choice((1, 1, 1, 2, 6)) if month % 2 else 1)):
                    yield artist, begin + week * WEEK + chance.random() * WEEK, listener
                    left -= 1
    for listener in range(risers):
        yield 100, begin + WEEK + chance.random() * WEEK, listener


def fill(warehouse: Warehouse, path: Path, months: list[list[tuple[int, datetime, int]]]) -> None:
    """Write the plays into the star of a DuckDB warehouse; of artists and matches there is one each."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(play for month in months for play in month)
    with warehouse.engine.begin() as connection:
        for statement in (
            "INSERT INTO artists (artist_id, name, inferred) "
            f"SELECT 'AR' || i, 'Artist ' || i, true FROM range({ARTISTS}) t(i)",
            "INSERT INTO song_matches "
            "(match_id, artist_name, title, duration, song_id, artist_id, match, load_id) "
            "SELECT i, 'Artist ' || i, 'Song', 200, 'SO' || i, 'AR' || i, 'inferred', 1 "
            f"FROM range({ARTISTS}) t(i)",
            "INSERT INTO songplays (start_time, user_id, level, song_id, artist_id, session_id, "
            "item_in_session, match, match_id, load_id) "
            "SELECT moment, listener, 'free', 'SO' || artist, 'AR' || artist, 1, row_number() OVER (), "
            f"'inferred', artist, 1 FROM read_csv('{path}', header = false, "
            "columns = {'artist': 'INTEGER', 'moment': 'TIMESTAMP', 'listener': 'INTEGER'})",
        ):
            connection.exec_driver_sql(statement)


def leader(warehouse: Warehouse, month: int) -> tuple[str, float, float]:
    """Of one month the artist that leads, its chance, and the largest change by plays alone."""
    begin = FIRST + month * 2 * WEEK
    rows = warehouse.query(trending_artists(since=begin + WEEK, until=begin + 2 * WEEK, limit=100)).all()
    by_plays = max((row.plays - row.plays_before) / math.sqrt(row.plays + row.plays_before) for row in rows)
    return rows[0].artist, rows[0].chance, by_plays


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ([(6 * 10**11, 4 * 10**11), (4 * 10**11, 6 * 10**11)], [(0, 2e23)]),
        # Equal shares are equal, and one extra play in 800 thousand million counts.
        ([(3 * 10**11 + 3, 10**11 + 1), (3 * 10**11 + 3, 10**11 + 1)], []),
        ([(3 * 10**11 + 4, 10**11 + 1), (3 * 10**11 + 3, 10**11 + 1)], [(0, 100_000_000_001.0)]),
    ],
)
def test_a_million_million_plays_are_compared_exactly(
    empty: Warehouse, counts: list[tuple[int, int]], found: list[tuple[int, float]]
) -> None:
    match = union_all(
        *(
            select(
                literal(key).label("name_key"),
                literal(plays, BigInteger).label("plays"),
                literal(before, BigInteger).label("plays_before"),
            )
            for key, (plays, before) in enumerate(counts)
        )
    ).cte("match")
    grown = _grown(match, floor=5)
    statement = select(grown.c.name_key, grown.c.excess, *(grown.c[name] for name in ("all_plays", "compared")))
    with empty.engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(statement)]
    total = float(sum(map(sum, counts)))
    assert rows == [(key, excess, total, 2) for key, excess in found]


@pytest.fixture
def trendless(new_warehouse: Warehouse, tmp_path: Path) -> Warehouse:
    chance = random.Random(2018)
    new_warehouse.migrate()
    months = [list(two_weeks(month, chance, 40 if month >= MONTHS else 0)) for month in range(MONTHS + POWER)]
    fill(new_warehouse, tmp_path / "plays.csv", months)
    return new_warehouse


def test_chance_names_an_artist_in_five_of_100_months_at_most(trendless: Warehouse) -> None:
    found = [leader(trendless, month) for month in range(MONTHS)]
    assert sum(chance <= 0.05 for _, chance, _ in found) <= 5
    # By plays alone, as if there were only one artist and each play had its own listener, chance names an
    # artist in nearly every month.
    assert sum(by_plays > 2 for *_, by_plays in found) >= 90
    # 40 new listeners of an artist with few plays stand out each time.
    risers = [leader(trendless, month) for month in range(MONTHS, MONTHS + POWER)]
    assert [artist for artist, *_ in risers] == ["Artist 100"] * POWER
    assert max(chance for _, chance, _ in risers) <= 0.05
