"""The rows that a load touches, for its checks: a large table is read once for all of them."""

from __future__ import annotations

from sqlalchemy import SelectBase, select, union

from sparkify.models import tables
from sparkify.models.working import batch_users, checked_matches, checked_songs, resolved_matches
from sparkify.pipeline.transforms.batch import LoadId

__all__ = [
    "artists_to_check",
    "levels_to_check",
    "matches_to_check",
    "songs_to_check",
    "users_to_check",
]


def users_to_check(_load_id: LoadId) -> SelectBase:
    """The users who made the plays of the batch, as the star has them."""
    user = tables.users
    return select(user.c.user_id).where(user.c.user_id.in_(select(batch_users.c.user_id)))


def levels_to_check(_load_id: LoadId) -> SelectBase:
    """The level stretches of the users who made the plays of the batch."""
    level = tables.user_levels
    return select(level.c.user_id, level.c.valid_from, level.c.valid_to, level.c.is_current).where(
        level.c.user_id.in_(select(batch_users.c.user_id))
    )


def matches_to_check(_load_id: LoadId) -> SelectBase:
    """The matches of the songs that the batch plays, and those that its songs may have changed."""
    match = tables.song_matches
    touched = select(resolved_matches.c.match_id)
    return select(
        match.c.match_id,
        match.c.song_id,
        match.c.artist_id,
        match.c.match,
    ).where(match.c.match_id.in_(touched))


def songs_to_check(_load_id: LoadId) -> SelectBase:
    """The songs that those matches point to, and the songs of the batch."""
    song = tables.songs
    touched = union(select(checked_matches.c.song_id), select(tables.staging_songs.c.song_id))
    return select(song.c.song_id, song.c.artist_id).where(song.c.song_id.in_(touched))


def artists_to_check(_load_id: LoadId) -> SelectBase:
    """The artists of those matches and songs, and of the batch."""
    artist = tables.artists
    touched = union(
        select(checked_matches.c.artist_id),
        select(checked_songs.c.artist_id),
        select(tables.staging_songs.c.artist_id),
    )
    return select(artist.c.artist_id).where(artist.c.artist_id.in_(touched))
