"""The view of the star for analysts and BI tools: one flat row for each play, with the names they use."""

from __future__ import annotations

from sqlalchemy import Date, case, cast, func, select

from sparkify.etl.views import View
from sparkify.models import tables

__all__ = ["PLAYS"]

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

# Aliases, because the name of a table is qualified with its schema if one is given.
_play = tables.songplays.alias("play")
_time = tables.time.alias("moment")
_user = tables.users.alias("listener")
_song = tables.songs.alias("song")
_artist = tables.artists.alias("artist")

PLAYS = View(
    name="plays",
    rows=(
        select(
            _play.c.songplay_id.label("play_id"),
            _play.c.start_time,
            cast(_play.c.start_time, Date).label("date"),
            _time.c.year,
            _time.c.month,
            _time.c.week,
            _time.c.day,
            _time.c.hour,
            _time.c.weekday,
            case(dict(enumerate(_WEEKDAYS)), value=_time.c.weekday).label("weekday_name"),
            _play.c.user_id,
            func.coalesce(
                _user.c.first_name.op("||")(" ").op("||")(_user.c.last_name),
                _user.c.first_name,
                _user.c.last_name,
            ).label("user_name"),
            _user.c.first_name,
            _user.c.last_name,
            _user.c.gender,
            _play.c.level,
            _user.c.level.label("current_level"),
            _user.c.registered_at,
            _play.c.session_id,
            _play.c.item_in_session,
            _play.c.location,
            _play.c.user_agent,
            _play.c.song_id,
            _song.c.title.label("song_title"),
            _song.c.year.label("song_year"),
            _song.c.duration.label("song_duration"),
            _play.c.artist_id,
            _artist.c.name.label("artist_name"),
            _artist.c.location.label("artist_location"),
            _artist.c.latitude.label("artist_latitude"),
            _artist.c.longitude.label("artist_longitude"),
            _play.c.match,
            _play.c.load_id,
        )
        # Outer joins: no play is left out, and Redshift omits a join if none of its columns is selected.
        .select_from(_play)
        .outerjoin(_time, _time.c.start_time == _play.c.start_time)
        .outerjoin(_user, _user.c.user_id == _play.c.user_id)
        .outerjoin(_song, _song.c.song_id == _play.c.song_id)
        .outerjoin(_artist, _artist.c.artist_id == _play.c.artist_id)
    ),
    comment=(
        "Grain: one play, with its time, user, song and artist.\n\n"
        "The star in one flat table, for BI tools and queries by hand. All parts of the time are of UTC."
    ),
    comments={
        "date": "The day of `start_time`.",
        "year": "Of the play.",
        "weekday_name": "`Sunday` to `Saturday`.",
        "user_name": "First and last name; the one that there is, where there is one alone.",
        "artist_name": "The artist's name; the song may credit him as another, see `songs`.",
        "load_id": "The load that brought the play.",
    },
)
"""The plays, each with its time, user, song and artist."""
