"""The headline of each section: the one thing that its numbers show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sparkify.report.facts import Facts, Period, Record, Slot
from sparkify.report.wording import WEEKDAYS, counted, days, decimal, number, percent

__all__ = [
    "changes",
    "comparison",
    "health",
    "hours",
    "people",
    "period",
    "returning",
    "songs",
    "trend",
    "trend_note",
]

_PARTS = ("early {}", "{} morning", "{} afternoon", "{} evening")
"""Of six hours each, from midnight."""

_ABOVE = 1.05
"""A peak of at least so many times the average is compared with it."""

_CHANCE = 0.05
"""An artist is named where chance alone names one in at most one week of twenty."""


def songs(facts: Facts) -> str:
    """Which song is played most."""
    first, *others = facts.songs
    same = [song for song in others if song["plays"] == first["plays"]]
    if same:
        names = ", ".join(f"“{song['title']}”" for song in [first, *same[:2]])
        return f"{len(same) + 1} songs share the first place with {counted(first['plays'], 'play')}: {names}"
    return f"“{first['title']}” by {first['artist']} leads with {counted(first['plays'], 'play')}"


def trend(facts: Facts) -> str:
    """Which artist rises by more than chance brings among so many."""
    if facts.trend is None:
        return "There is no earlier week to compare with"
    first = facts.trending[0] if facts.trending else None
    if first is None or first["chance"] > _CHANCE:
        return "No artist stands out"
    rose = (
        f"from {number(first['plays_before'])} to {counted(first['plays'], 'play')}"
        if first["plays_before"]
        else f"from nothing to {counted(first['plays'], 'play')}"
    )
    return f"{first['artist']} rose most, {rose}"


def trend_note(facts: Facts) -> str:
    """How many artists were compared, and how far chance goes among them."""
    if not facts.trending:
        return "No artist was played five times or more, and rose by more than all plays did."
    first = facts.trending[0]
    among = f"Among {counted(first['compared'], 'artist')} compared"
    if first["chance"] > _CHANCE:
        return f"{among}, rises such as these may well be chance: they are listed, not claimed."
    return f"{among}, chance alone brings such a rise in at most {percent(first['chance'])} of weeks."


def hours(facts: Facts) -> str:
    """When the most plays are, in which part of which day."""
    parts: dict[tuple[int, int], Slot] = defaultdict(lambda: Slot(0, 0))
    for (weekday, hour), slot in facts.week().items():
        so_far = parts[weekday, hour // 6]
        parts[weekday, hour // 6] = Slot(so_far.plays + slot.plays, so_far.hours + slot.hours)
    (weekday, part), best = max(parts.items(), key=lambda found: found[1].rate)
    mean = sum(slot.plays for slot in parts.values()) / sum(slot.hours for slot in parts.values())
    when = _PARTS[part].format(WEEKDAYS[weekday])
    plays = f"{decimal(best.rate)} {'play' if best.rate == 1 else 'plays'} an hour"
    peak = f"{when[0].upper()}{when[1:]} is the peak: {plays}"
    return f"{peak}, {best.rate / mean:.1f} times the average" if best.rate / mean >= _ABOVE else peak


def people(facts: Facts) -> str:
    """What share of the plays the paying listeners make."""
    paid = _of(facts.levels, "level", "paid")
    if paid is None:
        return f"No listener pays: {counted(facts.totals['listeners'], 'listener')}, all on the free level"
    listeners = paid["listeners"] / facts.totals["listeners"]
    return (
        f"{counted(paid['listeners'], 'paying listener')}, {percent(listeners)} of all, "
        f"{'makes' if paid['listeners'] == 1 else 'make'} {percent(paid['share'])} of the plays"
    )


def changes(facts: Facts) -> str:
    """How many went from free to paid, and stayed."""
    free = _of(facts.level_changes, "level", "free")
    if free is None:
        return "No listener began on the free level"
    if not free["changed"]:
        return f"None of {counted(free['users'], 'free listener')} went paid"
    began = f"{number(free['changed'])} of {counted(free['users'], 'free listener')} went paid"
    if free["stayed"] == free["changed"]:
        return f"{began}, and {'all of them' if free['changed'] > 1 else 'that one'} stayed"
    return f"{began}, and {number(free['changed'] - free['stayed'])} of them went back"


def returning(facts: Facts) -> str:
    """How many of those who registered played the week after, where the period has that week."""
    if not facts.retention:
        return "No listener is known to have registered in this period"
    sizes = {row["cohort"]: row["size"] for row in facts.retention if facts.period.has_week(row["cohort"], 1)}
    size = sum(sizes.values())
    back = sum(row["listeners"] for row in facts.retention if row["week"] == 1 and row["cohort"] in sizes)
    if not size:
        return "It is too early to say who comes back"
    return f"{number(back)} of {counted(size, 'new listener')} played the week after they registered"


def health(facts: Facts) -> str:
    """Whether every line is accounted for, and the checks pass."""
    lines, rejected = (sum(source[name] for source in facts.sources) for name in ("lines", "rejected"))
    accounting = (
        f"{number(rejected)} of {counted(lines, 'line')} {'was' if rejected == 1 else 'were'} rejected"
        if rejected
        else f"All {counted(lines, 'line')} are accounted for, and none was rejected"
    )
    if facts.checks is None:
        return accounting
    failed = sum(not check.ok for check in facts.checks)
    if failed:
        return f"{number(failed)} of {counted(len(facts.checks), 'check')} failed"
    passed = "the check passes" if len(facts.checks) == 1 else f"all {len(facts.checks)} checks pass"
    return f"{accounting}; {passed}"


def period(facts: Facts) -> str:
    """The whole period in one line, which is the headline of the page."""
    totals = facts.totals
    return f"{counted(totals['plays'], 'play')} by {counted(totals['listeners'], 'listener')}"


def comparison(period: Period) -> str:
    """Which days are compared with which."""
    before = period.before()
    return (
        f"{days(period.first_day, period.last_day)} against "
        f"{days(before.first_day, before.last_day, year=before.first_day.year != period.last_day.year)}"
    )


def _of(rows: Sequence[Record], column: str, value: str) -> Mapping[str, Any] | None:
    return next((row for row in rows if row[column] == value), None)
