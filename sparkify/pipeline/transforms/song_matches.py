"""The songs named in plays: each (artist, title, length) once, as the player reported it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    SelectBase,
    and_,
    case,
    cast,
    false,
    func,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from sparkify.etl.constructs import match_key
from sparkify.models import tables
from sparkify.models.working import resolved_matches
from sparkify.pipeline.transforms.batch import LoadId, is_play
from sparkify.pipeline.transforms.matching import artist_keys, asked_again

__all__ = ["matches_touched", "new_song_matches", "plays_to_repoint", "resolutions", "same_song"]

_UNKNOWN_LENGTH: ColumnElement[float] = literal_column("-1.0")
"""Replaces a length that was not reported, so that two of these are equal in a join."""


def matches_touched(load_id: LoadId) -> SelectBase:
    """Each (artist, title, length) that the batch plays with the number of its match, and the matches that the
    catalogue songs of the batch may change.

    Every tier requires the same artist, at least normalized, so a new song can only match plays of its artist.
    A song that the batch changes may no longer match what it did, nor contribute the name of its artist. So the
    matches of its previous artist are resolved again as well. Equal names have equal keys.
    """
    event = tables.staging_events
    match = tables.song_matches
    keys = artist_keys(load_id).cte("touched_keys")
    batch = (
        select(
            event.c.artist.label("artist_name"),
            event.c.song.label("title"),
            event.c.length.label("duration"),
        )
        .where(is_play)
        .distinct()
        .subquery("batch")
    )
    known = select(match).where(match.c.title.in_(select(event.c.song).where(is_play))).subquery("known")
    is_new = known.c.match_id.is_(None)
    last = select(func.coalesce(func.max(match.c.match_id), 0)).scalar_subquery()
    number = last + func.row_number().over(partition_by=is_new)
    played = (
        select(
            func.coalesce(known.c.match_id, number).label("match_id"),
            batch.c.artist_name,
            batch.c.title,
            batch.c.duration,
            case((is_new, match_key(batch.c.artist_name))).label("artist_key"),
            case((is_new, match_key(batch.c.title))).label("title_key"),
            is_new.label("is_new"),
            is_new.label("is_open"),
            known.c.song_id.label("old_song_id"),
            known.c.artist_id.label("old_artist_id"),
            known.c.match.label("old_match"),
        )
        .select_from(
            batch.outerjoin(known, same_song(known.c, *batch.c)).outerjoin(
                keys, keys.c.artist_key == known.c.artist_key
            )
        )
        # Those with a touched key are selected below, played or not.
        .where(keys.c.artist_key.is_(None))
    )
    touched = select(
        *asked_again(),
        false().label("is_new"),
        true().label("is_open"),
        match.c.song_id.label("old_song_id"),
        match.c.artist_id.label("old_artist_id"),
        match.c.match.label("old_match"),
    ).where(match.c.artist_key.in_(select(keys.c.artist_key)))
    return union_all(played, touched)


def new_song_matches(load_id: LoadId) -> SelectBase:
    """Each (artist, title, length) first played in this batch, and the song that it is resolved to."""
    resolved = resolved_matches
    return select(
        resolved.c.match_id,
        resolved.c.artist_name,
        resolved.c.title,
        resolved.c.duration,
        resolved.c.song_id,
        resolved.c.artist_id,
        resolved.c.match,
        cast(load_id, BigInteger).label("load_id"),
        resolved.c.artist_key,
    ).where(resolved.c.is_new)


def resolutions(load_id: LoadId) -> SelectBase:
    """What earlier matches are resolved to now."""
    resolved = resolved_matches
    return select(
        resolved.c.match_id,
        resolved.c.song_id,
        resolved.c.artist_id,
        resolved.c.match,
        cast(load_id, BigInteger).label("load_id"),
    ).where(resolved.c.is_open, ~resolved.c.is_new)


def plays_to_repoint(_load_id: LoadId) -> SelectBase:
    """What plays of earlier loads must point to now."""
    resolved = resolved_matches
    changed = (
        (resolved.c.song_id != resolved.c.old_song_id)
        | (resolved.c.artist_id != resolved.c.old_artist_id)
        | (resolved.c.match != resolved.c.old_match)
    )
    return select(resolved.c.match_id, resolved.c.song_id, resolved.c.artist_id, resolved.c.match).where(
        resolved.c.is_open, ~resolved.c.is_new, changed
    )


def same_song(
    known: ReadOnlyColumnCollection[str, Any],
    artist: ColumnElement[str],
    title: ColumnElement[str],
    duration: ColumnElement[float],
) -> ColumnElement[bool]:
    """Whether a known row is the played song; two lengths that were not reported are equal."""
    return and_(
        known["artist_name"] == artist,
        known["title"] == title,
        func.coalesce(known["duration"], _UNKNOWN_LENGTH) == func.coalesce(duration, _UNKNOWN_LENGTH),
    )
