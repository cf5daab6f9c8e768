"""The joins and groupings of a load of a day's events or of a song delivery, and what it writes.

They follow ``sparkify/pipeline/transforms`` and ``sparkify/pipeline/checks``: which tables, on which columns,
and how many rows of each are left at that point. A part is omitted if both sides have less than a thousandth
of a load's rows.
"""

from __future__ import annotations

from benchmarks.layouts.movement import Grouping, Join, Work, made, stored
from benchmarks.layouts.placement import decoded
from benchmarks.layouts.population import Sizes

__all__ = ["Written", "load", "songs_load", "written"]

_NEWLY_LISTED = 10_000.0
"""Songs in a monthly delivery of the catalogue."""


def load(s: Sizes) -> list[Work]:
    """The work of a load of one day's events."""
    names = decoded("song_matches", "artist_name", "title", "duration")
    play = decoded("songplays")
    three = ("artist_name", "title", "duration")
    matches = s.all_matches
    of_artists = min(8 * s.new_matches, s.all_songs)
    keys = ("artist_name", "title", "artist_key", "title_key", "song_id", "artist_id", "duration")
    return [
        # transforms/song_matches.py
        Join(
            "songs played: matches with a title of the batch",
            stored("song_matches", matches, "title", also=("match_id", *three)),
            made(s.matches, 18, "title"),
        ),
        Join(
            "songs played: the batch and its matches",
            made(s.matches, names, *three),
            made(s.matches, names + 8, *three),
        ),
        # transforms/matching.py
        Join(
            "resolve: songs of the artists asked for",
            stored("songs", s.all_songs, "artist_key", also=keys),
            made(s.new_matches, 11, "artist_key"),
            times=3,
        ),
        Join(
            "resolve: those songs and what is asked for",
            made(of_artists, 2 * names, *three),
            made(s.new_matches, 2 * names, *three),
            times=2,
        ),
        Join(
            "resolve: artists with the names asked for",
            stored("artists", s.all_artists, "name_key", also=("name", "artist_id")),
            made(s.new_matches, 11, "name_key"),
        ),
        # transforms/inferred.py, and the Sync of each table
        Join(
            "inferred songs: matches of the songs touched",
            stored("song_matches", matches, "song_id", also=("artist_id", *three)),
            made(s.new_matches, 18, "song_id"),
        ),
        Join(
            "inferred songs: songs that are there",
            stored("songs", s.all_songs, "song_id", also=("title", "artist_id", "artist_name", "duration")),
            made(s.new_matches, 18, "song_id"),
            times=2,
        ),
        Join(
            "inferred artists: matches of the artists touched",
            stored("song_matches", matches, "artist_id", also=("artist_name",)),
            made(s.new_matches, 18, "artist_id"),
        ),
        Join(
            "inferred artists: artists that are there",
            stored("artists", s.all_artists, "artist_id", also=("name", "location")),
            made(s.new_matches, 18, "artist_id"),
            times=3,
        ),
        # transforms/plays.py
        Grouping("users: newest play of each", made(s.plays, 16, "user_id"), s.users),
        Join(
            "users: the newest plays' rows",
            made(s.plays, decoded("users"), "user_id"),
            made(s.users, 16, "user_id"),
        ),
        Join(
            "users: users that are there, and delete",
            stored("users", s.all_users, "user_id", also=("last_played_at",)),
            made(s.users, 8, "user_id"),
            times=2,
        ),
        Grouping("times: plays of each moment", made(s.plays, 16, "start_time"), s.moments),
        Join(
            "times: moments of the same range that are there",
            stored("time", s.moments, "start_time"),
            made(s.moments, decoded("time"), "start_time"),
        ),
        Join(
            "plays: matches of the songs played",
            stored("song_matches", matches, "match_id", also=("song_id", "artist_id", "match")),
            made(s.matches, names + 8, "match_id"),
        ),
        Join(
            "plays: each play and its match",
            made(s.plays, play + names, *three),
            made(s.matches, names + 52, *three),
        ),
        Join(
            "plays: plays of the same range that are there",
            stored("songplays", s.plays, "start_time", "session_id", "item_in_session"),
            made(s.plays, play, "start_time", "session_id", "item_in_session"),
        ),
        # transforms/levels.py
        Join(
            "levels: stretches of the batch's users",
            stored("user_levels", s.all_levels, "user_id", also=("valid_from", "valid_to", "level")),
            made(s.users, 8, "user_id"),
            times=2,
        ),
        Join(
            "levels: plays of the load and their stretches",
            stored("songplays", s.plays, "user_id", also=("start_time", "level")),
            stored("user_levels", 1.1 * s.users, "user_id", also=("valid_from", "valid_to", "level")),
        ),
        Join(
            "levels: plays since a change",
            stored("songplays", s.plays, "user_id", also=("start_time", "level")),
            made(s.changed_levels, 16, "user_id"),
            times=2,
        ),
        Join(
            "levels: delete the outdated stretches",
            stored("user_levels", s.all_levels, "user_id", also=("valid_from",)),
            made(s.changed_levels, 16, "user_id"),
        ),
        # checks.py
        Grouping("check: one play of each key", stored("songplays", s.plays, "start_time"), s.moments),
        *(
            Join(
                f"check: copy the {table} touched",
                stored(table, rows, column, also=also),
                made(touched, width, column),
            )
            for table, rows, column, also, touched, width in (
                ("users", s.all_users, "user_id", (), s.users, 8),
                ("user_levels", s.all_levels, "user_id", ("valid_from", "valid_to", "is_current"), s.users, 8),
                ("song_matches", matches, "match_id", ("song_id", "artist_id", "match"), s.matches, 8),
                ("songs", s.all_songs, "song_id", ("artist_id",), s.matches, 18),
                ("artists", s.all_artists, "artist_id", (), min(s.matches, s.all_artists), 18),
            )
        ),
        Join(
            "check: users of the load's plays",
            stored("songplays", s.plays, "user_id", also=("songplay_id",)),
            made(s.users, 8, "user_id"),
        ),
        Join(
            "check: moments of the load's plays",
            stored("songplays", s.plays, "start_time", also=("songplay_id",)),
            stored("time", s.all_moments, "start_time"),
        ),
        Join(
            "check: songs and artists of what is copied",
            made(s.matches, 26, "song_id"),
            made(s.matches, 36, "song_id"),
            times=3,
        ),
        Join(
            "check: each play as its match is resolved",
            stored("songplays", s.plays, "match_id", also=("songplay_id", "song_id", "artist_id", "match")),
            made(s.matches, 52, "match_id"),
        ),
        Join(
            "check: stretches of the users copied",
            made(1.1 * s.users, 24, "user_id"),
            made(s.users, 8, "user_id"),
        ),
        Grouping("check: stretches adjoin", made(1.1 * s.users, 24, "user_id")),
    ]


def songs_load(s: Sizes, times: float) -> list[Work]:
    """The work of loading a song delivery: what was played of these songs' artists is resolved again."""
    touched = 8 * _NEWLY_LISTED
    known = ("match_id", "artist_name", "title", "duration")
    return [
        *(
            Join(
                f"songs: {table} of the batch are there, and delete",
                stored(table, rows, column),
                made(_NEWLY_LISTED, 18, column),
                times=3 * times,
            )
            for table, rows, column in (
                ("songs", s.all_songs, "song_id"),
                ("artists", s.all_artists, "artist_id"),
            )
        ),
        Join(
            "songs: matches of the artists touched",
            stored("song_matches", s.all_matches, "artist_key", also=known),
            made(_NEWLY_LISTED, 11, "artist_key"),
            times=times,
        ),
        Join(
            "songs: matches to update",
            stored("song_matches", s.all_matches, "match_id"),
            made(touched, 60, "match_id"),
            times=times,
        ),
        Join(
            "songs: plays to point at another song",
            stored("songplays", s.all_plays, "match_id"),
            made(touched, 60, "match_id"),
            times=times,
        ),
    ]


Written = tuple[str, float]
"""A table, and the number of its rows that a load inserts or deletes."""


def written(s: Sizes) -> list[Written]:
    """What a load of one day's events writes."""
    return [
        ("songplays", s.plays),
        ("time", s.moments),
        # A changed row is deleted and inserted.
        ("users", 2 * s.users),
        ("user_levels", 3 * s.changed_levels),
        ("song_matches", s.new_matches),
        ("songs", 0.25 * s.new_matches),
        ("artists", 0.03 * s.new_matches),
    ]
