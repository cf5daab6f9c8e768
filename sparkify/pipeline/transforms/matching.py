"""Which song of the catalogue each thing heard is, in four tiers, and the plays that must follow."""

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
from sparkify.models import Artist, HeardSong, Song, StagingSong
from sparkify.pipeline.transforms.batch import LoadId
from sparkify.pipeline.transforms.heard import inferred_artist_id, inferred_song_id

__all__ = ["plays_to_repoint", "resolutions"]


def resolutions(load_id: LoadId) -> SelectBase:
    """What each heard song that this batch may concern is now resolved to.

    The tiers, of which the first that answers wins: the same title, artist and duration (``exact``); the
    same title and artist, nearest in duration (``title_artist``); the same ASCII letters and digits of both
    (``normalized``); else ``inferred``. Ties go to the first song_id. Artists: that of the song; else the
    artist of the catalogue with that name, plain, then normalized; else an inferred one.
    """
    heard = _heard_to_resolve(load_id)
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
    song = _best_song_of_each(heard, catalogue)
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
        heard.c.heard_id,
        func.coalesce(song.c.song_id, inferred_song_id(heard.c.artist_name, heard.c.title)).label("song_id"),
        func.coalesce(
            song.c.artist_id,
            by_name.c.artist_id,
            by_key.c.artist_id,
            inferred_artist_id(heard.c.artist_name),
        ).label("artist_id"),
        func.coalesce(song.c.match, literal_column("'inferred'")).label("match"),
        cast(load_id, BigInteger).label("load_id"),
    ).select_from(
        heard.outerjoin(song, song.c.heard_id == heard.c.heard_id)
        .outerjoin(by_name, by_name.c.artist_name == heard.c.artist_name)
        .outerjoin(by_key, by_key.c.artist_key == heard.c.artist_key)
    )


def _heard_to_resolve(load_id: LoadId) -> Subquery:
    """What this load heard first, and what the songs of the batch may resolve anew.

    Every tier asks for the same artist, at least normalized, so what a new song matches is among what was
    heard of its artist. A song that the batch has in another form may no longer match what it did, nor lend
    its artist's name: so whatever points at it is resolved anew, and whatever found but an artist by name.
    """
    key = ascii_key(HeardSong.artist_name)
    names = select(StagingSong.artist_name)
    # None of them where the batch has no song: then nothing but what is new is resolved.
    catalogue = select(Artist.artist_id).where(~Artist.inferred, exists(select(StagingSong.song_id)))
    keys = select(ascii_key(StagingSong.artist_name)).where(ascii_key(StagingSong.artist_name) != "")
    return (
        select(
            HeardSong.heard_id,
            HeardSong.artist_name,
            HeardSong.title,
            HeardSong.duration,
            key.label("artist_key"),
            ascii_key(HeardSong.title).label("title_key"),
        )
        .where(
            or_(
                HeardSong.load_id == load_id,
                HeardSong.artist_name.in_(names),
                key.in_(keys),
                HeardSong.song_id.in_(select(StagingSong.song_id)),
                and_(HeardSong.match == "inferred", HeardSong.artist_id.in_(catalogue)),
            )
        )
        .subquery("heard")
    )


def _best_song_of_each(heard: Subquery, catalogue: Subquery) -> Subquery:
    """The song of the catalogue that each heard song is, where there is one."""
    away = func.abs(catalogue.c.duration - heard.c.duration)
    found = [heard.c.heard_id, catalogue.c.song_id, catalogue.c.artist_id, away.label("away")]
    plain = select(
        *found, case((catalogue.c.duration == heard.c.duration, 1), else_=2).label("tier")
    ).select_from(
        heard.join(
            catalogue,
            and_(catalogue.c.artist_name == heard.c.artist_name, catalogue.c.title == heard.c.title),
        )
    )
    normalized = select(*found, literal_column("3").label("tier")).select_from(
        heard.join(
            catalogue,
            and_(
                catalogue.c.artist_key == heard.c.artist_key,
                catalogue.c.title_key == heard.c.title_key,
                heard.c.artist_key != "",
                heard.c.title_key != "",
            ),
        )
    )
    tiers = union_all(plain, normalized).subquery("tiers")
    place = func.row_number().over(
        partition_by=tiers.c.heard_id,
        order_by=[tiers.c.tier, tiers.c.away.asc().nulls_last(), tiers.c.song_id],
    )
    ranked = select(tiers, place.label("place")).subquery("ranked")
    match = case((ranked.c.tier == 1, "exact"), (ranked.c.tier == 2, "title_artist"), else_="normalized")
    return (
        select(ranked.c.heard_id, ranked.c.song_id, ranked.c.artist_id, match.label("match"))
        .where(ranked.c.place == 1)
        .subquery("song")
    )


def plays_to_repoint(load_id: LoadId) -> SelectBase:
    """What plays of the past must point at now, for what this load resolved anew."""
    return select(HeardSong.heard_id, HeardSong.song_id, HeardSong.artist_id, HeardSong.match).where(
        HeardSong.load_id == load_id
    )
