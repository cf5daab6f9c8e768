"""The big numbers at the head of the page, each with its change."""

from __future__ import annotations

from typing import Any

from sparkify.report import wording
from sparkify.report.charts import every_day, heights
from sparkify.report.facts import Facts

__all__ = ["figures"]


def figures(facts: Facts) -> list[dict[str, Any]]:
    totals = facts.totals
    return [
        {
            "label": "Plays",
            "value": totals["plays"],
            "text": wording.number(totals["plays"]),
            "change": _growth(facts, "plays"),
            "columns": heights([day["plays"] for day in every_day(facts.period, facts.days)]),
        },
        {
            "label": "Listeners",
            "value": totals["listeners"],
            "text": wording.number(totals["listeners"]),
            "change": _growth(facts, "listeners"),
            "columns": heights([day["listeners"] for day in every_day(facts.period, facts.days)]),
        },
        {
            "label": "Plays by paying listeners",
            "value": totals["paid_share"],
            "text": wording.percent(totals["paid_share"]),
            "change": _points(facts, "paid_share"),
            "share": totals["paid_share"],
        },
        {
            "label": "Plays matched to the catalogue",
            "value": totals["matched_share"],
            "text": wording.percent(totals["matched_share"]),
            "change": _points(facts, "matched_share"),
            "share": totals["matched_share"],
        },
    ]


def _growth(facts: Facts, name: str) -> dict[str, str] | None:
    if facts.totals_now is None or facts.totals_before is None or not facts.totals_before[name]:
        return None
    change = facts.totals_now[name] / facts.totals_before[name] - 1
    return {"text": wording.signed_percent(change), "way": _way(change)}


def _points(facts: Facts, name: str) -> dict[str, str] | None:
    if facts.totals_now is None or facts.totals_before is None:
        return None
    now, before = facts.totals_now[name], facts.totals_before[name]
    if now is None or before is None:
        return None
    change = (now - before) * 100
    if abs(change) < 0.05:
        return {"text": "no change", "way": "same"}
    return {"text": f"{'+' if change > 0 else wording.MINUS}{abs(change):.1f} points", "way": _way(change)}


def _way(change: float) -> str:
    return "up" if change > 0 else "down" if change < 0 else "same"
