"""How often each hour of the page came: as often as clocks showed it, as peak-hours says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sparkify import Warehouse
from sparkify.analytics import peak_hours
from sparkify.report import charts, collect, headlines
from sparkify.report.facts import Slot
from tests.support.data import Data
from tests.support.making import event, song

LOS_ANGELES, LORD_HOWE = "America/Los_Angeles", "Australia/Lord_Howe"
QUARTER = timedelta(minutes=15)

ZONES = (
    "UTC",
    LOS_ANGELES,
    LORD_HOWE,
    "America/St_Johns",
    # Put forward at midnight, and back to it.
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Europe/Berlin",
    "Pacific/Chatham",
)

PERIODS = (
    (datetime(2018, 3, 1), datetime(2018, 4, 20)),
    (datetime(2018, 9, 20), datetime(2018, 11, 20)),
    (datetime(2018, 3, 1), datetime(2018, 11, 20)),
)


def loaded(warehouse: Warehouse, data: Data, *at: str) -> Warehouse:
    data.log("a.json", *(event(at=text, itemInSession=number) for number, text in enumerate(at)))
    data.song("a.json", song())
    warehouse.load()
    return warehouse


@pytest.mark.parametrize(
    ("tz", "at", "hour", "came"),
    [
        # Put back on the 4th of November: one o'clock came twice that night.
        (LOS_ANGELES, ["2018-10-28 07:30:00", "2018-11-04 09:30:00", "2018-11-12 07:30:00"], 1, 4),
        # Put forward on the 11th of March: two o'clock did not come.
        (LOS_ANGELES, ["2018-03-04 08:30:00", "2018-03-12 00:30:00", "2018-03-19 06:30:00"], 2, 2),
        # Put back to half past one on the 1st of April: one o'clock came for an hour and a half.
        (LORD_HOWE, ["2018-03-24 13:15:00", "2018-03-31 15:15:00", "2018-04-08 13:15:00"], 1, 4),
        # Put forward to half past two on the 7th of October: the half that is left of two o'clock is one.
        (LORD_HOWE, ["2018-09-29 13:45:00", "2018-10-06 15:45:00", "2018-10-14 12:45:00"], 2, 3),
    ],
)
def test_hours_of_week_came_as_often_as_clocks_showed_them(
    warehouse: Warehouse, data: Data, tz: str, at: list[str], hour: int, came: int
) -> None:
    """From the first hour of a Sunday to the last of the second one after it; clocks change on that between."""
    found = collect(loaded(warehouse, data, *at), tz=tz, checks=False)
    hours = {(weekday, one): 2 for weekday in range(1, 7) for one in range(24)}
    hours |= {(0, one): 3 for one in range(24)} | {(0, hour): came}
    assert {place: slot.hours for place, slot in found.week().items()} == hours


@pytest.mark.parametrize(
    ("tz", "at", "hour", "came"),
    [
        (LOS_ANGELES, ["2018-11-03 07:30:00", "2018-11-07 07:30:00"], 1, 5),
        (LOS_ANGELES, ["2018-03-10 08:30:00", "2018-03-14 06:30:00"], 2, 3),
        (LORD_HOWE, ["2018-03-30 13:15:00", "2018-04-03 13:15:00"], 1, 5),
        (LORD_HOWE, ["2018-10-05 13:45:00", "2018-10-09 12:45:00"], 2, 4),
    ],
)
def test_hours_of_day_came_as_often_as_clocks_showed_them(
    warehouse: Warehouse, data: Data, tz: str, at: list[str], hour: int, came: int
) -> None:
    """From the first hour of a Saturday to the last of a Tuesday; clocks change on the Sunday."""
    found = collect(loaded(warehouse, data, *at), tz=tz, checks=False)
    assert {one: slot.hours for one, slot in found.day().items()} == dict.fromkeys(range(24), 4) | {hour: came}


def test_page_of_weeks_counts_an_hour_twice_that_came_twice(warehouse: Warehouse, data: Data) -> None:
    night = [f"2018-11-04 {hour:02}:{minute}:00" for hour in (8, 9) for minute in (10, 20, 30, 40)]
    loaded(warehouse, data, "2018-10-28 07:30:00", *night, "2018-11-12 07:30:00")
    found = collect(warehouse, tz=LOS_ANGELES, checks=False)
    week = charts.week(found)
    assert week is not None
    sunday = week["rows"][6]
    assert sunday["cells"][1]["title"] == "Sunday 1:00: 2 plays an hour, 8 in 4 hours"
    # At midnight one play in three hours, a sixth of the rate of the busiest hour.
    assert [cell["shade"] for cell in sunday["cells"][:3]] == [17, 100, 0]
    # Ten plays in three Sundays, of which one had 25 hours.
    assert (sunday["name"], sunday["rate"]) == ("Sunday", 10 / 73)
    assert (week["best"], week["rate"]) == ([(0, 1)], 2.0)
    # Nine plays in 19 hours; of ten in 361.
    assert headlines.hours(found) == "Early Sunday was busiest: 0.5 plays an hour, 17.1 times the average"


def test_page_of_days_counts_an_hour_twice_that_came_twice(warehouse: Warehouse, data: Data) -> None:
    loaded(warehouse, data, "2018-11-04 07:30:00", "2018-11-04 08:30:00", "2018-11-04 09:30:00")
    found = collect(warehouse, tz=LOS_ANGELES, checks=False)
    assert found.day() == {hour: Slot(0, 0) for hour in range(24)} | {0: Slot(1, 1), 1: Slot(2, 2)}
    shared = "2 hours share the first place with 1 play an hour: 0:00 to 1:00, 1:00 to 2:00"
    assert headlines.hours(found) == shared


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory, tables: Path) -> Iterator[Warehouse]:
    """A play every seven and a quarter hours, from March to November; tests only read it."""
    folder = tmp_path_factory.mktemp("year")
    data, first = Data(folder / "data"), datetime(2018, 3, 1, 0, 10)
    moments = [first + number * 29 * QUARTER for number in range(880)]
    data.log("a.json", *(event(at=f"{at:%F %T}.000", itemInSession=n) for n, at in enumerate(moments)))
    data.song("a.json", song())
    with Warehouse(f"duckdb:///{folder / 'year.duckdb'}") as warehouse:
        warehouse.load(log_data=folder / "data" / "log_data", song_data=folder / "data" / "song_data")
        yield warehouse


def clocks_showed(first: datetime, last: datetime, tz: str) -> dict[tuple[int, int], int]:
    """By quarters of an hour from the beginning of the first hour to the end of the last, by Python's zones.

    Of each day a part of an hour counts as one.
    """
    zone = ZoneInfo(tz)

    def of_hour(at: datetime) -> timedelta:
        shown = at.astimezone(zone)
        return timedelta(minutes=shown.minute, seconds=shown.second, microseconds=shown.microsecond)

    at, end = (moment.replace(tzinfo=UTC) - of_hour(moment.replace(tzinfo=UTC)) for moment in (first, last))
    quarters = Counter[tuple[date, int]]()
    while at < end + 4 * QUARTER:
        shown = at.astimezone(zone)
        quarters[shown.date(), shown.hour] += 1
        at += QUARTER
    came = Counter[tuple[int, int]]()
    for (day, hour), number in quarters.items():
        came[day.isoweekday() % 7, hour] += ceil(number / 4)
    return dict(came)


@pytest.mark.parametrize("tz", ZONES)
@pytest.mark.parametrize(("since", "until"), PERIODS)
def test_page_and_question_agree(year: Warehouse, tz: str, since: datetime, until: datetime) -> None:
    found = collect(year, since=since, until=until, tz=tz, checks=False)
    rows = year.query(peak_hours(since=since, until=until, tz=tz)).all()
    assert rows
    week = found.week()
    assert {place: slot for place, slot in week.items() if slot.plays} == {
        (row.weekday, row.hour): Slot(row.plays, row.hours) for row in rows
    }
    # So does what the page asks of the hours without a play, which is counted for the others too.
    clock = {(row["weekday"], row["hour"]): row["hours"] for row in found.clock}
    assert {(row.weekday, row.hour): row.hours for row in rows}.items() <= clock.items()
    ends = found.totals["first_play"], found.totals["last_play"]
    assert {place: slot.hours for place, slot in week.items()} == clocks_showed(*ends, tz)
