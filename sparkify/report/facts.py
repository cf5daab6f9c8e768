"""The facts of the page: a period, and the answers to every question of it, as values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sparkify.analytics.periods import local, shifted, since_before
from sparkify.etl.results import CheckResult

__all__ = ["Facts", "Period", "Record", "Slot"]

Record = Mapping[str, Any]

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_TWO_WEEKS = 14
_MOMENT = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Period:
    """From ``since``, inclusive, until ``until``, exclusive: UTC without zone. Its days are those of ``tz``."""

    since: datetime
    until: datetime
    tz: str = "UTC"

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since

    @property
    def first_day(self) -> date:
        """The day that it begins on."""
        return local(self.since, self.tz).date()

    @property
    def last_day(self) -> date:
        """The last day that it has a moment of."""
        return local(self.until - _MOMENT, self.tz).date()

    def before(self) -> Period:
        """The period that ends where this begins: of as many days where this is of whole days, else as long."""
        return Period(since_before(self.since, self.until, self.tz), self.since, self.tz)

    def last(self, days: int) -> Period:
        """Its last days, or all of it where it has no more."""
        return Period(max(self.since, shifted(self.until, -days, self.tz)), self.until, self.tz)


@dataclass(frozen=True)
class Slot:
    """Hours of one name: their plays, and how often they came."""

    plays: int
    hours: int

    @property
    def rate(self) -> float:
        """Plays an hour; 0 of an hour that never came."""
        return self.plays / self.hours if self.hours else 0.0


@dataclass(frozen=True)
class Facts:
    """The answers, as records with mojibake fixed; see :mod:`sparkify.analytics` for the columns.

    :ivar newest_play: when the newest play of all began, in the period or after it.
    :ivar compared: the part of the period whose totals are set against ``compared.before()``; None where the
        plays do not go back so far.
    :ivar hours: by hour of the week, where the plays reach over two weeks; ``day_hours`` by hour of the day,
        where they do not. The other is empty.
    :ivar clock: how often each hour of the week came from the first to the last play, by the clocks of the zone
        as the database knows it: weekday, hour, hours.
    :ivar trend: the window of ``trending``; None likewise.
    :ivar checks: None where they were not asked for.
    :ivar sql: by question, its text for the database that was asked.
    :ivar commands: by question, the command that gives the same answer.
    :ivar rows: by question, the answer as it came.
    """

    period: Period
    newest_play: datetime
    totals: Record
    compared: Period | None
    totals_now: Record | None
    totals_before: Record | None
    days: Sequence[Record]
    hours: Sequence[Record]
    day_hours: Sequence[Record]
    clock: Sequence[Record]
    songs: Sequence[Record]
    song_days: Sequence[Record]
    artists: Sequence[Record]
    users: Sequence[Record]
    trend: Period | None
    trending: Sequence[Record]
    levels: Sequence[Record]
    genders: Sequence[Record]
    locations: Sequence[Record]
    platforms: Sequence[Record]
    browsers: Sequence[Record]
    sessions: Sequence[Record]
    level_changes: Sequence[Record]
    retention: Sequence[Record]
    match: Sequence[Record]
    unmatched: Sequence[Record]
    sources: Sequence[Record]
    checks: Sequence[CheckResult] | None
    sql: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, Sequence[Record]] = field(default_factory=dict)

    @property
    def shown_days(self) -> tuple[date, date]:
        """The first and the last day of the page: those of the period, and those under which its plays are.

        The law of a zone that the database knows may be older or newer than that of this machine, which the
        limits of the period are of; then days of the database begin at other moments.
        """
        played = self._days_played()
        return min([self.period.first_day, *played]), max([self.period.last_day, *played])

    @property
    def last_day(self) -> date:
        """The last day of the period that the plays reach."""
        reached = min(self.period.last_day, local(self.newest_play, self.period.tz).date())
        return max([reached, *self._days_played()])

    def _days_played(self) -> list[date]:
        return [row["day"] for row in self.days]

    def has_week(self, monday: date, later: int) -> bool:
        """Whether they reach to the end of the week that comes ``later`` weeks after the one of that Monday."""
        return monday + (later + 1) * _WEEK - _DAY <= self.last_day

    @property
    def has_weeks(self) -> bool:
        """Whether the plays reach over two weeks, so that each hour of the week may have come twice."""
        first, last = (local(self.totals[name], self.period.tz).date() for name in ("first_play", "last_play"))
        return (last - first).days + 1 >= _TWO_WEEKS

    def week(self) -> dict[tuple[int, int], Slot]:
        """Each of the 7 x 24 hours of the week by (weekday, hour), those without a play too."""
        slots = {(weekday, hour): Slot(0, 0) for weekday in range(7) for hour in range(24)}
        slots |= {(row["weekday"], row["hour"]): Slot(0, row["hours"]) for row in self.clock}
        return slots | {(row["weekday"], row["hour"]): Slot(row["plays"], row["hours"]) for row in self.hours}

    def day(self) -> dict[int, Slot]:
        """Each of the 24 hours of the day, those without a play too."""
        found = {row["hour"]: row["plays"] for row in self.day_hours}
        hours = Counter[int]()
        for row in self.clock:
            hours[row["hour"]] += row["hours"]
        return {hour: Slot(found.get(hour, 0), hours[hour]) for hour in range(24)}
