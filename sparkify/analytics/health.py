"""How far the answers can be trusted: which plays the catalogue knows, and how fresh the data is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Select, case, cast, func, select
from sqlalchemy.types import TIMESTAMP

from sparkify.analytics.expressions import ratio
from sparkify.analytics.music import played_in, share
from sparkify.analytics.periods import Moment, within
from sparkify.analytics.spellings import name_key
from sparkify.models import Artist, LoadedFile, LoadHistory, Match, Song, SongMatch, SongPlay

__all__ = ["freshness", "match_quality", "unmatched"]


def match_quality(*, since: Moment = None, until: Moment = None) -> Select[str, int, float, int]:
    """How plays were matched to songs: match, plays, share, titles.

    ``match`` is the tier (see ``songplays.match``): ``exact``, ``title_artist``, ``normalized``, or
    ``inferred``, where the catalogue does not know the song. ``titles`` is how many different (artist, title,
    length) were played. A tier without a play has no row. Order: from ``exact`` to ``inferred``.

    :raises ConfigurationError: when the period is empty.
    """
    played = played_in(within(SongPlay.start_time, since, until))
    counted = (
        select(
            SongMatch.match,
            cast(func.sum(played.c.plays), BigInteger).label("plays"),
            func.count().label("titles"),
        )
        .join_from(played, SongMatch, SongMatch.match_id == played.c.match_id)
        .group_by(SongMatch.match)
        .cte("counted")
    )
    match = counted.c.match
    tier = case(*((match == member, member.tier) for member in Match))
    of_all = ratio(counted.c.plays, func.sum(counted.c.plays).over())
    return select(match, counted.c.plays, of_all.label("share"), counted.c.titles).order_by(tier, match)


def unmatched(*, since: Moment = None, until: Moment = None) -> Select[str, int, float, int]:
    """Why plays matched no song of the catalogue: reason, plays, share, titles.

    ``reason`` is ``artist not in the catalogue``, or ``title not in the catalogue`` where it has others of that
    artist, by a name that is the same in lower case and without punctuation and accents. ``share`` is of all
    plays of the period, and ``titles`` how many different (artist, title, length) were played. A reason without
    a play has no row. Order: plays, most first; then reason.

    :raises ConfigurationError: when the period is empty.
    """
    played = played_in(within(SongPlay.start_time, since, until))
    # A song may credit its artist under a name other than the artist's own: the matching rules know both.
    known = (
        select(name_key(Artist.name_key, Artist.name).label("name_key"))
        .where(~Artist.inferred)
        .union(select(name_key(Song.artist_key, Song.artist_name)).where(~Song.inferred))
        .cte("known_artist")
    )
    reason = case(
        (known.c.name_key.is_(None), "artist not in the catalogue"), else_="title not in the catalogue"
    ).label("reason")
    missing = (
        select(reason, played.c.plays)
        .join_from(played, SongMatch, SongMatch.match_id == played.c.match_id)
        .outerjoin(known, known.c.name_key == name_key(SongMatch.artist_key, SongMatch.artist_name))
        .where(SongMatch.match == Match.INFERRED)
        .cte("missing")
    )
    plays = cast(func.sum(missing.c.plays), BigInteger)
    return (
        select(
            missing.c.reason,
            plays.label("plays"),
            share(plays, played).label("share"),
            func.count().label("titles"),
        )
        .group_by(missing.c.reason)
        .order_by(plays.desc(), missing.c.reason)
    )


def freshness(
    *, since: Moment = None, until: Moment = None
) -> Select[str, int, int, int, int, int, int, int, datetime, datetime | None]:
    """What was loaded and when, by source: source, loads, files, bytes, lines, loaded, rejected, blank,
    loaded_at, newest_play.

    Of each source the files that are in the warehouse, and what became of their lines: lines = loaded +
    rejected + blank. ``loads`` is by how many loads they came, and ``loaded_at`` when the last of these had
    finished; ``newest_play`` is when the newest play of the whole warehouse began, on the row of the events;
    both UTC. The period is that of the loads. Order: source.

    :raises ConfigurationError: when the period is empty.
    """
    newest = select(func.max(SongPlay.start_time)).scalar_subquery()
    by_source = (
        select(
            LoadedFile.source,
            func.count(LoadedFile.load_id.distinct()).label("loads"),
            func.count().label("files"),
            *(
                cast(func.sum(column), BigInteger).label(column.key)
                for column in (
                    LoadedFile.bytes,
                    LoadedFile.lines,
                    LoadedFile.loaded,
                    LoadedFile.rejected,
                    LoadedFile.blank,
                )
            ),
            func.max(LoadHistory.finished_at).label("loaded_at"),
        )
        .join(LoadHistory, LoadHistory.load_id == LoadedFile.load_id)
        .where(*within(LoadHistory.finished_at, since, until))
        .group_by(LoadedFile.source)
        .cte("by_source")
    )
    newest_play = cast(case((by_source.c.source == "events", newest)), TIMESTAMP)
    return select(by_source, newest_play.label("newest_play")).order_by(by_source.c.source)
