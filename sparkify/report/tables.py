"""The rows of the tables on the page: songs, artists, listeners, groups of listeners, cohorts."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from sparkify.report import wording
from sparkify.report.charts import area, rounded
from sparkify.report.facts import Facts, Record

__all__ = ["GENDERS", "LEVELS", "cohorts", "groups", "songs", "trending", "users"]

GENDERS = {"F": "Women", "M": "Men"}
LEVELS = {"paid": "Paid", "free": "Free"}


def songs(facts: Facts) -> list[dict[str, Any]]:
    by_place: dict[int, list[Record]] = defaultdict(list)
    for row in facts.song_days:
        by_place[row["place"]].append(row)
    most = max((row["plays"] for row in facts.song_days), default=1)
    first, last = facts.shown_days
    rows = []
    for place, song in enumerate(facts.songs, start=1):
        plays = {row["day"]: row["plays"] for row in by_place[place]}
        best = max(plays, key=lambda day: (plays[day], day)) if plays else first
        values = [plays.get(first + timedelta(days=n), 0) for n in range((last - first).days + 1)]
        rows.append(
            {
                **song,
                "place": place,
                "path": area(values, most),
                "best": f"{wording.number(plays.get(best, 0))} on {wording.day(best)}",
                "alt": f"Plays by day; most on {wording.day(best)}: {plays.get(best, 0)}",
            }
        )
    return rows


def trending(facts: Facts) -> list[dict[str, Any]]:
    most = max((max(row["plays"], row["plays_before"]) for row in facts.trending), default=1)
    return [
        {
            **row,
            "from": rounded(100 * row["plays_before"] / most),
            "to": rounded(100 * row["plays"] / most),
            "text": "new" if row["growth"] is None else wording.grown(row["growth"]),
        }
        for row in facts.trending
    ]


def users(facts: Facts) -> list[dict[str, Any]]:
    """The most active users, by name, or by their number if they have no name."""
    most = max((row["plays"] for row in facts.users), default=1)
    rows = []
    for row in facts.users:
        name = " ".join(part for part in (row["first_name"], row["last_name"]) if part)
        about = [f"user {row['user_id']}"] if name else []
        about.append(LEVELS.get(row["level"], row["level"] or "level not known").lower())
        rows.append(
            {
                **row,
                "name": name or f"User {row['user_id']}",
                "about": ", ".join(about),
                "length": row["plays"] / most,
            }
        )
    return rows


def groups(facts: Facts) -> list[dict[str, Any]]:
    """Levels and genders: their share of the listeners next to their share of the plays."""
    return [
        {
            **row,
            "kind": kind,
            "name": labels.get(row[kind], row[kind] or "Not known"),
            "listener_share": row["listeners"] / facts.totals["listeners"],
        }
        for kind, labels, rows in (("level", LEVELS, facts.levels), ("gender", GENDERS, facts.genders))
        for row in rows
    ]


def cohorts(facts: Facts) -> dict[str, Any]:
    weeks = max((row["week"] for row in facts.retention), default=0)
    found = {(row["cohort"], row["week"]): row for row in facts.retention}
    sizes = {row["cohort"]: row["size"] for row in facts.retention}
    rows = []
    for cohort in sorted(sizes):
        cells: list[dict[str, Any] | None] = []
        for week in range(1, weeks + 1):
            if cohort + timedelta(days=7 * week) > facts.last_day:
                cells.append(None)
                continue
            row = found.get((cohort, week))
            share = row["share"] if row else 0.0
            whole = facts.has_week(cohort, week)
            title = f"{row['listeners'] if row else 0} of {sizes[cohort]}"
            cells.append({"share": share, "shade": round(100 * share), "whole": whole, "title": title})
        rows.append({"cohort": cohort, "size": sizes[cohort], "cells": cells})
    partial = any(cell and not cell["whole"] for row in rows for cell in row["cells"])
    return {"weeks": weeks, "rows": rows, "partial": partial}
