"""The simpler star with polars: lazy frames over the files, the star in expressions, Arrow into DuckDB.

    python -m benchmarks.opponents.polars_star DATABASE LOGS SONGS

As its documentation recommends: ``scan_ndjson`` with a schema, one ``collect_all`` for all frames, and DuckDB's scan
of the Arrow tables that polars returns.
"""

from __future__ import annotations

import sys

import duckdb
import polars as pl

from benchmarks.opponents.files import few, files_below

EVENTS = {
    "artist": pl.String, "firstName": pl.String, "gender": pl.String, "lastName": pl.String, "length": pl.Float64,
    "level": pl.String, "location": pl.String, "page": pl.String, "sessionId": pl.Int64, "song": pl.String,
    "ts": pl.Int64, "userAgent": pl.String, "userId": pl.String,
}  # fmt: skip
SONGS = {
    "artist_id": pl.String, "artist_latitude": pl.Float64, "artist_longitude": pl.Float64,
    "artist_location": pl.String, "artist_name": pl.String, "song_id": pl.String, "title": pl.String,
    "duration": pl.Float64, "year": pl.Int32,
}  # fmt: skip


def star(plays: pl.LazyFrame, catalogue: pl.LazyFrame) -> dict[str, pl.LazyFrame]:
    """The five tables."""
    start = pl.col("start_time")
    return {
        "songs": catalogue.unique("song_id").select(
            "song_id", "title", "artist_id", pl.col("year").replace(0, None), "duration"
        ),
        "artists": catalogue.unique("artist_id").select(
            "artist_id",
            pl.col("artist_name").alias("name"),
            pl.col("artist_location").alias("location"),
            pl.col("artist_latitude").alias("latitude"),
            pl.col("artist_longitude").alias("longitude"),
        ),
        "users": plays.group_by("user_id").agg(
            pl.col("firstName", "lastName", "gender", "level").sort_by("start_time").last()
        ),
        "time": plays.select("start_time")
        .unique()
        .with_columns(
            start.dt.hour().alias("hour"),
            start.dt.day().alias("day"),
            start.dt.week().alias("week"),
            start.dt.month().alias("month"),
            start.dt.year().alias("year"),
            start.dt.weekday().alias("weekday"),
        ),
        "songplays": plays.join(
            catalogue.select("title", "artist_name", "duration", "song_id", "artist_id"),
            left_on=["song", "artist", "length"],
            right_on=["title", "artist_name", "duration"],
            how="left",
        )
        .with_row_index("songplay_id", offset=1)
        .select(
            "songplay_id", "start_time", "user_id", "level", "song_id", "artist_id",
            pl.col("sessionId").alias("session_id"), "location", pl.col("userAgent").alias("user_agent"),
        ),
    }  # fmt: skip


def main(database: str, logs: str, songs: str) -> None:
    """Build the star."""
    with few(sorted(files_below(songs))) as files, duckdb.connect(database) as connection:
        plays = (
            pl.scan_ndjson(sorted(files_below(logs)), schema=EVENTS)
            .filter(pl.col("page") == "NextSong")
            .with_columns(
                pl.from_epoch("ts", time_unit="ms").alias("start_time"),
                pl.col("userId").cast(pl.Int64).alias("user_id"),
            )
        )
        tables = star(plays, pl.scan_ndjson(files, schema=SONGS))
        for name, frame in zip(tables, pl.collect_all(tables.values()), strict=True):
            connection.register("frame", frame.to_arrow())
            connection.execute(f"CREATE TABLE {name} AS FROM frame")
            connection.unregister("frame")
        connection.execute("CHECKPOINT")


if __name__ == "__main__":
    main(*sys.argv[1:])
