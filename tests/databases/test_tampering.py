"""Tampering that ``check`` must detect on every database: one or two statements each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sparkify import Warehouse
from tests.support.data import rows
from tests.support.drivers import Driver
from tests.support.making import event, song

KEYS = "songplays: one row for each start_time, user_id, session_id, item_in_session"
TABLES = "tables: each is there, with every column of its model"
TIMES = "time: a row for each start_time of songplays, and no other"
PARTS = "time: the parts are those of start_time"
USERS = "users: level and last_played_at are of the newest play"
LEVELS = "user_levels: each play lies in a stretch of its level"
STRETCHES = "user_levels: each stretch begins with a play"
POINTS = "songplays: each points at the song its title was resolved to"
RULE = "song_matches: each is resolved as the rule has it"
INFERRED_SONGS = "songs: inferred ones are as plays name them"
INFERRED_ARTISTS = "artists: inferred ones are as plays name them"
LOCK = "load_lock: one row, of token 1"
PLAYS = "songplays: the rows of each load that the ledger has"
USER_ROWS = "users: the rows that the ledger has"
SONG_ROWS = "songs: the rows that the ledger has"
MATCH_ROWS = "song_matches: the rows that the ledger has"
ARTIST_ROWS = "artists: the rows that the ledger has"
FILES = "loaded_files: the rows of each load that the ledger has"
REJECTS = "rejected_rows: the rows of each load that the ledger has"
LOADS = "load_history: the rows of each load that the ledger has"

PLAY_COLUMNS = (
    "start_time, user_id, level, song_id, artist_id, session_id, item_in_session, location, user_agent, "
    "match, match_id, load_id"
)
FREE = "user_id = 9 AND level = 'free'"
"""The one free play of the user who pays later."""


@dataclass(frozen=True)
class Tampering:
    """One kind.

    :ivar sql: the statements.
    :ivar found_by: the check that must fail.
    """

    name: str
    sql: tuple[str, ...]
    found_by: str


def tampering(name: str, found_by: str, *sql: str) -> Tampering:
    return Tampering(name, sql, found_by)


CASES = (
    # Plays
    tampering(
        "play-twice",
        KEYS,
        f"INSERT INTO songplays ({PLAY_COLUMNS}) SELECT {PLAY_COLUMNS} FROM songplays WHERE {FREE}",
    ),
    tampering(
        "number-of-play-twice",
        "songplays: one row for each songplay_id",
        "UPDATE songplays SET songplay_id = (SELECT min(songplay_id) FROM songplays)",
    ),
    tampering("level-of-play", LEVELS, f"UPDATE songplays SET level = 'paid' WHERE {FREE}"),
    tampering("user-of-play-unknown", LEVELS, f"UPDATE songplays SET user_id = 99 WHERE {FREE}"),
    tampering(
        "time-of-play", TIMES, f"UPDATE songplays SET start_time = TIMESTAMP '2018-11-03 10:00:00' WHERE {FREE}"
    ),
    tampering("song-of-play", POINTS, f"UPDATE songplays SET song_id = 'SOOTHER' WHERE {FREE}"),
    tampering("artist-of-play", POINTS, f"UPDATE songplays SET artist_id = 'AROTHER' WHERE {FREE}"),
    tampering("tier-of-play", POINTS, f"UPDATE songplays SET \"match\" = 'normalized' WHERE {FREE}"),
    tampering("match-of-play-unknown", POINTS, f"UPDATE songplays SET match_id = 99 WHERE {FREE}"),
    tampering("play-gone", PLAYS, f"DELETE FROM songplays WHERE {FREE}"),
    tampering("plays-of-load-gone", PLAYS, "DELETE FROM songplays WHERE load_id = 1"),
    tampering("all-plays-gone", PLAYS, "DELETE FROM songplays"),
    tampering(
        "play-added",
        PLAYS,
        f"INSERT INTO songplays ({PLAY_COLUMNS}) SELECT start_time, user_id, level, song_id, artist_id, "
        'session_id, item_in_session + 1, location, user_agent, "match", match_id, load_id '
        f"FROM songplays WHERE {FREE}",
    ),
    tampering("level-of-play-unknown", PLAYS, "UPDATE songplays SET level = NULL WHERE user_id = 8"),
    tampering("user-of-play", PLAYS, "UPDATE songplays SET user_id = 8 WHERE user_id = 7 AND load_id = 1"),
    tampering("location-of-play", PLAYS, f"UPDATE songplays SET location = 'Paris' WHERE {FREE}"),
    tampering("agent-of-play", PLAYS, f"UPDATE songplays SET user_agent = NULL WHERE {FREE}"),
    tampering("session-of-play", PLAYS, f"UPDATE songplays SET session_id = 77 WHERE {FREE}"),
    tampering("item-of-play", PLAYS, f"UPDATE songplays SET item_in_session = 77 WHERE {FREE}"),
    tampering("load-of-play", PLAYS, f"UPDATE songplays SET load_id = 2 WHERE {FREE}"),
    tampering(
        "values-of-plays-exchanged",
        PLAYS,
        "UPDATE songplays SET location = user_agent, user_agent = location WHERE user_id = 8",
    ),
    tampering(
        "match-of-play",
        PLAYS,
        *(
            f"UPDATE songplays SET {name} = (SELECT {name} FROM song_matches WHERE \"match\" = 'inferred') "
            f"WHERE {FREE}"
            for name in ("match_id", "song_id", "artist_id", '"match"')
        ),
    ),
    # Users and their levels
    tampering("user-renamed", USER_ROWS, "UPDATE users SET first_name = 'Eve' WHERE user_id = 9"),
    tampering(
        "registration-of-user",
        USER_ROWS,
        "UPDATE users SET registered_at = TIMESTAMP '2018-01-01 00:00:00' WHERE user_id = 9",
    ),
    tampering("user-gone", "user_levels: every user_id is in users", "DELETE FROM users WHERE user_id = 9"),
    tampering("user-twice", "users: one row for each user_id", "INSERT INTO users SELECT * FROM users"),
    tampering("level-of-user", USERS, "UPDATE users SET level = 'free' WHERE user_id = 9"),
    tampering(
        "last-play-of-user",
        USERS,
        "UPDATE users SET last_played_at = TIMESTAMP '2018-11-01 20:00:00' WHERE user_id = 9",
    ),
    tampering(
        "user-without-play",
        USERS,
        "INSERT INTO users SELECT 99, first_name, last_name, gender, level, registered_at, last_played_at, "
        "described_at FROM users WHERE user_id = 9",
    ),
    tampering("level-of-stretch", LEVELS, "UPDATE user_levels SET level = 'paid' WHERE user_id = 7"),
    tampering(
        "stretch-gone",
        LEVELS,
        "DELETE FROM user_levels WHERE user_id = 9 AND level = 'free'",
    ),
    tampering(
        "stretch-begins-earlier",
        STRETCHES,
        "UPDATE user_levels SET valid_from = TIMESTAMP '2018-01-01 00:00:00' WHERE user_id = 7",
    ),
    tampering(
        "stretch-cut-in-two",
        "user_levels: no stretch has the level of the one before",
        "INSERT INTO user_levels SELECT user_id, TIMESTAMP '2018-11-02 20:00:00', NULL, level, is_current "
        "FROM user_levels WHERE user_id = 7",
        "UPDATE user_levels SET valid_to = TIMESTAMP '2018-11-02 20:00:00', is_current = FALSE "
        "WHERE user_id = 7 AND valid_from < TIMESTAMP '2018-11-02 20:00:00'",
    ),
    tampering(
        "stretch-ended",
        "user_levels: one current stretch for each user",
        "UPDATE user_levels SET valid_to = TIMESTAMP '2018-12-01 00:00:00', is_current = FALSE "
        "WHERE user_id = 7",
    ),
    tampering(
        "stretch-current-again",
        "user_levels: one current stretch for each user",
        "UPDATE user_levels SET is_current = TRUE WHERE user_id = 9",
    ),
    # Times
    tampering("hour-of-time", PARTS, 'UPDATE "time" SET hour = 5'),
    tampering("weekday-of-time", PARTS, 'UPDATE "time" SET weekday = 6 - weekday'),
    tampering(
        "time-of-no-play",
        TIMES,
        "INSERT INTO \"time\" VALUES (TIMESTAMP '2018-11-05 06:00:00', 6, 5, 45, 11, 2018, 1)",
    ),
    tampering("time-gone", TIMES, "DELETE FROM \"time\" WHERE start_time < TIMESTAMP '2018-11-02 00:00:00'"),
    tampering("time-twice", TIMES, 'INSERT INTO "time" SELECT * FROM "time"'),
    # Songs and artists
    tampering(
        "song-renamed",
        "songs: title_key, artist_key as the names have it",
        "UPDATE songs SET title = 'Another' WHERE song_id = 'SOSONG'",
    ),
    tampering(
        "song-renamed-with-its-key",
        RULE,
        "UPDATE songs SET title = 'Another', title_key = 'another' WHERE song_id = 'SOSONG'",
    ),
    tampering("length-of-song", RULE, "UPDATE songs SET duration = 5 WHERE song_id = 'SOSONG'"),
    tampering("inferred-song-renamed", INFERRED_SONGS, "UPDATE songs SET title = 'Another' WHERE inferred"),
    tampering("length-of-inferred-song", INFERRED_SONGS, "UPDATE songs SET duration = 5 WHERE inferred"),
    tampering(
        "song-gone", "song_matches: every song_id is in songs", "DELETE FROM songs WHERE song_id = 'SOSONG'"
    ),
    tampering(
        "song-twice",
        "songs: one row for each song_id",
        "INSERT INTO songs SELECT * FROM songs WHERE song_id = 'SOOTHER'",
    ),
    tampering(
        "artist-renamed",
        "artists: name_key as the names have it",
        "UPDATE artists SET name = 'Another' WHERE artist_id = 'AROTHER'",
    ),
    tampering(
        "inferred-artist-renamed", INFERRED_ARTISTS, "UPDATE artists SET name = 'Another' WHERE inferred"
    ),
    tampering(
        "artist-gone",
        "songs: every artist_id is in artists",
        "DELETE FROM artists WHERE artist_id = 'AROTHER'",
    ),
    tampering(
        "resolution",
        RULE,
        "UPDATE song_matches SET song_id = 'SOOTHER', artist_id = 'AROTHER' WHERE song_id = 'SOSONG'",
        "UPDATE songplays SET song_id = 'SOOTHER', artist_id = 'AROTHER' WHERE song_id = 'SOSONG'",
    ),
    tampering("title-of-match", RULE, "UPDATE song_matches SET title = 'Another' WHERE song_id = 'SOSONG'"),
    tampering(
        "length-of-match",
        MATCH_ROWS,
        "UPDATE song_matches SET duration = 36000 WHERE \"match\" = 'inferred'",
        "UPDATE songs SET duration = 36000 WHERE inferred",
    ),
    tampering(
        "match-added",
        MATCH_ROWS,
        'INSERT INTO song_matches (match_id, artist_name, title, duration, song_id, artist_id, "match", '
        'load_id, artist_key) SELECT 99, artist_name, title, 36000, song_id, artist_id, "match", '
        "load_id, artist_key FROM song_matches WHERE \"match\" = 'inferred'",
    ),
    tampering("year-of-song", SONG_ROWS, "UPDATE songs SET year = 1999 WHERE song_id = 'SOOTHER'"),
    tampering("unplayed-song-gone", SONG_ROWS, "DELETE FROM songs WHERE song_id = 'SOOTHER'"),
    tampering(
        "artist-renamed-with-its-key",
        ARTIST_ROWS,
        "UPDATE artists SET name = 'Another', name_key = 'another' WHERE artist_id = 'AROTHER'",
    ),
    tampering("place-of-artist", ARTIST_ROWS, "UPDATE artists SET latitude = 5 WHERE artist_id = 'AROTHER'"),
    tampering("match-gone", POINTS, "DELETE FROM song_matches WHERE song_id = 'SOSONG'"),
    # Ledger, lock and staging
    tampering(
        "line-counts-of-file",
        "loaded_files: lines = loaded + rejected + blank",
        "UPDATE loaded_files SET loaded = loaded + 1",
    ),
    tampering(
        "line-counts-of-load",
        "load_history: lines = loaded + rejected + blank",
        "UPDATE load_history SET loaded = loaded + 1",
    ),
    tampering(
        "counts-of-file-and-load-alike",
        FILES,
        "UPDATE loaded_files SET lines = lines + 1, loaded = loaded + 1 WHERE load_id = 2",
        "UPDATE load_history SET lines = lines + 1, loaded = loaded + 1 WHERE load_id = 2",
    ),
    tampering("file-gone", FILES, "DELETE FROM loaded_files WHERE source = 'events' AND load_id = 2"),
    tampering("all-files-gone", FILES, "DELETE FROM loaded_files"),
    tampering("load-gone", LOADS, "DELETE FROM load_history WHERE load_id = 2"),
    tampering("all-loads-gone", LOADS, "DELETE FROM load_history"),
    tampering(
        "load-made-up",
        LOADS,
        "INSERT INTO load_history (load_id, mode, started_at, finished_at, files, bytes, lines, loaded, "
        "rejected, blank, version) SELECT 3, mode, started_at, finished_at, files, bytes, lines, "
        "loaded, rejected, blank, version FROM load_history WHERE load_id = 2",
    ),
    tampering("rejected-lines-gone", REJECTS, "DELETE FROM rejected_rows"),
    tampering("text-of-rejected-line", REJECTS, "UPDATE rejected_rows SET text = 'x'"),
    tampering("checksums-gone", PLAYS, "DELETE FROM load_checksums"),
    tampering("checksums-of-load-gone", PLAYS, "DELETE FROM load_checksums WHERE load_id = 2"),
    tampering("lock-without-token", LOCK, "DELETE FROM load_lock"),
    tampering("lock-with-two-tokens", LOCK, "INSERT INTO load_lock VALUES (2, 0)"),
    tampering(
        "staging-rows-left",
        "staging_events: empty between loads",
        "INSERT INTO staging_events (page, session_id) VALUES ('Home', 1)",
    ),
    # Tables
    tampering("column-dropped", TABLES, "ALTER TABLE users DROP COLUMN described_at"),
    tampering("checksums-dropped", TABLES, "DROP TABLE load_checksums"),
    tampering("column-of-checksums-dropped", TABLES, "ALTER TABLE load_checksums DROP COLUMN probe"),
    tampering("table-dropped", TABLES, 'DROP TABLE "time" CASCADE'),
)


@pytest.fixture
def warehouse(driver: Driver) -> Iterator[Warehouse]:
    """Two loads: two songs of the catalogue, and one that it lacks; a user who pays since the second day."""
    # Loaded once per database; the first of these tests verifies that it passes all checks.
    if not driver.restore("to be tampered with"):
        with driver.with_tables() as made:
            load(driver, made)
        driver.save("to be tampered with")
    with driver.warehouse() as found:
        yield found


def load(driver: Driver, warehouse: Warehouse) -> None:
    driver.put(
        "songs",
        "a.json",
        song(),
        song(song_id="SOOTHER", artist_id="AROTHER", title="Other", artist_name="Others", duration=100.5),
    )
    driver.put(
        "events",
        "1.json",
        event(),
        event(userId="8", sessionId=2, artist="Nobody", song="Nothing", at="2018-11-01 21:00:00.000"),
        event(userId="9", sessionId=3, at="2018-11-01 22:00:00.500"),
        event(userId="9", sessionId=3, itemInSession=1, page="Home", at="2018-11-01 22:10:00.000"),
        "{not JSON",
    )
    warehouse.load(max_rejects=1)
    driver.put(
        "events",
        "2.json",
        event(sessionId=4, at="2018-11-02 20:00:00.000"),
        event(userId="9", sessionId=5, level="paid", at="2018-11-02 22:00:00.000"),
    )
    warehouse.load()


def failed(warehouse: Warehouse) -> list[str]:
    return [result.name for result in warehouse.check() if result.count]


def test_nothing_is_found_where_nobody_tampered(warehouse: Warehouse) -> None:
    assert [str(result) for result in warehouse.check() if not result.ok] == []
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(5,)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_tampering_is_found(warehouse: Warehouse, case: Tampering) -> None:
    with warehouse.engine.begin() as connection:
        for statement in case.sql:
            connection.exec_driver_sql(statement)
    assert case.found_by in failed(warehouse)


def test_checks_of_what_is_there_are_run_where_a_table_is_gone(warehouse: Warehouse) -> None:
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE artists CASCADE")
        connection.exec_driver_sql("ALTER TABLE users DROP COLUMN described_at")
        connection.exec_driver_sql("DELETE FROM load_lock")
    found = {result.name: result for result in warehouse.check()}
    assert found[TABLES].rows == (
        {"problem": "table artists is gone"},
        {"problem": "column described_at of users is gone"},
    )
    assert found[RULE].not_run == "table artists is gone"
    assert not found[RULE].ok
    assert (found[LOCK].count, found[LOCK].rows) == (1, ({"rows": 0, "token": None},))
    # Checks that only use existing columns still run.
    assert found[USERS].ok
    assert rows(warehouse, "SELECT count(*) FROM users") == [(3,)]
