"""The facts of the page: a period, and the answers to every question for it, as values."""

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
    """From ``since``, inclusive, to ``until``, exclusive: UTC without zone. Its days are those of ``tz``."""

    since: datetime
    until: datetime
    tz: str = "UTC"

    @property
    def length(self) -> timedelta:
        """The length of the period."""
        return self.until - self.since

    @property
    def first_day(self) -> date:
        """The day on which the period begins."""
        return local(self.since, self.tz).date()

    @property
    def last_day(self) -> date:
        """The last day that lies at least partly in the period."""
        return local(self.until - _MOMENT, self.tz).date()

    def before(self) -> Period:
        """The period that ends where this one begins: as many days if this one is whole days, else as long."""
        return Period(since_before(self.since, self.until, self.tz), self.since, self.tz)

    def last(self, days: int) -> Period:
        """The last ``days`` days of the period, or all of it if it has no more."""
        return Period(max(self.since, shifted(self.until, -days, self.tz)), self.until, self.tz)


@dataclass(frozen=True)
class Slot:
    """All hours with one name, such as Monday at 8:00: their plays, and how often that hour occurred."""

    plays: int
    hours: int

    @property
    def rate(self) -> float:
        """Plays per hour; 0 for an hour that never occurred."""
        return self.plays / self.hours if self.hours else 0.0


@dataclass(frozen=True)
class Facts:
    """The answers, as records with mojibake fixed; see :mod:`sparkify.analytics` for the columns.

    :ivar newest_play: when the newest play of all began, in the period or after it.
    :ivar compared: the part of the period whose totals are compared with ``compared.before()``; None if the
        plays do not go back so far.
    :ivar hours: plays by hour of the week, if the plays span two weeks or more; otherwise ``day_hours`` has
        them by hour of the day. The other of the two is empty.
    :ivar clock: how often each hour of the week occurred from the first to the last play, in local time of the
        zone as the database knows it: weekday, hour, hours.
    :ivar trend: the window of ``trending``; None if the plays do not go back so far.
    :ivar checks: the check results; None if they were not requested.
    :ivar sql: by question, its SQL text for the database that was asked.
    :ivar commands: by question, the command that gives the same answer.
    :ivar rows: by question, the answer as it was returned.
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
        """The first and the last day of the page: those of the period, extended to the days of its plays.

        The database may have older or newer rules for a time zone than this machine, which computes the limits
        of the period; the days of the database then begin at other moments.
        """
        played = self._days_played()
        return min([self.period.first_day, *played]), max([self.period.last_day, *played])

    @property
    def last_day(self) -> date:
        """The last day of the period up to which there are plays."""
        reached = min(self.period.last_day, local(self.newest_play, self.period.tz).date())
        return max([reached, *self._days_played()])

    def _days_played(self) -> list[date]:
        return [row["day"] for row in self.days]

    def has_week(self, monday: date, later: int) -> bool:
        """Whether the plays reach the end of the week that is ``later`` weeks after the week of that Monday."""
        return monday + (later + 1) * _WEEK - _DAY <= self.last_day

    @property
    def has_weeks(self) -> bool:
        """Whether the plays span two weeks or more, so that each hour of the week may have occurred twice."""
        first, last = (local(self.totals[name], self.period.tz).date() for name in ("first_play", "last_play"))
        return (last - first).days + 1 >= _TWO_WEEKS

    def week(self) -> dict[tuple[int, int], Slot]:
        """Each of the 7 x 24 hours of the week by (weekday, hour), including those without a play."""
        slots = {(weekday, hour): Slot(0, 0) for weekday in range(7) for hour in range(24)}
        slots |= {(row["weekday"], row["hour"]): Slot(0, row["hours"]) for row in self.clock}
        return slots | {(row["weekday"], row["hour"]): Slot(row["plays"], row["hours"]) for row in self.hours}

    def day(self) -> dict[int, Slot]:
        """Each of the 24 hours of the day, including those without a play."""
        found = {row["hour"]: row["plays"] for row in self.day_hours}
        hours = Counter[int]()
        for row in self.clock:
            hours[row["hour"]] += row["hours"]
        return {hour: Slot(found.get(hour, 0), hours[hour]) for hour in range(24)}
