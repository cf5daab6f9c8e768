"""The temporary tables of a load, which its transforms share. Migrations do not include them.

They are Core tables rather than models: nothing reads them after the load.
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
"""Each song of the batch as the catalogue will have it, and whether the catalogue already has this row."""

merged_artists = _winners("merged_artists", tables.artists)
"""Each artist of the batch, in the same way."""

changed_songs = Table(
    "changed_songs",
    _metadata,
    *(Column(column.name, column.type) for column in tables.songs.columns),
    Column("is_wanted", Boolean),
)
"""The songs that this load changes: the new row, or, if not wanted, only the id of the song to delete."""

batch_users = _winners("batch_users", tables.users)
"""Each user who made a play of the batch, as of the newest play, and whether the star already has this row."""

checked_users = Table("checked_users", _metadata, Column("user_id", BigInteger))
"""The rows of ``users`` for the users of the batch."""

checked_levels = Table(
    "checked_levels",
    _metadata,
    Column("user_id", BigInteger),
    Column("valid_from", TIMESTAMP),
    Column("valid_to", TIMESTAMP),
    Column("is_current", Boolean),
)
"""The rows of ``user_levels`` for the users of the batch."""

checked_matches = Table(
    "checked_matches",
    _metadata,
    Column("match_id", BigInteger),
    Column("song_id", String(32)),
    Column("artist_id", String(32)),
    Column("match", String(16)),
)
"""The rows of ``song_matches`` for the songs that the batch plays, and those its songs may have changed."""

checked_songs = Table(
    "checked_songs", _metadata, Column("song_id", String(32)), Column("artist_id", String(32))
)
"""The rows of ``songs`` for the checked matches, and for the songs of the batch."""

checked_artists = Table("checked_artists", _metadata, Column("artist_id", String(32)))
"""The rows of ``artists`` for the checked matches and songs, and for the batch."""

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
"""Each (artist, title, length) that the batch plays, with the id of its match, or the next free one if it is
new; and each that the songs of the batch may change. Those that are new or may change are open: they have keys
and are resolved. The ``old_`` columns are what a match is resolved to before the load; NULL if it is new."""

resolved_matches = Table(
    "resolved_matches",
    _metadata,
    *(Column(column.name, column.type) for column in touched_matches.columns),
    Column("song_id", String(32)),
    Column("artist_id", String(32)),
    Column("match", String(16)),
)
"""The same matches, and what each is resolved to now."""

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
"""Each natural key that several plays of the batch and the star share, with the play to keep; the id of the
play in the star, if there is one, and whether that is the one to keep."""

level_changes = Table(
    "level_changes",
    _metadata,
    Column("user_id", BigInteger),
    Column("since", TIMESTAMP),
    Column("previous_from", TIMESTAMP),
    Column("previous_level", String(16)),
)
"""The users with a play that no stretch of its level covers: the time of the first such play, and the stretch
before it, if there is one."""
