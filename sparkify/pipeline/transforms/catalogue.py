"""The songs and artists of the catalogue, and which of several rows of the same key wins."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, SelectBase, false, func, select

from sparkify.etl.constructs import match_key
from sparkify.etl.declarations import Columns
from sparkify.etl.dispositions import best_with_target
from sparkify.models import Artist, Song, StagingSong
from sparkify.pipeline.transforms.batch import LoadId

__all__ = ["artists", "songs"]


def songs(_load_id: LoadId) -> SelectBase:
    """Each song of the batch: the best row of those of the batch and of the catalogue."""
    rows = select(
        StagingSong.song_id,
        StagingSong.title,
        StagingSong.artist_id,
        StagingSong.artist_name,
        func.nullif(StagingSong.year, 0).label("year"),
        StagingSong.duration,
        false().label("inferred"),
        match_key(StagingSong.title).label("title_key"),
        match_key(StagingSong.artist_name).label("artist_key"),
    )
    song = Song.__table__
    return best_with_target(song, rows, "song_id", _best_song, ~song.c.inferred)


def _best_song(row: Columns) -> list[ColumnElement[Any]]:
    """The order of rows of one song, best first: a known year before none; then by all columns."""
    return [
        row["year"].asc().nulls_last(),
        row["title"],
        row["artist_name"],
        row["artist_id"],
        row["duration"].asc().nulls_last(),
    ]


def artists(_load_id: LoadId) -> SelectBase:
    """Each artist of the batch likewise."""
    rows = select(
        StagingSong.artist_id,
        StagingSong.artist_name.label("name"),
        func.nullif(StagingSong.artist_location, "").label("location"),
        StagingSong.artist_latitude.label("latitude"),
        StagingSong.artist_longitude.label("longitude"),
        false().label("inferred"),
        match_key(StagingSong.artist_name).label("name_key"),
    )
    artist = Artist.__table__
    return best_with_target(artist, rows, "artist_id", _best_artist, ~artist.c.inferred)


def _best_artist(row: Columns) -> list[ColumnElement[Any]]:
    """The order of rows of one artist, best first: the shortest name; the first by alphabet; a known place."""
    return [
        func.length(row["name"]),
        row["name"],
        row["latitude"].asc().nulls_last(),
        row["longitude"].asc().nulls_last(),
        row["location"].asc().nulls_last(),
    ]
