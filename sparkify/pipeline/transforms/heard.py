"""What was heard: each (artist, title, length) once, and songs and artists that are known from plays only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Integer,
    SelectBase,
    String,
    and_,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
)

from sparkify.etl.constructs import short_hash
from sparkify.models import Artist, HeardSong, StagingEvent
from sparkify.pipeline.transforms.batch import LoadId, is_play

__all__ = [
    "heard_songs",
    "inferred_artist_id",
    "inferred_artists",
    "inferred_song_id",
    "inferred_songs",
    "same_length",
]

_UNKNOWN_LENGTH: ColumnElement[float] = literal_column("-1.0")
"""Stands for a length that was not reported, so that two such are equal in a join."""


def inferred_song_id(artist_name: ColumnElement[str], title: ColumnElement[str]) -> ColumnElement[str]:
    """The id of a song known from plays only: the same whenever, wherever and in whichever order."""
    # A control character parts the two: no name holds one, so no two pairs run together to one text.
    return literal("IS").concat(short_hash(artist_name.concat("\x1f").concat(title)))


def inferred_artist_id(artist_name: ColumnElement[str]) -> ColumnElement[str]:
    """The id of an artist known from plays only."""
    return literal("IA").concat(short_hash(artist_name))


def heard_songs(load_id: LoadId) -> SelectBase:
    """Each (artist, title, length) of the batch that was never heard before, as yet not in the catalogue."""
    batch = (
        select(
            StagingEvent.artist.label("artist_name"),
            StagingEvent.song.label("title"),
            StagingEvent.length.label("duration"),
        )
        .where(is_play)
        .distinct()
        .subquery("batch")
    )
    known = HeardSong.__table__
    new = (
        select(batch)
        .select_from(batch.outerjoin(known, _same_heard(batch.c, known.c)))
        .where(known.c.heard_id.is_(None))
        .subquery("new")
    )
    last = select(func.coalesce(func.max(HeardSong.heard_id), 0)).scalar_subquery()
    number = func.row_number().over(order_by=[new.c.artist_name, new.c.title, new.c.duration])
    return select(
        (last + number).label("heard_id"),
        new.c.artist_name,
        new.c.title,
        new.c.duration,
        inferred_song_id(new.c.artist_name, new.c.title).label("song_id"),
        inferred_artist_id(new.c.artist_name).label("artist_id"),
        literal_column("'inferred'").label("match"),
        cast(load_id, BigInteger).label("load_id"),
    )


def same_length(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether two lengths are equal; so are two that were not reported."""
    return func.coalesce(left, _UNKNOWN_LENGTH) == func.coalesce(right, _UNKNOWN_LENGTH)


def _same_heard(left: Any, right: Any) -> ColumnElement[bool]:
    return and_(
        left.artist_name == right.artist_name,
        left.title == right.title,
        same_length(left.duration, right.duration),
    )


def inferred_songs(_load_id: LoadId) -> SelectBase:
    """Every song that is known from plays only, with the shortest length heard."""
    return (
        select(
            HeardSong.song_id,
            HeardSong.title,
            HeardSong.artist_id,
            HeardSong.artist_name,
            cast(None, Integer).label("year"),
            func.min(HeardSong.duration).label("duration"),
            true().label("inferred"),
        )
        .where(HeardSong.match == "inferred")
        .group_by(HeardSong.song_id, HeardSong.title, HeardSong.artist_id, HeardSong.artist_name)
    )


def inferred_artists(_load_id: LoadId) -> SelectBase:
    """Every artist that is known from plays only."""
    catalogue = select(Artist.artist_id).where(~Artist.inferred).subquery("catalogue")
    heard = HeardSong.__table__
    return (
        select(
            heard.c.artist_id,
            heard.c.artist_name.label("name"),
            cast(None, String).label("location"),
            cast(None, Double).label("latitude"),
            cast(None, Double).label("longitude"),
            true().label("inferred"),
        )
        .select_from(heard.outerjoin(catalogue, catalogue.c.artist_id == heard.c.artist_id))
        .where(heard.c.match == "inferred", catalogue.c.artist_id.is_(None))
        .distinct()
    )
