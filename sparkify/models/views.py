"""The view of the star for analysts and BI tools: one flat row for each play, under the names that they use."""

from __future__ import annotations

from sqlalchemy import Date, case, cast, func, select
from sqlalchemy.orm import aliased

from sparkify.etl.views import View
from sparkify.models.star import Artist, Song, SongPlay, Time, User

__all__ = ["PLAYS"]

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

# With names of their own: the tables have those of a schema before theirs, where it is said.
_play = aliased(SongPlay, name="play")
_time = aliased(Time, name="moment")
_user = aliased(User, name="listener")
_song = aliased(Song, name="song")
_artist = aliased(Artist, name="artist")

PLAYS = View(
    name="plays",
    rows=(
        select(
            _play.songplay_id.label("play_id"),
            _play.start_time,
            cast(_play.start_time, Date).label("date"),
            _time.year,
            _time.month,
            _time.week,
            _time.day,
            _time.hour,
            _time.weekday,
            case(dict(enumerate(_WEEKDAYS)), value=_time.weekday).label("weekday_name"),
            _play.user_id,
            func.coalesce(
                _user.first_name.op("||")(" ").op("||")(_user.last_name), _user.first_name, _user.last_name
            ).label("user_name"),
            _user.first_name,
            _user.last_name,
            _user.gender,
            _play.level,
            _user.level.label("current_level"),
            _user.registered_at,
            _play.session_id,
            _play.item_in_session,
            _play.location,
            _play.user_agent,
            _play.song_id,
            _song.title.label("song_title"),
            _song.year.label("song_year"),
            _song.duration.label("song_duration"),
            _play.artist_id,
            _artist.name.label("artist_name"),
            _artist.location.label("artist_location"),
            _artist.latitude.label("artist_latitude"),
            _artist.longitude.label("artist_longitude"),
            _play.match,
            _play.load_id,
        )
        # Outer joins: a play is never left out, and Redshift leaves out a join of which no column is asked for.
        .select_from(_play)
        .outerjoin(_time, _time.start_time == _play.start_time)
        .outerjoin(_user, _user.user_id == _play.user_id)
        .outerjoin(_song, _song.song_id == _play.song_id)
        .outerjoin(_artist, _artist.artist_id == _play.artist_id)
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
"""Every dimension joined to the plays."""
