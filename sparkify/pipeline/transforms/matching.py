"""Which song of the catalogue each played song is, in four tiers, and the plays to re-point."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    SelectBase,
    Subquery,
    and_,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    union_all,
)

from sparkify.etl.constructs import ascii_key
from sparkify.models import Artist, Match, Song, SongMatch, StagingSong
from sparkify.pipeline.transforms.batch import LoadId
from sparkify.pipeline.transforms.inferred import inferred_artist_id, inferred_song_id

__all__ = ["plays_to_repoint", "resolutions"]


def resolutions(load_id: LoadId) -> SelectBase:
    """What each played song that this batch may affect is now resolved to.

    The tiers, of which the first that matches wins: the same title, artist and duration (``exact``); the
    same title and artist, nearest in duration (``title_artist``); the same ASCII letters and digits of both
    (``normalized``); else ``inferred``. Ties go to the first song_id. Artists: that of the song; else the
    artist of the catalogue with that name, plain, then normalized; else an inferred one.
    """
    played = _to_resolve(load_id)
    catalogue = (
        select(
            Song.song_id,
            Song.artist_id,
            Song.title,
            Song.artist_name,
            Song.duration,
            ascii_key(Song.title).label("title_key"),
            ascii_key(Song.artist_name).label("artist_key"),
        )
        .where(~Song.inferred)
        .subquery("catalogue")
    )
    song = _best_matches(played, catalogue)
    credit = (
        select(catalogue.c.artist_name, catalogue.c.artist_key, catalogue.c.artist_id)
        .union_all(select(Artist.name, ascii_key(Artist.name), Artist.artist_id).where(~Artist.inferred))
        .subquery("credit")
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
        played.c.match_id,
        func.coalesce(song.c.song_id, inferred_song_id(played.c.artist_name, played.c.title)).label("song_id"),
        func.coalesce(
            song.c.artist_id,
            by_name.c.artist_id,
            by_key.c.artist_id,
            inferred_artist_id(played.c.artist_name),
        ).label("artist_id"),
        func.coalesce(song.c.match, literal_column(f"'{Match.INFERRED}'")).label("match"),
        cast(load_id, BigInteger).label("load_id"),
    ).select_from(
        played.outerjoin(song, song.c.match_id == played.c.match_id)
        .outerjoin(by_name, by_name.c.artist_name == played.c.artist_name)
        .outerjoin(by_key, by_key.c.artist_key == played.c.artist_key)
    )


def _to_resolve(load_id: LoadId) -> Subquery:
    """The songs first played in this load, and those that the catalogue songs of the batch may change.

    Every tier asks for the same artist, at least normalized, so what a new song matches is among what was
    played of its artist. A song that the batch has in another form may no longer match what it did, nor lend
    its artist's name: so whatever points at it is resolved again, and whatever matched an artist by name only.
    """
    key = ascii_key(SongMatch.artist_name)
    names = select(StagingSong.artist_name)
    # Empty when the batch has no song: then only the new matches are resolved.
    catalogue = select(Artist.artist_id).where(~Artist.inferred, exists(select(StagingSong.song_id)))
    keys = select(ascii_key(StagingSong.artist_name)).where(ascii_key(StagingSong.artist_name) != "")
    return (
        select(
            SongMatch.match_id,
            SongMatch.artist_name,
            SongMatch.title,
            SongMatch.duration,
            key.label("artist_key"),
            ascii_key(SongMatch.title).label("title_key"),
        )
        .where(
            or_(
                SongMatch.load_id == load_id,
                SongMatch.artist_name.in_(names),
                key.in_(keys),
                SongMatch.song_id.in_(select(StagingSong.song_id)),
                and_(SongMatch.match == Match.INFERRED, SongMatch.artist_id.in_(catalogue)),
            )
        )
        .subquery("played")
    )


def _best_matches(played: Subquery, catalogue: Subquery) -> Subquery:
    """The best song of the catalogue for each played song; no row where none matches."""
    difference = func.abs(catalogue.c.duration - played.c.duration)
    columns = [played.c.match_id, catalogue.c.song_id, catalogue.c.artist_id, difference.label("difference")]
    plain = select(
        *columns,
        case(
            (catalogue.c.duration == played.c.duration, Match.EXACT.tier), else_=Match.TITLE_ARTIST.tier
        ).label("tier"),
    ).select_from(
        played.join(
            catalogue,
            and_(catalogue.c.artist_name == played.c.artist_name, catalogue.c.title == played.c.title),
        )
    )
    normalized = select(*columns, literal_column(str(Match.NORMALIZED.tier)).label("tier")).select_from(
        played.join(
            catalogue,
            and_(
                catalogue.c.artist_key == played.c.artist_key,
                catalogue.c.title_key == played.c.title_key,
                played.c.artist_key != "",
                played.c.title_key != "",
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


def plays_to_repoint(load_id: LoadId) -> SelectBase:
    """What earlier plays must point at now: every match that this load resolved."""
    return select(SongMatch.match_id, SongMatch.song_id, SongMatch.artist_id, SongMatch.match).where(
        SongMatch.load_id == load_id
    )
