"""The data from which the charts of the page are drawn: heights and shades in percent, and SVG paths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sparkify.report.facts import Facts
from sparkify.report.wording import WEEKDAYS, compact, counted, decimal
from sparkify.report.wording import day as written

__all__ = ["area", "clock", "columns", "every_day", "heights", "rounded", "week"]

_MOST_COLUMNS = 120
"""With more days than this, each column is a week."""

_MOST_VALUES = 31
"""With more columns than this, no values are shown above them."""

_MOST_LABELS = 5


def columns(facts: Facts) -> dict[str, Any]:
    """The days of the period as columns, with the top of the scale."""
    days = every_day(facts)
    by_week = len(days) > _MOST_COLUMNS
    if by_week:
        weeks: dict[date, int] = defaultdict(int)
        for day in days:
            weeks[day["day"] - timedelta(days=day["day"].weekday())] += day["plays"]
        days = [
            {"day": monday, "plays": plays, "listeners": None, "weekend": False, "begins": monday.day <= 7}
            for monday, plays in weeks.items()
        ]
    top = _round_up(max(day["plays"] for day in days))
    labelled = _labelled(days)
    for place, day in enumerate(days):
        day["height"] = rounded(100 * day["plays"] / top)
        day["value"] = compact(day["plays"])
        day["label"] = written(day["day"]) if place in labelled else None
        day["title"] = f"{'week of ' if by_week else ''}{written(day['day'])}: {counted(day['plays'], 'play')}"
    best = max(days, key=lambda day: day["plays"])
    return {
        "columns": days,
        "top": top,
        "best": best,
        "by_week": by_week,
        "paler": _paler({day["day"].weekday() for day in days if day["weekend"]}),
        "valued": len(days) <= _MOST_VALUES,
    }


def clock(facts: Facts) -> dict[str, Any] | None:
    """The 24 hours of the day as columns; None if the page shows the hours of the week."""
    if facts.has_weeks:
        return None
    slots = facts.day()
    best = max(slots, key=lambda hour: slots[hour].rate)
    columns = [
        {
            "value": compact(slot.rate),
            "height": rounded(100 * slot.rate / slots[best].rate),
            "label": f"{hour}:00" if hour % 6 == 0 else None,
            "title": f"{hour}:00 to {hour + 1}:00: {decimal(slot.rate)} plays an hour, {slot.plays} in all",
            "weekend": False,
        }
        for hour, slot in slots.items()
    ]
    return {"columns": columns, "top": slots[best].rate, "valued": True}


def every_day(facts: Facts) -> list[dict[str, Any]]:
    """Each day of the page, including days without a play."""
    by_day = {row["day"]: row for row in facts.days}
    days = []
    day, last = facts.shown_days
    while day <= last:
        row = by_day.get(day)
        days.append(
            {
                "day": day,
                "plays": row["plays"] if row else 0,
                "listeners": row["listeners"] if row else 0,
                "weekend": day.weekday() >= 5,
                "begins": day.weekday() == 0,
            }
        )
        day += timedelta(days=1)
    return days


def heights(values: Sequence[int]) -> list[float]:
    top = max(values, default=0) or 1
    return [rounded(100 * value / top) for value in values]


def area(values: Sequence[int], top: int) -> str:
    """The outline of columns without gaps, as an SVG path in a box of 100 x 100."""
    width = 100 / len(values)
    steps = ["M0 100"]
    for place, value in enumerate(values):
        height = f"{rounded(100 - 100 * value / top):g}"
        steps.append(f"V{height}H{rounded((place + 1) * width):g}")
    return "".join([*steps, "V100Z"])


def week(facts: Facts) -> dict[str, Any] | None:
    """Seven rows of 24 cells, Monday first, and the busiest of them, which may tie; None if the plays span less
    than two weeks.
    """
    if not facts.has_weeks:
        return None
    slots = facts.week()
    most = max(slot.rate for slot in slots.values())
    rows = []
    for weekday in (1, 2, 3, 4, 5, 6, 0):
        of_day = [slots[weekday, hour] for hour in range(24)]
        hours = sum(slot.hours for slot in of_day)
        rows.append(
            {
                "name": WEEKDAYS[weekday],
                "rate": sum(slot.plays for slot in of_day) / hours if hours else 0.0,
                "cells": [
                    {
                        "rate": slot.rate,
                        "shade": round(100 * slot.rate / most),
                        "title": f"{WEEKDAYS[weekday]} {hour}:00: {decimal(slot.rate)} plays an hour, "
                        f"{slot.plays} in {counted(slot.hours, 'hour')}",
                    }
                    for hour, slot in enumerate(of_day)
                ],
            }
        )
    return {"rows": rows, "best": [place for place, slot in slots.items() if slot.rate == most], "rate": most}


def rounded(value: float) -> float:
    """The value with one decimal, so that two machines do not differ in the last of many digits."""
    return round(value, 1)


def _paler(weekend: set[int]) -> str:
    """A note on which columns are paler, given which of Saturday (5) and Sunday (6) are shown."""
    if len(weekend) == 2:
        return "Saturdays and Sundays are paler."
    return "".join(f"The {WEEKDAYS[(day + 1) % 7]} is paler." for day in weekend)


def _labelled(days: Sequence[Mapping[str, Any]]) -> set[int]:
    """The columns with a date below: few enough for a phone, and none that would overflow at the right."""
    begins = [place for place, day in enumerate(days) if day["begins"]] or [0]
    every = -(-len(begins) // _MOST_LABELS)
    return {place for place in begins[::every] if place <= 0.86 * len(days)}


def _round_up(value: int) -> int:
    """The value rounded up to a number of one nonzero digit: 1, 2, 3, 4, 5, 6 or 8, then zeros."""
    size = 1
    while size * 10 <= value:
        size *= 10
    return next(first * size for first in (1, 2, 3, 4, 5, 6, 8, 10) if first * size >= max(value, 1))
