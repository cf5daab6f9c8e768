"""How often an hour of the week occurs where clocks change by half or amid an hour, on every database."""

from __future__ import annotations

import pytest

from sparkify.analytics import peak_hours
from tests.support.drivers import Driver
from tests.support.making import event


@pytest.mark.parametrize(
    ("tz", "at", "expected"),
    [
        # On the first and last of 53 Sundays, two o'clock had only its second half.
        (
            "Australia/Lord_Howe",
            ["2016-10-01 00:00:00.000", "2017-09-23 16:00:00.000", "2017-10-02 00:00:00.000"],
            [(0, 2, 1, 1, 53, 1 / 53), (1, 11, 1, 1, 53, 1 / 53), (6, 10, 1, 1, 53, 1 / 53)],
        ),
        # One o'clock occurred on 53 Sundays, and lasted an hour and a half on 2 April.
        (
            "Australia/Lord_Howe",
            ["2016-10-01 00:00:00.000", "2017-09-23 15:00:00.000", "2017-10-02 00:00:00.000"],
            [(0, 1, 1, 1, 54, 1 / 54), (1, 11, 1, 1, 53, 1 / 53), (6, 10, 1, 1, 53, 1 / 53)],
        ),
        # Clocks went from 2:45 to 3:45 on the first and the 53rd of 54 Sundays, and back on 2 April, when two
        # o'clock lasted an hour and a quarter, and three o'clock an hour and three quarters.
        (
            "Pacific/Chatham",
            [
                *("2016-09-24 00:00:00.000", "2017-09-16 13:30:00.000", "2017-09-16 14:30:00.000"),
                "2017-10-02 00:00:00.000",
            ],
            [
                (0, 2, 1, 1, 55, 1 / 55),
                (0, 3, 1, 1, 55, 1 / 55),
                (1, 13, 1, 1, 54, 1 / 54),
                (6, 12, 1, 1, 54, 1 / 54),
            ],
        ),
    ],
)
def test_part_of_an_hour_counts_as_one_on_each_day(
    tz: str, at: list[str], expected: list[tuple[float, ...]], driver: Driver
) -> None:
    driver.put("events", "a.json", *(event(at=text, itemInSession=number) for number, text in enumerate(at)))
    with driver.with_tables() as warehouse:
        warehouse.load(only=["events"])
        assert [tuple(row) for row in warehouse.query(peak_hours(tz=tz))] == expected
