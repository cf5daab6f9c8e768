"""The star as one flat view for analysts and BI tools: plays.

Revision: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sparkify.etl.views import View
from sparkify.warehouse.environment import current_schema

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in _plays().create(current_schema()):
        op.execute(statement)


def downgrade() -> None:
    op.execute(_plays().drop(current_schema()))


def _table(table: str, alias: str, columns: str) -> sa.FromClause:
    return sa.Table(table, sa.MetaData(), *(sa.Column(name) for name in columns.split())).alias(alias)


def _plays() -> View:
    play = _table(
        "songplays",
        "play",
        "songplay_id start_time user_id level song_id artist_id session_id item_in_session location user_agent "
        "match load_id",
    )
    moment = _table("time", "moment", "start_time hour day week month year weekday")
    listener = _table("users", "listener", "user_id first_name last_name gender level registered_at")
    song = _table("songs", "song", "song_id title year duration")
    artist = _table("artists", "artist", "artist_id name location latitude longitude")
    first_name, last_name = listener.c.first_name, listener.c.last_name
    name = sa.func.coalesce(first_name.op("||")(" ").op("||")(last_name), first_name, last_name)
    rows = (
        sa.select(
            play.c.songplay_id.label("play_id"),
            play.c.start_time,
            sa.cast(play.c.start_time, sa.Date).label("date"),
            *(moment.c[part] for part in ("year", "month", "week", "day", "hour", "weekday")),
            sa.case(dict(enumerate(_WEEKDAYS)), value=moment.c.weekday).label("weekday_name"),
            play.c.user_id,
            name.label("user_name"),
            *(listener.c[column] for column in ("first_name", "last_name", "gender")),
            play.c.level,
            listener.c.level.label("current_level"),
            listener.c.registered_at,
            *(
                play.c[column]
                for column in ("session_id", "item_in_session", "location", "user_agent", "song_id")
            ),
            song.c.title.label("song_title"),
            song.c.year.label("song_year"),
            song.c.duration.label("song_duration"),
            play.c.artist_id,
            artist.c.name.label("artist_name"),
            *(artist.c[column].label(f"artist_{column}") for column in ("location", "latitude", "longitude")),
            play.c.match,
            play.c.load_id,
        )
        .select_from(play)
        .outerjoin(moment, moment.c.start_time == play.c.start_time)
        .outerjoin(listener, listener.c.user_id == play.c.user_id)
        .outerjoin(song, song.c.song_id == play.c.song_id)
        .outerjoin(artist, artist.c.artist_id == play.c.artist_id)
    )
    return View(name="plays", rows=rows, comment=_COMMENT, comments=_COMMENTS)


_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

_COMMENT = (
    "Grain: one play, with its time, user, song and artist.\n\n"
    "The star in one flat table, for BI tools and queries by hand. All parts of the time are of UTC."
)

_COMMENTS = {
    "play_id": "Unique; with gaps, and in no order.",
    "start_time": "When the song began: UTC, with milliseconds.",
    "date": "The day of `start_time`.",
    "year": "Of the play.",
    "month": "1 to 12.",
    "week": "ISO 8601 week, 1 to 53.",
    "day": "Day of the month, 1 to 31.",
    "hour": "0 to 23.",
    "weekday": "0 is Sunday, 6 is Saturday.",
    "weekday_name": "`Sunday` to `Saturday`.",
    "user_name": "First and last name; the one that there is, where there is one alone.",
    "level": "`free` or `paid`, at this play.",
    "current_level": "`free` or `paid`, at the user's newest play.",
    "item_in_session": "Counts the session's events, of all pages, from 0.",
    "location": "Where the user was, at this play.",
    "song_year": "Year of release; NULL where it is not known.",
    "song_duration": "Seconds; of an inferred song the shortest length played.",
    "artist_name": "The artist's name; the song may credit him as another, see `songs`.",
    "artist_latitude": "Degrees north.",
    "artist_longitude": "Degrees east.",
    "match": (
        "How the song was found: `exact` (title, artist, duration), `title_artist` (the nearest "
        "duration), `normalized` (letters and digits of ASCII only, lower case), or `inferred` (not"
        " in the catalogue)."
    ),
    "load_id": "The load that brought the play.",
}
