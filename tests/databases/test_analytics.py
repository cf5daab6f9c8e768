"""The analysts' questions: the real month, independent SQL on generated data, and both databases."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy import Select, insert, select

from sparkify import Warehouse
from sparkify.analytics import (
    DIMENSIONS,
    QUESTIONS,
    freshness,
    level_changes,
    match_quality,
    peak_hours,
    plays_by,
    retention,
    sessions,
    top_artists,
    top_songs,
    top_songs_by_day,
    top_users,
    totals,
    trending_artists,
    unmatched,
)
from sparkify.analytics.listening import hours_of_week
from sparkify.etl.errors import ConfigurationError
from sparkify.generate import generate
from sparkify.models import Base, SongPlay
from sparkify.redshift import render
from sparkify.report import collect
from sparkify.warehouse.query import fix_mojibake, sql_text
from tests.support.data import Data, rows
from tests.support.making import event, song

SINCE, UNTIL = datetime(2018, 11, 8, 6, 30), datetime(2018, 11, 19, 18, 15)


def ask(warehouse: Warehouse, statement: Select[*tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in warehouse.query(statement)]


@pytest.fixture(scope="module")
def month(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """The real month; tests only read it."""
    with Warehouse(f"duckdb:///{tmp_path_factory.mktemp('month') / 'month.duckdb'}") as warehouse:
        warehouse.load(log_data=real / "log_data", song_data=real / "song_data")
        yield warehouse


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Generated data of four weeks; tests only read it."""
    folder = tmp_path_factory.mktemp("made")
    data = generate(folder / "data", events=6000, songs=300, days=28, seed=5)
    with Warehouse(f"duckdb:///{folder / 'made.duckdb'}") as warehouse:
        warehouse.load(log_data=data.log_data, song_data=data.song_data)
        # All generated users registered before the first day. Here one in three registers 36 hours before the
        # first play instead.
        with warehouse.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE users SET registered_at = first_play - INTERVAL 36 HOUR FROM "
                "(SELECT user_id AS listener, min(start_time) AS first_play FROM songplays GROUP BY user_id) "
                "WHERE user_id = listener AND user_id % 3 = 0"
            )
        yield warehouse


# -- the real month: figures that are known from the logs themselves ---------------------------------------


def test_the_songs_played_most(month: Warehouse) -> None:
    found = [
        (fix_mojibake(row.title), fix_mojibake(row.artist), row.plays)
        for row in month.query(top_songs(limit=7))
    ]
    assert found == [
        ("You're The One", "Dwight Yoakam", 37),
        ("Undo", "Björk", 28),
        ("Revelry", "Kings Of Leon", 27),
        ("Sehr kosmisch", "Harmonia", 21),
        (
            "Horn Concerto No. 4 in E flat K495: II. Romance (Andante cantabile)",
            "Barry Tuckwell/Academy of St Martin-in-the-Fields/Sir Neville Marriner",
            19,
        ),
        ("Canada", "Five Iron Frenzy", 17),
        ("Secrets", "OneRepublic", 17),
    ]


def test_the_users_who_play_most(month: Warehouse) -> None:
    found = [(row.user_id, row.plays, row.sessions, row.level) for row in month.query(top_users(limit=5))]
    assert [one[:2] for one in found] == [(49, 689), (80, 665), (97, 557), (15, 463), (44, 397)]
    assert {one[3] for one in found} == {"paid"}
    first = month.query(top_users(limit=1)).one()
    assert (first.first_name, first.last_name) == ("Chloe", "Cuevas")
    assert first.share == pytest.approx(689 / 6820)


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        ("level", {"paid": 5591, "free": 1229}),
        ("gender", {"F": 4887, "M": 1933}),
        ("weekday", {0: 396, 1: 1014, 2: 1071, 3: 1364, 4: 1052, 5: 1295, 6: 628}),
    ],
)
def test_plays_by_group(month: Warehouse, dimension: Any, expected: dict[Any, int]) -> None:
    assert {row[0]: row.plays for row in month.query(plays_by(dimension))} == expected


def test_plays_by_hour_of_the_month(month: Warehouse) -> None:
    plays = {row.hour: row.plays for row in month.query(plays_by("hour"))}
    assert {hour: plays[hour] for hour in (15, 16, 17, 18)} == {15: 477, 16: 542, 17: 494, 18: 498}
    assert sum(plays.values()) == 6820
    assert list(plays) == list(range(24))


def test_the_totals_of_the_month(month: Warehouse) -> None:
    row = month.query(totals()).one()
    assert (row.plays, row.listeners, row.paid_plays, row.matched_plays) == (6820, 96, 5591, 1)
    assert (row.first_play, row.last_play) == (
        datetime(2018, 11, 1, 21, 1, 46, 796000),
        datetime(2018, 11, 30, 19, 54, 24, 796000),
    )
    assert row.paid_share == pytest.approx(5591 / 6820)


def test_the_levels_of_the_month(month: Warehouse) -> None:
    """Eight users change, nine times: seven from free to paid, and one to free and back."""
    found = {row.level: (row.users, row.changed, row.stayed) for row in month.query(level_changes())}
    assert found == {"free": (81, 7, 7), "paid": (15, 1, 0)}


def test_tiers_and_loads_of_the_month(month: Warehouse) -> None:
    assert [(row.match, row.plays) for row in month.query(match_quality())] == [
        ("exact", 1),
        ("inferred", 6819),
    ]
    found = [(row.source, row.files, row.lines, row.loaded, row.rejected) for row in month.query(freshness())]
    assert found == [("events", 30, 8056, 8056, 0), ("songs", 71, 71, 71, 0)]


def test_devices_of_the_month(month: Warehouse) -> None:
    found = {
        name: [(row[0], row.plays) for row in month.query(plays_by(name))] for name in ("platform", "browser")
    }
    assert found == {
        "platform": [("Mac", 3000), ("Windows", 2428), ("Linux", 1153), ("iPhone", 239)],
        "browser": [("Chrome", 3896), ("Firefox", 1589), ("Safari", 1307), ("Internet Explorer", 28)],
    }


def test_why_plays_of_the_month_match_nothing(month: Warehouse) -> None:
    assert [(row.reason, row.plays) for row in month.query(unmatched())] == [
        ("artist not in the catalogue", 6799),
        ("title not in the catalogue", 20),
    ]


def test_the_month_in_days_and_hours_adds_up(month: Warehouse) -> None:
    statements: list[Select[*tuple[Any, ...]]] = [plays_by("day"), peak_hours(), plays_by("location")]
    for statement in statements:
        assert sum(row.plays for row in month.query(statement)) == 6820
    peak = max(month.query(peak_hours()), key=lambda row: row.plays)
    # Fridays from 16:00 to 17:00, of which the month has five.
    assert (peak.weekday, peak.hour, peak.plays, peak.hours, peak.plays_per_hour) == (5, 16, 140, 5, 28.0)


# -- independent SQL, written by hand ----------------------------------------------------------------------

# The key of a name is implemented again here, like every other rule.
KEYED = """
    WITH named AS (
        SELECT p.start_time, p.user_id, s.title, s.artist_name, s.inferred,
               coalesce(nullif(lower(regexp_replace(s.title, '[^A-Za-z0-9]', '', 'g')), ''), s.title) AS t,
               coalesce(nullif(lower(regexp_replace(artist_name, '[^A-Za-z0-9]', '', 'g')), ''), artist_name)
                   AS a
        FROM songplays p, songs s
        WHERE p.song_id = s.song_id AND {period}
    )
"""
PERIOD = "p.start_time >= '2018-11-08 06:30:00' AND p.start_time < '2018-11-19 18:15:00'"
ALL = "true"

PLATFORM = """
    CASE WHEN regexp_matches(p.user_agent, 'iPhone|iPod') THEN 'iPhone'
         WHEN regexp_matches(p.user_agent, 'iPad') THEN 'iPad'
         WHEN regexp_matches(p.user_agent, 'Android') THEN 'Android'
         WHEN regexp_matches(p.user_agent, 'Windows') THEN 'Windows'
         WHEN regexp_matches(p.user_agent, 'Mac OS X') THEN 'Mac'
         WHEN regexp_matches(p.user_agent, 'X11') THEN 'Linux' END
"""
BROWSER = """
    CASE WHEN regexp_matches(p.user_agent, 'rv:.*Firefox') THEN 'Firefox'
         WHEN regexp_matches(p.user_agent, 'Trident') THEN 'Internet Explorer'
         WHEN regexp_matches(p.user_agent, 'Chrome') THEN 'Chrome'
         WHEN regexp_matches(p.user_agent, 'Safari') THEN 'Safari' END
"""


def plays_of_period(dimension: Any) -> Callable[[], Select[*tuple[Any, ...]]]:
    return partial(plays_by, dimension, since=SINCE, until=UNTIL)


BY_HAND: dict[str, tuple[Callable[[], Select[*tuple[Any, ...]]], str]] = {
    "totals": (
        lambda: totals(since=SINCE, until=UNTIL),
        f"""
        SELECT count(*), count(DISTINCT p.user_id), count(DISTINCT (p.user_id, p.session_id)),
               sum(h.duration) / 3600,
               count(*) FILTER (p.level = 'paid'), avg(CASE p.level WHEN 'paid' THEN 1 ELSE 0 END),
               count(*) FILTER (p.match <> 'inferred'), avg(CASE p.match WHEN 'inferred' THEN 0 ELSE 1 END),
               min(p.start_time), max(p.start_time)
        FROM songplays p LEFT JOIN song_matches h USING (match_id)
        WHERE {PERIOD}
        """,
    ),
    "top songs": (
        lambda: top_songs(limit=25, since=SINCE, until=UNTIL),
        KEYED.format(period=PERIOD)
        + """
        SELECT min_by(title, (inferred, length(title || artist_name), title, artist_name)),
               min_by(artist_name, (inferred, length(title || artist_name), title, artist_name)),
               count(*), count(DISTINCT user_id),
               list_max(map_values(histogram(user_id))), count(*) / (SELECT count(*) FROM named)
        FROM named GROUP BY t, a ORDER BY 3 DESC, 1, 2 LIMIT 25
        """,
    ),
    "top songs by day": (
        lambda: top_songs_by_day(limit=3, since=SINCE, until=UNTIL),
        KEYED.format(period=PERIOD)
        + """
        , ranked AS (
            SELECT t, a, row_number() OVER (ORDER BY count(*) DESC, min(title), min(artist_name)) AS place
            FROM named GROUP BY t, a
        )
        SELECT place, min(title), min(artist_name), CAST(start_time AS DATE) AS day, count(*)
        FROM named JOIN ranked USING (t, a) WHERE place <= 3 GROUP BY place, t, a, day ORDER BY place, day
        """,
    ),
    "top artists": (
        lambda: top_artists(limit=15),
        """
        WITH named AS (
            SELECT p.user_id, r.name, r.inferred,
                   coalesce(nullif(lower(regexp_replace(r.name, '[^A-Za-z0-9]', '', 'g')), ''), r.name) AS a
            FROM songplays p JOIN artists r ON r.artist_id = p.artist_id
        )
        SELECT min_by(name, (inferred, length(name), name)), count(*), count(DISTINCT user_id),
               list_max(map_values(histogram(user_id))), count(*) / (SELECT count(*) FROM songplays)
        FROM named GROUP BY a ORDER BY 2 DESC, 1 LIMIT 15
        """,
    ),
    "trending": (
        lambda: trending_artists(limit=12, floor=3),
        """
        WITH ends AS (SELECT CAST(max(start_time) AS DATE) + 1 AS until FROM songplays),
        named AS (
            SELECT p.user_id, r.name, start_time >= until - INTERVAL 7 DAY AS now,
                   coalesce(nullif(lower(regexp_replace(r.name, '[^A-Za-z0-9]', '', 'g')), ''), r.name) AS a
            FROM songplays p JOIN artists r USING (artist_id), ends
            WHERE start_time >= until - INTERVAL 14 DAY
        ),
        squares AS (
            SELECT a, sum(n * n) AS squares, max(plays) AS most
            FROM (SELECT a, count(*) AS n, count(*) FILTER (now) AS plays FROM named GROUP BY a, user_id)
            GROUP BY a
        ),
        counted AS (
            SELECT a, min_by(name, (length(name), name)) AS name, count(*) FILTER (now) AS plays,
                   count(*) FILTER (NOT now) AS before, count(DISTINCT user_id) FILTER (now) AS listeners
            FROM named GROUP BY a
        ),
        whole AS (
            SELECT count(*) FILTER (plays + before >= 3) AS compared, sum(plays) / sum(plays + before) AS share
            FROM counted
        ),
        surged AS (
            SELECT *, 2 * (plays - (plays + before) * share) / sqrt(squares) AS surge
            FROM counted JOIN squares USING (a), whole
        )
        SELECT name, plays, before, listeners, most, CASE WHEN before > 0 THEN plays / before - 1 END, surge,
               compared, least(1, compared * exp(-surge ** 2 / 2))
        FROM surged WHERE plays >= 3 AND plays > before AND surge > 0
        ORDER BY surge DESC, plays DESC, name LIMIT 12
        """,
    ),
    "top users": (
        lambda: top_users(limit=20, since=SINCE, until=UNTIL),
        f"""
        SELECT user_id, any_value(first_name), any_value(last_name), any_value(u.level), count(*),
               count(DISTINCT session_id), count(*) / (SELECT count(*) FROM songplays p WHERE {PERIOD})
        FROM songplays p JOIN users u USING (user_id) WHERE {PERIOD}
        GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT 20
        """,
    ),
    "peak hours": (
        lambda: peak_hours(since=SINCE, until=UNTIL),
        f"""
        WITH edges AS (
            SELECT date_trunc('hour', min(start_time)) AS low, date_trunc('hour', max(start_time)) AS high
            FROM songplays p WHERE {PERIOD}
        ),
        every AS (
            SELECT dayofweek(h) AS weekday, hour(h) AS hour, count(*) AS hours
            FROM (SELECT unnest(generate_series(low, high, INTERVAL 1 HOUR)) AS h FROM edges) GROUP BY ALL
        )
        SELECT weekday, hour, count(*), count(DISTINCT user_id), any_value(hours), count(*) / any_value(hours)
        FROM songplays p JOIN every ON weekday = dayofweek(start_time) AND hour = hour(start_time)
        WHERE {PERIOD} GROUP BY weekday, hour ORDER BY weekday, hour
        """,
    ),
    "sessions": (
        lambda: sessions(since=SINCE, until=UNTIL),
        f"""
        WITH session AS (
            SELECT bool_or(p.level = 'paid') AS paid, count(*) AS plays,
                   (max(epoch(p.start_time) + h.duration) - min(epoch(p.start_time))) / 60 AS minutes
            FROM songplays p JOIN song_matches h USING (match_id) WHERE {PERIOD}
            GROUP BY p.user_id, p.session_id
        )
        SELECT CASE WHEN paid THEN 'paid' ELSE 'free' END AS level, count(*), sum(plays), avg(plays),
               median(plays), max(plays), avg(minutes), median(minutes)
        FROM session GROUP BY level ORDER BY 2 DESC, 1
        """,
    ),
    "retention": (
        lambda: retention(),
        """
        WITH first AS (SELECT CAST(min(start_time) AS DATE) AS day FROM songplays),
        member AS (
            SELECT DISTINCT user_id, CAST(date_trunc('week', registered_at) AS DATE) AS cohort
            FROM users JOIN songplays USING (user_id), first WHERE registered_at >= day
        ),
        active AS (
            SELECT DISTINCT user_id, cohort, date_diff('week', cohort, date_trunc('week', start_time)) AS week
            FROM songplays JOIN member USING (user_id)
        )
        SELECT cohort, week, count(*) AS listeners, size, count(*) / size
        FROM active JOIN (SELECT cohort, count(*) AS size FROM member GROUP BY 1) USING (cohort)
        WHERE week >= 0 GROUP BY cohort, week, size ORDER BY cohort, week
        """,
    ),
    "match quality": (
        lambda: match_quality(),
        """
        SELECT match, count(*), count(*) / (SELECT count(*) FROM songplays), count(DISTINCT match_id)
        FROM songplays GROUP BY match
        ORDER BY list_position(['exact', 'title_artist', 'normalized', 'inferred'], match)
        """,
    ),
    "unmatched": (
        lambda: unmatched(since=SINCE, until=UNTIL),
        f"""
        SELECT CASE WHEN EXISTS (
                   SELECT 1 FROM artists r WHERE NOT r.inferred
                   AND regexp_replace(lower(r.name), '[^a-z0-9]', '', 'g')
                       = regexp_replace(lower(h.artist_name), '[^a-z0-9]', '', 'g')
               ) THEN 'title not in the catalogue' ELSE 'artist not in the catalogue' END,
               count(*), count(*) / (SELECT count(*) FROM songplays p WHERE {PERIOD}), count(DISTINCT match_id)
        FROM songplays p JOIN song_matches h USING (match_id)
        WHERE p.match = 'inferred' AND {PERIOD} GROUP BY 1 ORDER BY 2 DESC, 1
        """,
    ),
    "freshness": (
        lambda: freshness(),
        """
        SELECT f.source, 1, count(*), sum(f.bytes), sum(f.lines), sum(f.loaded), sum(f.rejected), sum(f.blank),
               max(h.finished_at),
               CASE f.source WHEN 'events' THEN (SELECT max(start_time) FROM songplays) END
        FROM loaded_files f, load_history h WHERE f.load_id = h.load_id GROUP BY f.source ORDER BY f.source
        """,
    ),
    **{
        f"plays by {name}": (
            plays_of_period(name),
            f"""
            SELECT {expression}, count(*), count(DISTINCT p.user_id),
                   count(*) / (SELECT count(*) FROM songplays p WHERE {PERIOD}),
                   count(*) / count(DISTINCT p.user_id)
            FROM songplays p LEFT JOIN users u ON u.user_id = p.user_id
            WHERE {PERIOD} GROUP BY 1 ORDER BY {order}
            """,
        )
        for name, expression, order in (
            ("level", "p.level", "2 DESC, 1"),
            ("gender", "u.gender", "2 DESC, 1"),
            ("location", "p.location", "2 DESC, 1"),
            ("platform", PLATFORM, "2 DESC, 1"),
            ("browser", BROWSER, "2 DESC, 1"),
            ("hour", "hour(p.start_time)", "1"),
            ("weekday", "dayofweek(p.start_time)", "1"),
            ("day", "CAST(p.start_time AS DATE)", "1"),
        )
    },
}


def same(left: list[tuple[Any, ...]], right: list[tuple[Any, ...]]) -> bool:
    """Whether two answers are equal, in order; floating point to the ninth digit."""
    return len(left) == len(right) and all(
        len(one) == len(other)
        and all(
            math.isclose(a, b, rel_tol=1e-9) if isinstance(a, float) and b is not None else a == b
            for a, b in zip(one, other, strict=True)
        )
        for one, other in zip(left, right, strict=True)
    )


@pytest.mark.parametrize("name", BY_HAND)
def test_independent_sql_agrees(made: Warehouse, name: str) -> None:
    statement, text = BY_HAND[name]
    found, expected = ask(made, statement()), rows(made, text)
    assert found
    assert same(found, expected), (found[:3], expected[:3])


def test_every_question_is_compared_with_independent_sql() -> None:
    compared = {render(statement()) for statement, _ in BY_HAND.values()}
    assert len(compared) == len(BY_HAND)
    # The tests with small data below cover level_changes.
    assert len(QUESTIONS) == len(BY_HAND) - len(DIMENSIONS) + 1 + 1


def test_levels_by_plays_themselves(made: Warehouse) -> None:
    """The same funnel, counted from the plays in Python."""
    plays: dict[int, list[str]] = {}
    for user, level in rows(made, "SELECT user_id, level FROM songplays ORDER BY start_time, level"):
        plays.setdefault(user, []).append(level)
    expected: dict[str, list[int]] = {"free": [0, 0, 0], "paid": [0, 0, 0]}
    for levels in plays.values():
        counts = expected[levels[0]]
        counts[0] += 1
        counts[1] += len(set(levels)) > 1
        counts[2] += levels[-1] != levels[0]
    found = {row.level: [row.users, row.changed, row.stayed] for row in made.query(level_changes())}
    assert found == expected
    assert expected["free"][1] > 0


# -- one SELECT for both databases -------------------------------------------------------------------------


def questions() -> Iterator[tuple[str, Select[Any]]]:
    """Every question as it is, and with all that it takes."""
    full = {"since": SINCE, "until": UNTIL, "limit": 4, "tz": "Asia/Kolkata", "floor": 2, "days": 5}
    for name, question in QUESTIONS.items():
        takes = inspect.signature(question.ask).parameters
        given = {key: value for key, value in full.items() if key in takes}
        for dimension in DIMENSIONS if "dimension" in takes else (None,):
            first = () if dimension is None else (dimension,)
            label = f"{name} {dimension or ''}".strip()
            yield label, question.ask(*first)
            yield f"{label}, with everything", question.ask(*first, **given)


ASKED = dict(questions())

OF_PAGE: dict[str, Select[*tuple[Any, ...]]] = {
    **ASKED,
    "the page's hours": hours_of_week(SINCE, UNTIL),
    "the page's hours, in a zone": hours_of_week(SINCE, UNTIL, tz="Australia/Lord_Howe"),
}
"""With what the page alone asks, which has rows without a play too."""

NOT_ON_REDSHIFT = (
    r"DISTINCT ON|FILTER \(|generate_series|string_agg|CURRENT_TIMESTAMP|now\(|VALUES|IS (NOT )?DISTINCT FROM|"
    r"QUALIFY|LATERAL|unnest|timezone\(|date_diff\(|\bNUMERIC\b(?!\(\d+, \d+\))|::|//"
)
"""NUMERIC alone is NUMERIC(18, 0) there."""


@pytest.mark.parametrize("name", OF_PAGE)
def test_redshift_has_all_that_it_is_asked_for(name: str) -> None:
    text = render(OF_PAGE[name])
    assert re.findall(NOT_ON_REDSHIFT, text) == []
    # An aggregate over an ordered window needs an explicit frame; numbering and ranking take none.
    for window in re.findall(
        r"(\w+)\([^()]*\) OVER \((?:[^()]|\([^()]*\))*ORDER BY((?:[^()]|\([^()]*\))*)\)", text
    ):
        assert window[0] in ("row_number", "rank") or "ROWS BETWEEN" in window[1]


def test_the_redshift_grammar_takes_every_question() -> None:
    sqlfluff = pytest.importorskip("sqlfluff", reason="the grammar of Redshift is not installed")
    linter = sqlfluff.core.Linter(dialect="redshift")
    for name, statement in OF_PAGE.items():
        parsed = linter.parse_string(f"{render(statement)};\n")
        assert parsed.violations == [], name


@pytest.fixture
def both(made: Warehouse, redshift: Any) -> Iterator[tuple[Warehouse, Warehouse]]:
    """The generated data on DuckDB, and the same rows on the stand-in for Redshift."""
    with Warehouse(redshift.url) as warehouse:
        warehouse.migrate()
        with made.engine.connect() as source, warehouse.engine.connect() as target:
            for table in Base.metadata.sorted_tables:
                names = [c.name for c in table.columns if c.dialect_options["redshift"]["identity"] is None]
                found = source.execute(select(*(table.c[name] for name in names))).fetchall()
                for start in range(0, len(found), 400):
                    values = [dict(row._mapping) for row in found[start : start + 400]]
                    target.exec_driver_sql(render(insert(table).values(values)))
            target.commit()
        yield made, warehouse


def test_both_databases_give_the_same_answers(both: tuple[Warehouse, Warehouse]) -> None:
    duckdb, redshift = both
    for name, statement in OF_PAGE.items():
        here, there = ask(duckdb, statement), ask(redshift, statement)
        # The loads ran today, which is outside the period.
        assert here or name == "freshness, with everything", name
        assert same(here, there), (name, here[:2], there[:2])
        kinds = [[type(value) for value in row] for row in here]
        assert kinds == [[type(value) for value in row] for row in there], name
    the_page_tells_the_same(duckdb, redshift)


def the_page_tells_the_same(*both: Warehouse) -> None:
    # Collecting needs no extra, but writing the page does.
    here, there = (collect(warehouse, days=14, checks=False) for warehouse in both)
    for warehouse in both:
        songs_of_page_are_those_of_the_questions(warehouse)
    assert "date_diff('millisecond'," in here.sql["sessions"]
    assert "DATEDIFF(millisecond," in there.sql["sessions"]
    for field in fields(here):
        if field.name != "sql":
            one, other = getattr(here, field.name), getattr(there, field.name)
            if isinstance(one, list):
                assert same([tuple(row.values()) for row in one], [tuple(row.values()) for row in other])
            elif field.name == "rows":
                assert one.keys() == other.keys()
                for name, answer in one.items():
                    told = ([tuple(row.values()) for row in rows] for rows in (answer, other[name]))
                    assert same(*told), name
            else:
                assert one == other or same([tuple(one.values())], [tuple(other.values())]), field.name


def songs_of_page_are_those_of_the_questions(warehouse: Warehouse) -> None:
    found = collect(warehouse, days=14, tz="Asia/Kolkata", checks=False)
    span: dict[str, Any] = {"since": found.period.since, "until": found.period.until}
    songs = warehouse.query(top_songs(**span)).records()
    days = warehouse.query(top_songs_by_day(**span, tz="Asia/Kolkata")).records()
    assert len(songs) == 10
    assert same([tuple(row.values()) for row in found.songs], [tuple(row.values()) for row in songs])
    assert found.song_days == days
    assert [list(row) for row in found.songs] == [list(row) for row in songs]


def test_songs_of_page_are_those_of_the_questions(made: Warehouse) -> None:
    songs_of_page_are_those_of_the_questions(made)


# -- periods -----------------------------------------------------------------------------------------------


def test_since_is_inclusive_and_until_is_not(warehouse: Warehouse, data: Data) -> None:
    data.log(
        "a.json",
        event(at="2018-11-01 20:00:00.000", itemInSession=0),
        event(at="2018-11-01 21:00:00.000", itemInSession=1),
        event(at="2018-11-01 22:00:00.000", itemInSession=2),
    )
    data.song("a.json", song())
    warehouse.load()
    nine = datetime(2018, 11, 1, 21)
    cases: list[tuple[Any, Any, int]] = [
        (None, None, 3),
        (nine, None, 2),
        (None, nine, 1),
        (nine, datetime(2018, 11, 1, 22), 1),
        (nine.replace(tzinfo=UTC), None, 2),
        # 22:00 in Berlin is 21:00 UTC.
        (datetime(2018, 11, 1, 22, tzinfo=timezone(timedelta(hours=1))), None, 2),
        (date(2018, 11, 1), date(2018, 11, 2), 3),
        (date(2018, 11, 2), None, 0),
    ]
    for since, until, expected in cases:
        assert warehouse.query(totals(since=since, until=until)).one().plays == expected, (since, until)


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name != "trending-artists"])
def test_a_period_without_a_moment_is_refused(name: str) -> None:
    first = ("level",) if name == "plays-by" else ()
    day = datetime(2018, 11, 1)
    with pytest.raises(ConfigurationError, match="no moment in it; until is exclusive"):
        QUESTIONS[name].ask(*first, since=day, until=day)


def test_nothing_played_is_answered_too(warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", event(page="Home", song=None, artist=None, length=None))
    data.song("a.json", song())
    warehouse.load()
    row = warehouse.query(totals()).one()
    assert (row.plays, row.listeners, row.hours, row.paid_share, row.last_play) == (0, 0, 0.0, None, None)
    for name, statement in ASKED.items():
        if not name.startswith(("totals", "freshness")):
            assert ask(warehouse, statement) == [], name


@pytest.mark.parametrize(
    ("tz", "weekday", "hour", "day"),
    [
        ("UTC", 0, 8, date(2018, 11, 4)),
        # Clocks went back that night at 9:00 UTC, so one o'clock occurred twice.
        ("America/Los_Angeles", 0, 1, date(2018, 11, 4)),
        ("Asia/Kolkata", 0, 14, date(2018, 11, 4)),
        ("Asia/Kathmandu", 0, 14, date(2018, 11, 4)),
        ("Pacific/Kiritimati", 0, 22, date(2018, 11, 4)),
        ("Pacific/Honolulu", 6, 22, date(2018, 11, 3)),
        ("Etc/UTC", 0, 8, date(2018, 11, 4)),
    ],
)
def test_the_clock_of_a_zone(
    warehouse: Warehouse, data: Data, tz: str, weekday: int, hour: int, day: date
) -> None:
    data.log("a.json", event(at="2018-11-04 08:59:59.796"))
    data.song("a.json", song())
    warehouse.load()
    assert ask(warehouse, plays_by("day", tz=tz))[0][0] == day
    assert ask(warehouse, plays_by("hour", tz=tz))[0][0] == hour
    assert ask(warehouse, peak_hours(tz=tz)) == [(weekday, hour, 1, 1, 1, 1.0)]
    assert ask(warehouse, top_songs_by_day(tz=tz)) == [(1, "Song", "Band", day, 1)]


def test_a_zone_with_quarters_is_converted_to_the_quarter(warehouse: Warehouse, data: Data) -> None:
    """Kathmandu is 5:45 ahead: 18:14 is one day there, 18:15 the next."""
    data.log(
        "a.json",
        event(at="2018-11-04 18:14:59.999", itemInSession=0),
        event(at="2018-11-04 18:15:00.000", itemInSession=1),
    )
    data.song("a.json", song())
    warehouse.load()
    found = [(row.day, row.plays) for row in warehouse.query(plays_by("day", tz="Asia/Kathmandu"))]
    assert found == [(date(2018, 11, 4), 1), (date(2018, 11, 5), 1)]


def test_zones_that_are_none() -> None:
    with pytest.raises(ConfigurationError, match=r"did you mean America/Los_Angeles\?"):
        peak_hours(tz="America/LosAngeles")
    with pytest.raises(ConfigurationError, match="is not a time zone"):
        plays_by("hour", tz="'; DROP TABLE songplays; --")


def test_a_dimension_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="plays are counted by level, gender"):
        plays_by("mood")  # type: ignore[arg-type]


# -- small data, known by heart ----------------------------------------------------------------------------


def test_what_listeners_would_call_one_song(warehouse: Warehouse, data: Data) -> None:
    played = [
        ("Undo", "Björk"),  # as in the catalogue
        ("Undo", "BjÃ\x83Â¶rk"),  # encoded wrongly twice
        ("UNDO!", "björk"),
        ("Undo", "Other"),  # another song
        ("愛", "歌手"),  # no ASCII letters: only equal names match
        ("恋", "歌手"),
        ("愛", "歌手"),
    ]
    data.log(
        "a.json",
        *(
            event(song=title, artist=artist, itemInSession=place, userId=str(place), length=100.5)
            for place, (title, artist) in enumerate(played)
        ),
    )
    data.song(
        "a.json",
        song(song_id="SOA", artist_id="ARB", title="Undo", artist_name="Björk", duration=100.5),
        # Another edition of the same song, which nobody played.
        song(song_id="SOB", artist_id="ARB", title="Undo", artist_name="Björk", duration=300.5),
    )
    warehouse.load()
    assert ask(warehouse, top_songs()) == [
        ("Undo", "Björk", 3, 3, 1, 3 / 7),
        ("愛", "歌手", 2, 2, 1, 2 / 7),
        ("Undo", "Other", 1, 1, 1, 1 / 7),
        ("恋", "歌手", 1, 1, 1, 1 / 7),
    ]
    assert ask(warehouse, top_artists()) == [
        ("Björk", 3, 3, 1, 3 / 7),
        ("歌手", 3, 3, 1, 3 / 7),
        ("Other", 1, 1, 1, 1 / 7),
    ]


def test_of_spellings_the_shortest_of_the_catalogue_is_shown_and_the_first_by_alphabet(
    warehouse: Warehouse, data: Data
) -> None:
    """That was played or not; of two artists of one name there is one row."""
    played = ["The Zoe!", "the zoe", "The Zoe", "TheZoe"]
    days = ("2018-11-01 12:00:00.000", "2018-11-08 12:00:00.000")
    data.log(
        "a.json",
        event(song="Stop", artist="Other", itemInSession=9, at=days[0]),
        *(
            event(song="Go", artist=artist, itemInSession=item, at=days[0])
            for item, artist in enumerate(played[:2])
        ),
        *(
            event(song="go", artist=artist, itemInSession=item, at=days[1])
            for item, artist in enumerate(played)
        ),
    )
    data.song(
        "a.json",
        *(
            song(song_id=f"SO{number}", artist_id=f"AR{number}", title=title, artist_name=artist)
            for number, (title, artist) in enumerate(
                [("Go", "The Zoe!"), ("go", "the zoe"), ("Go", "The Zoe"), ("Go (Live)", "The Zoe")]
            )
        ),
    )
    warehouse.load()
    assert ask(warehouse, top_artists()) == [("The Zoe", 6, 1, 6, 6 / 7), ("Other", 1, 1, 1, 1 / 7)]
    assert ask(warehouse, top_songs(limit=1)) == [("Go", "The Zoe", 6, 1, 6, 6 / 7)]
    assert ask(warehouse, top_songs_by_day(limit=1)) == [
        (1, "Go", "The Zoe", date(2018, 11, 1), 2),
        (1, "Go", "The Zoe", date(2018, 11, 8), 4),
    ]
    rising = warehouse.query(trending_artists(floor=1))
    assert [(row.artist, row.plays, row.plays_before) for row in rising] == [("The Zoe", 4, 2)]


def test_of_spellings_that_the_catalogue_does_not_know_the_whole_one_is_shown(
    warehouse: Warehouse, data: Data
) -> None:
    data.log(
        "a.json",
        event(song="Déjà", artist="Zoé", itemInSession=0),
        event(song="DÃ\x83Â©jÃ\x83Â\xa0", artist="ZoÃ\x83Â©", itemInSession=1),
        event(song="DÃ\x83Â©jÃ\x83Â\xa0", artist="ZoÃ\x83Â©", itemInSession=2),
    )
    data.song("a.json", song())
    warehouse.load()
    assert ask(warehouse, top_songs())[0][:3] == ("Déjà", "Zoé", 3)
    assert ask(warehouse, top_artists())[0][:2] == ("Zoé", 3)


def test_songs_and_artists_of_one_listener(warehouse: Warehouse, data: Data) -> None:
    """Of three listeners one plays the song three times of five, in two spellings."""
    data.log(
        "a.json",
        *(
            event(song=title, artist="Band", itemInSession=place, userId=str(user))
            for place, (title, user) in enumerate(
                [("Undo", 1), ("UNDO!", 1), ("Undo", 1), ("Undo", 2), ("Undo", 3), ("Other", 2)]
            )
        ),
    )
    data.song("a.json", song())
    warehouse.load()
    assert ask(warehouse, top_songs()) == [
        ("Undo", "Band", 5, 3, 3, 5 / 6),
        ("Other", "Band", 1, 1, 1, 1 / 6),
    ]
    assert ask(warehouse, top_artists()) == [("Band", 6, 3, 3, 1.0)]


def test_families_of_user_agents(warehouse: Warehouse, data: Data) -> None:
    def at(place: int) -> datetime:
        return datetime(2018, 11, 5, 12, place)

    kit, cpu = "AppleWebKit/537.36 (KHTML, like Gecko)", "like Mac OS X"
    agents = [
        (f'"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_4) {kit} Chrome/36.0 Safari/537.36"', "Mac", "Chrome"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9) {kit} Version/7.0.6 Safari/537.78", "Mac", "Safari"),
        ("Mozilla/5.0 (Windows NT 5.1; rv:31.0) Gecko/20100101 Firefox/31.0", "Windows", "Firefox"),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", "Windows", "Internet Explorer"),
        ("Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)", "Windows", "Internet Explorer"),
        (f"Mozilla/5.0 (Windows NT 10.0) {kit} Chrome/120.0 Safari/537.36 Edg/120.0", "Windows", "Edge"),
        (f"Mozilla/5.0 (Windows NT 10.0) {kit} Chrome/119.0 Safari/537.36 OPR/105.0", "Windows", "Opera"),
        (f"Mozilla/5.0 (X11; Linux) {kit} Ubuntu Chromium/36.0 Chrome/36.0 Safari/537.36", "Linux", "Chrome"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 5978.98.0) {kit} Chrome/36.0 Safari/537.36", "ChromeOS", "Chrome"),
        (f"Mozilla/5.0 (Linux; Android 4.4.4) {kit} Chrome/38.0 Mobile Safari/537.36", "Android", "Chrome"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 7_1_2 {cpu}) {kit} Version/7.0 Safari/9537", "iPhone", "Safari"),
        (f"Mozilla/5.0 (iPad; CPU OS 8_0 {cpu}) {kit} CriOS/38.0 Mobile/12A Safari/600.1", "iPad", "Chrome"),
        (
            f"Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1) {kit} Chrome/52.0 Mobile Safari/537 Edge/15.1",
            "Windows Phone",
            "Edge",
        ),
        (
            f"Mozilla/5.0 (Mobile; Windows Phone 8.1; Android 4.0; Trident/7.0) like iPhone OS 7_0_3 {kit}",
            "Windows Phone",
            "Internet Explorer",
        ),
        ("windows firefox", "other", "other"),
        (None, None, None),
        ("", None, None),
    ]
    data.log(
        "a.json",
        *(
            event(userAgent=agent, itemInSession=place, at=f"{at(place)}")
            for place, (agent, *_) in enumerate(agents)
        ),
    )
    data.song("a.json", song())
    warehouse.load()
    platforms = {row.platform: row.plays for row in warehouse.query(plays_by("platform"))}
    assert platforms == {"Windows": 5, "Mac": 2, "Windows Phone": 2, None: 2} | dict.fromkeys(
        ("Android", "ChromeOS", "Linux", "iPad", "iPhone", "other"), 1
    )
    browsers = {row.browser: row.plays for row in warehouse.query(plays_by("browser"))}
    assert browsers == {"Chrome": 5, "Internet Explorer": 3, "Safari": 2, "Edge": 2, None: 2} | dict.fromkeys(
        ("Firefox", "Opera", "other"), 1
    )
    # And each agent by itself, in a period of one minute.
    for place, (_, platform, browser) in enumerate(agents):
        since, until = at(place), at(place + 1)
        assert ask(warehouse, plays_by("platform", since=since, until=until))[0][0] == platform
        assert ask(warehouse, plays_by("browser", since=since, until=until))[0][0] == browser


def test_why_plays_match_nothing(warehouse: Warehouse, data: Data) -> None:
    played = [
        ("Song", "Band"),
        ("Other", "Band"),
        ("Other", "BAND!"),
        ("Undo", "Björk"),
        ("愛", "歌手"),
        ("恋", "歌手"),
    ]
    data.log(
        "a.json",
        *(
            event(song=title, artist=artist, itemInSession=place)
            for place, (title, artist) in enumerate(played)
        ),
    )
    data.song("a.json", song(title="Song", artist_name="Band"))
    warehouse.load()
    assert ask(warehouse, unmatched()) == [
        ("artist not in the catalogue", 3, 3 / 6, 3),
        ("title not in the catalogue", 2, 2 / 6, 2),
    ]


def test_artist_by_the_name_that_a_song_credits_is_in_the_catalogue(warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", event(artist="A feat. B", song="Other"))
    data.song("a.json", song(song_id="S0", artist_id="AR0", artist_name="A", title="Q"))
    data.song("b.json", song(song_id="S1", artist_id="AR0", artist_name="A feat. B", title="Z"))
    warehouse.load()
    assert rows(warehouse, "SELECT artist_id, match FROM songplays") == [("AR0", "inferred")]
    assert ask(warehouse, unmatched()) == [("title not in the catalogue", 1, 1.0, 1)]


def plays_of(artist: str, days: list[int], session: int) -> list[dict[str, Any]]:
    """One play of the artist on each of these days of November, each by another user."""
    return [
        event(
            artist=artist,
            at=f"2018-11-{day:02} 12:00:00.796",
            sessionId=session,
            itemInSession=place,
            userId=str(100 * session + place),
        )
        for place, day in enumerate(days)
    ]


def test_trending_by_its_formula(warehouse: Warehouse, data: Data) -> None:
    fan = [{**one, "userId": "900"} for one in plays_of("Fan", [16] * 8, 9)]
    data.log(
        "a.json",
        *plays_of("Riser", [8, *[15] * 8, 21], 1),
        *plays_of("Newcomer", [16] * 6, 2),
        *plays_of("Steady", [9] * 20 + [16] * 21, 3),
        *plays_of("Faller", [9] * 9 + [16] * 6, 4),
        *plays_of("Few", [16] * 4, 5),
        *plays_of("Same", [9] * 7 + [16] * 7, 7),
        *plays_of("Gone", [14] * 3, 8),
        *fan,
        # Before both windows, so these do not count.
        *plays_of("Newcomer", [7] * 50, 6),
    )
    data.song("a.json", song())
    warehouse.load()
    found = ask(warehouse, trending_artists())
    # All together rose from 40 plays to 61; Steady, from 20 to 21, rose less than that.
    assert [row[:5] for row in found] == [
        ("Newcomer", 6, 0, 6, 1),
        ("Riser", 9, 1, 9, 1),
        ("Fan", 8, 0, 1, 8),
    ]
    assert [row[5] for row in found] == [None, 8.0, None]
    assert [row[6] for row in found] == [
        pytest.approx(2 * (6 - 6 * 61 / 101) / math.sqrt(6)),
        pytest.approx(2 * (9 - 10 * 61 / 101) / math.sqrt(10)),
        # Eight plays by one listener count as one observation.
        pytest.approx(2 * (8 - 8 * 61 / 101) / 8),
    ]
    # Only artists with five or more plays in both weeks are compared: neither Few nor Gone.
    assert [row[7] for row in found] == [6, 6, 6]
    assert [row[8] for row in found] == [
        pytest.approx(6 * math.exp(-2 * (6 - 6 * 61 / 101) ** 2 / 6)),
        # The bound for Riser is above 1.
        1.0,
        1.0,
    ]
    assert "Few" in [row[0] for row in ask(warehouse, trending_artists(floor=4))]
    # The week before the 15th has the plays of the 8th and the 9th.
    week = [row[:3] for row in ask(warehouse, trending_artists(until=date(2018, 11, 15)))]
    assert week == [("Steady", 20, 0), ("Faller", 9, 0), ("Same", 7, 0)]
    two_days = [row[:3] for row in ask(warehouse, trending_artists(since=date(2018, 11, 15), days=2))]
    assert two_days == [
        ("Steady", 21, 0),
        ("Riser", 8, 0),
        ("Same", 7, 0),
        ("Faller", 6, 0),
        ("Newcomer", 6, 0),
        ("Fan", 8, 0),
    ]
    # There are no plays on the day before to compare with.
    assert ask(warehouse, trending_artists(since=date(2018, 11, 7), days=1)) == []


@pytest.mark.parametrize(("before", "now"), [(7, 15), (17, 28)])
def test_artist_that_rose_as_all_did_is_not_on_the_rise(
    warehouse: Warehouse, data: Data, before: int, now: int
) -> None:
    data.log("a.json", *plays_of("Only", [9] * before + [16] * now, 1))
    data.song("a.json", song())
    warehouse.load()
    assert ask(warehouse, trending_artists()) == []


def test_artists_of_one_surge_are_in_the_order_of_their_plays(warehouse: Warehouse, data: Data) -> None:
    """Each of Tiny, Small and Big is of one listener and doubled; all plays are 36 after 38."""
    made = {"Tiny": (5, 10), "Small": (6, 12), "Big": (7, 14)}
    fans = [
        {**one, "userId": f"{session}"}
        for session, (artist, (before, now)) in enumerate(made.items(), start=1)
        for one in plays_of(artist, [9] * before + [16] * now, session)
    ]
    data.log("a.json", *fans, *plays_of("Faller", [9] * 20, 9))
    data.song("a.json", song())
    warehouse.load()
    found = ask(warehouse, trending_artists())
    assert [row[:3] for row in found] == [("Big", 14, 7), ("Small", 12, 6), ("Tiny", 10, 5)]
    # 36 of all 74 plays are in the window, and two thirds of those of each of these artists.
    assert [row[6] for row in found] == [pytest.approx(2 * (2 / 3 - 36 / 74))] * 3
    assert [row[0] for row in ask(warehouse, trending_artists(limit=1))] == ["Big"]


def test_artist_of_many_listeners_leads_before_any_number_of_fans(warehouse: Warehouse, data: Data) -> None:
    """A hundred artists rose by more plays, each by those of one listener."""
    fans = [
        {**one, "userId": f"{session}"}
        for session in range(101, 201)
        for one in plays_of(f"Fan of {session}", [16] * 3, session)
    ]
    data.log("a.json", *fans, *plays_of("Crowd", [16] * 2, 3), *plays_of("Gone", [9] * 10, 4))
    data.song("a.json", song())
    warehouse.load()
    found = ask(warehouse, trending_artists(limit=2, floor=2))
    assert [row[:5] for row in found] == [("Crowd", 2, 0, 2, 1), ("Fan of 101", 3, 0, 1, 3)]
    # 302 of all plays are in the window, and 10 in the one before.
    assert [row[6] for row in found] == [
        pytest.approx(2 * 2 * 10 / 312 / math.sqrt(2)),
        pytest.approx(2 * 10 / 312),
    ]


def test_trending_windows_that_are_none() -> None:
    with pytest.raises(ConfigurationError, match="a window of 0 days"):
        trending_artists(days=0)
    with pytest.raises(ConfigurationError, match="no moment in it"):
        trending_artists(since=date(2018, 11, 2), until=date(2018, 11, 1))


def test_levels_within_a_period(warehouse: Warehouse, data: Data) -> None:
    """User 1: free, paid on the 5th, free on the 9th. User 2: free throughout. User 3: paid from the 7th on."""

    def at(user: int, day: int, level: str) -> dict[str, Any]:
        return event(
            at=f"2018-11-{day:02} 12:00:00.796", userId=str(user), sessionId=10 * user + day, level=level
        )

    data.log(
        "a.json",
        *(at(1, day, level) for day, level in ((1, "free"), (5, "paid"), (9, "free"))),
        *(at(2, day, "free") for day in (1, 9)),
        at(3, 7, "paid"),
    )
    data.song("a.json", song())
    warehouse.load()
    assert ask(warehouse, level_changes()) == [
        ("free", 2, 1, 0, 0.5, 4.0),
        ("paid", 1, 0, 0, 0.0, None),
    ]
    assert ask(warehouse, level_changes(until=date(2018, 11, 7))) == [("free", 2, 1, 1, 0.5, 4.0)]
    # A period ends where the next one begins: at that moment the user has the new level.
    changed = datetime(2018, 11, 5, 12, 0, 0, 796000)
    assert ask(warehouse, level_changes(since=changed, until=date(2018, 11, 6))) == [
        ("free", 1, 0, 0, 0.0, None),
        ("paid", 1, 0, 0, 0.0, None),
    ]
    assert ask(warehouse, level_changes(since=date(2018, 11, 6))) == [
        ("paid", 2, 1, 1, 0.5, 4.0),
        ("free", 1, 0, 0, 0.0, None),
    ]


def test_play_of_no_level_tells_no_change(warehouse: Warehouse, data: Data) -> None:
    """User 1: free, none, free, none, paid. User 2: none, free. User 3: free, none. User 4: none."""
    levels = {1: ["free", None, "free", "", "paid"], 2: [None, "free"], 3: ["free", None], 4: [None, "", None]}
    data.log(
        "a.json",
        *(
            event(at=f"2018-11-{day:02} 12:00:00.796", userId=str(user), sessionId=10 * user + day, level=level)
            for user, of_days in levels.items()
            for day, level in enumerate(of_days, start=1)
        ),
    )
    data.song("a.json", song())
    warehouse.load()
    # User 1 was free from the 1st to the 5th.
    unknown = (None, 1, 0, 0, 0.0, None)
    assert ask(warehouse, level_changes()) == [("free", 3, 1, 1, 1 / 3, 4.0), unknown]
    # At noon on the 1st user 2 is not known yet; on the 2nd and 4th user 1 is still free.
    assert ask(warehouse, level_changes(until=date(2018, 11, 2))) == [
        ("free", 2, 0, 0, 0.0, None),
        (None, 2, 0, 0, 0.0, None),
    ]
    assert ask(warehouse, level_changes(since=date(2018, 11, 3), until=date(2018, 11, 5))) == [
        ("free", 3, 0, 0, 0.0, None),
        unknown,
    ]
    assert ask(warehouse, level_changes(since=date(2018, 11, 5))) == [("free", 3, 1, 1, 1 / 3, 4.0), unknown]


def test_sessions_by_heart(warehouse: Warehouse, data: Data) -> None:
    """Of a free session of one minute, one of two plays in ten minutes, and one that turned paid."""
    data.log(
        "a.json",
        event(sessionId=1, at="2018-11-01 12:00:00.000", length=60.0),
        event(sessionId=2, at="2018-11-01 12:00:00.000", length=60.0, itemInSession=0),
        event(sessionId=2, at="2018-11-01 12:08:00.000", length=120.0, itemInSession=1, song="Other"),
        event(sessionId=3, at="2018-11-01 13:00:00.000", length=60.0, itemInSession=0),
        event(sessionId=3, at="2018-11-01 13:01:00.000", length=60.0, itemInSession=1, level="paid"),
        event(sessionId=3, at="2018-11-01 13:02:00.000", length=60.0, itemInSession=2, level="paid"),
    )
    data.song("a.json", song())
    warehouse.load()
    assert ask(warehouse, sessions()) == [
        ("free", 2, 3, 1.5, 1.5, 2, 5.5, 5.5),
        ("paid", 1, 3, 3.0, 3.0, 3, 3.0, 3.0),
    ]


def test_sessions_of_no_level_are_a_group(warehouse: Warehouse, data: Data) -> None:
    data.log(
        "a.json",
        event(sessionId=1, level=None, length=60.0),
        event(sessionId=2, level="paid", userId="2", length=120.0),
    )
    data.song("a.json", song())
    warehouse.load()
    assert ask(warehouse, sessions()) == [
        ("paid", 1, 1, 1.0, 1.0, 1, 2.0, 2.0),
        (None, 1, 1, 1.0, 1.0, 1, 1.0, 1.0),
    ]


def test_session_is_paid_if_a_play_is_and_of_no_level_if_none_has_one(warehouse: Warehouse, data: Data) -> None:
    levels = [("paid", "premium"), ("free", None), ("", None), (None,), ("",)]
    data.log(
        "a.json",
        *(
            event(
                sessionId=session, itemInSession=place, level=level, at=f"2018-11-0{session} 12:0{place}:00.000"
            )
            for session, plays in enumerate(levels, start=1)
            for place, level in enumerate(plays)
        ),
    )
    data.song("a.json", song())
    warehouse.load()
    found = [(row.level, row.sessions, row.plays) for row in warehouse.query(sessions())]
    assert found == [(None, 3, 4), ("free", 1, 2), ("paid", 1, 2)]


@pytest.mark.parametrize("dimension", ["level", "location"])
def test_plays_of_no_level_or_location_are_one_group(
    warehouse: Warehouse, data: Data, dimension: Literal["level", "location"]
) -> None:
    values = {"level": "free", "location": "Oslo"}
    data.log(
        "a.json",
        *(
            event(sessionId=number, **values | {dimension: value})
            for number, value in enumerate(["", None, values[dimension]])
        ),
    )
    data.song("a.json", song())
    warehouse.load()
    assert ask(warehouse, plays_by(dimension)) == [
        (None, 2, 1, 2 / 3, 2.0),
        (values[dimension], 1, 1, 1 / 3, 1.0),
    ]


def test_retention_by_heart(warehouse: Warehouse, data: Data) -> None:
    """By registration: users 1 and 2 in the week of the 5th, 3 and 5 in that of the 12th; 4 before the first
    day that is loaded, 6 at a time that is not known.
    """
    registered = {1: 5, 2: 6, 3: 12, 4: 4, 5: 13}
    played = {1: (5, 11, 19), 2: (11,), 3: (12, 25), 4: (5, 6, 12), 5: (20,), 6: (7, 14)}
    data.log(
        "a.json",
        *(
            event(
                userId=str(user),
                sessionId=100 * user + day,
                at=f"2018-11-{day:02} 23:59:59.796",
                registration=epoch(2018, 11, registered[user], 10) if user in registered else None,
            )
            for user, days in played.items()
            for day in days
        ),
    )
    data.song("a.json", song())
    warehouse.load()
    fifth, twelfth = date(2018, 11, 5), date(2018, 11, 12)
    assert ask(warehouse, retention()) == [
        (fifth, 0, 2, 2, 1.0),
        (fifth, 2, 1, 2, 0.5),
        # User 5 registered that week, and first played in the next.
        (twelfth, 0, 1, 2, 0.5),
        (twelfth, 1, 2, 2, 1.0),
    ]
    # Users registered before the period are not new in it. Later plays do not count: user 5 is not known yet.
    assert ask(warehouse, retention(since=twelfth, until=date(2018, 11, 19))) == [(twelfth, 0, 1, 1, 1.0)]
    assert ask(warehouse, retention(since=date(2018, 11, 14))) == []
    # In Tokyo the plays are on the next day: 1 and 2 first played in the first week, and again on the 12th.
    tokyo = [row[:4] for row in ask(warehouse, retention(tz="Asia/Tokyo"))]
    assert tokyo == [
        (fifth, 0, 1, 2),
        (fifth, 1, 2, 2),
        (fifth, 2, 1, 2),
        (twelfth, 0, 1, 2),
        (twelfth, 1, 1, 2),
        (twelfth, 2, 1, 2),
    ]


def epoch(*at: int) -> float:
    """Milliseconds since 1970 of a moment of UTC, as the logs have the registration."""
    return datetime(*at, tzinfo=UTC).timestamp() * 1000  # type: ignore[misc, arg-type]


def test_freshness_after_two_loads(warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", event(), "", event(itemInSession=1, at="2018-11-03 20:00:00.796"))
    data.song("a.json", song())
    warehouse.load()
    data.log("b.json", event(at="2018-11-02 20:00:00.796", sessionId=2), "no JSON")
    warehouse.load(max_rejects=1)
    (first,), (second,) = rows(warehouse, "SELECT finished_at FROM load_history ORDER BY load_id")
    events, songs = warehouse.query(freshness())
    assert (events.source, events.loads, events.files, events.lines) == ("events", 2, 2, 5)
    assert (events.loaded, events.rejected, events.blank) == (3, 1, 1)
    assert (events.loaded_at, events.newest_play) == (second, datetime(2018, 11, 3, 20, 0, 0, 796000))
    assert (songs.source, songs.loads, songs.files, songs.lines, songs.loaded) == ("songs", 1, 1, 1, 1)
    assert (songs.loaded_at, songs.newest_play) == (first, None)
    # The period applies to the time of the loads.
    assert [row.files for row in warehouse.query(freshness(since=second))] == [1]
    assert [row.files for row in warehouse.query(freshness(until=second))] == [1, 1]


def test_peak_hours_are_per_hour_and_not_in_sum(warehouse: Warehouse, data: Data) -> None:
    """Two Thursdays with three plays each are not more than one Friday with four."""
    thursdays = [("01", 3), ("08", 3)]
    data.log(
        "a.json",
        *(
            event(at=f"2018-11-{day} 12:{place:02}:00.796", sessionId=int(day), itemInSession=place)
            for day, number in [*thursdays, ("02", 4)]
            for place in range(number)
        ),
    )
    data.song("a.json", song())
    warehouse.load()
    assert ask(warehouse, peak_hours()) == [(4, 12, 6, 1, 2, 3.0), (5, 12, 4, 1, 1, 4.0)]


@pytest.mark.parametrize(
    ("tz", "at", "expected"),
    [
        # Clocks went back on the 4th: one o'clock occurred twice that night, and once on the 11th.
        (
            "America/Los_Angeles",
            ["2018-11-04 08:30:00.796", "2018-11-04 09:30:00.796", "2018-11-11 09:30:00.796"],
            [(0, 1, 3, 1, 3, 1.0)],
        ),
        # Clocks went forward on the 11th: two o'clock occurred only on the 4th and the 18th.
        (
            "America/Los_Angeles",
            ["2018-03-04 10:30:00.796", "2018-03-18 09:30:00.796"],
            [(0, 2, 2, 1, 2, 1.0)],
        ),
        # Clocks went forward from two o'clock by half an hour: the remaining half counts as one.
        ("Australia/Lord_Howe", ["2018-10-06 15:45:00.796"], [(0, 2, 1, 1, 1, 1.0)]),
        # Hours begin at a quarter past UTC's; these span from 12:00 on Thursday to 11:59 on the next.
        (
            "Asia/Kathmandu",
            ["2018-11-01 06:59:00.796", "2018-11-08 06:14:00.796"],
            [(4, 11, 1, 1, 1, 1.0), (4, 12, 1, 1, 1, 1.0)],
        ),
        # Friday 30 December 2011 was skipped; Thursdays were the 29th and the 5th.
        (
            "Pacific/Apia",
            ["2011-12-30 09:59:00.796", "2011-12-30 10:01:00.796", "2012-01-06 09:30:00.796"],
            [(4, 23, 1, 1, 2, 0.5), (5, 23, 1, 1, 1, 1.0), (6, 0, 1, 1, 1, 1.0)],
        ),
    ],
)
def test_hours_came_as_often_as_the_clocks_showed_them(
    warehouse: Warehouse, data: Data, tz: str, at: list[str], expected: list[tuple[float, ...]]
) -> None:
    data.log("a.json", *(event(at=text, itemInSession=number) for number, text in enumerate(at)))
    data.song("a.json", song())
    warehouse.load()
    assert ask(warehouse, peak_hours(tz=tz)) == expected


# -- the models and the functions --------------------------------------------------------------------------


def test_relationships_read_and_do_not_write(made: Warehouse) -> None:
    for mapper in Base.registry.mappers:
        assert all(one.viewonly for one in mapper.relationships), mapper
    with made.session() as session:
        play = session.scalars(select(SongPlay).order_by(SongPlay.start_time).limit(1)).one()
        assert play.song.song_id == play.song_id
        assert play.artist.artist_id == play.artist_id
        assert play.user.user_id == play.user_id
        assert play.time.start_time == play.start_time
        assert play.song_match.song.artist.plays
        assert play in play.user.plays
        assert play.user.levels[0].user is play.user


def test_each_function_tells_its_columns_in_their_order() -> None:
    """The docstring names every column that comes back, and the types are as many as the columns."""
    for name, question in QUESTIONS.items():
        statement = question.ask("level") if name == "plays-by" else question.ask()
        columns = [column.key for column in statement.selected_columns]
        text = " ".join((question.ask.__doc__ or "").split())
        places = [text.find(str(column)) for column in columns if name != "plays-by" or column != "level"]
        assert -1 not in places, (name, columns)
        assert question.measure in columns
        assert ":raises ConfigurationError:" in text, name


def test_the_text_says_what_runs(made: Warehouse) -> None:
    """The SQL that is shown is the SQL that is asked."""
    for name, statement in ASKED.items():
        assert same(rows(made, sql_text(statement, "duckdb").replace(":", r"\:")), ask(made, statement)), name
