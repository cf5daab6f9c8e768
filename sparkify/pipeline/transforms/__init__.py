"""One function for each target: returns its SELECT, at the target's grain.

Every SELECT runs as it is on Redshift and on DuckDB. Times are UTC. What several of them need is collected in
the temporary tables of :mod:`sparkify.models.working`.
"""

from __future__ import annotations

from sparkify.pipeline.transforms.batch import PLAY
from sparkify.pipeline.transforms.catalogue import artists, best_artist, best_song, songs
from sparkify.pipeline.transforms.inferred import (
    inferred_artists,
    inferred_songs,
    touched_artist_ids,
    touched_song_ids,
)
from sparkify.pipeline.transforms.levels import changes_of_level, outdated_levels, user_levels
from sparkify.pipeline.transforms.matching import artist_keys, resolved
from sparkify.pipeline.transforms.plays import best_user, repetitions, songplays, time, times_of_plays, users
from sparkify.pipeline.transforms.song_matches import (
    new_song_matches,
    plays_to_repoint,
    resolutions,
    songs_played,
    to_resolve,
)
from sparkify.pipeline.transforms.touched import (
    artists_to_check,
    levels_to_check,
    matches_to_check,
    songs_to_check,
    users_to_check,
    users_touched,
)

__all__ = [
    "PLAY",
    "artist_keys",
    "artists",
    "artists_to_check",
    "best_artist",
    "best_song",
    "best_user",
    "changes_of_level",
    "inferred_artists",
    "inferred_songs",
    "levels_to_check",
    "matches_to_check",
    "new_song_matches",
    "outdated_levels",
    "plays_to_repoint",
    "repetitions",
    "resolutions",
    "resolved",
    "songplays",
    "songs",
    "songs_played",
    "songs_to_check",
    "time",
    "times_of_plays",
    "to_resolve",
    "touched_artist_ids",
    "touched_song_ids",
    "user_levels",
    "users",
    "users_to_check",
    "users_touched",
]
