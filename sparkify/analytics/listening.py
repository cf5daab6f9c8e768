"""How much, when, and by whom: plays in total, by group, and by hour of the week."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    Double,
    Integer,
    Select,
    SQLColumnExpression,
    cast,
    extract,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.types import TIMESTAMP

from sparkify.analytics.agents import browser, platform
from sparkify.analytics.expressions import count_if, ratio, truncated
from sparkify.analytics.periods import Moment, local_plays, quarters_between, within
from sparkify.etl.errors import ConfigurationError
from sparkify.models import Match, SongMatch, SongPlay, User

__all__ = ["DIMENSIONS", "Dimension", "hours_of_week", "peak_hours", "plays_by", "totals"]

Dimension = Literal["level", "gender", "location", "platform", "browser", "hour", "weekday", "day"]
"""What plays can be counted by."""

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)

_CLOCK = ("hour", "weekday", "day")
_AGENT = {"platform": platform, "browser": browser}


def totals(
    *, since: Moment = None, until: Moment = None
) -> Select[int, int, int, float, int, float, int, float, datetime, *tuple[Any, ...]]:
    """The period in one row: plays, listeners, sessions, hours, paid_plays, paid_share, matched_plays,
    matched_share, first_play, last_play.

    Listeners are different users, and a session is of one of them. ``hours`` is the length of all songs
    played, as players reported it. ``paid_share`` is the share of plays at level paid; ``matched_share`` that
    of plays whose song the catalogue knows (match is not ``inferred``). The first and the last play are
    moments of UTC. Shares are NULL where there is no play.

    :raises ConfigurationError: when the period is empty.
    """
    session = (
        select(
            SongPlay.user_id,
            func.count().label("plays"),
            func.sum(SongMatch.duration).label("seconds"),
            count_if(SongPlay.level == "paid").label("paid"),
            count_if(SongPlay.match != Match.INFERRED).label("matched"),
            func.min(SongPlay.start_time).label("first_play"),
            func.max(SongPlay.start_time).label("last_play"),
        )
        .join(SongPlay.song_match)
        .where(*within(SongPlay.start_time, since, until))
        .group_by(SongPlay.user_id, SongPlay.session_id)
        .cte("session")
    )
    plays, paid, matched = (
        cast(func.coalesce(func.sum(counted), 0), BigInteger)
        for counted in (session.c.plays, session.c.paid, session.c.matched)
    )
    return select(
        plays.label("plays"),
        func.count(session.c.user_id.distinct()).label("listeners"),
        func.count().label("sessions"),
        cast(func.coalesce(func.sum(session.c.seconds), 0.0) / 3600.0, Double).label("hours"),
        paid.label("paid_plays"),
        ratio(paid, plays).label("paid_share"),
        matched.label("matched_plays"),
        ratio(matched, plays).label("matched_share"),
        func.min(session.c.first_play).label("first_play"),
        func.max(session.c.last_play).label("last_play"),
    ).select_from(session)


def plays_by(
    dimension: Dimension,
    *,
    limit: int | None = None,
    since: Moment = None,
    until: Moment = None,
    tz: str = "UTC",
) -> Select[Any, int, int, float, float]:
    """Plays by group: the group (its column has the name of the dimension), plays, listeners, share,
    plays_per_listener.

    ``level`` and ``location`` are those of the play, ``gender`` that of the user. ``platform`` (Windows, Mac,
    iPhone ...) and ``browser`` (Chrome, Safari ...) are the families that the user agent names. ``hour`` is 0
    to 23, ``weekday`` 0 (Sunday) to 6, ``day`` a date, each in the zone ``tz``. ``share`` is of all plays of
    the period. A group without a play has no row, and what is not known or empty is a group of its own, NULL.

    Order: hour, weekday and day by themselves; the others by plays, most first, then by name.

    :param dimension: what to count by.
    :param limit: how many groups; by default all.
    :raises ConfigurationError: when the period is empty, or the dimension or the zone is not known.
    """
    if dimension not in DIMENSIONS:
        raise ConfigurationError(f"{dimension!r}: plays are counted by {', '.join(DIMENSIONS)}")
    grouped = _grouped(dimension, since, until, tz).cte("grouped")
    group = grouped.c[dimension]
    order = [group] if dimension in _CLOCK else [grouped.c.plays.desc(), group.asc().nulls_last()]
    all_plays = func.sum(grouped.c.plays).over()
    return (
        select(
            group,
            grouped.c.plays,
            grouped.c.listeners,
            ratio(grouped.c.plays, all_plays).label("share"),
            ratio(grouped.c.plays, grouped.c.listeners).label("plays_per_listener"),
        )
        .order_by(*order)
        .limit(limit)
    )


def peak_hours(
    *, since: Moment = None, until: Moment = None, tz: str = "UTC"
) -> Select[int, int, int, int, int, float]:
    """When usage peaks: weekday, hour, plays, listeners, hours, plays_per_hour; at most 7 x 24 rows.

    ``weekday`` is 0 (Sunday) to 6 and ``hour`` 0 to 23, of the zone ``tz``. ``hours`` is how often that hour of
    the week came on the clocks of the zone between the first and the last play of the period, of which the
    first and the last hour count whole; ``plays_per_hour`` = plays / hours, so that a month with five Fridays
    does not make Friday the peak. An hour that clocks show twice when they are put back counts twice, and one
    that they skip does not count; a part of an hour counts as one. An hour without a play has no row.

    Order: weekday, hour.

    :raises ConfigurationError: when the period is empty, or the zone is not known.
    """
    play = local_plays(tz, since, until, SongPlay.user_id)
    weekday, hour = _weekday(play.c.moment), _hour(play.c.moment)
    # By user first: then each row is one listener, and no COUNT(DISTINCT) over a large group is needed.
    by_user = (
        select(
            play.c.user_id,
            weekday.label("weekday"),
            hour.label("hour"),
            func.count().label("plays"),
            func.min(play.c.utc, type_=TIMESTAMP()).label("first_play"),
            func.max(play.c.utc, type_=TIMESTAMP()).label("last_play"),
        )
        .group_by(play.c.user_id, weekday, hour)
        .cte("by_user")
    )
    counted = (
        select(
            by_user.c.weekday,
            by_user.c.hour,
            cast(func.sum(by_user.c.plays), BigInteger).label("plays"),
            func.count().label("listeners"),
            func.min(by_user.c.first_play, type_=TIMESTAMP()).label("first_play"),
            func.max(by_user.c.last_play, type_=TIMESTAMP()).label("last_play"),
        )
        .group_by(by_user.c.weekday, by_user.c.hour)
        .cte("counted")
    )
    span = select(
        func.min(counted.c.first_play, type_=TIMESTAMP()).label("first_play"),
        func.max(counted.c.last_play, type_=TIMESTAMP()).label("last_play"),
    ).cte("span")
    slot = _slots(tz, span)
    return (
        select(
            counted.c.weekday,
            counted.c.hour,
            counted.c.plays,
            counted.c.listeners,
            slot.c.hours,
            ratio(counted.c.plays, slot.c.hours).label("plays_per_hour"),
        )
        .join_from(counted, slot, (slot.c.weekday == counted.c.weekday) & (slot.c.hour == counted.c.hour))
        .order_by(counted.c.weekday, counted.c.hour)
    )


def hours_of_week(first: datetime, last: datetime, *, tz: str = "UTC") -> Select[int, int, int]:
    """How often each hour of the week occurred between two UTC times: weekday, hour, hours.

    Between the first and the last play of a period, these are the ``hours`` of :func:`peak_hours`, here also
    for hours without a play. An hour that clocks did not show has no row. Order: weekday, hour.

    :param first: in UTC without zone, as is ``last``.
    :raises ConfigurationError: when the zone is not known.
    """
    ends = {"first_play": first, "last_play": last}
    span = select(*(cast(literal(at), TIMESTAMP()).label(name) for name, at in ends.items())).cte("span")
    slot = _slots(tz, span)
    return select(slot.c.weekday, slot.c.hour, slot.c.hours).order_by(slot.c.weekday, slot.c.hour)


# -- parts -------------------------------------------------------------------------------------------------


def _grouped(dimension: Dimension, since: Moment, until: Moment, tz: str) -> Select[*tuple[Any, ...]]:
    if dimension == "gender":
        return _by_gender(since, until)
    if dimension in _AGENT:
        return _by_agent(dimension, since, until)
    group: SQLColumnExpression[Any]
    user: SQLColumnExpression[int] = SongPlay.user_id
    if dimension in _CLOCK:
        play = local_plays(tz, since, until, SongPlay.user_id)
        of_clock = {"hour": _hour, "weekday": _weekday, "day": _day}
        group, user = of_clock[dimension](play.c.moment), play.c.user_id
        rows = select(group.label(dimension)).select_from(play)
    else:
        column = {"level": SongPlay.level, "location": SongPlay.location}[dimension]
        # A literal: as a parameter, it would not be the same expression in SELECT and GROUP BY.
        group = func.nullif(column, literal_column("''"))
        rows = select(group.label(dimension)).select_from(SongPlay)
        rows = rows.where(*within(SongPlay.start_time, since, until))
    counts = (func.count().label("plays"), func.count(user.distinct()).label("listeners"))
    return rows.add_columns(*counts).group_by(group)


def _by_gender(since: Moment, until: Moment) -> Select[*tuple[Any, ...]]:
    """Plays by gender, counted by user first: a user has one gender, so no COUNT(DISTINCT) is needed."""
    by_user = (
        select(SongPlay.user_id, func.count().label("plays"))
        .where(*within(SongPlay.start_time, since, until))
        .group_by(SongPlay.user_id)
        .cte("by_user")
    )
    return (
        select(
            User.gender,
            cast(func.sum(by_user.c.plays), BigInteger).label("plays"),
            func.count().label("listeners"),
        )
        .join_from(by_user, User, User.user_id == by_user.c.user_id)
        .group_by(User.gender)
    )


def _by_agent(dimension: Dimension, since: Moment, until: Moment) -> Select[*tuple[Any, ...]]:
    """Plays by family, counted by user and user agent first: agents are long texts, and few are distinct."""
    by_agent = (
        select(SongPlay.user_id, SongPlay.user_agent, func.count().label("plays"))
        .where(*within(SongPlay.start_time, since, until))
        .group_by(SongPlay.user_id, SongPlay.user_agent)
        .cte("by_agent")
    )
    family = _AGENT[dimension](by_agent.c.user_agent).label(dimension)
    named = select(by_agent.c.user_id, by_agent.c.plays, family).cte("named")
    return select(
        named.c[dimension],
        cast(func.sum(named.c.plays), BigInteger).label("plays"),
        func.count(named.c.user_id.distinct()).label("listeners"),
    ).group_by(named.c[dimension])


def _slots(tz: str, span: CTE) -> CTE:
    """Each hour of the week that clocks showed between the first and the last play, and how often."""
    clock = quarters_between(tz, span.c.first_play, span.c.last_play)
    local_hour = truncated("hour", clock.c.moment)
    # By hour of each day first: if clocks change by half an hour, or within an hour, a part counts as one.
    of_day = (
        select(local_hour.label("began"), func.ceil(func.count() / 4.0).label("hours"))
        .group_by(local_hour)
        .cte("hour_of_day")
    )
    weekday, hour = _weekday(of_day.c.began), _hour(of_day.c.began)
    came = cast(func.sum(of_day.c.hours), Integer)
    return (
        select(weekday.label("weekday"), hour.label("hour"), came.label("hours"))
        .group_by(weekday, hour)
        .cte("hour_of_week")
    )


def _hour(at: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(extract("hour", at), Integer)


def _weekday(at: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(extract("dow", at), Integer)


def _day(at: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(at, Date)
