"""The headline of each section: the main finding in its numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sparkify.report.facts import Facts, Period, Record, Slot
from sparkify.report.wording import WEEKDAYS, counted, days, decimal, number, percent

__all__ = [
    "artists",
    "busiest",
    "changes",
    "comparison",
    "health",
    "hours",
    "one_listener",
    "people",
    "period",
    "returning",
    "songs",
    "trend",
    "trend_note",
    "users",
]

_PARTS = ("early {}", "{} morning", "{} afternoon", "{} evening")
"""Parts of six hours each, from midnight."""

_SHOWN = 10
"""How many songs and artists are requested."""

_FEW = 5
"""With fewer plays, it means nothing that one listener made most of them."""

_ABOVE = 1.05
"""A peak is compared with the average if it is at least this many times as high."""

_CHANCE = 0.05
"""An artist is named only if chance alone would name one in at most one week in twenty."""


def songs(facts: Facts) -> str:
    """Which song is played most, and whether that is due to one listener."""
    first, *others = facts.songs
    names = [f"“{song['title']}”" for song in _tied(first, others)]
    if len(names) > 1:
        return _shared_first(names, "songs", first, len(facts.songs))
    return f"{names[0]} by {first['artist']} leads with {_plays(first)}{_of_one(first)}"


def artists(facts: Facts) -> str:
    """Which artist is played most, and whether that is due to one listener."""
    first, *others = facts.artists
    names = [artist["artist"] for artist in _tied(first, others)]
    if len(names) > 1:
        return _shared_first(names, "artists", first, len(facts.artists))
    return f"{names[0]} leads the artists with {_plays(first)}{_of_one(first)}"


def users(facts: Facts) -> str:
    """What share of the plays the most active listeners make."""
    shown, listeners = len(facts.users), facts.totals["listeners"]
    if shown < listeners:
        share = percent(sum(user["share"] for user in facts.users))
        return f"The {shown} busiest of {number(listeners)} listeners make {share} of the plays"
    if shown == 1:
        return "One listener makes all of the plays"
    return f"The busiest of {shown} listeners makes {percent(facts.users[0]['share'])} of the plays"


def trend(facts: Facts) -> str:
    """Which artist rises by more than chance explains among so many."""
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
    """How many artists were compared, and how likely chance alone produces such a rise."""
    if not facts.trending:
        return "No artist was played five times or more, and rose by more than all plays did."
    first = facts.trending[0]
    among = f"Among {counted(first['compared'], 'artist')} compared"
    if first["chance"] > _CHANCE:
        return f"{among}, rises such as these may well be chance."
    return f"{among}, chance alone brings such a rise in at most {percent(first['chance'])} of weeks."


def hours(facts: Facts) -> str:
    """When most plays occur: in which part of which weekday, or at which hour if there are few days."""
    if not facts.has_weeks:
        return _peak({f"{hour}:00 to {hour + 1}:00": slot for hour, slot in facts.day().items()}, "hours")
    parts: dict[str, Slot] = defaultdict(lambda: Slot(0, 0))
    for (weekday, hour), slot in facts.week().items():
        name = _PARTS[hour // 6].format(WEEKDAYS[weekday])
        parts[name] = Slot(parts[name].plays + slot.plays, parts[name].hours + slot.hours)
    return _peak(parts, "parts of the week")


def busiest(week: Mapping[str, Any]) -> str:
    """Which hour of the week has the most plays, or how many hours tie for first place."""
    first, *others = week["best"]
    if others:
        return f"{len(others) + 1} hours share the first place with"
    return f"The busiest hour is {WEEKDAYS[first[0]]} {first[1]}:00 with"


def _peak(slots: Mapping[str, Slot], what: str) -> str:
    rate = max(slot.rate for slot in slots.values())
    names = [name for name, slot in slots.items() if slot.rate == rate]
    plays = f"{decimal(rate)} {'play' if rate == 1 else 'plays'} an hour"
    if len(names) > 1:
        return _shared(names, f"{len(names)} {what}", plays)
    mean = sum(slot.plays for slot in slots.values()) / sum(slot.hours for slot in slots.values())
    peak = f"{names[0][0].upper()}{names[0][1:]} was busiest: {plays}"
    return f"{peak}, {rate / mean:.1f} times the average" if rate / mean >= _ABOVE else peak


def people(facts: Facts) -> str:
    """What share of the plays the paying listeners make."""
    paid = _of(facts.levels, "level", "paid")
    if paid is None:
        return _nobody_pays(facts)
    listeners = paid["listeners"] / facts.totals["listeners"]
    return (
        f"{counted(paid['listeners'], 'paying listener')}, {percent(listeners)} of all, "
        f"{'makes' if paid['listeners'] == 1 else 'make'} {percent(paid['share'])} of the plays"
    )


def _nobody_pays(facts: Facts) -> str:
    """How many listeners are known to be on the free level: a play may have another level, or none."""
    free, listeners = _of(facts.levels, "level", "free"), facts.totals["listeners"]
    if free is None:
        return "No listener is known to pay"
    if len(facts.levels) > 1:
        return (
            f"No listener is known to pay: {number(free['listeners'])} of {number(listeners)} on the free level"
        )
    return f"No listener pays: {counted(listeners, 'listener')}, all on the free level"


def changes(facts: Facts) -> str:
    """How many listeners went from free to paid, and stayed."""
    free = _of(facts.level_changes, "level", "free")
    if free is None:
        unknown = _of(facts.level_changes, "level", None) is not None
        return f"No listener {'is known to have begun' if unknown else 'began'} on the free level"
    if not free["changed"]:
        return f"None of {counted(free['users'], 'free listener')} went paid"
    # If there is a third level, the change may be to that one.
    went = "changed level" if {row["level"] for row in facts.levels} - {"free", "paid", None} else "went paid"
    began = f"{number(free['changed'])} of {counted(free['users'], 'free listener')} {went}"
    if free["stayed"] == free["changed"]:
        return f"{began}, and {'all of them' if free['changed'] > 1 else 'that one'} stayed"
    return f"{began}, and {number(free['changed'] - free['stayed'])} of them went back"


def returning(facts: Facts) -> str:
    """How many new listeners played the week after they registered, if the plays reach the end of that week."""
    if not facts.retention:
        return "No listener is known to have registered in this period"
    sizes = {row["cohort"]: row["size"] for row in facts.retention if facts.has_week(row["cohort"], 1)}
    size = sum(sizes.values())
    back = sum(row["listeners"] for row in facts.retention if row["week"] == 1 and row["cohort"] in sizes)
    if not size:
        return "It is too early to say who comes back"
    return f"{number(back)} of {counted(size, 'new listener')} played the week after they registered"


def health(facts: Facts) -> str:
    """Whether every line is accounted for and the checks pass."""
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
    """The whole period in one line, as the headline of the page."""
    totals = facts.totals
    return f"{counted(totals['plays'], 'play')} by {counted(totals['listeners'], 'listener')}"


def comparison(period: Period) -> str:
    """Which days are compared with which."""
    before = period.before()
    return (
        f"{days(period.first_day, period.last_day)} against "
        f"{days(before.first_day, before.last_day, year=before.first_day.year != period.last_day.year)}"
    )


def _of(rows: Sequence[Record], column: str, value: str | None) -> Mapping[str, Any] | None:
    return next((row for row in rows if row[column] == value), None)


def _tied(first: Record, others: Sequence[Record]) -> list[Record]:
    return [first, *(row for row in others if row["plays"] == first["plays"])]


def _shared_first(names: Sequence[str], what: str, first: Record, shown: int) -> str:
    """Which ones tie for first place; if all requested ones do, there may be more."""
    if len(names) == shown >= _SHOWN:
        return _shared(names[:3], f"At least {shown} {what}", _plays(first))
    return _shared(names, f"{len(names)} {what}", _plays(first))


def _shared(names: Sequence[str], how_many: str, plays: str) -> str:
    """The first three of those that tie for first place, and how many more there are."""
    others = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{how_many} share the first place with {plays}: {', '.join(names[:3])}{others}"


def _plays(row: Record) -> str:
    return counted(row["plays"], "play")


def _of_one(row: Record) -> str:
    note = one_listener(row)
    return f", {note}" if note else ""


def one_listener(row: Record) -> str | None:
    """A note if one listener made more than half of the plays; None otherwise, or with very few plays."""
    if row["plays"] < _FEW or 2 * row["most_by_one"] <= row["plays"]:
        return None
    if row["listeners"] == 1:
        return "all by one listener"
    return f"{number(row['most_by_one'])} of them by one listener"
