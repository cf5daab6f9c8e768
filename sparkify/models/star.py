"""The star schema: the fact ``songplays``, its dimensions, and the matches behind them.

All times are UTC without zone. Every id in the fact has a row in its dimension, always: what the catalogue
does not know becomes an inferred member, made from the event itself (``inferred`` is true). Relationships are
read-only. On Redshift no table of the star is on every node, because all of them grow (docs/scale.md).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Double, Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import TIMESTAMP

from sparkify.models.base import Base, foreign_key, primary_key

__all__ = ["Artist", "Song", "SongMatch", "SongPlay", "Time", "User", "UserLevel"]


class User(Base):
    """Grain: one user who has played a song, as of the newest play; what is no longer told of a user stays."""

    __tablename__ = "users"
    __table_args__ = (
        primary_key("user_id"),
        {"redshift_diststyle": "KEY", "redshift_distkey": "user_id", "redshift_sortkey": "user_id"},
    )

    user_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, redshift_encode="raw"
    )
    first_name: Mapped[str | None] = mapped_column(String(256), redshift_encode="zstd")
    last_name: Mapped[str | None] = mapped_column(String(256), redshift_encode="zstd")
    gender: Mapped[str | None] = mapped_column(String(16), redshift_encode="zstd")
    level: Mapped[str | None] = mapped_column(
        String(16), redshift_encode="zstd", comment="`free` or `paid`, at the newest play; NULL if unknown."
    )
    registered_at: Mapped[datetime | None] = mapped_column(TIMESTAMP, redshift_encode="az64")
    last_played_at: Mapped[datetime] = mapped_column(
        TIMESTAMP, redshift_encode="az64", comment="When the newest play began."
    )
    described_at: Mapped[datetime | None] = mapped_column(
        TIMESTAMP, redshift_encode="az64", comment="When the play began that tells names and registration."
    )

    plays: Mapped[list[SongPlay]] = relationship(viewonly=True)
    levels: Mapped[list[UserLevel]] = relationship(viewonly=True)


class Artist(Base):
    """Grain: one artist.

    Where the catalogue has several names for one artist_id, the shortest is the artist's, since the longer
    ones name guests as well; of those as short, the first by alphabet. ``songs`` keeps each song's credit.
    """

    __tablename__ = "artists"
    __table_args__ = (
        primary_key("artist_id"),
        {"redshift_diststyle": "KEY", "redshift_distkey": "artist_id", "redshift_sortkey": "artist_id"},
    )

    artist_id: Mapped[str] = mapped_column(
        String(32),
        primary_key=True,
        redshift_encode="raw",
        comment="The catalogue's id; of an inferred artist `IA` and 16 hexadecimal digits made from the name.",
    )
    name: Mapped[str] = mapped_column(String(1024), redshift_encode="zstd")
    location: Mapped[str | None] = mapped_column(String(1024), redshift_encode="zstd")
    latitude: Mapped[float | None] = mapped_column(Double, redshift_encode="zstd", comment="Degrees north.")
    longitude: Mapped[float | None] = mapped_column(Double, redshift_encode="zstd", comment="Degrees east.")
    inferred: Mapped[bool] = mapped_column(
        Boolean,
        redshift_encode="zstd",
        comment="True: known from plays only, and no artist of the catalogue has this name.",
    )
    name_key: Mapped[str | None] = mapped_column(
        String(1024),
        redshift_encode="zstd",
        comment="The name in lower case, without punctuation and accented letters; NULL of an inferred artist.",
    )

    songs: Mapped[list[Song]] = relationship(viewonly=True)
    plays: Mapped[list[SongPlay]] = relationship(viewonly=True)


class Song(Base):
    """Grain: one song of the catalogue, or one (title, artist) played that the catalogue does not know."""

    __tablename__ = "songs"
    __table_args__ = (
        primary_key("song_id"),
        foreign_key("artist_id", "artists.artist_id"),
        {"redshift_diststyle": "KEY", "redshift_distkey": "song_id", "redshift_sortkey": "song_id"},
    )

    song_id: Mapped[str] = mapped_column(
        String(32),
        primary_key=True,
        redshift_encode="raw",
        comment=(
            "The catalogue's id; of an inferred song `IS` and 16 hexadecimal digits made from artist and title."
        ),
    )
    title: Mapped[str] = mapped_column(String(1024), redshift_encode="zstd")
    artist_id: Mapped[str] = mapped_column(String(32), redshift_encode="zstd")
    artist_name: Mapped[str] = mapped_column(
        String(1024),
        redshift_encode="zstd",
        comment="The artist as this song credits him, which is what a play is matched with.",
    )
    year: Mapped[int | None] = mapped_column(
        SmallInteger, redshift_encode="az64", comment="Year of release; NULL where it is not known."
    )
    duration: Mapped[float | None] = mapped_column(
        Double, redshift_encode="zstd", comment="Seconds; of an inferred song the shortest length played."
    )
    inferred: Mapped[bool] = mapped_column(
        Boolean,
        redshift_encode="zstd",
        comment="True: known from plays only. `where not inferred` is the catalogue.",
    )
    title_key: Mapped[str | None] = mapped_column(
        String(1024),
        redshift_encode="zstd",
        comment="The title in lower case, without punctuation and accented letters; NULL of an inferred song.",
    )
    artist_key: Mapped[str | None] = mapped_column(
        String(1024),
        redshift_encode="zstd",
        comment="The artist's name likewise; NULL of an inferred song.",
    )

    artist: Mapped[Artist] = relationship(viewonly=True)
    plays: Mapped[list[SongPlay]] = relationship(viewonly=True)


class Time(Base):
    """Grain: one moment at which a song began. All parts are of UTC."""

    __tablename__ = "time"
    __table_args__ = (
        primary_key("start_time"),
        {"redshift_diststyle": "KEY", "redshift_distkey": "start_time", "redshift_sortkey": "start_time"},
    )

    start_time: Mapped[datetime] = mapped_column(
        TIMESTAMP, primary_key=True, redshift_encode="raw", comment="With milliseconds."
    )
    hour: Mapped[int] = mapped_column(SmallInteger, redshift_encode="az64", comment="0 to 23.")
    day: Mapped[int] = mapped_column(SmallInteger, redshift_encode="az64", comment="Day of the month, 1 to 31.")
    week: Mapped[int] = mapped_column(SmallInteger, redshift_encode="az64", comment="ISO 8601 week, 1 to 53.")
    month: Mapped[int] = mapped_column(SmallInteger, redshift_encode="az64", comment="1 to 12.")
    year: Mapped[int] = mapped_column(SmallInteger, redshift_encode="az64")
    weekday: Mapped[int] = mapped_column(
        SmallInteger, redshift_encode="az64", comment="0 is Sunday, 6 is Saturday."
    )

    plays: Mapped[list[SongPlay]] = relationship(viewonly=True)


class SongMatch(Base):
    """Grain: one (artist, title, length) as players reported it, and the song it was resolved to.

    What was played is kept as it was reported, so that it can be resolved again whenever the catalogue
    grows, and the star comes out the same in whichever order files arrive.
    """

    __tablename__ = "song_matches"
    __table_args__ = (
        primary_key("match_id"),
        foreign_key("song_id", "songs.song_id"),
        foreign_key("artist_id", "artists.artist_id"),
        {"redshift_diststyle": "KEY", "redshift_distkey": "match_id", "redshift_sortkey": "match_id"},
    )

    match_id: Mapped[int] = mapped_column(
        BigInteger,
        primary_key=True,
        autoincrement=False,
        redshift_encode="raw",
        comment="Counts up from 1; which number a song has depends on the order of loads.",
    )
    artist_name: Mapped[str] = mapped_column(String(1024), redshift_encode="zstd")
    title: Mapped[str] = mapped_column(String(1024), redshift_encode="zstd")
    duration: Mapped[float | None] = mapped_column(Double, redshift_encode="zstd", comment="Seconds.")
    song_id: Mapped[str] = mapped_column(String(32), redshift_encode="zstd")
    artist_id: Mapped[str] = mapped_column(String(32), redshift_encode="zstd")
    match: Mapped[str] = mapped_column(
        String(16), redshift_encode="zstd", comment="How it was resolved; see `songplays.match`."
    )
    load_id: Mapped[int] = mapped_column(
        BigInteger, redshift_encode="az64", comment="The load that resolved it to what it is now."
    )
    artist_key: Mapped[str | None] = mapped_column(
        String(1024),
        redshift_encode="zstd",
        comment=(
            "The artist's name in lower case, without punctuation and accented letters: by this a load "
            "finds what the songs in it may change."
        ),
    )

    song: Mapped[Song] = relationship(viewonly=True)
    plays: Mapped[list[SongPlay]] = relationship(viewonly=True)


class SongPlay(Base):
    """Grain: one ``NextSong`` event. Natural key: (start_time, user_id, session_id, item_in_session)."""

    __tablename__ = "songplays"
    __table_args__ = (
        primary_key("songplay_id"),
        foreign_key("start_time", "time.start_time"),
        foreign_key("user_id", "users.user_id"),
        foreign_key("song_id", "songs.song_id"),
        foreign_key("artist_id", "artists.artist_id"),
        foreign_key("match_id", "song_matches.match_id"),
        {"redshift_diststyle": "KEY", "redshift_distkey": "user_id", "redshift_sortkey": "start_time"},
    )

    songplay_id: Mapped[int] = mapped_column(
        BigInteger,
        primary_key=True,
        redshift_identity=(1, 1),
        redshift_encode="az64",
        comment="Unique; with gaps, and in no order.",
    )
    start_time: Mapped[datetime] = mapped_column(
        TIMESTAMP, redshift_encode="raw", comment="When the song began: UTC, with milliseconds."
    )
    user_id: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    level: Mapped[str | None] = mapped_column(
        String(16), redshift_encode="zstd", comment="`free` or `paid`, at this play; NULL if unknown."
    )
    song_id: Mapped[str] = mapped_column(String(32), redshift_encode="zstd")
    artist_id: Mapped[str] = mapped_column(String(32), redshift_encode="zstd")
    session_id: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    item_in_session: Mapped[int] = mapped_column(
        Integer, redshift_encode="az64", comment="Counts the session's events, of all pages, from 0."
    )
    location: Mapped[str | None] = mapped_column(
        String(512), redshift_encode="zstd", comment="Where the user was, at this play."
    )
    user_agent: Mapped[str | None] = mapped_column(String(1024), redshift_encode="zstd")
    match: Mapped[str] = mapped_column(
        String(16),
        redshift_encode="zstd",
        comment=(
            "How the song was found: `exact` (title, artist, duration), `title_artist` (the nearest duration), "
            "`normalized` (lower case, without punctuation and accented letters), or `inferred` "
            "(not in the catalogue)."
        ),
    )
    match_id: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")
    load_id: Mapped[int] = mapped_column(BigInteger, redshift_encode="az64")

    time: Mapped[Time] = relationship(viewonly=True)
    user: Mapped[User] = relationship(viewonly=True)
    song: Mapped[Song] = relationship(viewonly=True)
    artist: Mapped[Artist] = relationship(viewonly=True)
    song_match: Mapped[SongMatch] = relationship(viewonly=True)


class UserLevel(Base):
    """Grain: one stretch of a user's level (a slowly changing dimension of type 2), as plays show it.

    Stretches of a user neither overlap nor leave a gap. Of several levels of one user at the same millisecond
    paid counts, else the one that sorts last; no level comes after all others.
    """

    __tablename__ = "user_levels"
    __table_args__ = (
        primary_key("user_id", "valid_from"),
        foreign_key("user_id", "users.user_id"),
        {
            "redshift_diststyle": "KEY",
            "redshift_distkey": "user_id",
            "redshift_sortkey": ["user_id", "valid_from"],
        },
    )

    user_id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, redshift_encode="raw"
    )
    valid_from: Mapped[datetime] = mapped_column(
        TIMESTAMP, primary_key=True, redshift_encode="az64", comment="When the first play of the stretch began."
    )
    valid_to: Mapped[datetime | None] = mapped_column(
        TIMESTAMP,
        redshift_encode="az64",
        comment="When the first play of the next stretch began; exclusive; NULL in the current stretch.",
    )
    level: Mapped[str | None] = mapped_column(String(16), redshift_encode="zstd")
    is_current: Mapped[bool] = mapped_column(Boolean, redshift_encode="zstd")

    user: Mapped[User] = relationship(viewonly=True)
