"""What is listened to: songs, and their plays day by day.

What listeners would call one song is one song here: :mod:`sparkify.analytics.music` explains how, and why the
fact is read twice.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    CompoundSelect,
    Date,
    Double,
    Select,
    case,
    cast,
    func,
    null,
    select,
    union_all,
)

from sparkify.analytics.music import played_in, share
from sparkify.analytics.periods import Moment, local_plays, within
from sparkify.analytics.spellings import leading, name_key, same, spelled
from sparkify.models import Song, SongMatch, SongPlay

__all__ = ["songs_and_days", "top_songs", "top_songs_by_day"]


def top_songs(
    *, limit: int = 10, since: Moment = None, until: Moment = None
) -> Select[str, str, int, int, int, float]:
    """The songs played most: title, artist, plays, listeners, most_by_one, and their share of all plays.

    Listeners are different users, and ``most_by_one`` is the plays of the one who played the song most. Order:
    plays, most first; then title and artist.

    Songs whose title and artist differ in case, punctuation or accented letters alone are one, however long
    they last. Of several spellings one of the catalogue is shown, else one that was played: the shortest, and
    of those as short the first by alphabet.

    :param limit: how many songs.
    :raises ConfigurationError: when the period is empty.
    """
    bounds = within(SongPlay.start_time, since, until)
    played = played_in(bounds)
    best, match = _top_songs(played, limit)
    song = [best.c.title, best.c.artist, best.c.plays]
    by_listener = (
        select(*song, SongPlay.user_id, func.count().label("plays_by_one"))
        .select_from(best)
        .join(match, same(match, best))
        .join(SongPlay, SongPlay.match_id == match.c.match_id)
        .where(*bounds)
        .group_by(*song, SongPlay.user_id)
        .cte("by_listener")
    )
    group = [by_listener.c.title, by_listener.c.artist, by_listener.c.plays]
    return (
        select(
            *group,
            func.count().label("listeners"),
            func.max(by_listener.c.plays_by_one).label("most_by_one"),
            share(by_listener.c.plays, played).label("share"),
        )
        .group_by(*group)
        .order_by(by_listener.c.plays.desc(), by_listener.c.title, by_listener.c.artist)
    )


def top_songs_by_day(
    *, limit: int = 10, since: Moment = None, until: Moment = None, tz: str = "UTC"
) -> Select[int, str, str, date, int]:
    """How the songs played most fared day by day: place, title, artist, day, plays.

    Place is that in :func:`top_songs`, from 1. Days without a play of a song have no row. Order: place, day.

    Songs whose title and artist differ in case, punctuation or accented letters alone are one, however long
    they last. Of several spellings one of the catalogue is shown, else one that was played: the shortest, and
    of those as short the first by alphabet.

    :param limit: how many songs.
    :raises ConfigurationError: when the period is empty, or the zone is not known.
    """
    best, match = _top_songs(played_in(within(SongPlay.start_time, since, until)), limit)
    play = local_plays(tz, since, until, SongPlay.match_id)
    day = cast(play.c.moment, Date)
    return (
        select(best.c.place, best.c.title, best.c.artist, day.label("day"), func.count().label("plays"))
        .select_from(best)
        .join(match, same(match, best))
        .join(play, play.c.match_id == match.c.match_id)
        .group_by(best.c.place, best.c.title, best.c.artist, day)
        .order_by(best.c.place, day)
    )


def songs_and_days(
    *, limit: int = 10, since: Moment = None, until: Moment = None, tz: str = "UTC"
) -> CompoundSelect[*tuple[Any, ...]]:
    """The rows of :func:`top_songs` and :func:`top_songs_by_day` in one SELECT: place, title, artist, day,
    plays, listeners, most_by_one, share.

    The row of a song has no day, and the row of a day has plays but none of the columns after it. Order: place,
    then the song before its days. Ranking the songs costs more than the rest, and here it is done once.

    :param limit: how many songs.
    :raises ConfigurationError: when the period is empty, or the zone is not known.
    """
    played = played_in(within(SongPlay.start_time, since, until))
    best, match = _top_songs(played, limit)
    play = local_plays(tz, since, until, SongPlay.match_id, SongPlay.user_id)
    of_best = (
        select(
            best.c.place,
            best.c.title,
            best.c.artist,
            best.c.plays.label("plays_of_song"),
            play.c.user_id,
            cast(play.c.moment, Date).label("day"),
        )
        .select_from(best)
        .join(match, same(match, best))
        .join(play, play.c.match_id == match.c.match_id)
        .cte("play_of_best")
    )
    song = [of_best.c.place, of_best.c.title, of_best.c.artist]
    by_listener = (
        select(*song, of_best.c.plays_of_song, of_best.c.user_id, func.count().label("plays_by_one"))
        .group_by(*song, of_best.c.plays_of_song, of_best.c.user_id)
        .cte("by_listener")
    )
    group = [by_listener.c.place, by_listener.c.title, by_listener.c.artist]
    songs = select(
        *group,
        cast(null(), Date).label("day"),
        by_listener.c.plays_of_song.label("plays"),
        func.count().label("listeners"),
        func.max(by_listener.c.plays_by_one).label("most_by_one"),
        share(by_listener.c.plays_of_song, played).label("share"),
    ).group_by(*group, by_listener.c.plays_of_song)
    days = select(
        *song,
        of_best.c.day,
        func.count().label("plays"),
        cast(null(), BigInteger).label("listeners"),
        cast(null(), BigInteger).label("most_by_one"),
        cast(null(), Double).label("share"),
    ).group_by(*song, of_best.c.day)
    both = union_all(songs, days)
    return both.order_by(both.selected_columns.place, both.selected_columns.day.asc().nulls_first())


# -- parts -------------------------------------------------------------------------------------------------


def _top_songs(played: CTE, limit: int) -> tuple[CTE, CTE]:
    """The songs played most, with their place; and the matches of all songs played, with the same keys."""
    song = select(
        Song.song_id,
        Song.title,
        Song.artist_name,
        Song.inferred,
        name_key(Song.title_key, Song.title).label("title_key"),
        name_key(Song.artist_key, Song.artist_name).label("artist_key"),
    ).cte("song")
    match = (
        select(played, song.c.title_key, song.c.artist_key)
        .join_from(played, SongMatch, SongMatch.match_id == played.c.match_id)
        .join(song, song.c.song_id == SongMatch.song_id)
        .cte("match")
    )
    plays = cast(func.sum(match.c.plays), BigInteger)
    counted = (
        select(match.c.title_key, match.c.artist_key, plays.label("plays"))
        .group_by(match.c.title_key, match.c.artist_key)
        .cte("counted")
    )
    order = [
        case((song.c.inferred, 1), else_=0),
        func.length(song.c.title) + func.length(song.c.artist_name),
        song.c.title,
        song.c.artist_name,
        song.c.song_id,
    ]
    named = spelled(leading(counted, [counted.c.plays.desc()], limit), song, order)
    place = [named.c.plays.desc(), named.c.title, named.c.artist_name, named.c.song_id]
    best = (
        select(
            named.c.title_key,
            named.c.artist_key,
            named.c.title,
            named.c.artist_name.label("artist"),
            named.c.plays,
            func.row_number().over(order_by=place).label("place"),
        )
        .where(named.c.spelling == 1)
        .order_by(*place)
        .limit(limit)
        .cte("most_played")
    )
    return best, match
