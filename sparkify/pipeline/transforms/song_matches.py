"""The songs that plays name: each (artist, title, length) once, as the player reported it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, SelectBase, and_, cast, func, literal_column, select

from sparkify.models import Match, SongMatch, StagingEvent
from sparkify.pipeline.transforms.batch import LoadId, is_play
from sparkify.pipeline.transforms.inferred import inferred_artist_id, inferred_song_id

__all__ = ["new_song_matches", "same_length"]

_UNKNOWN_LENGTH: ColumnElement[float] = literal_column("-1.0")
"""Stands for a length that was not reported, so that two such are equal in a join."""


def new_song_matches(load_id: LoadId) -> SelectBase:
    """Each (artist, title, length) that was never played before this batch; resolved to an inferred song."""
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
    known = SongMatch.__table__
    new = (
        select(batch)
        .select_from(batch.outerjoin(known, _same_song(batch.c, known.c)))
        .where(known.c.match_id.is_(None))
        .subquery("new")
    )
    last = select(func.coalesce(func.max(SongMatch.match_id), 0)).scalar_subquery()
    number = func.row_number().over(order_by=[new.c.artist_name, new.c.title, new.c.duration])
    return select(
        (last + number).label("match_id"),
        new.c.artist_name,
        new.c.title,
        new.c.duration,
        inferred_song_id(new.c.artist_name, new.c.title).label("song_id"),
        inferred_artist_id(new.c.artist_name).label("artist_id"),
        literal_column(f"'{Match.INFERRED}'").label("match"),
        cast(load_id, BigInteger).label("load_id"),
    )


def same_length(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether two lengths are equal; so are two that were not reported."""
    return func.coalesce(left, _UNKNOWN_LENGTH) == func.coalesce(right, _UNKNOWN_LENGTH)


def _same_song(left: Any, right: Any) -> ColumnElement[bool]:
    return and_(
        left.artist_name == right.artist_name,
        left.title == right.title,
        same_length(left.duration, right.duration),
    )
