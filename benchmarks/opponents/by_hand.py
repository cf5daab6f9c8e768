"""The star that sparkify builds, by a script handwritten for one DuckDB file: a first load, and one more day.

    python -m benchmarks.opponents.by_hand DATABASE LOGS SONGS

It is the strongest opponent that we could write: explicit types, one pass over the files, only the columns that
the star needs, no bound parameters (DuckDB 1.5 imports pandas at the first one), levels computed only for users
who change level. An existing database gets the log files that it has not loaded, and only the rows that these
touch are read: for this, the keys of names and a hash of what was played are stored.

Do not run it in production: it accepts whatever DuckDB accepts, checks nothing, drops no duplicate plays, and
stops at a new song file. Its rows are compared with sparkify's before its time counts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb

from benchmarks.opponents.files import SETTINGS, few, files_below, in_sql

EVENTS = """{artist: 'VARCHAR', firstName: 'VARCHAR', gender: 'VARCHAR', itemInSession: 'INTEGER', lastName: 'VARCHAR',
  length: 'DOUBLE', level: 'VARCHAR', location: 'VARCHAR', page: 'VARCHAR', registration: 'DOUBLE',
  sessionId: 'BIGINT', song: 'VARCHAR', ts: 'BIGINT', userAgent: 'VARCHAR', userId: 'VARCHAR'}"""
SONGS = """{artist_id: 'VARCHAR', artist_latitude: 'DOUBLE', artist_longitude: 'DOUBLE', artist_location: 'VARCHAR',
  artist_name: 'VARCHAR', song_id: 'VARCHAR', title: 'VARCHAR', duration: 'DOUBLE', year: 'INTEGER'}"""


def key(name: str) -> str:
    """SQL for the ASCII letters and digits of a name, in lower case."""
    return f"lower(regexp_replace({name}, '[^a-zA-Z0-9]+', '', 'g'))"


def digest(text: str) -> str:
    """SQL for sixteen hexadecimal digits: the ids of what the catalogue lacks."""
    return f"upper(substr(md5({text}), 1, 16))"


READ_EVENTS = """
CREATE TEMP TABLE e AS SELECT make_timestamp(ts * 1000) AS start_time, CAST(userId AS BIGINT) AS user_id, level, artist,
  song, length, sessionId AS session_id, itemInSession AS item_in_session, location, userAgent AS user_agent,
  firstName AS first_name, lastName AS last_name, gender, registration
FROM read_json({files}, columns = {columns}, format = 'newline_delimited') WHERE page = 'NextSong'
"""

READ_SONGS = """
CREATE TEMP TABLE s AS FROM read_json({files}, columns = {columns}, format = 'newline_delimited')
"""

CATALOGUE = f"""
CREATE TEMP TABLE cat AS SELECT song_id, title, artist_id, artist_name, nullif(year, 0) AS year, duration,
  false AS inferred, {key("title")} AS title_key, {key("artist_name")} AS artist_key FROM s
QUALIFY row_number() OVER (PARTITION BY song_id
  ORDER BY nullif(year, 0) NULLS LAST, title, artist_name, artist_id, duration NULLS LAST) = 1;
CREATE TEMP TABLE cat_artists AS SELECT artist_id, artist_name AS name, nullif(artist_location, '') AS location,
  artist_latitude AS latitude, artist_longitude AS longitude, false AS inferred, {key("artist_name")} AS name_key FROM s
QUALIFY row_number() OVER (PARTITION BY artist_id ORDER BY length(artist_name), artist_name,
  artist_latitude NULLS LAST, artist_longitude NULLS LAST, nullif(artist_location, '') NULLS LAST) = 1;
"""

# ``new`` has each (artist, title, length) that was never played before; ``cat`` and ``credit`` have what may match it.


def resolve(target: str) -> str:
    """Statements that create the table ``target``: each row of ``new`` resolved by the catalogue ``cat``."""
    return f"""
CREATE TEMP TABLE m AS SELECT match_id, arg_min(song_id, (tier, off, song_id)) AS song_id,
  arg_min(artist_id, (tier, off, song_id)) AS artist_id, min(tier) AS tier FROM (
    SELECT match_id, song_id, artist_id, CASE WHEN cat.duration = new.duration THEN 1 ELSE 2 END AS tier,
      coalesce(abs(cat.duration - new.duration), 1e300) AS off FROM new JOIN cat USING (artist_name, title)
    UNION ALL
    SELECT match_id, song_id, artist_id, 3, coalesce(abs(cat.duration - new.duration), 1e300)
    FROM new JOIN cat USING (artist_key, title_key) WHERE artist_key <> '' AND title_key <> '') GROUP BY match_id;
CREATE {target} AS SELECT new.match_id, new.artist_name, new.title, new.duration, new.played,
  coalesce(m.song_id, 'IS' || {digest("new.artist_name || chr(31) || new.title")}) AS song_id,
  coalesce(m.artist_id, by_name.artist_id, by_key.artist_id, 'IA' || {digest("new.artist_name")}) AS artist_id,
  CASE tier WHEN 1 THEN 'exact' WHEN 2 THEN 'title_artist' WHEN 3 THEN 'normalized' ELSE 'inferred' END AS match,
  coalesce(by_name.artist_id, by_key.artist_id) IS NULL AS is_new_artist
FROM new LEFT JOIN m USING (match_id)
LEFT JOIN (SELECT name, min(artist_id) AS artist_id FROM credit GROUP BY 1) by_name ON by_name.name = new.artist_name
LEFT JOIN (SELECT name_key, min(artist_id) AS artist_id FROM credit WHERE name_key <> '' GROUP BY 1) by_key
  ON by_key.name_key = new.artist_key;
"""


NEW_PLAYED = f"SELECT *, {key('title')} AS title_key, {key('artist_name')} AS artist_key"
PLAYED = "hash(artist_name, title, coalesce(duration, -1)) AS played"
PLAYED_EVENT = "hash(artist, song, coalesce(length, -1)) AS played"
CREDIT = "SELECT artist_name AS name, artist_key AS name_key, artist_id FROM cat"

SONGS_KNOWN_FROM_PLAYS = """SELECT song_id, title, artist_id, artist_name, NULL::INTEGER AS year, min(duration) AS duration,
  true AS inferred, NULL::VARCHAR AS title_key, NULL::VARCHAR AS artist_key
FROM resolved WHERE match = 'inferred' GROUP BY ALL"""
ARTISTS_KNOWN_FROM_PLAYS = """SELECT DISTINCT artist_id, artist_name AS name, NULL::VARCHAR AS location,
  NULL::DOUBLE AS latitude, NULL::DOUBLE AS longitude, true AS inferred, NULL::VARCHAR AS name_key
FROM resolved WHERE match = 'inferred' AND is_new_artist"""

# Two plays of a user at the same time are ordered as in sparkify, so that the rows can be compared.
NEWEST = """SELECT user_id, first_name, last_name, gender, level,
  make_timestamp(CAST(registration AS BIGINT) * 1000) AS registered_at, start_time AS last_played_at
FROM e SEMI JOIN (SELECT user_id, max(start_time) AS start_time FROM e GROUP BY 1) newest USING (user_id, start_time)
QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY level DESC NULLS LAST, registration NULLS LAST,
  first_name NULLS LAST, last_name NULLS LAST, gender NULLS LAST) = 1"""

TIME = """SELECT start_time, hour(start_time) AS hour, day(start_time) AS day, week(start_time) AS week,
  month(start_time) AS month, year(start_time) AS year, dayofweek(start_time) AS weekday
FROM (SELECT DISTINCT start_time FROM e)"""

FIRST_LOAD = f"""
CREATE TEMP VIEW credit AS {CREDIT};
CREATE TEMP TABLE new AS {NEW_PLAYED}, {PLAYED}, row_number() OVER () AS match_id FROM (
  SELECT DISTINCT artist AS artist_name, song AS title, length AS duration FROM e);
{resolve("TABLE song_matches")}
CREATE TEMP VIEW resolved AS FROM song_matches;
CREATE TABLE songs AS FROM cat UNION ALL {SONGS_KNOWN_FROM_PLAYS};
CREATE TABLE artists AS FROM cat_artists UNION ALL {ARTISTS_KNOWN_FROM_PLAYS};
CREATE TABLE users AS {NEWEST};
CREATE TABLE time AS {TIME};
CREATE TABLE songplays AS SELECT e.rowid + 1 AS songplay_id, start_time, user_id, level, r.song_id, r.artist_id,
  session_id, item_in_session, location, user_agent, r.match, r.match_id
FROM e JOIN song_matches r ON r.played = hash(e.artist, e.song, coalesce(e.length, -1));
CREATE TABLE user_levels AS
WITH u AS (SELECT user_id, min(start_time) AS valid_from, min(coalesce(level, '')) AS lowest,
    max(coalesce(level, '')) AS highest FROM e GROUP BY 1),
  moments AS (SELECT user_id, start_time, max(coalesce(level, '')) AS level
    FROM e SEMI JOIN (FROM u WHERE lowest <> highest) changing USING (user_id) GROUP BY 1, 2),
  changes AS (SELECT *, lead(start_time) OVER (PARTITION BY user_id ORDER BY start_time) AS valid_to FROM (
    FROM moments QUALIFY lag(level) OVER (PARTITION BY user_id ORDER BY start_time) IS DISTINCT FROM level))
SELECT user_id, valid_from, NULL::TIMESTAMP AS valid_to, nullif(lowest, '') AS level, true AS is_current
FROM u WHERE lowest = highest
UNION ALL SELECT user_id, start_time, valid_to, nullif(level, ''), valid_to IS NULL FROM changes;
"""

ONE_MORE_DAY = f"""
CREATE TEMP TABLE new AS {NEW_PLAYED}, (SELECT max(match_id) FROM song_matches) + row_number() OVER () AS match_id FROM (
  SELECT *, {PLAYED} FROM (SELECT DISTINCT artist AS artist_name, song AS title, length AS duration FROM e))
  ANTI JOIN song_matches USING (played);
CREATE TEMP TABLE cat AS FROM songs SEMI JOIN new USING (artist_key);
CREATE TEMP TABLE credit AS {CREDIT}
  UNION ALL SELECT name, name_key, artist_id FROM artists SEMI JOIN new ON name_key = artist_key;
{resolve("TEMP TABLE resolved")}
INSERT INTO song_matches FROM resolved;
UPDATE songs SET duration = r.duration FROM ({SONGS_KNOWN_FROM_PLAYS}) r
  WHERE songs.song_id = r.song_id AND r.duration < coalesce(songs.duration, 1e300);
INSERT INTO songs FROM ({SONGS_KNOWN_FROM_PLAYS}) ANTI JOIN songs USING (song_id);
INSERT INTO artists FROM ({ARTISTS_KNOWN_FROM_PLAYS}) ANTI JOIN artists USING (artist_id);
CREATE TEMP TABLE touched AS {NEWEST};
CREATE TEMP TABLE newest AS FROM touched ANTI JOIN users
  ON users.user_id = touched.user_id AND users.last_played_at > touched.last_played_at;
DELETE FROM users USING newest WHERE users.user_id = newest.user_id;
INSERT INTO users FROM newest;
SET VARIABLE first = (SELECT min(start_time) FROM e);
SET VARIABLE last = (SELECT max(start_time) FROM e);
INSERT INTO time FROM ({TIME}) ANTI JOIN (SELECT start_time FROM time
  WHERE start_time BETWEEN getvariable('first') AND getvariable('last')) known USING (start_time);
SET VARIABLE plays = (SELECT max(songplay_id) FROM songplays);
INSERT INTO songplays SELECT getvariable('plays') + e.rowid + 1, start_time, user_id, level, r.song_id, r.artist_id,
  session_id, item_in_session, location, user_agent, r.match, r.match_id
FROM (SELECT *, rowid, {PLAYED_EVENT} FROM e) e JOIN song_matches r USING (played);

CREATE TEMP TABLE stretches AS FROM user_levels SEMI JOIN touched USING (user_id);
CREATE TEMP TABLE uncovered AS SELECT e.user_id, min(e.start_time) AS start_time FROM e LEFT JOIN stretches l
  ON l.user_id = e.user_id AND coalesce(l.level, '') = coalesce(e.level, '') AND l.valid_from <= e.start_time
  AND e.start_time < coalesce(l.valid_to, TIMESTAMP '9999-12-31') WHERE l.user_id IS NULL GROUP BY 1;
SET VARIABLE uncovered = (SELECT min(start_time) FROM uncovered);
DELETE FROM user_levels USING uncovered u WHERE user_levels.user_id = u.user_id AND valid_from >= u.start_time;
INSERT INTO user_levels
WITH moments AS (SELECT p.user_id, p.start_time, max(coalesce(p.level, '')) AS level
    FROM songplays p JOIN uncovered u ON u.user_id = p.user_id AND p.start_time >= u.start_time
    WHERE p.start_time >= getvariable('uncovered') GROUP BY 1, 2),
  before AS (SELECT l.user_id, arg_max(coalesce(l.level, ''), l.valid_from) AS level
    FROM stretches l JOIN uncovered u ON u.user_id = l.user_id AND l.valid_from < u.start_time GROUP BY 1)
SELECT user_id, start_time, NULL, nullif(level, ''), true FROM (SELECT moments.*, coalesce(
    lag(moments.level) OVER (PARTITION BY user_id ORDER BY start_time), before.level) AS level_before
  FROM moments LEFT JOIN before USING (user_id)) WHERE level_before IS DISTINCT FROM level;
UPDATE user_levels SET valid_to = w.valid_to, is_current = w.valid_to IS NULL
FROM (SELECT user_id, valid_from, lead(valid_from) OVER (PARTITION BY user_id ORDER BY valid_from) AS valid_to
  FROM user_levels SEMI JOIN uncovered USING (user_id)) w
WHERE w.user_id = user_levels.user_id AND w.valid_from = user_levels.valid_from
  AND w.valid_to IS DISTINCT FROM user_levels.valid_to;
"""


def main(database: str, logs: str, songs: str) -> None:
    """Build the star, or add what is new: all of it or, on failure, nothing.

    :raises SystemExit: if a song file came after the first load.
    """
    if Path(database).exists():
        add(database, logs, songs)
        return
    log_files, song_files = sorted(files_below(logs)), sorted(files_below(songs))
    unfinished = f"{database}.unfinished"
    # A new file with a temporary name needs no transaction.
    with duckdb.connect(unfinished, config=SETTINGS) as connection:
        connection.execute(READ_EVENTS.format(files=in_sql(log_files), columns=EVENTS))
        with few(song_files) as files:
            connection.execute(READ_SONGS.format(files=in_sql(files), columns=SONGS))
        connection.execute(CATALOGUE + FIRST_LOAD)
        connection.execute("CREATE TABLE loaded_files (path VARCHAR)")
        connection.execute(remember(log_files + song_files))
        connection.execute("CHECKPOINT")
    Path(unfinished).replace(database)


def add(database: str, logs: str, songs: str) -> None:
    """Add the log files that are not in the database yet, in one transaction.

    :raises SystemExit: if a song file is new.
    """
    with duckdb.connect(database, config=SETTINGS) as connection:
        known = {path for (path,) in connection.execute("FROM loaded_files").fetchall()}
        log_files = sorted(path for path in files_below(logs) if path not in known)
        if any(path not in known for path in files_below(songs)):
            sys.exit("a song file is new: this script has no way to add it")
        if not log_files:
            return
        # Before the transaction: in DuckDB 1.5 an INSERT that reads what its own transaction wrote takes two to three
        # times the processor time.
        connection.execute(READ_EVENTS.format(files=in_sql(log_files), columns=EVENTS))
        connection.execute("BEGIN")
        connection.execute(ONE_MORE_DAY)
        connection.execute(remember(log_files))
        connection.execute("COMMIT")


def remember(paths: list[str]) -> str:
    """The statement that records the paths, from one text: a literal for each would cost ten microseconds."""
    texts = json.dumps(paths).replace("'", "''")
    return f"INSERT INTO loaded_files SELECT unnest(from_json('{texts}', '[\"VARCHAR\"]'))"


if __name__ == "__main__":
    main(*sys.argv[1:])
