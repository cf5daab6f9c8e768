"""Who is on the rise: artists played more than in the window before, and whether that may be chance.

The change of one artist is measured from the fact alone: if nothing but the total number of plays had changed,
each play of the two windows would lie in the later one with the ``share`` that all plays have there. A listener
who plays an artist ten times in one evening is one observation, not ten. So what may happen by chance is
computed from listeners, however each of them distributes their own plays: for independent listeners with
``n`` plays each (of this artist, in both windows), Hoeffding's inequality says

    P(plays - expected >= t) <= exp(-2 t**2 / sum(n**2)) = exp(-surge**2 / 2)

and the probability that any of ``compared`` artists rises so much is at most ``compared`` times this (Boole).
There is no sampling: all is computed from counts, by artist, and by listener for the artists that may lead.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, Double, Numeric, Select, and_, case, cast, func, select

from sparkify.analytics.expressions import count_if, interval, ratio, truncated
from sparkify.analytics.music import artist_order, artists_of, every_artist
from sparkify.analytics.periods import (
    Moment,
    known_zone,
    length_of,
    moment,
    shifted,
    since_before,
    within,
)
from sparkify.analytics.spellings import leading, same, spelled
from sparkify.etl.errors import ConfigurationError
from sparkify.models import SongPlay

__all__ = ["trending_artists"]

_NANO = 1e9
"""Surges are ordered to the billionth: later digits of floating point are noise."""

_NOISE = 1e-6
"""How far the computed bounds of a surge may be off."""

_LARGEST_EXPONENT = 700.0
"""exp(-700) is still representable; for a smaller result, PostgreSQL raises an out-of-range error."""


def trending_artists(
    *,
    limit: int = 10,
    floor: int = 5,
    days: int = 7,
    since: Moment = None,
    until: Moment = None,
    tz: str = "UTC",
) -> Select[str, int, int, int, int, float | None, float, int, float]:
    """The artists on the rise: artist, plays, plays_before, listeners, most_by_one, growth, surge, compared,
    chance.

    ``plays`` and ``listeners`` are of the window from ``since`` to ``until``, ``plays_before`` of the window of
    the same length just before it, and ``most_by_one`` the plays in the window of the listener who has most.
    A window of whole days of the zone ``tz`` has as many of them before it, though clocks change meanwhile.
    ``growth`` = plays / plays_before - 1, and NULL for who was not played before.

    ``surge`` = 2 * (plays - expected) / sqrt(sum of n * n), with n the plays of each listener in both windows,
    and ``expected`` the plays of both windows times the share that the window has of the plays of all artists:
    how far the plays exceed what was to be expected, where each listener counts as one observation.
    ``chance`` = compared * exp(-surge * surge / 2), at most 1: the probability that any of the ``compared``
    artists has such a surge although nothing changed for it is not larger. Up to 0.05 an artist stands out.
    Compared are the artists with ``floor`` plays or more in both windows together.

    Order: surge to nine decimals, highest first; then plays, most first, and the name. Only artists whose plays
    grew, and more than those of all artists, are rows; without a play before the window there is none.

    Artists whose names differ in case, punctuation or accented letters alone, or not at all, are one. Of
    several spellings one of the catalogue is shown, else one that was played: the shortest, and of those as
    short the first by alphabet.

    :param limit: how many artists.
    :param floor: the fewest plays in the window to be a row.
    :param days: the length of the window, where ``since`` or ``until`` is not given; without either it ends
        with the day (UTC) of the newest play.
    :param tz: the zone whose days those are, where ``since`` or ``until`` is a midnight of it.
    :raises ConfigurationError: when the window is empty, or the zone is not known.
    """
    first, middle, end = _windows(length_of(days, "window"), since, until, known_zone(tz))
    now = func.count(case((and_(SongPlay.start_time >= middle, SongPlay.start_time < end), 1)))
    before = func.count(case((and_(SongPlay.start_time >= first, SongPlay.start_time < middle), 1)))
    # Rows are not filtered by a computed window: on DuckDB 1.5 that takes more than twice the memory.
    known = since is not None or until is not None
    bounds = [SongPlay.start_time >= first, SongPlay.start_time < end] if known else []
    played = (
        select(SongPlay.match_id, now.label("plays"), before.label("plays_before"))
        .where(*bounds)
        .group_by(SongPlay.match_id)
        .cte("played")
    )
    artist = every_artist()
    match = artists_of(played, artist)
    grown = _hopeful(_grown(match, floor), limit)
    by_listener = (
        select(grown.c.name_key, SongPlay.user_id, now.label("plays"), before.label("plays_before"))
        .select_from(grown)
        .join(match, same(match, grown))
        .join(SongPlay, SongPlay.match_id == match.c.match_id)
        .where(*bounds)
        .group_by(grown.c.name_key, SongPlay.user_id)
        .cte("by_listener")
    )
    both = cast(by_listener.c.plays + by_listener.c.plays_before, Double)
    listened = (
        select(
            by_listener.c.name_key,
            count_if(by_listener.c.plays > 0).label("listeners"),
            func.max(by_listener.c.plays).label("most_by_one"),
            func.sum(both * both).label("squares"),
        )
        .group_by(by_listener.c.name_key)
        .cte("listened")
    )
    surge = ratio(2.0 * grown.c.excess, grown.c.all_plays * func.sqrt(listened.c.squares))
    rising = (
        select(grown, listened.c.listeners, listened.c.most_by_one, surge.label("surge"))
        .join_from(grown, listened, listened.c.name_key == grown.c.name_key)
        .cte("rising")
    )
    highest = leading(rising, _order(rising), limit)
    named = spelled(highest, artist, artist_order(artist))
    return (
        select(
            named.c.name.label("artist"),
            named.c.plays,
            named.c.plays_before,
            named.c.listeners,
            named.c.most_by_one,
            (ratio(named.c.plays, named.c.plays_before) - 1.0).label("growth"),
            named.c.surge,
            named.c.compared,
            _chance(named.c.surge, named.c.compared).label("chance"),
        )
        .where(named.c.spelling == 1)
        .order_by(*_order(named), named.c.name)
        .limit(limit)
    )


# -- parts -------------------------------------------------------------------------------------------------


def _order(rows: CTE) -> list[ColumnElement[Any]]:
    # Not round(x, 9): it works on Redshift and DuckDB, but not for floating point on PostgreSQL.
    return [func.round(rows.c.surge * _NANO).desc(), rows.c.plays.desc()]


def _grown(match: CTE, floor: int) -> CTE:
    """The artists whose plays grew, and grew more than those of all artists together."""
    counted = (
        select(
            match.c.name_key,
            cast(func.sum(match.c.plays), BigInteger).label("plays"),
            cast(func.sum(match.c.plays_before), BigInteger).label("plays_before"),
        )
        .group_by(match.c.name_key)
        .cte("counted")
    )
    both = counted.c.plays + counted.c.plays_before
    compared = select(
        cast(func.sum(counted.c.plays), BigInteger).label("all_now"),
        cast(func.sum(counted.c.plays_before), BigInteger).label("all_before"),
        count_if(both >= floor).label("compared"),
    ).cte("compared")
    # (plays - expected) times the plays of all artists: integers, so that equal shares compare equal. With six
    # billion plays they do not fit into 64 bits; DuckDB uses more bits for a DECIMAL of 19 digits or more.
    plays, before, all_now, all_before = (
        cast(number, Numeric(19, 0))
        for number in (counted.c.plays, counted.c.plays_before, compared.c.all_now, compared.c.all_before)
    )
    excess = plays * all_before - before * all_now
    all_plays = cast(compared.c.all_now + compared.c.all_before, Double)
    return (
        select(counted, compared.c.compared, cast(excess, Double).label("excess"), all_plays.label("all_plays"))
        .join_from(counted, compared, compared.c.compared > 0)
        .where(counted.c.plays >= floor, counted.c.plays > counted.c.plays_before, excess > 0)
        .cte("grown")
    )


def _hopeful(grown: CTE, limit: int) -> CTE:
    """The artists that may be among the first ``limit``, so that their listeners are worth counting.

    The sum of the squares of the plays of each listener is smallest if all listeners have one play each, and
    largest if one has all of them. So each surge lies between two bounds, and an artist whose upper bound is
    below the lower bounds of ``limit`` artists is not among the first.
    """
    both = cast(grown.c.plays + grown.c.plays_before, Double)
    surge = ratio(2.0 * grown.c.excess, grown.c.all_plays)
    bounded = select(
        grown,
        (surge / both).label("least"),
        (surge / func.sqrt(both, type_=Double())).label("most"),
        func.row_number().over(order_by=(surge / both).desc()).label("place"),
    ).cte("bounded")
    bar = select(
        func.coalesce(func.max(case((bounded.c.place == limit, bounded.c.least))), 0.0).label("least")
    ).cte("bar")
    return (
        select(*(bounded.c[column.key] for column in grown.c))
        .join_from(bounded, bar, bounded.c.most >= bar.c.least - _NOISE)
        .cte("hopeful")
    )


def _chance(surge: ColumnElement[float], compared: ColumnElement[int]) -> ColumnElement[float]:
    """An upper bound of the probability that any of so many artists has such a surge by chance."""
    exponent: ColumnElement[float] = func.least(surge * surge / 2.0, _LARGEST_EXPONENT, type_=Double())
    one: ColumnElement[float] = func.exp(-exponent, type_=Double())
    return func.least(1.0, compared * one, type_=Double())


def _windows(length: timedelta, since: Moment, until: Moment, tz: str) -> tuple[Any, Any, Any]:
    """The beginning of the window before, the beginning of the window, and its end."""
    middle, end = moment(since), moment(until)
    if middle is None and end is None:
        return _newest_windows(length)
    try:
        if end is None:
            assert middle is not None  # noqa: S101 - one of the two is given
            end = shifted(middle, length.days, tz)
        elif middle is None:
            middle = shifted(end, -length.days, tz)
        within(SongPlay.start_time, middle, end)
        return since_before(middle, end, tz), middle, end
    except OverflowError:
        raise ConfigurationError("the window, or that before it, is not within the years 1 to 9999") from None


def _newest_windows(length: timedelta) -> tuple[Any, Any, Any]:
    """As :func:`_windows`, for the window that ends with the midnight (UTC) after the newest play."""
    end = truncated("day", func.max(SongPlay.start_time)) + interval(timedelta(days=1))
    windows = select(
        (end - interval(2 * length)).label("since_before"),
        (end - interval(length)).label("since"),
        end.label("until"),
    ).cte("windows")
    first, middle, last = (select(column).scalar_subquery() for column in windows.c)
    return first, middle, last
