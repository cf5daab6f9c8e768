"""What is listened to: songs and artists.

What listeners would call one song may be several rows of ``songs``: editions that differ in length, spellings
that differ in punctuation, and names whose encoding broke on the way. Here they are one, when artist and title
have the same letters and digits of ASCII, lower case (:class:`~sparkify.etl.constructs.ascii_key`; the whole
name where it has none). It is shown as the catalogue spells it, else by the shortest of its spellings, which
of a broken and a whole one is the whole one. The same holds for artists.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    Double,
    Select,
    SQLColumnExpression,
    case,
    cast,
    func,
    select,
)

from sparkify.analytics.expressions import interval, ratio, truncated
from sparkify.analytics.periods import Moment, local_plays, moment, within
from sparkify.etl.constructs import ascii_key
from sparkify.etl.errors import ConfigurationError
from sparkify.models import Artist, Song, SongMatch, SongPlay

__all__ = ["top_artists", "top_songs", "top_songs_by_day", "trending_artists"]


def top_songs(
    *, limit: int = 10, since: Moment = None, until: Moment = None
) -> Select[str, str, int, int, float]:
    """The songs played most: title, artist, plays, listeners, and their share of all plays.

    Listeners are different users. Order: plays, most first; then title and artist.

    :param limit: how many songs.
    :raises ConfigurationError: when the period is empty.
    """
    bounds = within(SongPlay.start_time, since, until)
    one = _songs_as_one()
    best = _top_songs(_played(bounds), one, limit)
    return (
        select(
            best.c.title,
            best.c.artist,
            best.c.plays,
            func.count(SongPlay.user_id.distinct()).label("listeners"),
            _share(best.c.plays, bounds).label("share"),
        )
        .select_from(best)
        .join(one, one.c.one_id == best.c.one_id)
        .join(SongPlay, SongPlay.match_id == one.c.match_id)
        .where(*bounds)
        .group_by(best.c.title, best.c.artist, best.c.plays)
        .order_by(best.c.plays.desc(), best.c.title, best.c.artist)
    )


def top_songs_by_day(
    *, limit: int = 10, since: Moment = None, until: Moment = None, tz: str = "UTC"
) -> Select[int, str, str, date, int]:
    """How the songs played most fared day by day: place, title, artist, day, plays.

    Place is that in :func:`top_songs`, from 1. Days without a play of a song have no row. Order: place, day.

    :param limit: how many songs.
    :raises ConfigurationError: when the period is empty, or the zone is not known.
    """
    one = _songs_as_one()
    best = _top_songs(_played(within(SongPlay.start_time, since, until)), one, limit)
    play = local_plays(tz, since, until, SongPlay.match_id)
    day = cast(play.c.moment, Date)
    return (
        select(best.c.place, best.c.title, best.c.artist, day.label("day"), func.count().label("plays"))
        .select_from(best)
        .join(one, one.c.one_id == best.c.one_id)
        .join(play, play.c.match_id == one.c.match_id)
        .group_by(best.c.place, best.c.title, best.c.artist, day)
        .order_by(best.c.place, day)
    )


def top_artists(*, limit: int = 10, since: Moment = None, until: Moment = None) -> Select[str, int, int, float]:
    """The artists played most: artist, plays, listeners, and their share of all plays.

    A play counts for the artist of its song; guests named in a song's credit do not count. Order: plays, most
    first; then the name.

    :param limit: how many artists.
    :raises ConfigurationError: when the period is empty.
    """
    bounds = within(SongPlay.start_time, since, until)
    played, one = _played(bounds), _artists_as_one()
    plays = cast(func.sum(played.c.plays), BigInteger)
    best = (
        select(one.c.artist, plays.label("plays"))
        .join_from(played, SongMatch, SongMatch.match_id == played.c.match_id)
        .join(one, one.c.artist_id == SongMatch.artist_id)
        .group_by(one.c.artist)
        .order_by(plays.desc(), one.c.artist)
        .limit(limit)
        .cte("most_played")
    )
    return (
        select(
            best.c.artist,
            best.c.plays,
            func.count(SongPlay.user_id.distinct()).label("listeners"),
            _share(best.c.plays, bounds).label("share"),
        )
        .join_from(best, one, one.c.artist == best.c.artist)
        .join(SongPlay, SongPlay.artist_id == one.c.artist_id)
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
    in_window = SongPlay.start_time >= middle
    counted = (
        select(
            SongPlay.match_id,
            func.sum(case((in_window, 1), else_=0)).label("plays"),
            func.sum(case((in_window, 0), else_=1)).label("plays_before"),
        )
        .where(SongPlay.start_time >= first, SongPlay.start_time < end)
        .group_by(SongPlay.match_id)
        .cte("counted")
    )
    one = _artists_as_one()
    by_artist = (
        select(
            one.c.artist,
            cast(func.sum(counted.c.plays), BigInteger).label("plays"),
            cast(func.sum(counted.c.plays_before), BigInteger).label("plays_before"),
        )
        .join_from(counted, SongMatch, SongMatch.match_id == counted.c.match_id)
        .join(one, one.c.artist_id == SongMatch.artist_id)
        .group_by(one.c.artist)
        .cte("by_artist")
    )
    now, before = by_artist.c.plays, by_artist.c.plays_before
    surge = ratio(now - before, func.sqrt(cast(now + before, Double))).label("surge")
    best = (
        select(by_artist, (ratio(now, before) - 1.0).label("growth"), surge)
        .where(now >= floor, now > before)
        .order_by(surge.desc(), now.desc(), by_artist.c.artist)
        .limit(limit)
        .cte("on_the_rise")
    )
    columns = (best.c.artist, best.c.plays, best.c.plays_before)
    return (
        select(
            *columns,
            func.count(SongPlay.user_id.distinct()).label("listeners"),
            best.c.growth,
            best.c.surge,
        )
        .join_from(best, one, one.c.artist == best.c.artist)
        .join(SongPlay, SongPlay.artist_id == one.c.artist_id)
        .where(SongPlay.start_time >= middle, SongPlay.start_time < end)
        .group_by(*columns, best.c.growth, best.c.surge)
        .order_by(best.c.surge.desc(), best.c.plays.desc(), best.c.artist)
    )


# -- parts -------------------------------------------------------------------------------------------------


def _played(bounds: list[ColumnElement[bool]]) -> CTE:
    """How often each song was played, as it was reported. Names are looked up for these few rows only."""
    return (
        select(SongPlay.match_id, func.count().label("plays"))
        .where(*bounds)
        .group_by(SongPlay.match_id)
        .cte("played")
    )


def _key(name: SQLColumnExpression[str]) -> ColumnElement[str]:
    return func.coalesce(func.nullif(ascii_key(name), ""), name)


def _songs_as_one() -> CTE:
    """For each match the song that stands for all that listeners would call the same."""
    order = [
        case((Song.inferred, 1), else_=0),
        func.length(Song.title) + func.length(Song.artist_name),
        Song.title,
        Song.artist_name,
        Song.song_id,
    ]
    same = (
        select(Song.song_id, _first(Song.song_id, [_key(Song.title), _key(Song.artist_name)], order, "one_id"))
    ).cte("same_song")
    return (
        select(SongMatch.match_id, same.c.one_id)
        .join_from(SongMatch, same, same.c.song_id == SongMatch.song_id)
        .cte("song_of_match")
    )


def _top_songs(played: CTE, one: CTE, limit: int) -> CTE:
    plays = cast(func.sum(played.c.plays), BigInteger)
    counted = (
        select(one.c.one_id, plays.label("plays"))
        .join_from(played, one, one.c.match_id == played.c.match_id)
        .group_by(one.c.one_id)
        .cte("counted")
    )
    order = [counted.c.plays.desc(), Song.title, Song.artist_name, Song.song_id]
    return (
        select(
            counted.c.one_id,
            Song.title.label("title"),
            Song.artist_name.label("artist"),
            counted.c.plays,
            func.row_number().over(order_by=order).label("place"),
        )
        .join_from(counted, Song, Song.song_id == counted.c.one_id)
        .order_by(*order)
        .limit(limit)
        .cte("most_played")
    )


def _artists_as_one() -> CTE:
    """For each artist the name that stands for all that listeners would call the same."""
    order = [case((Artist.inferred, 1), else_=0), func.length(Artist.name), Artist.name, Artist.artist_id]
    return select(Artist.artist_id, _first(Artist.name, [_key(Artist.name)], order, "artist")).cte(
        "artist_as_one"
    )


def _first(
    column: SQLColumnExpression[Any], partition: list[ColumnElement[Any]], order: list[Any], name: str
) -> ColumnElement[Any]:
    # Redshift wants the frame said.
    first = func.first_value(column).over(partition_by=partition, order_by=order, rows=(None, None))
    return first.label(name)


def _share(plays: ColumnElement[int], bounds: list[ColumnElement[bool]]) -> ColumnElement[float]:
    total = select(func.count()).select_from(SongPlay).where(*bounds).scalar_subquery()
    return ratio(plays, total)


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
