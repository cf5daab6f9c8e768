"""Periods and time zones: which plays a question is about, and what the clocks of a zone showed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    SQLColumnExpression,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TIMESTAMP

from sparkify.analytics.expressions import EPOCH
from sparkify.etl.constructs import elapsed_ms, local_time
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.suggestions import closest
from sparkify.models import SongPlay, Time

__all__ = ["Moment", "extent", "known_zone", "length_of", "local_plays", "moment", "within"]

Moment = datetime | date | None
"""A bound of a period: UTC where it has no zone; a date is its midnight; None is no limit."""

_MOST_DAYS = 36_525
"""Days of a period that is given by its length: a century."""

_MS_PER_QUARTER = 900_000.0


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
    """The plays of a period: these columns, and ``moment``, when it was in a zone, to the quarter of an hour.

    Clocks everywhere differ by whole quarters. So each quarter of an hour is converted once, and not each of
    millions of plays, which costs ten times as much on DuckDB. The quarters are those of ``time``, which has
    every moment of a play, so that the fact is read once. Where clocks changed within a quarter, as at 00:01 in
    Newfoundland until 2011, the rest of it is an hour off.

    :raises ConfigurationError: for a zone that is not known, or an empty period.
    """
    bounds = within(SongPlay.start_time, since, until)
    if known_zone(tz) == "UTC":
        return select(*columns, SongPlay.start_time.label("moment")).where(*bounds).cte("play")
    play = select(*columns, _quarter(SongPlay.start_time).label("quarter")).where(*bounds).cte("play_utc")
    quarter = _quarter(Time.start_time)
    clock = (
        select(
            quarter.label("quarter"),
            local_time(literal(tz), func.min(Time.start_time, type_=TIMESTAMP())).label("moment"),
        )
        .where(*within(Time.start_time, since, until))
        .group_by(quarter)
        .cte("clock")
    )
    return (
        select(*(play.c[column.key] for column in columns), clock.c.moment)
        .join_from(play, clock, clock.c.quarter == play.c.quarter)
        .cte("play")
    )


def _quarter(at: SQLColumnExpression[datetime]) -> ColumnElement[int]:
    """Which quarter of an hour a moment lies in, counted from 1970: a join by one whole number is quick."""
    return cast(func.floor(elapsed_ms(EPOCH, at) / _MS_PER_QUARTER), Integer)


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
