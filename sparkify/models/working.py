"""The temporary tables of a load: what its transforms share. No migration knows them.

They are tables of Core rather than models: nobody reads them once the load is over.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, MetaData, String, Table
from sqlalchemy.types import TIMESTAMP

from sparkify.models import tables

__all__ = [
    "batch_users",
    "changed_songs",
    "checked_artists",
    "checked_levels",
    "checked_matches",
    "checked_songs",
    "checked_users",
    "level_changes",
    "merged_artists",
    "merged_songs",
    "repeated_plays",
    "resolved_matches",
    "touched_matches",
]

_metadata = MetaData()


def _winners(name: str, target: Table) -> Table:
    columns = (Column(column.name, column.type) for column in target.columns)
    return Table(name, _metadata, *columns, Column("is_there", Boolean))


merged_songs = _winners("merged_songs", tables.songs)
"""Each song of the batch as the catalogue will have it, and whether it has it so already."""

merged_artists = _winners("merged_artists", tables.artists)
"""Each artist of the batch likewise."""

changed_songs = Table(
    "changed_songs",
    _metadata,
    *(Column(column.name, column.type) for column in tables.songs.columns),
    Column("is_wanted", Boolean),
)
"""The songs that this load changes: as they are to be, or, not wanted, with nothing but the id of one to go."""

batch_users = _winners("batch_users", tables.users)
"""Each user who made a play of the batch, as of the newest play, and whether the star has the row already."""

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

touched_matches = Table(
    "touched_matches",
    _metadata,
    Column("match_id", BigInteger),
    Column("artist_name", String(1024)),
    Column("title", String(1024)),
    Column("duration", Double),
    Column("artist_key", String(1024)),
    Column("title_key", String(1024)),
    Column("is_new", Boolean),
    Column("is_open", Boolean),
    Column("old_song_id", String(32)),
    Column("old_artist_id", String(32)),
    Column("old_match", String(16)),
)
"""Each (artist, title, length) that the batch plays, with the number of its match: that which it has, or the
next that is free; and each that the songs of the batch may change. Those that are new or may change are open:
they have keys and are resolved. ``old_`` is what a match is resolved to before the load; NULL of a new one."""

resolved_matches = Table(
    "resolved_matches",
    _metadata,
    *(Column(column.name, column.type) for column in touched_matches.columns),
    Column("song_id", String(32)),
    Column("artist_id", String(32)),
    Column("match", String(16)),
)
"""The same, and what each is resolved to now."""

repeated_plays = Table(
    "repeated_plays",
    _metadata,
    Column("ts", TIMESTAMP),
    Column("user_id", BigInteger),
    Column("session_id", BigInteger),
    Column("item_in_session", Integer),
    Column("level", String(16)),
    Column("artist", String(1024)),
    Column("song", String(1024)),
    Column("length", Double),
    Column("location", String(512)),
    Column("user_agent", String(1024)),
    Column("songplay_id", BigInteger),
    Column("is_there", Boolean),
)
"""Each natural key that several plays of the batch and of the star have, with the play that stands; the number
of the play of the star, if there is one, and whether that is the one that stands."""

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
