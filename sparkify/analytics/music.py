"""What is listened to: artists, and what songs and artists have in common.

What listeners would call one song may be several rows of ``songs``: editions that differ in length, spellings
that differ in punctuation, and names whose encoding was broken on the way. Here they are one song if artist and
title are equal in lower case, without punctuation and accented letters (the whole name if nothing is left:
:class:`~sparkify.etl.constructs.match_key`). A spelling of the catalogue is shown if there is one; of several,
the shortest, which of a broken and an intact spelling is the intact one. The same holds for artists.

Plays are counted before anything is joined to them, and spellings are compared only for the leaders. Each
question reads the fact twice: to count the plays of each song, and to find the listeners or days of the few
leaders. Doing both at once would take a row for nearly every play.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    case,
    cast,
    func,
    select,
)

from sparkify.analytics.expressions import ratio
from sparkify.analytics.periods import Moment, within
from sparkify.analytics.spellings import leading, name_key, same, spelled
from sparkify.models import Artist, SongMatch, SongPlay

__all__ = ["artist_order", "artists_of", "every_artist", "played_in", "share", "top_artists"]


def top_artists(
    *, limit: int = 10, since: Moment = None, until: Moment = None
) -> Select[str, int, int, int, float]:
    """The artists played most: artist, plays, listeners, most_by_one, and their share of all plays.

    A play counts for the artist of its song; guests named in a song's credit do not count. ``most_by_one`` is
    the plays of the listener who played the artist most. Order: plays, most first; then the name.

    Artists whose names differ in case, punctuation or accented letters alone, or not at all, are one. Of
    several spellings one of the catalogue is shown, else one that was played: the shortest, and of those as
    short the first by alphabet.

    :param limit: how many artists.
    :raises ConfigurationError: when the period is empty.
    """
    bounds = within(SongPlay.start_time, since, until)
    played, artist = played_in(bounds), every_artist()
    match = artists_of(played, artist)
    plays = cast(func.sum(match.c.plays), BigInteger)
    counted = select(match.c.name_key, plays.label("plays")).group_by(match.c.name_key).cte("counted")
    named = spelled(leading(counted, [counted.c.plays.desc()], limit), artist, artist_order(artist))
    best = (
        select(named.c.name_key, named.c.name.label("artist"), named.c.plays)
        .where(named.c.spelling == 1)
        .order_by(named.c.plays.desc(), named.c.name)
        .limit(limit)
        .cte("most_played")
    )
    by_listener = (
        select(best.c.artist, best.c.plays, SongPlay.user_id, func.count().label("plays_by_one"))
        .select_from(best)
        .join(match, same(match, best))
        .join(SongPlay, SongPlay.match_id == match.c.match_id)
        .where(*bounds)
        .group_by(best.c.artist, best.c.plays, SongPlay.user_id)
        .cte("by_listener")
    )
    group = [by_listener.c.artist, by_listener.c.plays]
    return (
        select(
            *group,
            func.count().label("listeners"),
            func.max(by_listener.c.plays_by_one).label("most_by_one"),
            share(by_listener.c.plays, played).label("share"),
        )
        .group_by(*group)
        .order_by(by_listener.c.plays.desc(), by_listener.c.artist)
    )


# -- parts -------------------------------------------------------------------------------------------------


def played_in(bounds: list[ColumnElement[bool]]) -> CTE:
    """The number of plays of each song as it was reported, by ``match_id``."""
    return (
        select(SongPlay.match_id, func.count().label("plays"))
        .where(*bounds)
        .group_by(SongPlay.match_id)
        .cte("played")
    )


def every_artist() -> CTE:
    """Every artist, with a key that is equal for those that listeners would call the same."""
    key = name_key(Artist.name_key, Artist.name).label("name_key")
    return select(Artist.artist_id, Artist.name, Artist.inferred, key).cte("artist")


def artists_of(played: CTE, artist: CTE) -> CTE:
    """The rows of ``played``, each with the key of its artist."""
    return (
        select(played, artist.c.name_key)
        .join_from(played, SongMatch, SongMatch.match_id == played.c.match_id)
        .join(artist, artist.c.artist_id == SongMatch.artist_id)
        .cte("match")
    )


def artist_order(artist: CTE) -> list[ColumnElement[Any]]:
    inferred = case((artist.c.inferred, 1), else_=0)
    return [inferred, func.length(artist.c.name), artist.c.name, artist.c.artist_id]


def share(plays: ColumnElement[int], played: CTE) -> ColumnElement[float]:
    return ratio(plays, select(func.sum(played.c.plays)).scalar_subquery())
