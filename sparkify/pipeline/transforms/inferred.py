"""Songs and artists missing from the catalogue: known only from plays until the catalogue has them."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ColumnElement,
    Double,
    Integer,
    SelectBase,
    String,
    case,
    cast,
    func,
    literal,
    select,
    true,
)

from sparkify.etl.constructs import short_hash
from sparkify.etl.dispositions import differences
from sparkify.models import Match, tables
from sparkify.models.working import merged_artists, merged_songs, resolved_matches
from sparkify.pipeline.transforms.batch import LoadId

__all__ = [
    "inferred_artist_id",
    "inferred_song_id",
    "new_artists",
    "outdated_artists",
    "songs_changed",
    "touched_artists",
]


_SEPARATOR = func.chr(31, type_=String)
"""Separates artist and title: names hardly ever contain it. Written literally, it would affect a terminal."""


def inferred_song_id(artist_name: ColumnElement[str], title: ColumnElement[str]) -> ColumnElement[str]:
    """The id of a song known only from plays: it depends only on artist and title, on either database."""
    pair = artist_name.concat(_SEPARATOR).concat(title)
    # No artist has an empty name, so no other text begins with a separator: two pairs never give the same text.
    length = _SEPARATOR.concat(cast(func.length(artist_name), String(8))).concat(_SEPARATOR)
    unlike = case((func.strpos(artist_name, _SEPARATOR) > 0, length.concat(pair)), else_=pair)
    return literal("IS").concat(short_hash(unlike))


def inferred_artist_id(artist_name: ColumnElement[str]) -> ColumnElement[str]:
    """The id of an artist known only from plays."""
    return literal("IA").concat(short_hash(artist_name))


def songs_changed(_load_id: LoadId) -> SelectBase:
    """The songs that this load changes: those of the catalogue, and those known only from plays."""
    merged, song = merged_songs, tables.songs
    new = select(merged).where(~merged.c.is_there).subquery("new")
    inferred = differences(
        song, _inferred_songs(), "song_id", _touched(resolved_matches.c.song_id), song.c.inferred
    ).subquery("inferred")
    names = [column.key for column in inferred.c]
    of_catalogue = select(*(new.c[name] for name in names[:-1]), true().label("is_wanted"))
    # If the catalogue has the same song_id, its row wins.
    others = (
        select(inferred)
        .select_from(inferred.outerjoin(new, new.c.song_id == inferred.c.song_id))
        .where(new.c.song_id.is_(None))
    )
    return of_catalogue.union_all(others)


def _touched(resolved_id: Column[str]) -> SelectBase:
    """The ids of the inferred songs, or of their artists, that this load may change: those that its open
    matches resolve to now, and those that they resolved to before.
    """
    resolved = resolved_matches
    old_id = resolved.c[f"old_{resolved_id.name}"]
    return (
        select(resolved_id)
        .where(resolved.c.is_open, resolved.c.match == Match.INFERRED)
        .union_all(select(old_id).where(resolved.c.is_open, resolved.c.old_match == Match.INFERRED))
    )


def _inferred_songs() -> SelectBase:
    """Each touched song that is known only from plays, with the shortest length played."""
    match = tables.song_matches
    touched = _touched(resolved_matches.c.song_id)
    return (
        select(
            match.c.song_id,
            match.c.title,
            match.c.artist_id,
            match.c.artist_name,
            cast(None, Integer).label("year"),
            func.min(match.c.duration).label("duration"),
            true().label("inferred"),
            cast(None, String).label("title_key"),
            cast(None, String).label("artist_key"),
        )
        .where(match.c.match == Match.INFERRED, match.c.song_id.in_(touched))
        .group_by(
            match.c.song_id,
            match.c.title,
            match.c.artist_id,
            match.c.artist_name,
        )
    )


def outdated_artists() -> SelectBase:
    """The ids of the artists to remove: those that the batch replaces, and inferred ones no longer named."""
    artist = tables.artists
    match = tables.song_matches
    merged, touched = merged_artists, _touched(resolved_matches.c.artist_id)
    there = (
        select(artist.c.artist_id).where(artist.c.inferred, artist.c.artist_id.in_(touched)).subquery("there")
    )
    named = (
        select(match.c.artist_id)
        .where(match.c.match == Match.INFERRED, match.c.artist_id.in_(touched))
        .subquery("named")
    )
    nameless = (
        select(there.c.artist_id)
        .select_from(there.outerjoin(named, named.c.artist_id == there.c.artist_id))
        .where(named.c.artist_id.is_(None))
    )
    return select(merged.c.artist_id).where(~merged.c.is_there).union_all(nameless)


def touched_artists() -> SelectBase:
    """The ids of all artists that this load may remove or add."""
    return (
        select(merged_artists.c.artist_id)
        .where(~merged_artists.c.is_there)
        .union_all(_touched(resolved_matches.c.artist_id))
    )


def new_artists(_load_id: LoadId) -> SelectBase:
    """The artists to add once those are removed: those of the batch, and those that only plays name.

    The row of an artist known only from plays depends on the name alone, and those that earlier loads resolved
    are there already.
    """
    artist = tables.artists
    merged, resolved = merged_artists, resolved_matches
    there = (
        select(artist.c.artist_id)
        .where(artist.c.artist_id.in_(_touched(resolved.c.artist_id)))
        .union_all(select(merged.c.artist_id))
        .subquery("there")
    )
    named = (
        select(resolved.c.artist_id, resolved.c.artist_name)
        .where(resolved.c.is_open, resolved.c.match == Match.INFERRED)
        .distinct()
        .subquery("named")
    )
    inferred = (
        select(
            named.c.artist_id,
            named.c.artist_name.label("name"),
            cast(None, String).label("location"),
            cast(None, Double).label("latitude"),
            cast(None, Double).label("longitude"),
            true().label("inferred"),
            cast(None, String).label("name_key"),
        )
        .select_from(named.outerjoin(there, there.c.artist_id == named.c.artist_id))
        .where(there.c.artist_id.is_(None))
    )
    columns = [merged.c[name] for name in inferred.selected_columns.keys()]  # noqa: SIM118 - of a row, not of a dict
    return select(*columns).where(~merged.c.is_there).union_all(inferred)
