"""What each table and column is, as comments in the database.

Revision: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import DropColumnComment, DropTableComment, SetColumnComment, SetTableComment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in _tables():
        op.execute(SetTableComment(table))
        for column in table.columns:
            op.execute(SetColumnComment(column))


def downgrade() -> None:
    for table in _tables():
        op.execute(DropTableComment(table))
        for column in table.columns:
            op.execute(DropColumnComment(column))


def _tables() -> list[sa.Table]:
    return [
        sa.Table(
            name,
            sa.MetaData(),
            *(sa.Column(column, sa.String(1), comment=text) for column, text in columns.items()),
            comment=comment,
        )
        for name, (comment, columns) in COMMENTS.items()
    ]


COMMENTS: dict[str, tuple[str, dict[str, str]]] = {
    "artists": (
        (
            "Grain: one artist.\n\nWhere the catalogue has several names for one artist_id, the"
            " shortest is the artist's, since the longer ones name guests as well; of those as"
            " short, the first by alphabet. `songs` keeps each song's credit."
        ),
        {
            "artist_id": (
                "The catalogue's id; of an inferred artist `IA` and 16 hexadecimal digits made from the name."
            ),
            "latitude": "Degrees north.",
            "longitude": "Degrees east.",
            "inferred": ("True: known from plays only, and no artist of the catalogue has this name."),
        },
    ),
    "column_history": (
        "Grain: one column of the star, and the first load since which it is filled.",
        {
            "load_id": ("The first load whose rows have the column; rows of earlier loads have NULL there."),
        },
    ),
    "load_history": (
        "Grain: one load that committed.",
        {
            "load_id": "Counts up from 1.",
            "mode": "`incremental` or `full refresh`.",
            "started_at": "UTC, of the machine that ran the load.",
            "finished_at": "UTC, just before the commit.",
            "bytes": "Size of the files as they are stored, compressed or not.",
            "lines": "lines = loaded + rejected + blank",
            "version": "The version of the library that ran the load.",
            "rules_version": (
                "The version of the rules that made the rows of the load; NULL, of loads before there"
                " were any, is 1."
            ),
        },
    ),
    "load_lock": (
        "Grain: the one row that every load updates first.",
        {
            "token": "Always 1.",
            "taken": "How many loads have taken the lock.",
        },
    ),
    "load_steps": (
        "Grain: one step of one of the last loads, and what it took.",
        {
            "number": "Counts from 1, in the order in which steps were done.",
            "rows": "How many rows the statements of the step touched.",
            "seconds": "Seconds of wall time.",
        },
    ),
    "loaded_files": (
        "Grain: one file whose lines are in the warehouse.",
        {
            "uri": "`s3://bucket/key`, or the absolute path of a local file.",
            "fingerprint": (
                "Tells whether the file is the same: the ETag of an object; size and mtime of a local file."
            ),
            "lines": "lines = loaded + rejected + blank",
        },
    ),
    "rejected_rows": (
        "Grain: one line of a loaded file that is not in the warehouse, and why.",
        {
            "line": "Counts from 1.",
            "column_name": ("The column that could not take its value; NULL when it is the line as a whole."),
            "text": (
                "The line; bytes that are not UTF-8 and control characters as hexadecimal; its first"
                " 65,535 bytes."
            ),
        },
    ),
    "song_matches": (
        (
            "Grain: one (artist, title, length) as players reported it, and the song it was"
            " resolved to.\n\nWhat was played is kept as it was reported, so that it can be resolved"
            " again whenever the catalogue grows, and the star comes out the same in whichever"
            " order files arrive."
        ),
        {
            "match_id": ("Counts up from 1; which number a song has depends on the order of loads."),
            "duration": "Seconds.",
            "match": "How it was resolved; see `songplays.match`.",
            "load_id": "The load that resolved it to what it is now.",
        },
    ),
    "songplays": (
        ("Grain: one `NextSong` event. Natural key: (start_time, session_id, item_in_session)."),
        {
            "songplay_id": "Unique; with gaps, and in no order.",
            "start_time": "When the song began: UTC, with milliseconds.",
            "level": "`free` or `paid`, at this play.",
            "item_in_session": "Counts the session's events, of all pages, from 0.",
            "location": "Where the user was, at this play.",
            "match": (
                "How the song was found: `exact` (title, artist, duration), `title_artist` (the"
                " nearest duration), `normalized` (letters and digits of ASCII only, lower case), or"
                " `inferred` (not in the catalogue)."
            ),
        },
    ),
    "songs": (
        ("Grain: one song of the catalogue, or one (title, artist) played that the catalogue does not know."),
        {
            "song_id": (
                "The catalogue's id; of an inferred song `IS` and 16 hexadecimal digits made from"
                " artist and title."
            ),
            "artist_name": ("The artist as this song credits him, which is what a play is matched with."),
            "year": "Year of release; NULL where it is not known.",
            "duration": "Seconds; of an inferred song the shortest length played.",
            "inferred": ("True: known from plays only. `where not inferred` is the catalogue."),
        },
    ),
    "staging_events": (
        (
            "Grain: one line of the event logs, of any page.\n\nDistributed evenly: a batch is read"
            " whole, and once."
        ),
        {
            "artist": ("The artist played, as the player reported it; NULL on pages that play nothing."),
            "auth": "`Logged In` or `Logged Out`.",
            "item_in_session": "Counts from 0 within a session.",
            "length": "Length of the song played, in seconds.",
            "level": "`free` or `paid`.",
            "method": "HTTP method.",
            "page": "The page of the app; `NextSong` is a play.",
            "registration": "When the user signed up, in milliseconds since 1970-01-01 UTC.",
            "song": ("The title played, as the player reported it; NULL on pages that play nothing."),
            "status": "HTTP status.",
            "ts": "When it happened: UTC, with milliseconds.",
            "user_id": "NULL when nobody is logged in; the logs have an empty string there.",
        },
    ),
    "staging_songs": (
        "Grain: one line of the song metadata.",
        {
            "artist_latitude": "Degrees north.",
            "artist_longitude": "Degrees east.",
            "duration": "Seconds.",
            "year": "Year of release; 0 where it is not known.",
        },
    ),
    "time": (
        "Grain: one moment at which a song began. All parts are of UTC.",
        {
            "start_time": "With milliseconds.",
            "hour": "0 to 23.",
            "day": "Day of the month, 1 to 31.",
            "week": "ISO 8601 week, 1 to 53.",
            "month": "1 to 12.",
            "weekday": "0 is Sunday, 6 is Saturday.",
        },
    ),
    "user_levels": (
        (
            "Grain: one stretch of a user's level (a slowly changing dimension of type 2), as"
            " plays show it.\n\nStretches of a user neither overlap nor leave a gap. Two plays of"
            " one user at the same millisecond and of different levels count as paid."
        ),
        {
            "valid_from": "When the first play of the stretch began.",
            "valid_to": (
                "When the first play of the next stretch began; exclusive; NULL in the current stretch."
            ),
        },
    ),
    "users": (
        ("Grain: one user who has played a song. The newest play wins, whichever file it came in."),
        {
            "level": "`free` or `paid`, at the user's newest play.",
            "last_played_at": ("When the newest play began: the play that the rest of the row was taken from."),
        },
    ),
}
