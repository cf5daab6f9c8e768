"""The staging tables: one batch of the sources, raw and nullable.

Each column says which JSON key fills it. They hold rows only while a load runs, and are empty between loads.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Double, Integer, String
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.declarations import from_json
from sparkify.models.base import Base

__all__ = ["DAY", "StagingEvent", "StagingSong"]

_EPOCH_2000 = 946_684_800_000
"""2000-01-01 in milliseconds: nothing was logged before it. A time in seconds would be in 1970."""

_NOT_MS = "is before 2000-01-01: seconds, not milliseconds?"

_EPOCH_2100 = 4_102_444_800_000
"""2100-01-01 in milliseconds: a time beyond it is a defect of the log, not a play."""

DAY = 86_400
"""A day in seconds: no song is longer, but the length of a few minutes in milliseconds is."""

_NOT_S = "is longer than a day: milliseconds, not seconds?"

_INT = 2_147_483_647
_BIGINT = 9_223_372_036_854_775_807


class StagingEvent(Base):
    """Grain: one line of the event logs, of any page.

    Distributed evenly: a batch is read whole, and once.
    """

    __tablename__ = "staging_events"
    __table_args__ = ({"redshift_diststyle": "EVEN"},)

    artist: Mapped[str | None] = mapped_column(
        String(1024),
        info=from_json("artist"),
        redshift_encode="zstd",
        comment="The artist played, as the player reported it; NULL on pages that play nothing.",
    )
    auth: Mapped[str | None] = mapped_column(
        String(64), info=from_json("auth"), redshift_encode="zstd", comment="`Logged In` or `Logged Out`."
    )
    first_name: Mapped[str | None] = mapped_column(
        String(256), info=from_json("firstName"), redshift_encode="zstd"
    )
    gender: Mapped[str | None] = mapped_column(String(16), info=from_json("gender"), redshift_encode="zstd")
    item_in_session: Mapped[int | None] = mapped_column(
        Integer,
        info=from_json("itemInSession", required=True, minimum=0, maximum=_INT),
        redshift_encode="az64",
        comment="Counts from 0 within a session.",
    )
    last_name: Mapped[str | None] = mapped_column(
        String(256), info=from_json("lastName"), redshift_encode="zstd"
    )
    length: Mapped[float | None] = mapped_column(
        Double,
        info=from_json("length", minimum=0, maximum=DAY, too_high=_NOT_S),
        redshift_encode="zstd",
        comment="Length of the song played, in seconds.",
    )
    level: Mapped[str | None] = mapped_column(
        String(16), info=from_json("level"), redshift_encode="zstd", comment="`free` or `paid`."
    )
    location: Mapped[str | None] = mapped_column(
        String(512), info=from_json("location"), redshift_encode="zstd"
    )
    method: Mapped[str | None] = mapped_column(
        String(16), info=from_json("method"), redshift_encode="zstd", comment="HTTP method."
    )
    page: Mapped[str | None] = mapped_column(
        String(64),
        info=from_json("page", required=True),
        redshift_encode="zstd",
        comment="The page of the app; `NextSong` is a play.",
    )
    registration: Mapped[float | None] = mapped_column(
        Double,
        info=from_json("registration", minimum=_EPOCH_2000, maximum=_EPOCH_2100, too_low=_NOT_MS),
        redshift_encode="zstd",
        comment="When the user signed up, in milliseconds since 1970-01-01 UTC.",
    )
    session_id: Mapped[int | None] = mapped_column(
        BigInteger,
        info=from_json("sessionId", required=True, minimum=0, maximum=_BIGINT),
        redshift_encode="az64",
    )
    song: Mapped[str | None] = mapped_column(
        String(1024),
        info=from_json("song"),
        redshift_encode="zstd",
        comment="The title played, as the player reported it; NULL on pages that play nothing.",
    )
    status: Mapped[int | None] = mapped_column(
        Integer,
        info=from_json("status", minimum=0, maximum=_INT),
        redshift_encode="az64",
        comment="HTTP status.",
    )
    ts: Mapped[datetime | None] = mapped_column(
        TIMESTAMP,
        info=from_json(
            "ts",
            required=True,
            epoch="ms",
            minimum=_EPOCH_2000,
            maximum=_EPOCH_2100,
            too_low=_NOT_MS,
            # One, not none: players' clocks are set to the local time of day, and go wrong by hours.
            days_ahead=1,
        ),
        redshift_encode="az64",
        comment="When it happened: UTC, with milliseconds.",
    )
    user_agent: Mapped[str | None] = mapped_column(
        String(1024), info=from_json("userAgent"), redshift_encode="zstd"
    )
    user_id: Mapped[int | None] = mapped_column(
        BigInteger,
        info=from_json("userId", minimum=0, maximum=_BIGINT),
        redshift_encode="az64",
        comment="NULL when nobody is logged in; the logs have an empty string there.",
    )

    # The ORM needs a key to map a class. This one identifies an event in the logs; the table has none.
    __mapper_args__ = {"primary_key": [session_id, item_in_session]}  # noqa: RUF012


class StagingSong(Base):
    """Grain: one line of the song metadata."""

    __tablename__ = "staging_songs"
    __table_args__ = ({"redshift_diststyle": "EVEN"},)

    num_songs: Mapped[int | None] = mapped_column(
        Integer, info=from_json("num_songs", minimum=0, maximum=_INT), redshift_encode="az64"
    )
    artist_id: Mapped[str | None] = mapped_column(
        String(32), info=from_json("artist_id", required=True, empty_is_missing=True), redshift_encode="zstd"
    )
    artist_latitude: Mapped[float | None] = mapped_column(
        Double,
        info=from_json("artist_latitude", minimum=-90, maximum=90),
        redshift_encode="zstd",
        comment="Degrees north.",
    )
    artist_longitude: Mapped[float | None] = mapped_column(
        Double,
        info=from_json("artist_longitude", minimum=-180, maximum=180),
        redshift_encode="zstd",
        comment="Degrees east.",
    )
    artist_location: Mapped[str | None] = mapped_column(
        String(1024), info=from_json("artist_location"), redshift_encode="zstd"
    )
    artist_name: Mapped[str | None] = mapped_column(
        String(1024), info=from_json("artist_name", required=True), redshift_encode="zstd"
    )
    song_id: Mapped[str | None] = mapped_column(
        String(32), info=from_json("song_id", required=True, empty_is_missing=True), redshift_encode="zstd"
    )
    title: Mapped[str | None] = mapped_column(
        String(1024), info=from_json("title", required=True), redshift_encode="zstd"
    )
    duration: Mapped[float | None] = mapped_column(
        Double,
        info=from_json("duration", minimum=0, maximum=DAY, too_high=_NOT_S),
        redshift_encode="zstd",
        comment="Seconds.",
    )
    year: Mapped[int | None] = mapped_column(
        Integer,
        info=from_json("year", minimum=0, maximum=9999),
        redshift_encode="az64",
        comment="Year of release; 0 where it is not known.",
    )

    __mapper_args__ = {"primary_key": [song_id]}  # noqa: RUF012
