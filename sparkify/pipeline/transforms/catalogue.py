"""The songs and artists of the catalogue, and which of several rows with the same key wins."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, SelectBase, false, func, select

from sparkify.etl.constructs import match_key
from sparkify.etl.declarations import Columns
from sparkify.etl.dispositions import best_with_target
from sparkify.models import tables
from sparkify.pipeline.transforms.batch import LoadId

__all__ = ["artists", "songs"]


def songs(_load_id: LoadId) -> SelectBase:
    """Each song of the batch: the best of its rows in the batch and in the catalogue."""
    staged = tables.staging_songs
    rows = select(
        staged.c.song_id,
        staged.c.title,
        staged.c.artist_id,
        staged.c.artist_name,
        func.nullif(staged.c.year, 0).label("year"),
        staged.c.duration,
        false().label("inferred"),
        match_key(staged.c.title).label("title_key"),
        match_key(staged.c.artist_name).label("artist_key"),
    )
    song = tables.songs
    # A song known only from plays gives way: a catalogue may be completed from such songs, with their ids.
    return best_with_target(song, rows, "song_id", _best_song, where=~song.c.inferred)


def _best_song(row: Columns) -> list[ColumnElement[Any]]:
    """The order of the rows of one song, best first: a known year before none; then by all columns."""
    return [
        row["year"].asc().nulls_last(),
        row["title"],
        row["artist_name"],
        row["artist_id"],
        row["duration"].asc().nulls_last(),
    ]


def artists(_load_id: LoadId) -> SelectBase:
    """Each artist of the batch: the best of its rows in the batch and in the catalogue."""
    staged = tables.staging_songs
    rows = select(
        staged.c.artist_id,
        staged.c.artist_name.label("name"),
        func.nullif(staged.c.artist_location, "").label("location"),
        staged.c.artist_latitude.label("latitude"),
        staged.c.artist_longitude.label("longitude"),
        false().label("inferred"),
        match_key(staged.c.artist_name).label("name_key"),
    )
    artist = tables.artists
    return best_with_target(artist, rows, "artist_id", _best_artist, where=~artist.c.inferred)


def _best_artist(row: Columns) -> list[ColumnElement[Any]]:
    """The order of the rows of one artist, best first: shortest name; alphabetical order; a known place."""
    return [
        func.length(row["name"]),
        row["name"],
        row["latitude"].asc().nulls_last(),
        row["longitude"].asc().nulls_last(),
        row["location"].asc().nulls_last(),
    ]
