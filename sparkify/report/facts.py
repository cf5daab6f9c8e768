"""The facts of the page: every question asked once, of one period, in one transaction. Only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import CompoundSelect, Connection, Select

from sparkify import analytics
from sparkify.analytics import Moment
from sparkify.analytics.periods import extent, known_zone, moment
from sparkify.analytics.songs import songs_and_days
from sparkify.databases import Database
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.results import CheckResult
from sparkify.warehouse.query import Query, sql_text

if TYPE_CHECKING:
    from sparkify.warehouse.facade import Warehouse

__all__ = ["Facts", "Period", "Slot", "collect", "local"]

Record = Mapping[str, Any]

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_HOUR = timedelta(hours=1)
_HOURS_OF_WEEK = 168
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
        """The period of the same length that ends where this begins."""
        return Period(self.since - self.length, self.since, self.tz)

    def last(self, length: timedelta) -> Period:
        """Its last part."""
        return Period(self.until - length, self.until, self.tz)

    def has_week(self, monday: date, later: int = 0) -> bool:
        """Whether it reaches to the end of the week that comes ``later`` weeks after the one of that Monday."""
        return monday + (later + 1) * _WEEK - _DAY <= self.last_day


@dataclass(frozen=True)
class Slot:
    """One hour of the week: its plays, and how often it came."""

    plays: int
    hours: int

    @property
    def rate(self) -> float:
        """Plays an hour; 0 of an hour that never came."""
        return self.plays / self.hours if self.hours else 0.0


@dataclass(frozen=True)
class Facts:
    """The answers, as records with mojibake fixed; see :mod:`sparkify.analytics` for the columns.

    :ivar compared: the part of the period whose totals are set against ``compared.before()``; None where the
        plays do not go back so far.
    :ivar trend: the window of ``trending``; None likewise.
    :ivar checks: None where they were not asked for.
    :ivar sql: by question, its text for the database that was asked.
    """

    period: Period
    totals: Record
    compared: Period | None
    totals_now: Record | None
    totals_before: Record | None
    days: Sequence[Record]
    hours: Sequence[Record]
    songs: Sequence[Record]
    song_days: Sequence[Record]
    trend: Period | None
    trending: Sequence[Record]
    levels: Sequence[Record]
    genders: Sequence[Record]
    locations: Sequence[Record]
    sessions: Sequence[Record]
    level_changes: Sequence[Record]
    retention: Sequence[Record]
    match: Sequence[Record]
    sources: Sequence[Record]
    checks: Sequence[CheckResult] | None
    sql: Mapping[str, str] = field(default_factory=dict)

    def week(self) -> dict[tuple[int, int], Slot]:
        """Each of the 7 x 24 hours of the week by (weekday, hour), those without a play too."""
        found = {(row["weekday"], row["hour"]): row["plays"] for row in self.hours}
        first, last = (
            local(self.totals[name], self.period.tz).replace(minute=0, second=0, microsecond=0)
            for name in ("first_play", "last_play")
        )
        span = (last - first) // _HOUR
        slots = {}
        for weekday in range(7):
            for hour in range(24):
                wait = ((weekday - first.isoweekday()) * 24 + hour - first.hour) % _HOURS_OF_WEEK
                slots[weekday, hour] = Slot(found.get((weekday, hour), 0), (span - wait) // _HOURS_OF_WEEK + 1)
        return slots


def collect(
    warehouse: Warehouse,
    *,
    since: Moment = None,
    until: Moment = None,
    days: int = 30,
    tz: str = "UTC",
    checks: bool = True,
) -> Facts:
    """Ask every question of the page.

    :param since: the beginning of the period, inclusive; by default ``days`` before its end.
    :param until: its end, exclusive; by default the end of the day of the newest play.
    :param days: the length of the period where ``since`` is not given.
    :param tz: the zone of days, weekdays and hours.
    :param checks: run the quality checks as well, which read every table whole.
    :raises ConfigurationError: when the warehouse is not there, has no play in the period, or the period is
        empty.
    """
    known_zone(tz)
    # Says what is wrong with a warehouse that cannot be read, before anything else is asked of it.
    whole = warehouse.query(extent()).one()
    if whole.first_play is None or whole.last_play is None:
        raise ConfigurationError("the warehouse has no play yet", hint="Run: sparkify-etl load")
    period = _period(whole.last_play, since, until, days, tz)
    results = warehouse.check() if checks else None
    with warehouse.session() as session:
        return _Asking(session.connection(), warehouse.database, period, whole.first_play).facts(results)


class _Asking:
    """Asks on one connection, so that all answers are of one moment, and keeps the texts."""

    def __init__(
        self, connection: Connection, database: Database, period: Period, first_play: datetime
    ) -> None:
        self._connection = connection
        self._database = database
        self._period = period
        self._first_play = first_play
        self._sql: dict[str, str] = {}

    def facts(self, checks: Sequence[CheckResult] | None) -> Facts:
        period, tz = self._period, self._period.tz
        span: dict[str, Any] = {"since": period.since, "until": period.until}
        totals = self._ask("totals", analytics.totals(**span))[0]
        if not totals["plays"]:
            raise ConfigurationError(
                f"there is no play from {period.since:%Y-%m-%d %H:%M} until {period.until:%Y-%m-%d %H:%M} UTC"
            )
        compared = self._compared()
        trend = self._trend()
        songs, song_days = self._songs()
        return Facts(
            period=period,
            totals=totals,
            compared=compared,
            totals_now=totals if compared == period else self._totals(compared),
            totals_before=self._totals(compared.before() if compared else None),
            days=self._ask("plays-by day", analytics.plays_by("day", **span, tz=tz)),
            hours=self._ask("peak-hours", analytics.peak_hours(**span, tz=tz)),
            songs=songs,
            song_days=song_days,
            trend=trend,
            trending=self._ask(
                "trending-artists",
                analytics.trending_artists(since=trend.since, until=trend.until),
            )
            if trend
            else [],
            levels=self._ask("plays-by level", analytics.plays_by("level", **span)),
            genders=self._ask("plays-by gender", analytics.plays_by("gender", **span)),
            locations=self._ask("plays-by location", analytics.plays_by("location", limit=8, **span)),
            sessions=self._ask("sessions", analytics.sessions(**span)),
            level_changes=self._ask("level-changes", analytics.level_changes(**span)),
            retention=self._ask("retention", analytics.retention(**span, tz=tz)),
            match=self._ask("match-quality", analytics.match_quality(**span)),
            sources=self._ask("freshness", analytics.freshness()),
            checks=checks,
            sql=self._sql,
        )

    def _ask(self, name: str, statement: Select[*tuple[Any, ...]]) -> list[dict[str, Any]]:
        self._tell(name, statement)
        return self._records(statement)

    def _tell(self, name: str, statement: Select[*tuple[Any, ...]]) -> None:
        """Keep the text of a question."""
        self._sql.setdefault(name, sql_text(statement, self._database.name))

    def _records(self, statement: Select[Any] | CompoundSelect[Any]) -> list[dict[str, Any]]:
        return Query(statement, lambda: nullcontext(self._connection), self._database).records()

    def _songs(self) -> tuple[list[Record], list[Record]]:
        """The answers of two questions, by one statement that ranks the songs once; the texts are theirs."""
        span: dict[str, Any] = {"since": self._period.since, "until": self._period.until}
        top, by_day = analytics.top_songs(**span), analytics.top_songs_by_day(**span, tz=self._period.tz)
        self._tell("top-songs", top)
        self._tell("top-songs-by-day", by_day)
        rows = self._records(songs_and_days(**span, tz=self._period.tz))
        return (
            _as_of(top, [row for row in rows if row["day"] is None]),
            _as_of(by_day, [row for row in rows if row["day"] is not None]),
        )

    def _totals(self, period: Period | None) -> Record | None:
        if period is None:
            return None
        return self._ask("totals", analytics.totals(since=period.since, until=period.until))[0]

    def _compared(self) -> Period | None:
        """The whole period where there are plays to compare it with, else its last week."""
        if self._covers(self._period.before()):
            return self._period
        return self._trend()

    def _trend(self) -> Period | None:
        week = self._period.last(min(_WEEK, self._period.length))
        return week if self._covers(week.before()) else None

    def _covers(self, period: Period) -> bool:
        """Whether plays go back to its first day."""
        return self._first_play < period.since + _DAY


def _as_of(statement: Select[*tuple[Any, ...]], rows: list[dict[str, Any]]) -> list[Record]:
    """The rows with the columns of a statement."""
    names = {column.key for column in statement.selected_columns}
    return [{name: value for name, value in row.items() if name in names} for row in rows]


def local(at: datetime, tz: str) -> datetime:
    """What the clocks of a zone show at a moment of UTC; neither has a zone."""
    return at if tz == "UTC" else at.replace(tzinfo=UTC).astimezone(ZoneInfo(tz)).replace(tzinfo=None)


def utc(at: datetime, tz: str) -> datetime:
    """The moment of UTC at which the clocks of a zone show this; neither has a zone."""
    return at if tz == "UTC" else at.replace(tzinfo=ZoneInfo(tz)).astimezone(UTC).replace(tzinfo=None)


def _period(newest: datetime, since: Moment, until: Moment, days: int, tz: str) -> Period:
    if days < 1:
        raise ConfigurationError(f"a period of {days} days has no moment in it; give 1 or more")
    first, end = moment(since), moment(until)
    if end is None:
        end = utc(datetime.combine(local(newest, tz).date() + _DAY, time.min), tz)
    if first is None:
        first = utc(local(end, tz) - days * _DAY, tz)
    if end <= first:
        raise ConfigurationError(
            f"the period from {first:%Y-%m-%d %H:%M} until {end:%Y-%m-%d %H:%M} UTC has no moment in it"
        )
    return Period(first, end, tz)
