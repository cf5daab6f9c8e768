"""One function for each target: returns its SELECT, at the target's grain.

Every SELECT runs as it is on Redshift and on DuckDB. Times are UTC.
"""

from __future__ import annotations

from sparkify.pipeline.transforms.batch import PLAY
from sparkify.pipeline.transforms.catalogue import artists, best_artist, best_song, songs
from sparkify.pipeline.transforms.inferred import inferred_artists, inferred_songs
from sparkify.pipeline.transforms.levels import user_levels, users_with_other_levels
from sparkify.pipeline.transforms.matching import plays_to_repoint, resolutions
from sparkify.pipeline.transforms.plays import best_user, songplays, time, users
from sparkify.pipeline.transforms.song_matches import new_song_matches

__all__ = [
    "PLAY",
    "artists",
    "best_artist",
    "best_song",
    "best_user",
    "inferred_artists",
    "inferred_songs",
    "new_song_matches",
    "plays_to_repoint",
    "resolutions",
    "songplays",
    "songs",
    "time",
    "user_levels",
    "users",
    "users_with_other_levels",
]
