"""What somebody would write by hand for one fast load into an empty DuckDB: no second batch, no checks."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import duckdb

EVENTS = {
    "artist": "VARCHAR", "firstName": "VARCHAR", "gender": "VARCHAR", "itemInSession": "INTEGER",
    "lastName": "VARCHAR", "length": "DOUBLE", "level": "VARCHAR", "location": "VARCHAR", "page": "VARCHAR",
    "registration": "DOUBLE", "sessionId": "BIGINT", "song": "VARCHAR", "ts": "BIGINT", "userAgent": "VARCHAR",
    "userId": "VARCHAR",
}  # fmt: skip
SONGS = {
    "artist_id": "VARCHAR", "artist_latitude": "DOUBLE", "artist_longitude": "DOUBLE",
    "artist_location": "VARCHAR", "artist_name": "VARCHAR", "song_id": "VARCHAR", "title": "VARCHAR",
    "duration": "DOUBLE", "year": "INTEGER",
}  # fmt: skip
KEY = "lower(regexp_replace({}, '[^a-zA-Z0-9]', '', 'g'))"
HASH = "upper(substr(md5({}), 1, 16))"

STAGE = """
CREATE TEMP TABLE e AS SELECT make_timestamp(ts * 1000) AS st, CAST(userId AS BIGINT) AS uid, level, artist, song, length,
  sessionId, itemInSession, location, userAgent, firstName, lastName, gender, registration
FROM read_json($logs, columns = {events}, format = 'newline_delimited') WHERE page = 'NextSong';
CREATE TEMP TABLE s AS SELECT * FROM read_json($songs, columns = {songs}, format = 'newline_delimited');
"""

BUILD = f"""
CREATE TEMP TABLE cat AS SELECT *, {KEY.format("title")} AS tk, {KEY.format("artist_name")} AS ak FROM (
  SELECT DISTINCT ON (song_id) * FROM s);
CREATE TEMP TABLE h0 AS SELECT DISTINCT artist, song, length FROM e;
CREATE TEMP TABLE h1 AS SELECT *, row_number() OVER () AS hid, {KEY.format("song")} AS tk,
  {KEY.format("artist")} AS ak FROM h0;
CREATE TEMP TABLE m AS SELECT hid, arg_min(song_id, (tier, off, song_id)) AS song_id,
  arg_min(artist_id, (tier, off, song_id)) AS artist_id, min(tier) AS tier FROM (
    SELECT hid, song_id, artist_id, CASE WHEN duration = length THEN 1 ELSE 2 END AS tier,
      coalesce(abs(duration - length), 1e9) AS off
    FROM h1 JOIN cat ON artist = artist_name AND song = title
    UNION ALL
    SELECT hid, song_id, artist_id, 3, coalesce(abs(duration - length), 1e9)
    FROM h1 JOIN cat USING (ak, tk) WHERE ak <> '' AND tk <> '') GROUP BY hid;
CREATE TEMP TABLE an AS SELECT artist_name, min(artist_id) AS aid FROM cat GROUP BY 1;
CREATE TEMP TABLE ak AS SELECT ak, min(artist_id) AS aid FROM cat WHERE ak <> '' GROUP BY 1;
CREATE TABLE song_matches AS SELECT h1.hid AS match_id, artist AS artist_name, song AS title, length AS duration,
  coalesce(m.song_id, 'IS' || {HASH.format("artist || chr(31) || song")}) AS song_id,
  coalesce(m.artist_id, an.aid, ak.aid, 'IA' || {HASH.format("artist")}) AS artist_id,
  CASE tier WHEN 1 THEN 'exact' WHEN 2 THEN 'title_artist' WHEN 3 THEN 'normalized' ELSE 'inferred' END AS match,
  m.hid IS NULL AS inferred, coalesce(an.aid, ak.aid) IS NULL AS new_artist
FROM h1 LEFT JOIN m USING (hid) LEFT JOIN an ON an.artist_name = h1.artist LEFT JOIN ak USING (ak);
CREATE TABLE songs AS SELECT song_id, title, artist_id, artist_name, nullif(year, 0) AS year, duration,
  false AS inferred FROM cat
UNION ALL SELECT song_id, title, artist_id, artist_name, NULL, min(duration), true FROM song_matches
  WHERE inferred GROUP BY 1, 2, 3, 4;
CREATE TABLE artists AS SELECT artist_id, arg_min(artist_name, (length(artist_name), artist_name)) AS name,
  any_value(nullif(artist_location, '')) AS location, any_value(artist_latitude) AS latitude,
  any_value(artist_longitude) AS longitude, false AS inferred FROM cat GROUP BY 1
UNION ALL SELECT DISTINCT artist_id, artist_name, NULL, NULL, NULL, true FROM song_matches WHERE inferred AND new_artist;
CREATE TABLE users AS SELECT uid AS user_id, arg_max(firstName, st) AS first_name, arg_max(lastName, st) AS last_name,
  arg_max(gender, st) AS gender, arg_max(level, st) AS level,
  make_timestamp(CAST(arg_max(registration, st) AS BIGINT) * 1000) AS registered_at, max(st) AS last_played_at
FROM e GROUP BY 1;
CREATE TABLE time AS SELECT st AS start_time, hour(st) AS hour, day(st) AS day, week(st) AS week, month(st) AS month,
  year(st) AS year, dayofweek(st) AS weekday FROM (SELECT DISTINCT st FROM e);
CREATE TABLE songplays AS SELECT e.rowid + 1 AS songplay_id, st AS start_time, uid AS user_id, level, h.song_id,
  h.artist_id, sessionId AS session_id, itemInSession AS item_in_session, location, userAgent AS user_agent, h.match,
  h.match_id FROM e JOIN song_matches h ON h.artist_name = e.artist AND h.title = e.song AND h.duration = e.length;
CREATE TABLE user_levels AS SELECT user_id, start_time AS valid_from, level,
  lead(start_time) OVER (PARTITION BY user_id ORDER BY start_time) AS valid_to FROM (
    SELECT *, lag(level) OVER (PARTITION BY user_id ORDER BY start_time) AS before FROM (
      SELECT uid AS user_id, st AS start_time, max(level) AS level FROM e GROUP BY 1, 2))
WHERE before IS DISTINCT FROM level;
CHECKPOINT;
"""


def joined(folder: str) -> str:
    """Many tiny files as one: opening them one by one would be most of the time."""
    handle, path = tempfile.mkstemp(suffix=".json")
    with os.fdopen(handle, "wb") as out:
        for parent, _, names in os.walk(folder):
            for name in names:
                out.write(Path(parent, name).read_bytes())
                out.write(b"\n")
    return path


def main(database: str, logs: str, songs: str) -> None:
    """Build the star."""
    connection = duckdb.connect(database, config={"threads": 2, "preserve_insertion_order": False})
    together = joined(songs)
    files = {"logs": sorted(str(path) for path in Path(logs).rglob("*.json")), "songs": [together]}
    for statement in STAGE.format(events=EVENTS, songs=SONGS).split(";")[:2]:
        used = {name: value for name, value in files.items() if f"${name}" in statement}
        connection.execute(statement, used)
    connection.execute(BUILD)
    connection.close()
    Path(together).unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
