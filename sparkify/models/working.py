"""The temporary tables of a load: what its transforms share. No migration knows them.

They are tables of Core rather than models: nobody reads them once the load is over.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, MetaData, String, Table
from sqlalchemy.types import TIMESTAMP

__all__ = [
    "checked_artists",
    "checked_levels",
    "checked_matches",
    "checked_songs",
    "checked_users",
    "level_changes",
    "play_times",
    "played_songs",
    "repeated_plays",
    "resolved_matches",
    "touched_artist_keys",
    "touched_users",
    "unresolved_matches",
]

_metadata = MetaData()

touched_artist_keys = Table("touched_artist_keys", _metadata, Column("artist_key", String(1024)))
"""The keys of the artists that the songs of the batch name, now or as they were before the batch."""

touched_users = Table("touched_users", _metadata, Column("user_id", BigInteger))
"""The users who made the plays of the batch."""

checked_users = Table("checked_users", _metadata, Column("user_id", BigInteger))
"""The rows of ``users`` of those users."""

checked_levels = Table(
    "checked_levels",
    _metadata,
    Column("user_id", BigInteger),
    Column("valid_from", TIMESTAMP),
    Column("valid_to", TIMESTAMP),
    Column("is_current", Boolean),
)
"""The rows of ``user_levels`` of those users."""

checked_matches = Table(
    "checked_matches",
    _metadata,
    Column("match_id", BigInteger),
    Column("song_id", String(32)),
    Column("artist_id", String(32)),
    Column("match", String(16)),
)
"""The rows of ``song_matches`` of the songs that the batch plays, and those that its songs may have changed."""

checked_songs = Table(
    "checked_songs", _metadata, Column("song_id", String(32)), Column("artist_id", String(32))
)
"""The rows of ``songs`` of those matches, and of the songs of the batch."""

checked_artists = Table("checked_artists", _metadata, Column("artist_id", String(32)))
"""The rows of ``artists`` of those matches and songs, and of the batch."""

played_songs = Table(
    "played_songs",
    _metadata,
    Column("artist_name", String(1024)),
    Column("title", String(1024)),
    Column("duration", Double),
    Column("match_id", BigInteger),
    Column("is_new", Boolean),
)
"""Each (artist, title, length) that the batch plays, with the number of its match: that which it has, or the
next that is free."""

unresolved_matches = Table(
    "unresolved_matches",
    _metadata,
    Column("match_id", BigInteger),
    Column("artist_name", String(1024)),
    Column("title", String(1024)),
    Column("duration", Double),
    Column("artist_key", String(1024)),
    Column("title_key", String(1024)),
    Column("is_new", Boolean),
    Column("old_song_id", String(32)),
    Column("old_artist_id", String(32)),
    Column("old_match", String(16)),
)
"""The matches that this load resolves: new ones, and those that its songs may change. ``old_`` is what one
is resolved to before the load; NULL of a new one."""

resolved_matches = Table(
    "resolved_matches",
    _metadata,
    *(Column(column.name, column.type) for column in unresolved_matches.columns),
    Column("song_id", String(32)),
    Column("artist_id", String(32)),
    Column("match", String(16)),
)
"""The same, and what each is resolved to now."""

play_times = Table("play_times", _metadata, Column("start_time", TIMESTAMP), Column("plays", BigInteger))
"""Each moment at which a play of the batch began, and how many did."""

repeated_plays = Table(
    "repeated_plays",
    _metadata,
    Column("ts", TIMESTAMP),
    Column("session_id", BigInteger),
    Column("item_in_session", Integer),
)
"""The natural keys that several plays of the batch have."""

level_changes = Table(
    "level_changes",
    _metadata,
    Column("user_id", BigInteger),
    Column("since", TIMESTAMP),
    Column("previous_from", TIMESTAMP),
    Column("previous_level", String(16)),
)
"""The users with a play that no stretch of its level covers: the first such play, and the stretch before it,
if there is one."""
