"""Matches each played song to a song of the catalogue, in four tiers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    SelectBase,
    Subquery,
    and_,
    case,
    func,
    literal_column,
    select,
    union_all,
)

from sparkify.etl.constructs import match_key
from sparkify.models import Match, tables
from sparkify.models.working import merged_artists, merged_songs, touched_matches
from sparkify.pipeline.transforms.batch import LoadId
from sparkify.pipeline.transforms.inferred import inferred_artist_id, inferred_song_id

__all__ = ["SONG", "artist_keys", "asked_again", "resolve", "resolved"]

SONG = ("song_id", "artist_id", "title", "artist_name", "duration", "title_key", "artist_key")
"""The columns of a song by which it is matched."""


def artist_keys(_load_id: LoadId) -> SelectBase:
    """The keys of the artists named in the songs of the batch, and those that the catalogue had for the same
    songs and artists before the batch: what matched by the latter may now match differently.
    """
    staged = tables.staging_songs
    song = tables.songs
    artist = tables.artists
    return select(match_key(staged.c.artist_name).label("artist_key")).union(
        select(song.c.artist_key).where(~song.c.inferred, song.c.song_id.in_(select(staged.c.song_id))),
        select(artist.c.name_key).where(~artist.c.inferred, artist.c.artist_id.in_(select(staged.c.artist_id))),
    )


def resolved(_load_id: LoadId) -> SelectBase:
    """The song and the artist to which each match of :data:`touched_matches` is resolved.

    The first tier that matches wins: the same title, artist and duration (``exact``); the same title and
    artist, nearest in duration (``title_artist``); the same keys of both (``normalized``, see
    :class:`~sparkify.etl.constructs.match_key`); else ``inferred``. Ties go to the first song_id. The artist is
    that of the song; else the catalogue artist with the same name, or else the same key; else an inferred one.

    Equal names have equal keys, so only the part of the catalogue with the required keys is read. It is the
    catalogue as this load leaves it: merged rows override existing ones.
    """
    asked = select(touched_matches).where(touched_matches.c.is_open).subquery("asked")
    keys = select(asked.c.artist_key)
    open_ones = resolve(asked, _songs_of(keys), *_artists_of(keys))
    as_before = select(
        touched_matches,
        touched_matches.c.old_song_id,
        touched_matches.c.old_artist_id,
        touched_matches.c.old_match,
    ).where(~touched_matches.c.is_open)
    return open_ones.union_all(as_before)


def asked_again() -> tuple[ColumnElement[Any], ...]:
    """The columns of earlier matches that :func:`resolve` needs."""
    match = tables.song_matches
    return (
        match.c.match_id,
        match.c.artist_name,
        match.c.title,
        match.c.duration,
        match.c.artist_key,
        match_key(match.c.title).label("title_key"),
    )


def resolve(asked: Subquery, songs: SelectBase, *artists: SelectBase) -> Select[Any]:
    """The song and the artist to which each match is resolved, by the tiers.

    :param asked: matches, with their keys.
    :param songs: the songs of the catalogue that may match: a SELECT of :data:`SONG`.
    :param artists: the artists of the catalogue that may match: SELECTs of name, key and id.
    """
    catalogue = songs.cte("catalogue")
    song = _best_matches(asked, catalogue)
    credit = (
        select(catalogue.c.artist_name, catalogue.c.artist_key, catalogue.c.artist_id)
        .union_all(*artists)
        .cte("credit")
    )
    by_name = (
        select(credit.c.artist_name, func.min(credit.c.artist_id).label("artist_id"))
        .group_by(credit.c.artist_name)
        .subquery("by_name")
    )
    by_key = (
        select(credit.c.artist_key, func.min(credit.c.artist_id).label("artist_id"))
        .where(credit.c.artist_key != "")
        .group_by(credit.c.artist_key)
        .subquery("by_key")
    )
    return select(
        *asked.columns,
        func.coalesce(song.c.song_id, inferred_song_id(asked.c.artist_name, asked.c.title)).label("song_id"),
        func.coalesce(
            song.c.artist_id,
            by_name.c.artist_id,
            by_key.c.artist_id,
            inferred_artist_id(asked.c.artist_name),
        ).label("artist_id"),
        func.coalesce(song.c.match, literal_column(f"'{Match.INFERRED}'")).label("match"),
    ).select_from(
        asked.outerjoin(song, song.c.match_id == asked.c.match_id)
        .outerjoin(by_name, by_name.c.artist_name == asked.c.artist_name)
        .outerjoin(by_key, by_key.c.artist_key == asked.c.artist_key)
    )


def _songs_of(keys: SelectBase) -> SelectBase:
    """The songs that the catalogue will have for some artist keys."""
    merged = merged_songs
    song = tables.songs
    there = (
        select(*(song.c[name] for name in SONG))
        .select_from(song.outerjoin(merged, merged.c.song_id == song.c.song_id))
        .where(~song.c.inferred, song.c.artist_key.in_(keys), merged.c.song_id.is_(None))
    )
    new = select(*(merged.c[name] for name in SONG)).where(~merged.c.inferred, merged.c.artist_key.in_(keys))
    return there.union_all(new)


def _artists_of(keys: SelectBase) -> tuple[SelectBase, SelectBase]:
    """Name, key and id of the artists that the catalogue will have for some keys."""
    merged, artist = merged_artists, tables.artists
    names = ("name", "name_key", "artist_id")
    there = (
        select(*(artist.c[name] for name in names))
        .select_from(artist.outerjoin(merged, merged.c.artist_id == artist.c.artist_id))
        .where(~artist.c.inferred, artist.c.name_key.in_(keys), merged.c.artist_id.is_(None))
    )
    new = select(*(merged.c[name] for name in names)).where(~merged.c.inferred, merged.c.name_key.in_(keys))
    return there, new


def _best_matches(asked: Subquery, catalogue: CTE) -> Subquery:
    """The best song of the catalogue for each played song; no row if none matches."""
    difference = func.abs(catalogue.c.duration - asked.c.duration)
    columns = [asked.c.match_id, catalogue.c.song_id, catalogue.c.artist_id, difference.label("difference")]
    plain = select(
        *columns,
        case((catalogue.c.duration == asked.c.duration, Match.EXACT.tier), else_=Match.TITLE_ARTIST.tier).label(
            "tier"
        ),
    ).select_from(
        asked.join(
            catalogue,
            and_(catalogue.c.artist_name == asked.c.artist_name, catalogue.c.title == asked.c.title),
        )
    )
    normalized = select(*columns, literal_column(str(Match.NORMALIZED.tier)).label("tier")).select_from(
        asked.join(
            catalogue,
            and_(
                catalogue.c.artist_key == asked.c.artist_key,
                catalogue.c.title_key == asked.c.title_key,
                asked.c.artist_key != "",
                asked.c.title_key != "",
            ),
        )
    )
    tiers = union_all(plain, normalized).subquery("tiers")
    ranking = func.row_number().over(
        partition_by=tiers.c.match_id,
        order_by=[tiers.c.tier, tiers.c.difference.asc().nulls_last(), tiers.c.song_id],
    )
    ranked = select(tiers, ranking.label("ranking")).subquery("ranked")
    match = case(
        (ranked.c.tier == Match.EXACT.tier, Match.EXACT.value),
        (ranked.c.tier == Match.TITLE_ARTIST.tier, Match.TITLE_ARTIST.value),
        else_=Match.NORMALIZED.value,
    )
    return (
        select(ranked.c.match_id, ranked.c.song_id, ranked.c.artist_id, match.label("match"))
        .where(ranked.c.ranking == 1)
        .subquery("song")
    )
