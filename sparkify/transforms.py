"""One function for each target: returns its SELECT, at the target's grain.

Every SELECT runs as it is on Redshift and on DuckDB. Times are UTC.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    SelectBase,
    Subquery,
    and_,
    case,
    cast,
    exists,
    extract,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.constructs import ascii_key, epoch_ms, short_hash
from sparkify.etl.declarations import Columns
from sparkify.models import (
    Artist,
    HeardSong,
    Song,
    SongPlay,
    StagingEvent,
    StagingSong,
    UserLevel,
)

__all__ = [
    "artists",
    "best_artist",
    "best_song",
    "best_user",
    "heard_songs",
    "inferred_artists",
    "inferred_songs",
    "plays_to_repoint",
    "resolutions",
    "songplays",
    "songs",
    "time",
    "user_levels",
    "users",
    "users_with_other_levels",
]

LoadId = ColumnElement[int]

PLAY = "NextSong"
"""The page of an event that is a play."""

_is_play = StagingEvent.page == PLAY
_UNKNOWN_LENGTH: ColumnElement[float] = literal_column("-1.0")
"""Stands for a length that was not reported, so that two such are equal in a join."""


# -- the catalogue ---------------------------------------------------------------------------------------


def songs(_load_id: LoadId) -> SelectBase:
    """The songs of the batch, as often as the batch has them."""
    return select(
        StagingSong.song_id,
        StagingSong.title,
        StagingSong.artist_id,
        StagingSong.artist_name,
        func.nullif(StagingSong.year, 0).label("year"),
        StagingSong.duration,
        false().label("inferred"),
    )


def best_song(row: Columns) -> list[ColumnElement[Any]]:
    """Of two rows of one song: a known year before none, then the first by all that there is."""
    return [
        row["year"].asc().nulls_last(),
        row["title"],
        row["artist_name"],
        row["artist_id"],
        row["duration"].asc().nulls_last(),
    ]


def artists(_load_id: LoadId) -> SelectBase:
    """The artists of the batch, as often as the batch has them."""
    return select(
        StagingSong.artist_id,
        StagingSong.artist_name.label("name"),
        func.nullif(StagingSong.artist_location, "").label("location"),
        StagingSong.artist_latitude.label("latitude"),
        StagingSong.artist_longitude.label("longitude"),
        false().label("inferred"),
    )


def best_artist(row: Columns) -> list[ColumnElement[Any]]:
    """Of several rows of one artist: the shortest name, then the first name, then where a place is known."""
    return [
        func.length(row["name"]),
        row["name"],
        row["latitude"].asc().nulls_last(),
        row["longitude"].asc().nulls_last(),
        row["location"].asc().nulls_last(),
    ]


# -- what was heard, and which song it was ---------------------------------------------------------------


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
        .where(_is_play)
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


def _same_heard(left: Any, right: Any) -> ColumnElement[bool]:
    return and_(
        left.artist_name == right.artist_name,
        left.title == right.title,
        func.coalesce(left.duration, _UNKNOWN_LENGTH) == func.coalesce(right.duration, _UNKNOWN_LENGTH),
    )


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
            true().label("inferred"),
        )
        .select_from(heard.outerjoin(catalogue, catalogue.c.artist_id == heard.c.artist_id))
        .where(heard.c.match == "inferred", catalogue.c.artist_id.is_(None))
        .distinct()
    )


# -- plays -------------------------------------------------------------------------------------------------


def users(_load_id: LoadId) -> SelectBase:
    """Each user of the batch as at the newest play; more than one row where that moment has several."""
    newest = (
        select(StagingEvent.user_id, func.max(StagingEvent.ts).label("ts"))
        .where(_is_play)
        .group_by(StagingEvent.user_id)
        .subquery("newest")
    )
    event = StagingEvent.__table__
    return (
        select(
            event.c.user_id,
            event.c.first_name,
            event.c.last_name,
            event.c.gender,
            event.c.level,
            epoch_ms(event.c.registration).label("registered_at"),
            event.c.ts.label("last_played_at"),
        )
        .select_from(event.join(newest, and_(newest.c.user_id == event.c.user_id, newest.c.ts == event.c.ts)))
        .where(_is_play)
    )


def best_user(row: Columns) -> list[ColumnElement[Any]]:
    """Of several rows of one user: the newest; of one moment paid before free, then the first by all."""
    return [
        row["last_played_at"].desc(),
        row["level"].desc().nulls_last(),
        row["registered_at"].asc().nulls_last(),
        row["first_name"].asc().nulls_last(),
        row["last_name"].asc().nulls_last(),
        row["gender"].asc().nulls_last(),
    ]


def time(_load_id: LoadId) -> SelectBase:
    """Each moment of the batch at which a song began."""
    moment = select(StagingEvent.ts.label("start_time")).where(_is_play).distinct().subquery("moment")
    start = moment.c.start_time
    return select(
        start,
        extract("hour", start).label("hour"),
        extract("day", start).label("day"),
        extract("week", start).label("week"),
        extract("month", start).label("month"),
        extract("year", start).label("year"),
        extract("dow", start).label("weekday"),
    )


def songplays(load_id: LoadId) -> SelectBase:
    """Each play of the batch once, pointing at the song that what was heard is resolved to."""
    play = _plays_once()
    heard = HeardSong.__table__
    return select(
        play.c.ts.label("start_time"),
        play.c.user_id,
        play.c.level,
        heard.c.song_id,
        heard.c.artist_id,
        play.c.session_id,
        play.c.item_in_session,
        play.c.location,
        play.c.user_agent,
        heard.c.match,
        heard.c.heard_id,
        cast(load_id, BigInteger).label("load_id"),
    ).select_from(
        # An outer join: a play that were not heard would be refused as NULL, and not be lost in silence.
        play.outerjoin(
            heard,
            and_(
                heard.c.artist_name == play.c.artist,
                heard.c.title == play.c.song,
                func.coalesce(heard.c.duration, _UNKNOWN_LENGTH)
                == func.coalesce(play.c.length, _UNKNOWN_LENGTH),
            ),
        )
    )


def _plays_once() -> Subquery:
    """The plays of the batch; one of those that the batch has several times.

    Two files may hold the same play. To number all plays would cost more than the rest of the load, so only
    the keys that do occur twice, which are few or none, are numbered.
    """
    event = StagingEvent.__table__
    names = ("ts", "session_id", "item_in_session")
    twice = (
        select(*(event.c[name] for name in names))
        .where(_is_play)
        .group_by(*(event.c[name] for name in names))
        .having(func.count() > 1)
        .subquery("twice")
    )
    same = and_(*(twice.c[name] == event.c[name] for name in names))
    columns = [
        event.c[name]
        for name in (*names, "user_id", "level", "artist", "song", "length", "location", "user_agent")
    ]
    once = select(*columns).select_from(event.outerjoin(twice, same)).where(_is_play, twice.c.ts.is_(None))
    order = [column.asc().nulls_last() for column in columns if column.name not in names]
    place = func.row_number().over(partition_by=[event.c[name] for name in names], order_by=order)
    numbered = (
        select(*columns, place.label("place"))
        .select_from(event.join(twice, same))
        .where(_is_play)
        .subquery("numbered")
    )
    first = select(*(numbered.c[column.name] for column in columns)).where(numbered.c.place == 1)
    return union_all(once, first).subquery("play")


# -- levels ------------------------------------------------------------------------------------------------


def users_with_other_levels(load_id: LoadId) -> SelectBase:
    """The users of whom this load brought a play that no stretch of its level covers."""
    play, stretch = SongPlay.__table__, UserLevel.__table__
    covered = and_(
        stretch.c.user_id == play.c.user_id,
        func.coalesce(stretch.c.level, "") == func.coalesce(play.c.level, ""),
        stretch.c.valid_from <= play.c.start_time,
        or_(stretch.c.valid_to.is_(None), play.c.start_time < stretch.c.valid_to),
    )
    return (
        select(play.c.user_id)
        .select_from(play.outerjoin(stretch, covered))
        .where(play.c.load_id == load_id, stretch.c.user_id.is_(None))
        .distinct()
    )


def user_levels(load_id: LoadId) -> SelectBase:
    """The stretches of those users, from all of their plays."""
    play = SongPlay.__table__
    level = func.coalesce(play.c.level, "")
    mine = play.c.user_id.in_(users_with_other_levels(load_id))
    # Most users never change, and one stretch with their first play is all there is to say of them. Only
    # the plays of the others are put in order.
    of_user = (
        select(
            play.c.user_id,
            func.min(play.c.start_time).label("valid_from"),
            func.min(level).label("level"),
            func.max(level).label("last_level"),
        )
        .where(mine)
        .group_by(play.c.user_id)
    )
    steady = of_user.having(func.min(level) == func.max(level)).subquery("steady")
    changing = of_user.having(func.min(level) != func.max(level)).subquery("changing")
    stretch = _stretches(changing)
    return select(
        steady.c.user_id,
        steady.c.valid_from,
        cast(None, TIMESTAMP).label("valid_to"),
        func.nullif(steady.c.level, "").label("level"),
        true().label("is_current"),
    ).union_all(
        select(
            stretch.c.user_id,
            stretch.c.valid_from,
            stretch.c.valid_to,
            func.nullif(stretch.c.level, "").label("level"),
            stretch.c.valid_to.is_(None).label("is_current"),
        )
    )


def _stretches(users: Subquery) -> Subquery:
    """From each change of level to the next, of users who do change."""
    play = SongPlay.__table__
    moment = (
        select(play.c.user_id, play.c.start_time, func.max(func.coalesce(play.c.level, "")).label("level"))
        .where(play.c.user_id.in_(select(users.c.user_id)))
        .group_by(play.c.user_id, play.c.start_time)
        .subquery("moment")
    )
    before = func.lag(moment.c.level).over(partition_by=moment.c.user_id, order_by=moment.c.start_time)
    stepped = select(moment, before.label("level_before")).subquery("stepped")
    change = (
        select(stepped.c.user_id, stepped.c.start_time, stepped.c.level)
        .where(or_(stepped.c.level_before.is_(None), stepped.c.level_before != stepped.c.level))
        .subquery("change")
    )
    following = func.lead(change.c.start_time).over(partition_by=change.c.user_id, order_by=change.c.start_time)
    return select(
        change.c.user_id, change.c.start_time.label("valid_from"), following.label("valid_to"), change.c.level
    ).subquery("stretch")
