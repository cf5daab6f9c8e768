"""The page: its facts, its titles, its bytes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from sparkify import Warehouse
from sparkify.analytics import periods, top_songs
from sparkify.cli import app
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.results import CheckResult
from tests.support.commands import run_here
from tests.support.data import Data
from tests.support.making import event, song

pytest.importorskip("jinja2", reason="the extra report is not installed")

from sparkify.report import build, charts, collect, headlines, render, tables, wording
from sparkify.report.downloads import csv_link, csv_text
from sparkify.report.facts import Facts, Period, Slot
from sparkify.report.figures import figures

MONTH = Period(datetime(2018, 11, 1), datetime(2018, 12, 1))


class Page(HTMLParser):
    """What a reader of the page meets: elements, titles, numbers."""

    VOID = frozenset(("meta", "link", "br"))

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.unclosed: list[tuple[str, str]] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in self.VOID and tag != "path":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "path":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open:
            self.texts.append((self.open[-1], data.strip()))

    def all(self, tag: str) -> list[str]:
        return [text for one, text in self.texts if one == tag]


@pytest.fixture
def loaded(warehouse: Warehouse, data: Data) -> Warehouse:
    """Three weeks of a few plays."""
    data.log(
        "a.json",
        *(
            event(
                at=f"2018-11-{day:02} {hour:02}:00:00.796",
                sessionId=day,
                itemInSession=hour,
                userId=str(1 + day % 3),
                gender="FM"[day % 2],
                level="paid" if day % 3 == 0 else "free",
                song="Song" if hour < 14 else "Other",
            )
            for day in range(1, 22)
            for hour in range(12, 12 + day % 5 + 1)
        ),
    )
    data.song("a.json", song())
    warehouse.load()
    return warehouse


# -- the bytes ---------------------------------------------------------------------------------------------


def test_the_same_data_gives_the_same_bytes(loaded: Warehouse) -> None:
    first = build(loaded)
    assert build(loaded) == first
    # Nothing of the clock: not even the year in which the page is made, but where a load was.
    told = re.sub(r'Last load of \w+: .*?UTC|<a download="freshness.csv".*?</a>', "", first)
    assert str(datetime.now().astimezone().year) not in told


def test_the_page_is_one_file_that_asks_for_nothing(loaded: Warehouse) -> None:
    html = build(loaded)
    page = Page(html)
    assert html.startswith("<!doctype html>")
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<script|<iframe|<img", html.replace("'", ""))
    assert [one["href"] for tag, one in page.attributes if tag == "link"] == ["data:,"]
    policy = next(one for tag, one in page.attributes if one.get("http-equiv") == "Content-Security-Policy")
    assert str(policy["content"]).startswith("default-src 'none'")
    assert len(html) < 150_000


def test_what_comes_from_the_logs_is_text(warehouse: Warehouse, data: Data) -> None:
    data.log(
        "a.json",
        event(song='<script>alert("1")</script>', artist="A & B", location="</td><b>", itemInSession=0),
        event(song='" onload="x', artist="<!--", gender="<i>", level="<u>", itemInSession=1),
    )
    data.song("a.json", song())
    warehouse.load()
    html = build(warehouse)
    page = Page(html)
    assert "<script>" not in html
    assert not any("onload" in one for _, one in page.attributes)
    assert '<script>alert("1")</script>' in page.all("span")
    assert "A & B" in page.all("span")


def test_titles_and_labels_for_who_cannot_see_it(loaded: Warehouse) -> None:
    page = Page(build(loaded))
    assert ("html", {"lang": "en"}) in page.attributes
    assert [tag for tag, _ in page.attributes].count("h1") == 1
    ids = {one["id"] for _, one in page.attributes if "id" in one}
    named = [one["aria-labelledby"] for tag, one in page.attributes if "aria-labelledby" in one]
    assert len(named) >= 7
    assert set(named) <= ids
    tables = [tag for tag, _ in page.attributes].count("table")
    assert tables == len(page.all("caption"))
    for tag, one in page.attributes:
        if tag == "svg":
            assert one["role"] == "img"
            assert one["aria-label"]
        if tag == "th":
            assert one["scope"] in ("row", "col")
    links = [str(one["href"]) for tag, one in page.attributes if tag == "a"]
    anchors = [link for link in links if link.startswith("#")]
    assert {link.removeprefix("#") for link in anchors} <= ids
    # Each section but the first, which has no headline, is in the contents and above itself.
    assert len(anchors) == 2 * 9


def test_the_sql_stands_under_each_section(loaded: Warehouse) -> None:
    facts = collect(loaded)
    page = Page(render(facts))
    asked = [text for text in page.all("code") if text.startswith("sparkify-etl query ")]
    assert sorted(asked) == sorted(facts.commands.values())
    assert list(facts.commands) == list(facts.sql)
    texts = [text for text in page.all("code") if text.startswith(("WITH", "SELECT"))]
    assert sorted(texts) == sorted(f"{text};" for text in facts.sql.values())
    assert page.all("summary").count("Data and SQL") == 10


def test_commands_of_the_page_give_its_answers(loaded: Warehouse, tmp_path: Path) -> None:
    """Each command is run as it stands on the page, and prints what the link beside it holds."""
    since = datetime(2018, 11, 2, 13, 30)
    page = Page(build(loaded, since=since, until=date(2018, 11, 20), tz="Asia/Kolkata", checks=False))
    database = str(loaded.url)
    loaded.close()
    commands = [text for text in page.all("code") if text.startswith("sparkify-etl query ")]
    assert commands[0] == "sparkify-etl query totals --since 2018-11-02T13:30:00 --until 2018-11-20"
    assert "sparkify-etl query peak-hours --since 2018-11-02T13:30:00 --until 2018-11-20 --tz Asia/Kolkata" in (
        commands
    )
    links = [one for tag, one in page.attributes if tag == "a" and "download" in one]
    files = {}
    for link in links:
        head, _, text = str(link["href"]).partition(",")
        assert head == "data:text/csv;charset=utf-8"
        files[link["download"]] = unquote(text)
    given = []
    for command in commands:
        _, *arguments = shlex.split(command)
        done = CliRunner().invoke(app, [*arguments, "--csv", "--database", database])
        assert done.exit_code == 0, done.stderr
        given.append(done.stdout)
    # Of a question without a row there is no file.
    assert [text for text in given if text.count("\n") > 1] == list(files.values())
    assert files["top-songs.csv"].splitlines()[0] == "title,artist,plays,listeners,most_by_one,share"
    assert len(files) >= 15


def test_long_answers_are_not_kept_twice() -> None:
    row = {"day": date(2018, 11, 1), "at": datetime(2018, 11, 1, 12), "title": 'A, "B" & <c>', "share": None}
    assert csv_text([row]) == ('day,at,title,share\n2018-11-01,2018-11-01T12:00:00.000Z,"A, ""B"" & <c>",\n')
    link = csv_link([row] * 500)
    assert link is not None
    assert not set('"<>& ') & set(link)
    assert csv_link([row] * 501) is None
    assert csv_link([]) is None


def test_numbers_of_the_page_are_those_of_the_queries(loaded: Warehouse) -> None:
    page = Page(build(loaded))
    values = [one["value"] for tag, one in page.attributes if tag == "data"]
    for row in loaded.query(top_songs()):
        assert str(row.plays) in values
    assert values[0] == str(sum(row.plays for row in loaded.query(top_songs())))


def test_a_page_without_its_library(loaded: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ConfigurationError, match=r"this needs jinja2\. Run: pip install jinja2"):
        build(loaded)


# -- the period --------------------------------------------------------------------------------------------


def test_the_period_ends_with_the_day_of_the_newest_play(loaded: Warehouse) -> None:
    period = collect(loaded, days=7, checks=False).period
    assert period == Period(datetime(2018, 11, 15), datetime(2018, 11, 22))
    assert (period.first_day, period.last_day) == (date(2018, 11, 15), date(2018, 11, 21))
    # Midnight there is eight in the morning of UTC.
    there = collect(loaded, days=7, tz="America/Los_Angeles", checks=False).period
    assert there == Period(datetime(2018, 11, 15, 8), datetime(2018, 11, 22, 8), "America/Los_Angeles")
    assert (there.first_day, there.last_day) == (date(2018, 11, 15), date(2018, 11, 21))


def test_a_day_of_25_hours(loaded: Warehouse) -> None:
    """Clocks went back there on the 4th."""
    period = collect(
        loaded, until=datetime(2018, 11, 6, 8), days=3, tz="America/Los_Angeles", checks=False
    ).period
    assert period.since == datetime(2018, 11, 3, 7)


@pytest.mark.parametrize("hours", [8, 10])
def test_page_has_every_play_where_the_database_has_another_law_of_the_zone(
    warehouse: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Days of Tokyo begin at 15:00 UTC in the database, and at 16:00 or 14:00 on this machine."""
    monkeypatch.setattr(periods, "ZoneInfo", lambda _tz: timezone(timedelta(hours=hours)))
    data.log("a.json", *(event(at=at) for at in ("2018-11-01 14:30:00", "2018-11-02 15:30:00")))
    data.song("a.json", song())
    warehouse.load()
    found = collect(warehouse, days=2, tz="Asia/Tokyo", checks=False)
    assert found.totals["plays"] == 2
    by_day = [(day["day"], day["plays"]) for day in charts.columns(found)["columns"]]
    assert by_day == [(date(2018, 11, 1), 1), (date(2018, 11, 2), 0), (date(2018, 11, 3), 1)]
    assert [column["title"] for column in figures(found)[0]["columns"]] == ["1 Nov: 1", "2 Nov: 0", "3 Nov: 1"]
    (row,) = tables.songs(found)
    assert row["path"] == "M0 100V0H33.3V100H66.7V0H100V100Z"
    assert found.last_day == date(2018, 11, 3)
    build(warehouse, days=2, tz="Asia/Tokyo", checks=False)


@pytest.mark.parametrize("hours", [8, 10])
def test_hour_of_a_play_came_whatever_this_machine_knows_of_the_zone(
    warehouse: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    monkeypatch.setattr(periods, "ZoneInfo", lambda _tz: timezone(timedelta(hours=hours)))
    data.log("a.json", event(at="2018-11-01 14:30:00"))
    data.song("a.json", song())
    warehouse.load()
    found = collect(warehouse, tz="Asia/Tokyo", checks=False)
    # The one hour that came is that of the database.
    assert found.day() == {hour: Slot(0, 0) for hour in range(23)} | {23: Slot(1, 1)}
    assert headlines.hours(found).startswith("23:00 to 24:00 was busiest: 1 play an hour")
    build(warehouse, tz="Asia/Tokyo", checks=False)


@pytest.mark.parametrize(
    ("days", "compared", "plays"),
    [
        (7, "31 Oct \N{EN DASH} 6 Nov 2018 against 24\N{EN DASH}30 Oct", 21),
        (30, "8 Oct \N{EN DASH} 6 Nov 2018 against 8 Sep \N{EN DASH} 7 Oct", 90),
    ],
)
def test_days_before_are_those_of_the_calendar_where_clocks_change(
    warehouse: Warehouse, data: Data, days: int, compared: str, plays: int
) -> None:
    """Clocks of Los Angeles went back on the 4th of November; each day has a play at 0:30, 12:30 and 23:30."""
    day, zone = date(2018, 9, 8), ZoneInfo("America/Los_Angeles")
    moments = [
        datetime.combine(day + timedelta(days=number), time(hour, 30), zone).astimezone(UTC)
        for number in range(60)
        for hour in (0, 12, 23)
    ]
    data.log("a.json", *(event(at=f"{at:%F %T}.000", sessionId=n) for n, at in enumerate(moments, start=1)))
    data.song("a.json", song())
    warehouse.load()
    found = collect(warehouse, days=days, tz="America/Los_Angeles", checks=False)
    assert found.compared == found.period
    assert headlines.comparison(found.period) == compared
    assert found.totals["plays"] == plays
    assert found.totals_before is not None
    assert found.totals_before["plays"] == plays
    assert found.trend is not None
    assert headlines.comparison(found.trend) == "31 Oct \N{EN DASH} 6 Nov 2018 against 24\N{EN DASH}30 Oct"
    # Of that week too, the plays before are from the midnight on which the 24th began.
    assert "start_time >= TIMESTAMP '2018-10-24 07:00:00'" in found.sql["trending-artists"]


@pytest.mark.parametrize(
    ("period", "before"),
    [
        # Of midnights of the zone: the day of 25 hours, and the one after it.
        (
            Period(datetime(2018, 11, 4, 7), datetime(2018, 11, 5, 8), "America/Los_Angeles"),
            datetime(2018, 11, 3, 7),
        ),
        (
            Period(datetime(2018, 11, 5, 8), datetime(2018, 11, 6, 8), "America/Los_Angeles"),
            datetime(2018, 11, 4, 7),
        ),
        # In Sao Paulo the 4th began at one o'clock.
        (
            Period(datetime(2018, 11, 4, 3), datetime(2018, 11, 5, 2), "America/Sao_Paulo"),
            datetime(2018, 11, 3, 3),
        ),
        # Not of midnights: as many hours.
        (
            Period(datetime(2018, 11, 4, 12), datetime(2018, 11, 5, 8), "America/Los_Angeles"),
            datetime(2018, 11, 3, 16),
        ),
        (
            Period(datetime(2018, 11, 5, 8), datetime(2018, 11, 6, 9), "America/Los_Angeles"),
            datetime(2018, 11, 4, 7),
        ),
    ],
)
def test_period_before_one(period: Period, before: datetime) -> None:
    assert period.before() == Period(before, period.since, period.tz)


def test_last_days_of_a_period() -> None:
    zone = "America/Los_Angeles"
    week = Period(datetime(2018, 10, 31, 7), datetime(2018, 11, 7, 8), zone)
    assert week.last(7) == week.last(8) == week
    assert week.last(6) == Period(datetime(2018, 11, 1, 7), week.until, zone)
    assert replace(week, until=datetime(2018, 11, 7, 9)).last(1).since == datetime(2018, 11, 6, 9)


def test_what_is_compared(loaded: Warehouse) -> None:
    # The seven days before have plays, so the whole period is compared with them.
    week = collect(loaded, days=7, checks=False)
    assert week.compared == week.period
    assert week.totals_before is not None
    assert week.totals_before["plays"] == sum(day % 5 + 1 for day in range(8, 15))
    # There is nothing before all of it, so its last week is compared with the week before.
    whole = collect(loaded, days=21, checks=False)
    assert whole.compared == Period(datetime(2018, 11, 15), datetime(2018, 11, 22))
    assert whole.trend == whole.compared
    # And where there is no week before, nothing is.
    short = collect(loaded, until=datetime(2018, 11, 8), days=7, checks=False)
    assert (short.compared, short.totals_now, short.trending) == (None, None, [])
    html = render(short)
    assert "There is no earlier week to compare with" in html
    # Of a question that was not asked there is nothing to open.
    assert Page(html).all("summary").count("Data and SQL") == 9
    assert html.count("no earlier period") == 4


WEEKDAY = re.compile(r"\b(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b|\bMon\b|\bSun\b")


def told_of_weekdays(html: str) -> set[str]:
    """What the page says of days of the week, in texts and on hovering."""
    page = Page(html)
    titles = [str(one["title"]) for _, one in page.attributes if "title" in one]
    # Without the headings of the SQL and its own words.
    texts = [text for tag, text in page.texts if tag not in ("code", "style")]
    return {found[0] for text in texts + titles for found in WEEKDAY.finditer(text)}


def test_weekdays_are_told_from_two_weeks_on(loaded: Warehouse) -> None:
    fourteen = build(loaded, days=14, checks=False)
    assert 'class="heat"' in fourteen
    assert {"Monday", "Mon", "Sundays"} <= told_of_weekdays(fourteen)
    thirteen = build(loaded, days=13, checks=False)
    assert 'class="heat"' not in thirteen
    assert "Plays an hour by the hour of the day" in thirteen
    assert told_of_weekdays(thirteen) == {"Saturdays", "Sundays"}
    # From Monday to Wednesday, to Saturday, and Sunday alone.
    assert told_of_weekdays(build(loaded, days=3, checks=False)) == set()
    six = build(loaded, until=date(2018, 11, 18), days=6, checks=False)
    assert told_of_weekdays(six) == {"Saturday"}
    sunday = build(loaded, until=date(2018, 11, 19), days=1, checks=False)
    assert told_of_weekdays(sunday) == {"Sunday"}


def test_periods_without_a_play(loaded: Warehouse) -> None:
    with pytest.raises(
        ConfigurationError, match="there is no play from 2017-12-02 00:00 until 2018-01-01 00:00"
    ):
        collect(loaded, until=date(2018, 1, 1))
    with pytest.raises(ConfigurationError, match="no moment in it"):
        collect(loaded, since=date(2018, 11, 3), until=date(2018, 11, 2))
    with pytest.raises(ConfigurationError, match="the period is not within the years 1 to 9999"):
        collect(loaded, until=date(1, 1, 5))
    with pytest.raises(ConfigurationError, match="a period of 0 days"):
        collect(loaded, days=0)
    with pytest.raises(ConfigurationError, match="is not a time zone"):
        collect(loaded, tz="Mars/Olympus")


def test_a_warehouse_without_a_play(new_warehouse: Warehouse, data: Data) -> None:
    warehouse = new_warehouse
    with pytest.raises(ConfigurationError, match="is not there yet"):
        build(warehouse)
    data.log("a.json", event(page="Home", song=None, artist=None, length=None))
    data.song("a.json", song())
    warehouse.load()
    with pytest.raises(ConfigurationError, match="has no play yet"):
        build(warehouse)


def test_one_play_makes_a_page(warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", event(gender=None, location=None, level=None))
    data.song("a.json", song())
    warehouse.load()
    html = build(warehouse)
    page = Page(html)
    assert page.all("h1") == ["1 play by 1 listener"]
    assert page.all("h2")[0] == "20:00 to 21:00 was busiest: 1 play an hour"
    assert "No listener is known to pay" in html
    assert "Not known" in page.all("th")


def test_a_long_period_has_a_column_a_week(loaded: Warehouse) -> None:
    html = render(collect(loaded, days=200, checks=False))
    assert "Plays by week" in html
    assert html.count("</li>") < 40


# -- what each title says ----------------------------------------------------------------------------------


def every_hour(first: datetime, last: datetime) -> list[dict[str, int]]:
    """How often each hour of the week came in UTC, where clocks do not change; the moments are full hours."""
    length = (last - first) // timedelta(hours=1)
    shown = (first + timedelta(hours=number) for number in range(length + 1))
    hours = Counter((at.isoweekday() % 7, at.hour) for at in shown)
    return [{"weekday": weekday, "hour": hour, "hours": came} for (weekday, hour), came in hours.items()]


def facts(**changed: Any) -> Facts:
    ends = {"first_play": datetime(2018, 11, 1), "last_play": datetime(2018, 11, 30, 23)}
    given = changed.get("totals", ends)
    plain = Facts(
        period=MONTH,
        newest_play=datetime(2018, 12, 31),
        totals={"plays": 100, "listeners": 20, **ends},
        compared=None,
        totals_now=None,
        totals_before=None,
        days=[],
        hours=[],
        day_hours=[],
        clock=every_hour(given["first_play"], given["last_play"]) if "first_play" in given else [],
        songs=[],
        song_days=[],
        artists=[],
        users=[],
        trend=MONTH.last(7),
        trending=[],
        levels=[],
        genders=[],
        locations=[],
        platforms=[],
        browsers=[],
        sessions=[],
        level_changes=[],
        retention=[],
        match=[],
        unmatched=[],
        sources=[],
        checks=[],
    )
    return replace(plain, **changed)


def test_title_of_songs() -> None:
    first = {"title": "Undo", "artist": "Björk", "plays": 1200, "listeners": 9, "most_by_one": 600}
    second = {"title": "Joga", "artist": "Björk", "plays": 3, "listeners": 1, "most_by_one": 3}
    assert headlines.songs(facts(songs=[first, second])) == "“Undo” by Björk leads with 1,200 plays"
    fan = headlines.songs(facts(songs=[{**first, "most_by_one": 601}]))
    assert fan == "“Undo” by Björk leads with 1,200 plays, 601 of them by one listener"
    alone = {**second, "plays": 5, "most_by_one": 5}
    assert headlines.songs(facts(songs=[alone])) == "“Joga” by Björk leads with 5 plays, all by one listener"
    assert headlines.songs(facts(songs=[second])) == "“Joga” by Björk leads with 3 plays"
    four = headlines.songs(facts(songs=[{**first, "title": name} for name in "ABCD"]))
    assert four == "4 songs share the first place with 1,200 plays: “A”, “B”, “C” and 1 more"
    # Ten were asked for, so there may be an eleventh.
    ten = headlines.songs(facts(songs=[{**first, "title": name} for name in "ABCDEFGHIJ"]))
    assert ten == "At least 10 songs share the first place with 1,200 plays: “A”, “B”, “C”"
    shared = headlines.songs(facts(songs=[first, {**second, "plays": 1200}]))
    assert shared == "2 songs share the first place with 1,200 plays: “Undo”, “Joga”"


def test_title_of_artists() -> None:
    first = {"artist": "Björk", "plays": 12, "listeners": 3, "most_by_one": 7}
    second = {"artist": "Muse", "plays": 5, "listeners": 5, "most_by_one": 1}
    leads = headlines.artists(facts(artists=[first, second]))
    assert leads == "Björk leads the artists with 12 plays, 7 of them by one listener"
    shared = headlines.artists(facts(artists=[first, {**second, "plays": 12}]))
    assert shared == "2 artists share the first place with 12 plays: Björk, Muse"


def test_title_of_users() -> None:
    ten = [{"share": 0.05}] * 10
    assert headlines.users(facts(users=ten)) == "The 10 busiest of 20 listeners make 50% of the plays"
    few = facts(users=[{"share": 0.75}, {"share": 0.25}], totals={"listeners": 2})
    assert headlines.users(few) == "The busiest of 2 listeners makes 75% of the plays"
    one = facts(users=[{"share": 1.0}], totals={"listeners": 1})
    assert headlines.users(one) == "One listener makes all of the plays"


def test_title_of_the_trend() -> None:
    row = {"artist": "Metric", "plays": 42, "plays_before": 2, "chance": 0.05}
    assert headlines.trend(facts(trending=[row])) == "Metric rose most, from 2 to 42 plays"
    new = {**row, "plays_before": 0}
    assert headlines.trend(facts(trending=[new])) == "Metric rose most, from nothing to 42 plays"
    chance = {**row, "chance": 0.051}
    assert headlines.trend(facts(trending=[chance])) == "No artist stands out"
    assert headlines.trend(facts()) == "No artist stands out"
    assert headlines.trend(facts(trend=None)) == "There is no earlier week to compare with"


def test_title_of_the_hours_is_by_the_hour_and_not_by_the_sum() -> None:
    """Five Fridays with 30 plays each are not a peak beside four Wednesdays with 35."""
    friday = {"weekday": 5, "hour": 16, "plays": 150, "hours": 5}
    wednesday = {"weekday": 3, "hour": 3, "plays": 140, "hours": 4}
    title = headlines.hours(facts(hours=[friday, wednesday]))
    # Six hours, four times; of 290 plays in 720 hours.
    assert title == "Early Wednesday was busiest: 5.8 plays an hour, 14.5 times the average"
    assert headlines.hours(facts(hours=[friday])).startswith("Friday afternoon was busiest: 5 plays an hour")


def test_below_two_weeks_nothing_is_said_of_weekdays() -> None:
    ends = {"first_play": datetime(2018, 11, 1, 9), "last_play": datetime(2018, 11, 13, 23)}
    rows = [{"hour": 16, "plays": 26}, {"hour": 3, "plays": 13}]
    thirteen = facts(totals={"plays": 39, "listeners": 2, **ends}, day_hours=rows)
    # Of the day before nine there were twelve, of the day after thirteen; 39 plays in 303 hours.
    assert headlines.hours(thirteen) == "16:00 to 17:00 was busiest: 2 plays an hour, 15.5 times the average"
    assert not thirteen.has_weeks
    assert replace(thirteen, totals={**ends, "last_play": datetime(2018, 11, 14)}).has_weeks


def test_title_of_hours_that_tie() -> None:
    ends = {"first_play": datetime(2018, 11, 1), "last_play": datetime(2018, 11, 1, 23)}
    two = facts(totals=ends, day_hours=[{"hour": 9, "plays": 2}, {"hour": 15, "plays": 2}])
    title = "2 hours share the first place with 2 plays an hour: 9:00 to 10:00, 15:00 to 16:00"
    assert headlines.hours(two) == title
    every = facts(totals=ends, day_hours=[{"hour": hour, "plays": 1} for hour in range(24)])
    first = "0:00 to 1:00, 1:00 to 2:00, 2:00 to 3:00 and 21 more"
    assert headlines.hours(every) == f"24 hours share the first place with 1 play an hour: {first}"
    # Two hours of four Wednesdays, in one part of the day and in two; 24 plays in 720 hours.
    nine, ten = ({"weekday": 3, "hour": hour, "plays": 12, "hours": 4} for hour in (9, 10))
    found = headlines.hours(facts(hours=[nine, ten]))
    assert found == "Wednesday morning was busiest: 1 play an hour, 30.0 times the average"
    shared = headlines.hours(facts(hours=[nine, {**ten, "hour": 15}]))
    first = "2 parts of the week share the first place with 0.5 plays an hour"
    assert shared == f"{first}: Wednesday morning, Wednesday afternoon"
    week = charts.week(facts(hours=[nine, ten]))
    assert week is not None
    assert headlines.busiest(week) == "2 hours share the first place with"
    alone = charts.week(facts(hours=[nine]))
    assert alone is not None
    assert headlines.busiest(alone) == "The busiest hour is Wednesday 9:00 with"


def test_title_of_people() -> None:
    paid = {"level": "paid", "listeners": 5, "share": 0.824}
    assert headlines.people(facts(levels=[paid])) == "5 paying listeners, 25% of all, make 82% of the plays"
    one = {"level": "paid", "listeners": 1, "share": 0.05}
    assert headlines.people(facts(levels=[one])) == "1 paying listener, 5.0% of all, makes 5.0% of the plays"
    free = {"level": "free", "listeners": 20, "share": 1.0}
    assert headlines.people(facts(levels=[free])) == "No listener pays: 20 listeners, all on the free level"


@pytest.mark.parametrize("level", [None, "trial"])
def test_title_of_people_tells_no_level_that_is_not_known(level: str | None) -> None:
    other, free = {"level": level, "listeners": 18}, {"level": "free", "listeners": 5}
    assert headlines.people(facts(levels=[other])) == "No listener is known to pay"
    mixed = headlines.people(facts(levels=[other, free]))
    assert mixed == "No listener is known to pay: 5 of 20 on the free level"


@pytest.mark.parametrize(
    ("changed", "stayed", "title"),
    [
        (0, 0, "None of 81 free listeners went paid"),
        (1, 1, "1 of 81 free listeners went paid, and that one stayed"),
        (7, 7, "7 of 81 free listeners went paid, and all of them stayed"),
        (7, 4, "7 of 81 free listeners went paid, and 3 of them went back"),
    ],
)
def test_title_of_changes(changed: int, stayed: int, title: str) -> None:
    row = {"level": "free", "users": 81, "changed": changed, "stayed": stayed}
    assert headlines.changes(facts(level_changes=[row])) == title
    assert headlines.changes(facts()) == "No listener began on the free level"
    trial = facts(level_changes=[row], levels=[{"level": "trial"}, {"level": "free"}])
    assert headlines.changes(trial) == title.replace("went paid", "changed level" if changed else "went paid")


def test_title_of_changes_where_levels_are_not_known() -> None:
    row = {"level": None, "users": 1, "changed": 0, "stayed": 0}
    title = "No listener is known to have begun on the free level"
    assert headlines.changes(facts(level_changes=[row])) == title


def test_title_of_returning_judges_whole_weeks_alone() -> None:
    def row(cohort: date, week: int, listeners: int, size: int) -> dict[str, Any]:
        return {"cohort": cohort, "week": week, "listeners": listeners, "size": size}

    fifth, twelfth, nineteenth = date(2018, 11, 5), date(2018, 11, 12), date(2018, 11, 19)
    rows = [
        row(fifth, 0, 10, 10),
        row(fifth, 1, 6, 10),
        # Nobody of this cohort played before the second week after.
        row(twelfth, 2, 10, 10),
        # The week after this one ends on the 2nd of December, which the period has not.
        row(nineteenth, 0, 50, 50),
        row(nineteenth, 1, 50, 50),
    ]
    title = "6 of 20 new listeners played the week after they registered"
    assert headlines.returning(facts(retention=rows)) == title
    assert headlines.returning(facts(retention=rows[3:])) == "It is too early to say who comes back"
    assert headlines.returning(facts()) == "No listener is known to have registered in this period"


def test_week_that_the_plays_do_not_reach_is_not_judged(warehouse: Warehouse, data: Data) -> None:
    """Registered on Monday the 26th of November: the week after ends on the 9th of December."""
    registered = datetime(2018, 11, 26, 10, tzinfo=UTC).timestamp() * 1000
    early = "It is too early to say who comes back"
    played = "0 of 1 new listener played the week after they registered"
    data.song("a.json", song())
    data.log("a.json", event(at="2018-11-01 20:00:00.796", sessionId=1, registration=None))
    data.log("b.json", event(at="2018-11-27 20:00:00.796", sessionId=2, userId="2", registration=registered))
    for day, title in (("11-28", early), ("12-08", early), ("12-09", played)):
        data.log(f"{day}.json", event(at=f"2018-{day} 20:00:00.796", sessionId=int(day[3:]), registration=None))
        warehouse.load()
        found = collect(warehouse, since=date(2018, 11, 1), until=date(2018, 12, 31), checks=False)
        assert headlines.returning(found) == title, day


def test_cohorts_have_no_share_of_a_week_that_the_plays_do_not_reach() -> None:
    fifth, twelfth = date(2018, 11, 5), date(2018, 11, 12)
    rows = [
        {"cohort": fifth, "week": 2, "listeners": 1, "size": 2, "share": 0.5},
        {"cohort": twelfth, "week": 0, "listeners": 4, "size": 4, "share": 1.0},
    ]
    found = tables.cohorts(facts(retention=rows, newest_play=datetime(2018, 11, 20, 12)))
    shown = [[cell and (cell["share"], cell["whole"]) for cell in row["cells"]] for row in found["rows"]]
    # The week of the 19th has begun, and that of the 26th has not.
    assert shown == [[(0.0, True), (0.5, False)], [(0.0, False), None]]


def test_title_of_health() -> None:
    whole = [{"lines": 8056, "rejected": 0}, {"lines": 71, "rejected": 0}]
    good, bad = CheckResult("a", 0), CheckResult("b", 3)
    accounting = "All 8,127 lines are accounted for, and none was rejected"
    assert headlines.health(facts(sources=whole, checks=None)) == accounting
    assert headlines.health(facts(sources=whole, checks=[good, good])) == f"{accounting}; all 2 checks pass"
    assert headlines.health(facts(sources=whole, checks=[good, bad])) == "1 of 2 checks failed"
    some = [{"lines": 10, "rejected": 1}]
    assert headlines.health(facts(sources=some, checks=None)) == "1 of 10 lines was rejected"


def test_failed_checks_are_told(loaded: Warehouse) -> None:
    html = render(replace(collect(loaded, checks=False), checks=[CheckResult("every play has its song", 3)]))
    assert "Failed:</strong> every play has its song (3 rows)" in html
    assert "1 of 1 check failed" in html


def test_the_month(real: Path, tmp_path: Path) -> None:
    with Warehouse(f"duckdb:///{tmp_path / 'month.duckdb'}") as warehouse:
        warehouse.load(log_data=real / "log_data", song_data=real / "song_data")
        page = Page(build(warehouse))
    assert page.all("h1") == ["6,820 plays by 96 listeners"]
    assert page.all("h2") == [
        "Friday afternoon was busiest: 20.1 plays an hour, 2.0 times the average",
        "“You're The One” by Dwight Yoakam leads with 37 plays",
        "Coldplay leads the artists with 58 plays",
        "No artist stands out",
        "The 10 busiest of 96 listeners make 62% of the plays",
        "22 paying listeners, 23% of all, make 82% of the plays",
        "7 of 81 free listeners went paid, and all of them stayed",
        "14 of 19 new listeners played the week after they registered",
        "All 8,127 lines are accounted for, and none was rejected; all 61 checks pass",
    ]
    assert "Björk" in page.all("span")
    assert "5,591" in page.all("data")
    # Each change stands beside the values and days that it is of.
    text = " ".join(text.replace(wording.MINUS, "-") for tag, text in page.texts if tag in ("dd", "b", "span"))
    week, before = "24\N{EN DASH}30 Nov", "17\N{EN DASH}23 Nov"
    for change in (
        f"{week}: 1,839, +13% from 1,621 in {before}",
        f"{week}: 70, no change from 70 in {before}",
        f"{week}: 85.6%, +0.3 points from 85.3% in {before}",
        f"{week}: 0.0%, -0.1 points from 0.1% in {before}",
    ):
        assert change in text


# -- wording -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("say", "value", "text"),
    [
        (wording.number, 6820, "6,820"),
        (wording.decimal, 8.94, "8.9"),
        (wording.decimal, 28.0, "28"),
        (wording.decimal, 1204.4, "1,204"),
        (wording.compact, 0, "0"),
        (wording.compact, 0.25, "0.2"),
        (wording.compact, 9.96, "10"),
        (wording.compact, 999.4, "999"),
        (wording.compact, 999.6, "1.0k"),
        (wording.compact, 11_234, "11k"),
        (wording.compact, 999_600, "1.0M"),
        (wording.compact, 5.2e9, "5.2G"),
        (wording.percent, None, "\N{EN DASH}"),
        (wording.percent, 0.0, "0%"),
        (wording.percent, 0.0001, "under 0.1%"),
        (wording.percent, 0.086, "8.6%"),
        (wording.percent, 0.8197, "82%"),
        (wording.percent, 0.9999, "over 99%"),
        (wording.percent, 1.0, "100%"),
        (wording.signed_percent, 0.126, "+13%"),
        (wording.signed_percent, -0.034, "\N{MINUS SIGN}3.4%"),
        (wording.signed_percent, 0.0001, "no change"),
        (wording.grown, 0.33, "+33%"),
        (wording.grown, 7.0, "8 times"),
    ],
)
def test_numbers_as_they_are_written(say: Any, value: Any, text: str) -> None:
    assert say(value) == text


def test_days_as_they_are_written() -> None:
    first, last = date(2018, 11, 1), date(2018, 11, 30)
    assert wording.days(first, last) == "1\N{EN DASH}30 Nov 2018"
    assert wording.days(first, first) == "1 Nov 2018"
    assert wording.days(first, date(2018, 12, 3)) == "1 Nov \N{EN DASH} 3 Dec 2018"
    assert wording.days(first, date(2019, 1, 3)) == "1 Nov 2018 \N{EN DASH} 3 Jan 2019"
    assert wording.days(first, last, year=False) == "1\N{EN DASH}30 Nov"


# -- the command -------------------------------------------------------------------------------------------


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_here("sparkify", "report", *arguments, cwd=home)


def test_the_command(loaded: Warehouse, tmp_path: Path) -> None:
    page = build(loaded, days=7)
    loaded.close()
    database = ("--database", str(loaded.url))
    done = run(tmp_path, *database, "--days", "7")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Wrote report.html (")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page
    assert run(tmp_path, *database, "--days", "7", "-o", "-").stdout == f"{page}\n"
    assert "The checks were not run" in run(tmp_path, *database, "--no-checks", "-o", "-").stdout
    missing = run(tmp_path, *database, "-o", "none/report.html")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "there is no such folder to write report.html in" in missing.stderr
    assert [path.name for path in tmp_path.glob(".report*")] == []
