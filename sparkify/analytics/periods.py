"""Periods and time zones: which plays a question is about, and what the clocks of a zone showed."""

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
"""A bound of a period: UTC where it has no zone; a date is its midnight; None is no limit."""

_MOST_DAYS = 36_525
"""Days of a period that is given by its length: a century."""

_QUARTER = 900_000
"""Milliseconds of a quarter of an hour."""
_WEEK = 604_800_000
"""Milliseconds of a week."""


def moment(value: Moment) -> datetime | None:
    """The bound as a UTC time without zone.

    :raises ConfigurationError: when its zone makes of it a year before 1 or after 9999.
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
    """How long a period of so many days is.

    :param what: it is called.
    :raises ConfigurationError: when it is none, or longer than a century.
    """
    if not 1 <= days <= _MOST_DAYS:
        raise ConfigurationError(f"a {what} of {days} days is none; give 1 to {_MOST_DAYS}")
    return timedelta(days=days)


def local(at: datetime, tz: str) -> datetime:
    """What the clocks of a zone show at a moment of UTC; neither has a zone."""
    return at if tz == "UTC" else at.replace(tzinfo=UTC).astimezone(ZoneInfo(tz)).replace(tzinfo=None)


def utc(at: datetime, tz: str) -> datetime:
    """The moment of UTC at which the clocks of a zone show this; neither has a zone."""
    return at if tz == "UTC" else at.replace(tzinfo=ZoneInfo(tz)).astimezone(UTC).replace(tzinfo=None)


def shifted(at: datetime, days: int, tz: str) -> datetime:
    """The moment so many days later: by the calendar of the zone from a midnight of it, else of 24 hours each.

    :raises OverflowError: when it is not of the years 1 to 9999.
    """
    if not _is_midnight(at, tz):
        return at + timedelta(days=days)
    return _midnight(local(at, tz).date() + timedelta(days=days), tz)


def since_before(first: datetime, end: datetime, tz: str) -> datetime:
    """Where the period before one begins: it has as many days where this is of days of the zone, else it is as
    long.

    :raises OverflowError: when it is not of the years 1 to 9999.
    """
    if _is_midnight(first, tz) and _is_midnight(end, tz):
        return shifted(first, -(local(end, tz).date() - local(first, tz).date()).days, tz)
    return first - (end - first)


def _is_midnight(at: datetime, tz: str) -> bool:
    """Whether a day of the zone begins at this moment of UTC: not at 0:00 where clocks skip that."""
    return _midnight(local(at, tz).date(), tz) == at


def _midnight(day: date, tz: str) -> datetime:
    """When a day of the zone begins, in UTC."""
    return utc(datetime.combine(day, time.min), tz)


def extent() -> Select[int, datetime | None, datetime | None]:
    """How far the warehouse reaches: plays, first_play, last_play; UTC, and NULL where there is no play."""
    return select(
        func.count().label("plays"),
        func.min(SongPlay.start_time).label("first_play"),
        func.max(SongPlay.start_time).label("last_play"),
    )


def within(column: SQLColumnExpression[Any], since: Moment, until: Moment) -> list[ColumnElement[bool]]:
    """That the column lies in the period, as conditions for ``where``.

    :raises ConfigurationError: when the period ends before it begins.
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
    """The plays of a period: these columns, and when it was to the quarter of an hour, as ``moment`` in a zone
    and as ``utc``, that of the first play in the quarter.

    Clocks everywhere differ by whole quarters. So each quarter of an hour is converted once, and not each of
    millions of plays, which costs ten times as much on DuckDB. The quarters are those of ``time``, which has
    every moment of a play, so that the fact is read once. Where clocks changed within a quarter, as at 00:01 in
    Newfoundland until 2011, the rest of it is an hour off.

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
    """What the clocks of a zone show at a moment of UTC that the database has.

    :raises ConfigurationError: for a zone that is not known.
    """
    zone = known_zone(tz)
    return at if zone == "UTC" else local_time(literal(zone), at)


def quarters_between(tz: str, first: SQLColumnExpression[datetime], last: SQLColumnExpression[datetime]) -> CTE:
    """What the clocks of a zone show, as ``moment``, at each quarter of an hour between two moments of UTC:
    from the beginning of the hour of the first to the end of that of the last.

    :param first: of a CTE with one row, as is ``last``.
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
    """The numbers from 0 to 9,999, made of their digits: Redshift has no series that is joined with a table."""
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
    """Which quarter of an hour a moment lies in, counted from 1970: a join by one whole number is quick."""
    return cast(func.floor(elapsed_ms(EPOCH, at) / float(_QUARTER)), Integer)


def known_zone(tz: str) -> str:
    """The zone, with ``UTC`` for all of its names.

    :raises ConfigurationError: when there is no such zone.
    """
    zones = _zones()
    # Without a list of zones on this machine, the database checks the name.
    if tz in zones or not zones:
        return "UTC" if tz in ("Etc/UTC", "Etc/UCT", "UCT", "Universal", "Zulu") else tz
    if not tz.strip():
        raise ConfigurationError("the time zone is empty; give one such as America/Los_Angeles")
    near = closest(tz, zones) or next((zone for zone in sorted(zones) if tz.lower() in zone.lower()), None)
    hint = f"did you mean {near}?" if near else "give one such as America/Los_Angeles"
    raise ConfigurationError(f"{tz!r} is not a time zone; {hint}")


@cache
def _zones() -> frozenset[str]:
    """The names of all zones: a walk through hundreds of files."""
    # That of this machine no database knows by this name.
    return frozenset(available_timezones()) - {"localtime"}
