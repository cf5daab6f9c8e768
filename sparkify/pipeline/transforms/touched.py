"""The rows that a load touches, as its checks look at them: a large table is read once for all of them."""

from __future__ import annotations

from sqlalchemy import SelectBase, select, union

from sparkify.models import Artist, Song, SongMatch, StagingSong, User, UserLevel
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
    return select(User.user_id).where(User.user_id.in_(select(batch_users.c.user_id)))


def levels_to_check(_load_id: LoadId) -> SelectBase:
    """The stretches of their levels."""
    level = UserLevel
    return select(level.user_id, level.valid_from, level.valid_to, level.is_current).where(
        level.user_id.in_(select(batch_users.c.user_id))
    )


def matches_to_check(_load_id: LoadId) -> SelectBase:
    """The matches of the songs that the batch plays, and those that its songs may have changed."""
    touched = select(resolved_matches.c.match_id)
    return select(SongMatch.match_id, SongMatch.song_id, SongMatch.artist_id, SongMatch.match).where(
        SongMatch.match_id.in_(touched)
    )


def songs_to_check(_load_id: LoadId) -> SelectBase:
    """The songs that those matches point at, and the songs of the batch."""
    touched = union(select(checked_matches.c.song_id), select(StagingSong.song_id))
    return select(Song.song_id, Song.artist_id).where(Song.song_id.in_(touched))


def artists_to_check(_load_id: LoadId) -> SelectBase:
    """The artists of those matches and songs, and of the batch."""
    touched = union(
        select(checked_matches.c.artist_id), select(checked_songs.c.artist_id), select(StagingSong.artist_id)
    )
    return select(Artist.artist_id).where(Artist.artist_id.in_(touched))
