"""What a load touches, by the keys of each table: what its levels are made from, and its checks look at.

Collected, so that a planner knows how few they are; of ``load_id = 7`` it thinks that it is all of two loads.
"""

from __future__ import annotations

from sqlalchemy import SelectBase, select, union

from sparkify.models import Song, SongMatch, StagingEvent, StagingSong
from sparkify.models.working import played_songs, resolved_matches, touched_matches, touched_songs
from sparkify.pipeline.transforms.batch import LoadId, is_play

__all__ = ["artists_touched", "matches_touched", "songs_touched", "users_touched"]


def users_touched(_load_id: LoadId) -> SelectBase:
    """The users who made the plays of the batch."""
    return select(StagingEvent.user_id).where(is_play).distinct()


def matches_touched(_load_id: LoadId) -> SelectBase:
    """The matches of the songs that the batch plays, and those that its songs may have changed."""
    return union(
        select(played_songs.c.match_id),
        select(resolved_matches.c.match_id),
    )


def songs_touched(_load_id: LoadId) -> SelectBase:
    """The songs that those matches point at, and the songs of the batch."""
    matches = select(touched_matches.c.match_id)
    return union(
        select(SongMatch.song_id).where(SongMatch.match_id.in_(matches)),
        select(StagingSong.song_id),
    )


def artists_touched(_load_id: LoadId) -> SelectBase:
    """The artists of those matches and songs, and of the batch."""
    matches = select(touched_matches.c.match_id)
    return union(
        select(SongMatch.artist_id).where(SongMatch.match_id.in_(matches)),
        select(Song.artist_id).where(Song.song_id.in_(select(touched_songs.c.song_id))),
        select(StagingSong.artist_id),
    )
