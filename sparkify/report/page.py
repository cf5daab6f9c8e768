"""From facts to one file of HTML.

The charts are HTML and small SVG of our own and not those of a charting library: they weigh a few kilobytes,
follow the reader's light or dark scheme, print, flow from 390 to 1600 pixels, are tables to a screen reader,
and have the same bytes for the same data. A chart of Vega, rendered beforehand, has one size, one scheme, and
text that is outlines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkify.etl.errors import ConfigurationError
from sparkify.report import findings, wording
from sparkify.report.facts import Facts, Period, Record, collect, local
from sparkify.report.wording import WEEKDAYS

if TYPE_CHECKING:
    from sparkify.warehouse.facade import Warehouse

__all__ = ["build", "render"]

_MOST_COLUMNS = 120
"""With more days than this, a column is a week."""

_MOST_LABELS = 5

_DEEP = 64
"""Above this shade, in per cent, page.css has the other colour of text."""

_GENDERS = {"F": "Women", "M": "Men"}
_LEVELS = {"paid": "Paid", "free": "Free"}
_TIERS = {
    "exact": "title, artist and length",
    "title_artist": "title and artist",
    "normalized": "title and artist, by letters and digits",
    "inferred": "not in the catalogue",
}
_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "totals": ("totals",),
    "songs": ("top-songs", "top-songs-by-day"),
    "trend": ("trending-artists",),
    "hours": ("plays-by day", "peak-hours"),
    "people": ("plays-by level", "plays-by gender", "sessions", "plays-by location"),
    "changes": ("level-changes",),
    "returning": ("retention",),
    "health": ("freshness", "match-quality"),
}
"""Which questions a section answers."""


def build(warehouse: Warehouse, **options: Any) -> str:
    """The page, as HTML. The same data gives the same bytes: what time it says is that of the data.

    :param options: those of :func:`collect`: ``since``, ``until``, ``days``, ``tz``, ``checks``.
    :raises ConfigurationError: as :func:`collect` does, and without the extra ``report``.
    """
    _template()
    return render(collect(warehouse, **options))


def render(facts: Facts) -> str:
    """The page that tells these facts, as HTML.

    :raises ConfigurationError: without the extra ``report``.
    """
    folder = Path(__file__).parent
    page: str = _template().render(
        style=(folder / "page.css").read_text(encoding="utf-8"),
        facts=facts,
        findings=findings,
        say=wording,
        period=facts.period,
        labels={"level": _LEVELS, "gender": _GENDERS, "tier": _TIERS},
        deep=_DEEP,
        figures=_figures(facts),
        columns=_columns(facts),
        songs=_songs(facts),
        trending=_trending(facts),
        week=_week(facts),
        groups=_groups(facts),
        cohorts=_cohorts(facts),
        asked={
            name: [(one, facts.sql[one]) for one in asked if one in facts.sql]
            for name, asked in _SECTIONS.items()
        },
        newest=local(facts.totals["last_play"], facts.period.tz),
    )
    return page


def _template() -> Any:
    try:
        import jinja2
    except ImportError as exc:
        raise ConfigurationError("this needs jinja2", hint="Run: pip install 'sparkify[report]'") from exc
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("page.html.j2")


# -- the big numbers ---------------------------------------------------------------------------------------


def _figures(facts: Facts) -> list[dict[str, Any]]:
    totals = facts.totals
    return [
        {
            "label": "Plays",
            "value": totals["plays"],
            "text": wording.number(totals["plays"]),
            "change": _growth(facts, "plays"),
            "columns": _heights([day["plays"] for day in _every_day(facts.period, facts.days)]),
        },
        {
            "label": "Listeners",
            "value": totals["listeners"],
            "text": wording.number(totals["listeners"]),
            "change": _growth(facts, "listeners"),
            "columns": _heights([day["listeners"] for day in _every_day(facts.period, facts.days)]),
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


# -- columns over time -------------------------------------------------------------------------------------


def _every_day(period: Period, rows: Iterable[Record]) -> list[dict[str, Any]]:
    """Each day of the period, those without a play too; each week where there are very many days."""
    by_day = {row["day"]: row for row in rows}
    days = []
    day = period.first_day
    while day <= period.last_day:
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


def _columns(facts: Facts) -> dict[str, Any]:
    """The days of the period as columns, with the mark of the scale."""
    days = _every_day(facts.period, facts.days)
    by_week = len(days) > _MOST_COLUMNS
    if by_week:
        weeks: dict[date, int] = defaultdict(int)
        for day in days:
            weeks[day["day"] - timedelta(days=day["day"].weekday())] += day["plays"]
        days = [
            {"day": monday, "plays": plays, "weekend": False, "begins": monday.day <= 7}
            for monday, plays in weeks.items()
        ]
    top = _round_up(max(day["plays"] for day in days))
    labelled = _labelled(days)
    for place, day in enumerate(days):
        day["height"] = _rounded(100 * day["plays"] / top)
        day["labelled"] = place in labelled
    best = max(days, key=lambda day: day["plays"])
    return {"days": days, "top": top, "best": best, "by_week": by_week}


def _labelled(days: Sequence[Mapping[str, Any]]) -> set[int]:
    """Where a date stands below: few enough for a telephone, and none that would stick out at the right."""
    begins = [place for place, day in enumerate(days) if day["begins"]] or [0]
    every = -(-len(begins) // _MOST_LABELS)
    return {place for place in begins[::every] if place <= 0.86 * len(days)}


def _round_up(value: int) -> int:
    """The next number that begins with 1, 2 or 5 and goes on in zeros, or 4 or 3 where that fits better."""
    size = 1
    while size * 10 <= value:
        size *= 10
    return next(first * size for first in (1, 2, 3, 4, 5, 6, 8, 10) if first * size >= max(value, 1))


def _heights(values: Sequence[int]) -> list[float]:
    top = max(values, default=0) or 1
    return [_rounded(100 * value / top) for value in values]


def _rounded(value: float) -> float:
    """With one decimal, so that two machines do not differ in the last of many."""
    return round(value, 1)


# -- songs and artists -------------------------------------------------------------------------------------


def _songs(facts: Facts) -> list[dict[str, Any]]:
    by_place: dict[int, list[Record]] = defaultdict(list)
    for row in facts.song_days:
        by_place[row["place"]].append(row)
    most = max((row["plays"] for row in facts.song_days), default=1)
    first, last = facts.period.first_day, facts.period.last_day
    songs = []
    for place, song in enumerate(facts.songs, start=1):
        plays = {row["day"]: row["plays"] for row in by_place[place]}
        best = max(plays, key=lambda day: (plays[day], day)) if plays else first
        values = [plays.get(first + timedelta(days=n), 0) for n in range((last - first).days + 1)]
        songs.append(
            {
                **song,
                "place": place,
                "path": _area(values, most),
                "alt": f"Plays by day; most on {wording.day(best)}: {plays.get(best, 0)}",
            }
        )
    return songs


def _area(values: Sequence[int], top: int) -> str:
    """The outline of columns without gaps, as a path in a box of 100 x 100."""
    width = 100 / len(values)
    steps = ["M0 100"]
    for place, value in enumerate(values):
        height = f"{_rounded(100 - 100 * value / top):g}"
        steps.append(f"V{height}H{_rounded((place + 1) * width):g}")
    return "".join([*steps, "V100Z"])


def _trending(facts: Facts) -> list[dict[str, Any]]:
    most = max((max(row["plays"], row["plays_before"]) for row in facts.trending), default=1)
    return [
        {
            **row,
            "from": _rounded(100 * row["plays_before"] / most),
            "to": _rounded(100 * row["plays"] / most),
            "text": "new" if row["growth"] is None else wording.grown(row["growth"]),
        }
        for row in facts.trending
    ]


# -- hours of the week -------------------------------------------------------------------------------------


def _week(facts: Facts) -> dict[str, Any]:
    """Seven rows of 24 cells, Monday first, and the busiest and the quietest of them."""
    slots = facts.week()
    best = max(slots, key=lambda slot: slots[slot].rate)
    rows = []
    for weekday in (1, 2, 3, 4, 5, 6, 0):
        of_day = [slots[weekday, hour] for hour in range(24)]
        hours = sum(slot.hours for slot in of_day)
        rows.append(
            {
                "name": WEEKDAYS[weekday],
                "rate": sum(slot.plays for slot in of_day) / hours if hours else 0.0,
                "cells": [
                    {"rate": slot.rate, "shade": round(100 * slot.rate / slots[best].rate)} for slot in of_day
                ],
            }
        )
    return {"rows": rows, "best": {"weekday": best[0], "hour": best[1], "rate": slots[best].rate}}


# -- groups ------------------------------------------------------------------------------------------------


def _groups(facts: Facts) -> list[dict[str, Any]]:
    """Levels and genders: their share of the listeners beside their share of the plays."""
    return [
        {
            **row,
            "kind": kind,
            "name": labels.get(row[kind], row[kind] or "Not known"),
            "listener_share": row["listeners"] / facts.totals["listeners"],
        }
        for kind, labels, rows in (("level", _LEVELS, facts.levels), ("gender", _GENDERS, facts.genders))
        for row in rows
    ]


def _cohorts(facts: Facts) -> dict[str, Any]:
    weeks = max((row["week"] for row in facts.retention), default=0)
    found = {(row["cohort"], row["week"]): row for row in facts.retention}
    rows = []
    for cohort in sorted({row["cohort"] for row in facts.retention}):
        cells: list[dict[str, Any] | None] = []
        for week in range(1, weeks + 1):
            if cohort + timedelta(days=7 * week) > facts.period.last_day:
                cells.append(None)
                continue
            row = found.get((cohort, week))
            share = row["share"] if row else 0.0
            whole = findings.week_is_whole(facts.period, cohort, week)
            cells.append({"share": share, "shade": round(100 * share), "whole": whole})
        rows.append({"cohort": cohort, "size": found[cohort, 0]["size"], "cells": cells})
    partial = any(cell and not cell["whole"] for row in rows for cell in row["cells"])
    return {"weeks": weeks, "rows": rows, "partial": partial}
