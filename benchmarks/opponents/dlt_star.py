"""The simpler star with dlt: the files go to DuckDB as Arrow tables, and SQL builds the star from them.

    python -m benchmarks.opponents.dlt_star DATABASE LOGS SONGS

As its documentation recommends for speed: resources yield Arrow tables, which are loaded as Parquet without looking at
single rows, and the transformations run through the pipeline's SQL client. Its default, dictionaries from
``read_jsonl``, takes many times as long.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json

from benchmarks.opponents.files import few, files_below

EVENTS = pa.schema(
    [(name, pa.string()) for name in ("artist", "firstName", "gender", "lastName", "level", "location", "page")]
    + [(name, pa.string()) for name in ("song", "userAgent", "userId")]
    + [("length", pa.float64()), ("sessionId", pa.int64()), ("ts", pa.int64())]
)
SONGS = pa.schema(
    [(name, pa.string()) for name in ("artist_id", "artist_location", "artist_name", "song_id", "title")]
    + [(name, pa.float64()) for name in ("artist_latitude", "artist_longitude", "duration")]
    + [("year", pa.int32())]
)

STAR = """
CREATE OR REPLACE TABLE songs AS SELECT DISTINCT ON (song_id) song_id, title, artist_id, nullif(year, 0) AS year, duration
FROM staging_songs;
CREATE OR REPLACE TABLE artists AS SELECT DISTINCT ON (artist_id) artist_id, artist_name AS name,
  artist_location AS location, artist_latitude AS latitude, artist_longitude AS longitude FROM staging_songs;
CREATE OR REPLACE TABLE users AS SELECT CAST(user_id AS BIGINT) AS user_id, arg_max(first_name, ts) AS first_name,
  arg_max(last_name, ts) AS last_name, arg_max(gender, ts) AS gender, arg_max(level, ts) AS level
FROM staging_plays GROUP BY 1;
CREATE OR REPLACE TABLE time AS SELECT start_time, hour(start_time) AS hour, day(start_time) AS day,
  week(start_time) AS week, month(start_time) AS month, year(start_time) AS year, dayofweek(start_time) AS weekday
FROM (SELECT DISTINCT make_timestamp(ts * 1000) AS start_time FROM staging_plays);
CREATE OR REPLACE TABLE songplays AS SELECT p.rowid + 1 AS songplay_id, make_timestamp(p.ts * 1000) AS start_time,
  CAST(p.user_id AS BIGINT) AS user_id, p.level, s.song_id, s.artist_id, p.session_id, p.location, p.user_agent
FROM staging_plays p LEFT JOIN staging_songs s
  ON s.title = p.song AND s.artist_name = p.artist AND s.duration = p.length;
"""


def tables(paths: list[str], schema: pa.Schema) -> Iterator[pa.Table]:
    """The lines of each file, with the columns of the schema."""
    options = json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    for path in paths:
        with pa.input_stream(path) as source:
            yield json.read_json(source, json.ReadOptions(block_size=1 << 22), options)


def main(database: str, logs: str, songs: str) -> None:
    """Build the star in the schema ``star``."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

    def plays() -> Iterator[pa.Table]:
        for table in tables(sorted(files_below(logs)), EVENTS):
            yield table.filter(pc.equal(table["page"], "NextSong"))

    def catalogue() -> Iterator[pa.Table]:
        with few(sorted(files_below(songs))) as files:
            yield from tables(files, SONGS)

    pipeline = dlt.pipeline(
        "star",
        destination=dlt.destinations.duckdb(database),
        dataset_name="star",
        pipelines_dir=str(Path(database).parent / "pipelines"),
    )
    resources = [
        dlt.resource(rows, name=name, write_disposition="replace")
        for name, rows in (("staging_plays", plays), ("staging_songs", catalogue))
    ]
    pipeline.run(resources, loader_file_format="parquet").raise_on_failed_jobs()
    with pipeline.sql_client() as client:
        for statement in STAR.strip().split(";"):
            if statement:
                client.execute_sql(statement)


if __name__ == "__main__":
    main(*sys.argv[1:])
