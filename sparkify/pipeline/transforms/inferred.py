"""Songs and artists that the catalogue lacks: known from plays only, until the catalogue has them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Double, Integer, SelectBase, String, cast, func, literal, select, true

from sparkify.etl.constructs import short_hash
from sparkify.models import Artist, Match, SongMatch
from sparkify.models.working import resolved_matches
from sparkify.pipeline.transforms.batch import LoadId

__all__ = [
    "inferred_artist_id",
    "inferred_artists",
    "inferred_song_id",
    "inferred_songs",
    "touched_artist_ids",
    "touched_song_ids",
]


def inferred_song_id(artist_name: ColumnElement[str], title: ColumnElement[str]) -> ColumnElement[str]:
    """The id of a song known from plays only: it depends on artist and title alone, on either database."""
    # A control character separates the two: no name contains one, so two pairs never give the same text.
    return literal("IS").concat(short_hash(artist_name.concat("\x1f").concat(title)))


def inferred_artist_id(artist_name: ColumnElement[str]) -> ColumnElement[str]:
    """The id of an artist known from plays only."""
    return literal("IA").concat(short_hash(artist_name))


def touched_song_ids() -> SelectBase:
    """The ids of the inferred songs that this load may change: what its matches are resolved to, and were."""
    resolved = resolved_matches
    return (
        select(resolved.c.song_id)
        .where(resolved.c.match == Match.INFERRED)
        .union_all(select(resolved.c.old_song_id).where(resolved.c.old_match == Match.INFERRED))
    )


def touched_artist_ids() -> SelectBase:
    """The ids of the artists, inferred or not, of the same matches."""
    resolved = resolved_matches
    return (
        select(resolved.c.artist_id)
        .where(resolved.c.match == Match.INFERRED)
        .union_all(select(resolved.c.old_artist_id).where(resolved.c.old_match == Match.INFERRED))
    )


def inferred_songs(_load_id: LoadId) -> SelectBase:
    """Each touched song that is known from plays only, with the shortest length played."""
    return (
        select(
            SongMatch.song_id,
            SongMatch.title,
            SongMatch.artist_id,
            SongMatch.artist_name,
            cast(None, Integer).label("year"),
            func.min(SongMatch.duration).label("duration"),
            true().label("inferred"),
            cast(None, String).label("title_key"),
            cast(None, String).label("artist_key"),
        )
        .where(SongMatch.match == Match.INFERRED, SongMatch.song_id.in_(touched_song_ids()))
        .group_by(SongMatch.song_id, SongMatch.title, SongMatch.artist_id, SongMatch.artist_name)
    )


def inferred_artists(_load_id: LoadId) -> SelectBase:
    """Each touched artist that is known from plays only."""
    touched = touched_artist_ids()
    catalogue = (
        select(Artist.artist_id).where(~Artist.inferred, Artist.artist_id.in_(touched)).subquery("catalogue")
    )
    played = (
        select(SongMatch.artist_id, SongMatch.artist_name)
        .where(SongMatch.match == Match.INFERRED, SongMatch.artist_id.in_(touched))
        .distinct()
        .subquery("played")
    )
    return (
        select(
            played.c.artist_id,
            played.c.artist_name.label("name"),
            cast(None, String).label("location"),
            cast(None, Double).label("latitude"),
            cast(None, Double).label("longitude"),
            true().label("inferred"),
            cast(None, String).label("name_key"),
        )
        .select_from(played.outerjoin(catalogue, catalogue.c.artist_id == played.c.artist_id))
        .where(catalogue.c.artist_id.is_(None))
    )
