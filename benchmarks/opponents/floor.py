"""The floor: a simpler star, in the least time that DuckDB takes for it.

    python -m benchmarks.opponents.floor DATABASE LOGS SONGS

Five tables, no inferred members, no levels, no ledger, one tier of matching. The tools beside it build the same
star, and the counts of all are compared with sparkify's.
"""

from __future__ import annotations

import sys

import duckdb

from benchmarks.opponents.files import SETTINGS, few, files_below, in_sql

STAR = """
CREATE TEMP TABLE e AS SELECT make_timestamp(ts * 1000) AS start_time, CAST(userId AS BIGINT) AS user_id, * EXCLUDE (ts, userId, page)
FROM read_json({logs}, format = 'newline_delimited', columns = {{artist: 'VARCHAR', firstName: 'VARCHAR',
  gender: 'VARCHAR', lastName: 'VARCHAR', length: 'DOUBLE', level: 'VARCHAR', location: 'VARCHAR', page: 'VARCHAR',
  sessionId: 'BIGINT', song: 'VARCHAR', ts: 'BIGINT', userAgent: 'VARCHAR', userId: 'VARCHAR'}})
WHERE page = 'NextSong';
CREATE TEMP TABLE s AS FROM read_json({songs}, format = 'newline_delimited', columns = {{artist_id: 'VARCHAR',
  artist_latitude: 'DOUBLE', artist_longitude: 'DOUBLE', artist_location: 'VARCHAR', artist_name: 'VARCHAR',
  song_id: 'VARCHAR', title: 'VARCHAR', duration: 'DOUBLE', year: 'INTEGER'}});
CREATE TABLE songs AS SELECT DISTINCT ON (song_id) song_id, title, artist_id, nullif(year, 0) AS year, duration FROM s;
CREATE TABLE artists AS SELECT DISTINCT ON (artist_id) artist_id, artist_name AS name, artist_location AS location,
  artist_latitude AS latitude, artist_longitude AS longitude FROM s;
CREATE TABLE users AS SELECT user_id, arg_max(firstName, start_time) AS first_name, arg_max(lastName, start_time) AS last_name,
  arg_max(gender, start_time) AS gender, arg_max(level, start_time) AS level FROM e GROUP BY 1;
CREATE TABLE time AS SELECT start_time, hour(start_time) AS hour, day(start_time) AS day, week(start_time) AS week,
  month(start_time) AS month, year(start_time) AS year, dayofweek(start_time) AS weekday
FROM (SELECT DISTINCT start_time FROM e);
CREATE TABLE songplays AS SELECT e.rowid + 1 AS songplay_id, start_time, user_id, level, song_id, artist_id,
  sessionId AS session_id, location, userAgent AS user_agent
FROM e LEFT JOIN s ON s.title = e.song AND s.artist_name = e.artist AND s.duration = e.length;
CHECKPOINT;
"""


def main(database: str, logs: str, songs: str) -> None:
    """Build the star."""
    with duckdb.connect(database, config=SETTINGS) as connection, few(sorted(files_below(songs))) as files:
        connection.execute(STAR.format(logs=in_sql(sorted(files_below(logs))), songs=in_sql(files)))


if __name__ == "__main__":
    main(*sys.argv[1:])
