"""The SELECT of each target, returned by one function at the target's grain.

Every SELECT runs unchanged on Redshift and DuckDB. Times are UTC. Rows that several of them need are collected
in the temporary tables of :mod:`sparkify.models.working`.
"""

from __future__ import annotations

from sparkify.pipeline.transforms.batch import PLAY
from sparkify.pipeline.transforms.catalogue import artists, songs
from sparkify.pipeline.transforms.inferred import new_artists, outdated_artists, songs_changed, touched_artists
from sparkify.pipeline.transforms.levels import changes_of_level, outdated_levels, user_levels
from sparkify.pipeline.transforms.matching import resolved
from sparkify.pipeline.transforms.plays import outdated_plays, repeated_plays, songplays, time
from sparkify.pipeline.transforms.song_matches import (
    matches_touched,
    new_song_matches,
    plays_to_repoint,
    resolutions,
)
from sparkify.pipeline.transforms.touched import (
    artists_to_check,
    levels_to_check,
    matches_to_check,
    songs_to_check,
    users_to_check,
)
from sparkify.pipeline.transforms.users import users

__all__ = [
    "PLAY",
    "artists",
    "artists_to_check",
    "changes_of_level",
    "levels_to_check",
    "matches_to_check",
    "matches_touched",
    "new_artists",
    "new_song_matches",
    "outdated_artists",
    "outdated_levels",
    "outdated_plays",
    "plays_to_repoint",
    "repeated_plays",
    "resolutions",
    "resolved",
    "songplays",
    "songs",
    "songs_changed",
    "songs_to_check",
    "time",
    "touched_artists",
    "user_levels",
    "users",
    "users_to_check",
]
