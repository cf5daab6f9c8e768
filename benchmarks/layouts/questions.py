"""The joins and groupings of the analysts' questions about 30 days.

They follow ``sparkify/analytics``: which tables, on which columns, and how many rows of each are left at that
point.
"""

from __future__ import annotations

from math import inf

from benchmarks.layouts.movement import Grouping, Join, Side, Work, made, stored
from benchmarks.layouts.placement import decoded
from benchmarks.layouts.population import Sizes

__all__ = ["questions"]


def questions(s: Sizes, times: float) -> list[Work]:
    """The work of every question of ``sparkify.analytics`` about 30 days, each asked ``times`` a day."""
    month, matches = s.month_plays, s.all_matches
    song = decoded("songs", "song_id", "title", "artist_name", "inferred")
    by_match = made(s.month_matches, 16, "match_id")
    of_month = ("user_id", "start_time")
    return [
        *(
            Join(
                f"{name}: lengths of the plays",
                stored("songplays", month, "match_id", also=needed),
                stored("song_matches", matches, "match_id", also=("duration",)),
                times=times,
            )
            for name, needed in (
                ("totals", ("user_id", "session_id", "level", "match", "start_time")),
                ("sessions", ("session_id", "level", "start_time")),
            )
        ),
        Grouping("totals: different users", stored("songplays", month, "user_id"), s.month_users, times),
        Grouping(
            "totals: different sessions", stored("songplays", month, "session_id"), s.month_sessions, times
        ),
        Grouping(
            "sessions: plays of each",
            stored("songplays", month, "session_id", also=("level",)),
            s.month_sessions,
            times,
        ),
        Grouping(
            "top songs, by day, artists, trends: plays of each match",
            stored("songplays", month, "match_id", also=("start_time",)),
            s.month_matches,
            4 * times,
        ),
        Grouping(
            "top songs, by day: songs alike", Side("songs", s.all_songs, song, ("title_key",)), inf, 2 * times
        ),
        Join(
            "top songs, by day: matches and their songs",
            stored("song_matches", matches, "song_id", also=("match_id",)),
            made(s.all_songs, 36, "song_id"),
            times=2 * times,
        ),
        Join(
            "top songs, by day: plays of each match and songs alike",
            by_match,
            made(matches, 26, "match_id"),
            times=2 * times,
        ),
        Grouping(
            "top artists, trends: artists alike",
            stored("artists", s.all_artists, "name", also=("artist_id", "inferred")),
            inf,
            2 * times,
        ),
        Join(
            "top artists, trends: plays of each match and its artist",
            by_match,
            stored("song_matches", matches, "match_id", also=("artist_id",)),
            times=2 * times,
        ),
        Grouping(
            "top users: sessions of each",
            stored("songplays", month, "user_id", also=("session_id",)),
            s.month_sessions,
            times,
        ),
        Join(
            "top users: their names",
            made(s.month_users, 32, "user_id"),
            stored("users", s.all_users, "user_id", also=("first_name", "last_name", "level")),
            times=times,
        ),
        Join(
            "plays by gender: users of the plays",
            stored("songplays", month, "user_id"),
            stored("users", s.all_users, "user_id", also=("gender",)),
            times=times,
        ),
        Grouping(
            "plays by level, location, hour, weekday, gender, peak hours: different users",
            stored("songplays", month, "user_id", also=("level",)),
            10 * s.month_users,
            6 * times,
        ),
        Grouping(
            "plays by day: different users",
            stored("songplays", month, "user_id", also=of_month),
            30 * s.users,
            times,
        ),
        Grouping(
            "retention: weeks of each user",
            stored("songplays", s.all_plays, "user_id", also=("start_time",)),
            100 * s.all_users,
            times,
        ),
        Grouping(
            "level changes: stretches of each user",
            stored("user_levels", s.all_levels, "user_id", also=("valid_from", "level")),
            inf,
            times,
        ),
        Grouping(
            "match quality: different matches",
            stored("songplays", month, "match_id", also=("match",)),
            s.month_matches,
            times,
        ),
    ]
