"""What a load touches: users, whose levels are made anew, and a copy of the rows that its checks look at.

Collected, so that a planner knows how few they are: of ``load_id = 7`` it thinks that it is all of two loads.
And copied, so that a large table is read once for all of its checks.
"""

from __future__ import annotations

from sqlalchemy import SelectBase, select, union

from sparkify.models import Artist, Song, SongMatch, StagingEvent, StagingSong, User, UserLevel
from sparkify.models.working import (
    checked_matches,
    checked_songs,
    played_songs,
    resolved_matches,
    touched_users,
)
from sparkify.pipeline.transforms.batch import LoadId, is_play

__all__ = [
    "artists_to_check",
    "levels_to_check",
    "matches_to_check",
    "songs_to_check",
    "users_to_check",
    "users_touched",
]


def users_touched(_load_id: LoadId) -> SelectBase:
    """The users who made the plays of the batch."""
    return select(StagingEvent.user_id).where(is_play).distinct()


def users_to_check(_load_id: LoadId) -> SelectBase:
    """Those users, as the star has them."""
    return select(User.user_id).where(User.user_id.in_(select(touched_users.c.user_id)))


def levels_to_check(_load_id: LoadId) -> SelectBase:
    """The stretches of their levels."""
    level = UserLevel
    return select(level.user_id, level.valid_from, level.valid_to, level.is_current).where(
        level.user_id.in_(select(touched_users.c.user_id))
    )


def matches_to_check(_load_id: LoadId) -> SelectBase:
    """The matches of the songs that the batch plays, and those that its songs may have changed."""
    touched = union(select(played_songs.c.match_id), select(resolved_matches.c.match_id))
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
