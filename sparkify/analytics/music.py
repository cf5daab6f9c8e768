"""What is listened to: artists, and what songs and artists have in common.

What listeners would call one song may be several rows of ``songs``: editions that differ in length, spellings
that differ in punctuation, and names whose encoding broke on the way. Here they are one, when artist and title
are the same in lower case, without punctuation and accented letters (the whole name where nothing is left:
:class:`~sparkify.etl.constructs.match_key`). It is shown as the catalogue spells it, else by the shortest of
its spellings, which of a broken and a whole one is the whole one. The same holds for artists.

Plays are counted before anything is joined to them, and spellings are compared for those alone that lead. Each
question reads the fact twice: to count the plays of each song, and to find the listeners or the days of the few
that lead. To do both at once takes a row for nearly every play.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Double,
    Select,
    and_,
    case,
    cast,
    func,
    select,
)

from sparkify.analytics.expressions import interval, ratio, truncated
from sparkify.analytics.periods import Moment, moment, within
from sparkify.analytics.spellings import leading, name_key, same, spelled
from sparkify.etl.errors import ConfigurationError
from sparkify.models import Artist, SongMatch, SongPlay

__all__ = ["played_in", "share", "top_artists", "trending_artists"]


def top_artists(*, limit: int = 10, since: Moment = None, until: Moment = None) -> Select[str, int, int, float]:
    """The artists played most: artist, plays, listeners, and their share of all plays.

    A play counts for the artist of its song; guests named in a song's credit do not count. Order: plays, most
    first; then the name.

    :param limit: how many artists.
    :raises ConfigurationError: when the period is empty.
    """
    bounds = within(SongPlay.start_time, since, until)
    played, artist = played_in(bounds), _artists()
    match = _artists_of(played, artist)
    plays = cast(func.sum(match.c.plays), BigInteger)
    counted = select(match.c.name_key, plays.label("plays")).group_by(match.c.name_key).cte("counted")
    named = spelled(leading(counted, [counted.c.plays.desc()], limit), artist, _artist_order(artist))
    best = (
        select(named.c.name_key, named.c.name.label("artist"), named.c.plays)
        .where(named.c.spelling == 1)
        .order_by(named.c.plays.desc(), named.c.name)
        .limit(limit)
        .cte("most_played")
    )
    return (
        select(
            best.c.artist,
            best.c.plays,
            func.count(SongPlay.user_id.distinct()).label("listeners"),
            share(best.c.plays, played).label("share"),
        )
        .select_from(best)
        .join(match, same(match, best))
        .join(SongPlay, SongPlay.match_id == match.c.match_id)
        .where(*bounds)
        .group_by(best.c.artist, best.c.plays)
        .order_by(best.c.plays.desc(), best.c.artist)
    )


def trending_artists(
    *, limit: int = 10, floor: int = 5, days: int = 7, since: Moment = None, until: Moment = None
) -> Select[str, int, int, int, float | None, float]:
    """The artists on the rise: artist, plays, plays_before, listeners, growth, surge.

    ``plays`` and ``listeners`` are of the window from ``since`` to ``until``, ``plays_before`` of the window of
    the same length just before it. ``growth`` = plays / plays_before - 1, and NULL for who was not played
    before. ``surge`` = (plays - plays_before) / sqrt(plays + plays_before): by how many standard deviations
    the change exceeds what chance would bring if nothing had changed, so that neither 2 plays after 1 nor a
    small change among thousands looks like a trend; above 2 it is hardly chance.

    Order: surge, highest first; then plays and the name. Only artists with a surge above 0 are rows.

    :param limit: how many artists.
    :param floor: the fewest plays in the window to be a row.
    :param days: the length of the window, where ``since`` or ``until`` is not given; without either it ends
        with the day (UTC) of the newest play.
    :raises ConfigurationError: when the window is empty.
    """
    first, middle, end = _windows(timedelta(days=days), since, until)
    in_window = and_(SongPlay.start_time >= middle, SongPlay.start_time < end)
    just_before = and_(SongPlay.start_time >= first, SongPlay.start_time < middle)
    # A computed window is no condition of the rows: on DuckDB 1.5 that takes more than twice the memory.
    known = since is not None or until is not None
    played = (
        select(
            SongPlay.match_id,
            func.count(case((in_window, 1))).label("plays"),
            func.count(case((just_before, 1))).label("plays_before"),
        )
        .where(*([SongPlay.start_time >= first, SongPlay.start_time < end] if known else []))
        .group_by(SongPlay.match_id)
        .cte("played")
    )
    artist = _artists()
    match = _artists_of(played, artist)
    now = cast(func.sum(match.c.plays), BigInteger)
    before = cast(func.sum(match.c.plays_before), BigInteger)
    counted = (
        select(match.c.name_key, now.label("plays"), before.label("plays_before"))
        .group_by(match.c.name_key)
        .having(and_(now >= floor, now > before))
        .cte("counted")
    )
    change = counted.c.plays - counted.c.plays_before
    surge = ratio(change, func.sqrt(cast(counted.c.plays + counted.c.plays_before, Double)))
    growth = ratio(counted.c.plays, counted.c.plays_before) - 1.0
    rising = select(counted, growth.label("growth"), surge.label("surge")).cte("rising")
    highest = leading(rising, [rising.c.surge.desc(), rising.c.plays.desc()], limit)
    named = spelled(highest, artist, _artist_order(artist))
    best = (
        select(named)
        .where(named.c.spelling == 1)
        .order_by(named.c.surge.desc(), named.c.plays.desc(), named.c.name)
        .limit(limit)
        .cte("on_the_rise")
    )
    columns = (best.c.name.label("artist"), best.c.plays, best.c.plays_before)
    return (
        select(
            *columns,
            func.count(case((in_window, SongPlay.user_id)).distinct()).label("listeners"),
            best.c.growth,
            best.c.surge,
        )
        .select_from(best)
        .join(match, same(match, best))
        .join(SongPlay, SongPlay.match_id == match.c.match_id)
        .where(*([in_window] if known else []))
        .group_by(best.c.name, best.c.plays, best.c.plays_before, best.c.growth, best.c.surge)
        .order_by(best.c.surge.desc(), best.c.plays.desc(), best.c.name)
    )


# -- parts -------------------------------------------------------------------------------------------------


def played_in(bounds: list[ColumnElement[bool]]) -> CTE:
    """How often each song was played, as it was reported."""
    return (
        select(SongPlay.match_id, func.count().label("plays"))
        .where(*bounds)
        .group_by(SongPlay.match_id)
        .cte("played")
    )


def _artists() -> CTE:
    """Every artist, with the key that is the same for all that listeners would call the same."""
    key = name_key(Artist.name_key, Artist.name).label("name_key")
    return select(Artist.artist_id, Artist.name, Artist.inferred, key).cte("artist")


def _artists_of(played: CTE, artist: CTE) -> CTE:
    """What was played, with the key of its artist."""
    return (
        select(played, artist.c.name_key)
        .join_from(played, SongMatch, SongMatch.match_id == played.c.match_id)
        .join(artist, artist.c.artist_id == SongMatch.artist_id)
        .cte("match")
    )


def _artist_order(artist: CTE) -> list[ColumnElement[Any]]:
    inferred = case((artist.c.inferred, 1), else_=0)
    return [inferred, func.length(artist.c.name), artist.c.name, artist.c.artist_id]


def share(plays: ColumnElement[int], played: CTE) -> ColumnElement[float]:
    return ratio(plays, select(func.sum(played.c.plays)).scalar_subquery())


def _windows(length: timedelta, since: Moment, until: Moment) -> tuple[Any, Any, Any]:
    """Where the window before begins, where the window begins, and where it ends."""
    if length <= timedelta(0):
        raise ConfigurationError(f"a window of {length.days} days has no moment in it; give 1 or more")
    middle, end = moment(since), moment(until)
    if middle is None and end is None:
        return _newest_windows(length)
    if end is None:
        assert middle is not None  # noqa: S101 - one of the two is given
        end = middle + length
    elif middle is None:
        middle = end - length
    within(SongPlay.start_time, middle, end)
    return middle - (end - middle), middle, end


def _newest_windows(length: timedelta) -> tuple[Any, Any, Any]:
    """The windows that end with the midnight after the newest play."""
    end = truncated("day", func.max(SongPlay.start_time)) + interval(timedelta(days=1))
    windows = select(
        (end - interval(2 * length)).label("since_before"),
        (end - interval(length)).label("since"),
        end.label("until"),
    ).cte("windows")
    first, middle, last = (select(column).scalar_subquery() for column in windows.c)
    return first, middle, last
