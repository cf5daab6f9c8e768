"""The big numbers at the top of the page, each with the values that its change compares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sparkify.report import wording
from sparkify.report.charts import every_day, heights
from sparkify.report.facts import Facts, Period

__all__ = ["figures"]


def figures(facts: Facts) -> list[dict[str, Any]]:
    """Label, value, text, change, and the days or the share behind each number."""
    days = every_day(facts)
    shown = []
    for label, name in (("Plays", "plays"), ("Listeners", "listeners")):
        columns = [
            {"height": height, "title": f"{wording.day(day['day'])}: {wording.number(day[name])}"}
            for height, day in zip(heights([day[name] for day in days]), days, strict=True)
        ]
        shown.append(_figure(facts, label, name, wording.number, _growth) | {"columns": columns})
    for label, name in (
        ("Plays by paying listeners", "paid_share"),
        ("Plays matched to the catalogue", "matched_share"),
    ):
        figure = _figure(facts, label, name, wording.exact_percent, _points)
        shown.append(figure | {"text": wording.percent(facts.totals[name]), "share": facts.totals[name]})
    return shown


def _figure(
    facts: Facts,
    label: str,
    name: str,
    say: Callable[[Any], str],
    compare: Callable[[float, float], str],
) -> dict[str, Any]:
    value = facts.totals[name]
    change = None
    if facts.compared and facts.totals_now and facts.totals_before:
        now, before = facts.totals_now[name], facts.totals_before[name]
        if now is not None and before:
            earlier = facts.compared.before()
            change = {
                "text": compare(now, before),
                "before": say(before),
                "before_days": _days(earlier, facts.compared),
                # If it covers part of the period, this number differs from the big one.
                "now": say(now) if facts.compared != facts.period else None,
                "now_days": _days(facts.compared, facts.compared),
            }
    return {"label": label, "value": value, "text": say(value), "change": change}


def _days(period: Period, beside: Period) -> str:
    """The days of a period, with the year if it is not that of the other period."""
    year = period.first_day.year != beside.last_day.year
    return wording.days(period.first_day, period.last_day, year=year)


def _growth(now: float, before: float) -> str:
    return wording.signed_percent(now / before - 1)


def _points(now: float, before: float) -> str:
    # The difference of the displayed shares, because a reader subtracts those.
    change = round(100 * now, 1) - round(100 * before, 1)
    if abs(change) < 0.05:
        return "no change"
    return f"{'+' if change > 0 else wording.MINUS}{abs(change):.1f} points"
