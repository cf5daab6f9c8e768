"""Asks the questions of the page: each once, for one period, in one transaction. Read-only."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import CompoundSelect, Connection, Select

from sparkify import analytics
from sparkify.analytics import Moment
from sparkify.analytics.listening import hours_of_week
from sparkify.analytics.periods import extent, known_zone, length_of, local, moment, utc
from sparkify.analytics.songs import songs_and_days
from sparkify.databases import Database
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.results import CheckResult
from sparkify.report.facts import Facts, Period, Record
from sparkify.warehouse.query import Query, sql_text

if TYPE_CHECKING:
    from sparkify.warehouse.facade import Warehouse

__all__ = ["collect"]

_DAY = timedelta(days=1)
_WEEK = 7
"""Days."""
_PLACES = 8


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

    :param since: the start of the period, inclusive; by default ``days`` before its end.
    :param until: the end of the period, exclusive; by default the end of the day of the newest play.
    :param days: the length of the period if ``since`` is not given.
    :param tz: the time zone of days, weekdays and hours.
    :param checks: also run the quality checks, which read every table in full.
    :raises ConfigurationError: when the warehouse does not exist, has no play in the period, or the period is
        empty.
    """
    known_zone(tz)
    # If the warehouse cannot be read, this says why, before anything else is asked of it.
    whole = warehouse.query(extent()).one()
    if whole.first_play is None or whole.last_play is None:
        raise ConfigurationError("the warehouse has no play yet", hint="Run: sparkify-etl load")
    period = _period(whole.last_play, since, until, days, tz)
    results = warehouse.check() if checks else None
    with warehouse.session() as session:
        return _Asking(session.connection(), warehouse.database, period, whole).facts(results)


class _Asking:
    """Asks on one connection, so that all answers are as of one moment; keeps SQL, commands and rows."""

    def __init__(self, connection: Connection, database: Database, period: Period, whole: Any) -> None:
        """:param whole: the row of :func:`extent` for a warehouse with plays."""
        self._connection = connection
        self._database = database
        self._period = period
        self._first_play: datetime = whole.first_play
        self._newest_play: datetime = whole.last_play
        self._sql: dict[str, str] = {}
        self._commands: dict[str, str] = {}
        self._rows: dict[str, Sequence[Record]] = {}

    def facts(self, checks: Sequence[CheckResult] | None) -> Facts:
        period = self._period
        totals = self._ask("totals", period)[0]
        if not totals["plays"]:
            raise ConfigurationError(
                f"there is no play from {period.since:%Y-%m-%d %H:%M} until {period.until:%Y-%m-%d %H:%M} UTC"
            )
        compared = self._compared()
        trend = self._trend()
        songs, song_days = self._songs()
        found = Facts(
            period=period,
            newest_play=self._newest_play,
            totals=totals,
            compared=compared,
            totals_now=totals if compared == period else self._totals(compared, "totals, last days"),
            totals_before=self._totals(compared.before() if compared else None, "totals, days before"),
            days=self._ask("plays-by", period, "day"),
            hours=[],
            day_hours=[],
            clock=self._records(hours_of_week(totals["first_play"], totals["last_play"], tz=period.tz)),
            songs=songs,
            song_days=song_days,
            artists=self._ask("top-artists", period),
            users=self._ask("top-users", period),
            trend=trend,
            trending=self._ask("trending-artists", trend) if trend else [],
            levels=self._ask("plays-by", period, "level"),
            genders=self._ask("plays-by", period, "gender"),
            locations=self._ask("plays-by", period, "location", limit=_PLACES),
            platforms=self._ask("plays-by", period, "platform"),
            browsers=self._ask("plays-by", period, "browser"),
            sessions=self._ask("sessions", period),
            level_changes=self._ask("level-changes", period),
            retention=self._ask("retention", period),
            match=self._ask("match-quality", period),
            unmatched=self._ask("unmatched", period),
            sources=self._ask("freshness", None),
            checks=checks,
            sql=self._sql,
            commands=self._commands,
            rows=self._rows,
        )
        if found.has_weeks:
            return replace(found, hours=self._ask("peak-hours", period))
        return replace(found, day_hours=self._ask("plays-by", period, "hour"))

    def _ask(
        self, name: str, period: Period | None, *first: str, label: str = "", **options: Any
    ) -> list[dict[str, Any]]:
        """The answer to a question for this period, or for all time if the period is None."""
        label = label or " ".join((name, *first))
        statement = self._noted(label, name, period, *first, **options)
        self._rows[label] = rows = self._records(statement)
        return rows

    def _noted(
        self, label: str, name: str, period: Period | None, *first: str, **options: Any
    ) -> Select[*tuple[Any, ...]]:
        """The SELECT of a question, whose SQL text and command are kept."""
        ask = analytics.QUESTIONS[name].ask
        given: dict[str, Any] = dict(options)
        if period is not None:
            given |= {"since": period.since, "until": period.until}
            if "tz" in inspect.signature(ask).parameters:
                given["tz"] = period.tz
        statement = ask(*first, **given)
        self._sql[label] = sql_text(statement, self._database.name)
        self._commands[label] = _command(name, *first, **given)
        return statement

    def _records(
        self, statement: Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]
    ) -> list[dict[str, Any]]:
        return Query(statement, lambda: nullcontext(self._connection), self._database).records()

    def _songs(self) -> tuple[list[Record], list[Record]]:
        """The answers to two questions, by one statement that ranks the songs once; each keeps its own SQL."""
        period = self._period
        top = self._noted("top-songs", "top-songs", period)
        by_day = self._noted("top-songs-by-day", "top-songs-by-day", period)
        rows = self._records(songs_and_days(since=period.since, until=period.until, tz=period.tz))
        songs = _as_of(top, [row for row in rows if row["day"] is None])
        days = _as_of(by_day, [row for row in rows if row["day"] is not None])
        self._rows |= {"top-songs": songs, "top-songs-by-day": days}
        return songs, days

    def _totals(self, period: Period | None, label: str) -> Record | None:
        return None if period is None else self._ask("totals", period, label=label)[0]

    def _compared(self) -> Period | None:
        """The whole period if earlier plays allow a comparison, else its last week; None if neither has any."""
        if self._covers(self._period.before()):
            return self._period
        return self._trend()

    def _trend(self) -> Period | None:
        week = self._period.last(_WEEK)
        return week if self._covers(week.before()) else None

    def _covers(self, period: Period) -> bool:
        """Whether the plays go back to the first day of a period."""
        return self._first_play < period.since + _DAY


def _as_of(statement: Select[*tuple[Any, ...]], rows: list[dict[str, Any]]) -> list[Record]:
    """The rows with only the columns of a statement."""
    names = {column.key for column in statement.selected_columns}
    return [{name: value for name, value in row.items() if name in names} for row in rows]


def _command(name: str, *first: str, **given: Any) -> str:
    """The command that asks the question."""
    parts = ["sparkify-etl", "query", name, *first]
    for option, value in given.items():
        parts += [f"--{option}", _written(value) if isinstance(value, datetime) else str(value)]
    return shlex.join(parts)


def _written(at: datetime) -> str:
    """A moment as the command line accepts it: ``2018-11-01``, ``2018-11-01T08:00``."""
    return at.date().isoformat() if at.time() == time.min else at.isoformat(timespec="auto")


def _period(newest: datetime, since: Moment, until: Moment, days: int, tz: str) -> Period:
    length = length_of(days, "period")
    first, end = moment(since), moment(until)
    try:
        if end is None:
            end = utc(datetime.combine(local(newest, tz).date() + _DAY, time.min), tz)
        if first is None:
            first = utc(local(end, tz) - length, tz)
    except OverflowError:
        raise ConfigurationError("the period is not within the years 1 to 9999") from None
    if end <= first:
        raise ConfigurationError(
            f"the period from {first:%Y-%m-%d %H:%M} until {end:%Y-%m-%d %H:%M} UTC has no moment in it"
        )
    return Period(first, end, tz)
