"""Periods and time zones: which plays a question covers, and the local times of a zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    SQLColumnExpression,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TIMESTAMP

from sparkify.analytics.expressions import EPOCH, truncated
from sparkify.etl.constructs import elapsed_ms, epoch_ms, local_time
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.suggestions import closest
from sparkify.models import SongPlay, Time

__all__ = [
    "Moment",
    "extent",
    "known_zone",
    "length_of",
    "local",
    "local_plays",
    "moment",
    "on_clocks",
    "quarters_between",
    "shifted",
    "since_before",
    "utc",
    "within",
]

Moment = datetime | date | None
"""A bound of a period: UTC if it has no zone; a date is its midnight; None is no limit."""

_MOST_DAYS = 36_525
"""The longest period that can be given by its length, in days: a century."""

_QUARTER = 900_000
"""A quarter of an hour, in milliseconds."""
_WEEK = 604_800_000
"""A week, in milliseconds."""


def moment(value: Moment) -> datetime | None:
    """The bound as a UTC time without zone.

    :raises ConfigurationError: when in UTC it is in a year before 1 or after 9999.
    """
    if value is None:
        return None
    if not isinstance(value, datetime):
        return datetime.combine(value, time.min)
    try:
        return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise ConfigurationError(
            f"{value.isoformat(sep=' ')} is no time of the years 1 to 9999 in UTC"
        ) from None


def length_of(days: int, what: str) -> timedelta:
    """The length of a period of so many days.

    :param what: the name of the period, for the message.
    :raises ConfigurationError: when it is shorter than a day, or longer than a century.
    """
    if not 1 <= days <= _MOST_DAYS:
        raise ConfigurationError(f"a {what} of {days} days is none; give 1 to {_MOST_DAYS}")
    return timedelta(days=days)


def local(at: datetime, tz: str) -> datetime:
    """The local time of a zone at a UTC time; both are without zone."""
    return at if tz == "UTC" else at.replace(tzinfo=UTC).astimezone(ZoneInfo(tz)).replace(tzinfo=None)


def utc(at: datetime, tz: str) -> datetime:
    """The UTC time at a local time of a zone; both are without zone."""
    return at if tz == "UTC" else at.replace(tzinfo=ZoneInfo(tz)).astimezone(UTC).replace(tzinfo=None)


def shifted(at: datetime, days: int, tz: str) -> datetime:
    """The UTC time so many days later: calendar days of the zone from a midnight there, else 24 hours each.

    :raises OverflowError: when it is not of the years 1 to 9999.
    """
    if not _is_midnight(at, tz):
        return at + timedelta(days=days)
    return _midnight(local(at, tz).date() + timedelta(days=days), tz)


def since_before(first: datetime, end: datetime, tz: str) -> datetime:
    """The beginning of the period before this one: as many days of the zone if this one is whole days there,
    else just as long.

    :raises OverflowError: when it is not of the years 1 to 9999.
    """
    if _is_midnight(first, tz) and _is_midnight(end, tz):
        return shifted(first, -(local(end, tz).date() - local(first, tz).date()).days, tz)
    return first - (end - first)


def _is_midnight(at: datetime, tz: str) -> bool:
    """Whether a day of the zone begins at this UTC time, which is after 0:00 if clocks skip that."""
    return _midnight(local(at, tz).date(), tz) == at


def _midnight(day: date, tz: str) -> datetime:
    """When a day of the zone begins, in UTC."""
    return utc(datetime.combine(day, time.min), tz)


def extent() -> Select[int, datetime | None, datetime | None]:
    """The extent of the warehouse: plays, first_play, last_play; times in UTC, NULL if there is no play."""
    return select(
        func.count().label("plays"),
        func.min(SongPlay.start_time).label("first_play"),
        func.max(SongPlay.start_time).label("last_play"),
    )


def within(column: SQLColumnExpression[Any], since: Moment, until: Moment) -> list[ColumnElement[bool]]:
    """Conditions for ``where`` that restrict the column to the period.

    :raises ConfigurationError: when the period does not end after it begins.
    """
    first, end = moment(since), moment(until)
    if first is not None and end is not None and end <= first:
        raise ConfigurationError(
            f"the period from {first.isoformat(sep=' ')} until {end.isoformat(sep=' ')} has no moment in it; "
            "until is exclusive, and must be after since"
        )
    conditions: list[ColumnElement[bool]] = []
    if first is not None:
        conditions.append(column >= first)
    if end is not None:
        conditions.append(column < end)
    return conditions


def local_plays(tz: str, since: Moment, until: Moment, *columns: InstrumentedAttribute[Any]) -> CTE:
    """The plays of a period: these columns, and the time as ``moment`` in the zone and as ``utc``. Except in
    UTC, it is accurate to the quarter of an hour: the time of the first play in the quarter.

    UTC offsets are whole quarters. So each quarter of an hour is converted once rather than each of millions of
    plays, which costs ten times as much on DuckDB. The quarters come from ``time``, which has the moment of
    every play, so that the fact is read once. If clocks changed within a quarter, as at 00:01 in Newfoundland
    until 2011, the rest of the quarter is an hour off.

    :raises ConfigurationError: for a zone that is not known, or an empty period.
    """
    bounds = within(SongPlay.start_time, since, until)
    if known_zone(tz) == "UTC":
        at = SongPlay.start_time
        return select(*columns, at.label("moment"), at.label("utc")).where(*bounds).cte("play")
    play = select(*columns, _quarter(SongPlay.start_time).label("quarter")).where(*bounds).cte("play_utc")
    quarter = _quarter(Time.start_time)
    first = func.min(Time.start_time, type_=TIMESTAMP())
    clock = (
        select(
            quarter.label("quarter"),
            on_clocks(tz, first).label("moment"),
            first.label("utc"),
        )
        .where(*within(Time.start_time, since, until))
        .group_by(quarter)
        .cte("clock")
    )
    return (
        select(*(play.c[column.key] for column in columns), clock.c.moment, clock.c.utc)
        .join_from(play, clock, clock.c.quarter == play.c.quarter)
        .cte("play")
    )


def on_clocks(tz: str, at: SQLColumnExpression[Any]) -> SQLColumnExpression[datetime]:
    """The local time of a zone at a UTC time in the database.

    :raises ConfigurationError: for a zone that is not known.
    """
    zone = known_zone(tz)
    return at if zone == "UTC" else local_time(literal(zone), at)


def quarters_between(tz: str, first: SQLColumnExpression[datetime], last: SQLColumnExpression[datetime]) -> CTE:
    """The local time of a zone, as ``moment``, at each quarter of an hour between two UTC times: from the
    beginning of the hour of the first to the end of the hour of the last.

    :param first: a column of a CTE with one row, as is ``last``.
    :raises ConfigurationError: for a zone that is not known.
    """

    def of_hour(at: SQLColumnExpression[datetime]) -> ColumnElement[int]:
        shown = on_clocks(tz, at)
        return elapsed_ms(truncated("hour", shown), shown)

    ends = select(
        (elapsed_ms(EPOCH, first) - of_hour(first)).label("first"),
        (elapsed_ms(EPOCH, last) - of_hour(last) + 4 * _QUARTER).label("last"),
    ).cte("ends")
    number = _numbers()
    week, quarter = number.alias("week"), number.alias("quarter")
    at = ends.c.first + week.c.number * _WEEK + quarter.c.number * _QUARTER
    return (
        select(on_clocks(tz, epoch_ms(at)).label("moment"))
        .select_from(ends.join(week, true()).join(quarter, true()))
        .where(ends.c.first + week.c.number * _WEEK < ends.c.last, quarter.c.number < _WEEK // _QUARTER)
        .where(at < ends.c.last)
        .cte("clock_quarter")
    )


def _numbers() -> CTE:
    """The numbers from 0 to 9,999, made of their digits: Redshift cannot join a series to a table."""
    digit = union_all(*(select(literal_column(str(digit)).label("digit")) for digit in range(10))).cte("digit")
    places = [digit.alias(name) for name in ("ones", "tens", "hundreds", "thousands")]
    number: ColumnElement[int] = sum(
        (place.c.digit * 10**power for power, place in enumerate(places)), literal_column("0", Integer)
    )
    joined: FromClause = places[0]
    for place in places[1:]:
        joined = joined.join(place, true())
    return select(cast(number, BigInteger).label("number")).select_from(joined).cte("number")


def _quarter(at: SQLColumnExpression[datetime]) -> ColumnElement[int]:
    """The quarter of an hour that a moment is in, counted from 1970: a join on one integer is fast."""
    return cast(func.floor(elapsed_ms(EPOCH, at) / float(_QUARTER)), Integer)


def known_zone(tz: str) -> str:
    """The name of the zone, with ``UTC`` for most of its aliases.

    :raises ConfigurationError: when there is no such zone.
    """
    zones = _zones()
    # If this machine has no list of zones, the database checks the name.
    if tz in zones or not zones:
        return "UTC" if tz in ("Etc/UTC", "Etc/UCT", "UCT", "Universal", "Zulu") else tz
    if not tz.strip():
        raise ConfigurationError("the time zone is empty; give one such as America/Los_Angeles")
    near = closest(tz, zones) or next((zone for zone in sorted(zones) if tz.lower() in zone.lower()), None)
    hint = f"did you mean {near}?" if near else "give one such as America/Los_Angeles"
    raise ConfigurationError(f"{tz!r} is not a time zone; {hint}")


@cache
def _zones() -> frozenset[str]:
    """The names of all zones, cached because listing them walks through hundreds of files."""
    # No database knows the zone of this machine by this name.
    return frozenset(available_timezones()) - {"localtime"}
