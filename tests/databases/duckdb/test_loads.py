"""Whole loads: what stops one, and that a stopped load leaves everything unchanged."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pytest
from duckdb_sqlalchemy import ConnectionWrapper, CursorWrapper
from sqlalchemy import BigInteger, Connection, create_engine, literal, text
from sqlalchemy import event as engine_event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, StaticPool

from sparkify import (
    ChangedFiles,
    ConfigurationError,
    EmptySource,
    RejectedLines,
    SparkifyError,
    TemporaryError,
    Warehouse,
)
from sparkify.databases import open_database
from sparkify.databases.duckdb import batch
from sparkify.databases.duckdb.database import DuckDB
from sparkify.databases.duckdb.reading import compress
from sparkify.etl.checking import counting, run_checks_of_load
from sparkify.etl.listing import Listing, SourceFile
from sparkify.etl.observer import Observer
from sparkify.etl.plan import choose
from sparkify.etl.session import Session
from sparkify.etl.templates import Template
from sparkify.warehouse import environment
from tests.databases.test_dry_run import sent
from tests.support.commands import holding, run_here
from tests.support.data import Data, rows, star
from tests.support.making import event, song
from tests.support.observers import Warnings
from tests.support.paths import CLONE

STAR_TABLES = ("songplays", "users", "songs", "artists", "time", "song_matches", "user_levels")
HANG = 300
"""Seconds after which a test that waits is taken to hang."""
LEDGER = ("load_history", "loaded_files", "rejected_rows", "load_lock")


def everything(warehouse: Warehouse) -> dict[str, object]:
    """The star and the ledger."""
    return star(warehouse) | {table: rows(warehouse, f"SELECT * FROM {table}") for table in LEDGER}


# -- which files -----------------------------------------------------------------------------------------

A1, A2 = SourceFile("/in/a", 1, "one"), SourceFile("/in/a", 1, "two")
B = SourceFile("/in/b", 1, "one")


def listed(*files: SourceFile) -> dict[str, Listing]:
    return {"events": Listing("/in", files)}


def test_new_files_are_chosen_and_known_ones_left_out() -> None:
    selection = choose(listed(A1, B), {"events": {"/in/a": "one", "/gone": "x"}})
    assert (selection.mode, selection.files, selection.known) == (
        "incremental",
        {"events": (B,)},
        {"events": 1},
    )
    assert choose(listed(A1), {"events": {"/in/a": "one"}}).nothing_new


def test_a_changed_file_stops_or_rebuilds() -> None:
    with pytest.raises(
        ChangedFiles, match=r"^/in/a: changed since it was loaded\..*reload_changed=True"
    ) as stopped:
        choose(listed(A2, B), {"events": {"/in/a": "one"}})
    assert stopped.value.uris == ("/in/a",)
    assert stopped.value.exit_code == 1
    selection = choose(listed(A2, B), {"events": {"/in/a": "one"}}, reload_changed=True)
    assert (selection.mode, selection.files) == ("full refresh", {"events": (A2, B)})
    assert choose(listed(A1, B), {"events": {"/in/a": "one"}}, reload_changed=True).mode == "incremental"


def test_a_rebuild_without_a_loaded_file_is_refused() -> None:
    with pytest.raises(
        ChangedFiles, match=r"^/in/b: loaded before and is not among .* allow_missing=True"
    ) as stopped:
        choose(listed(A1), {"events": {"/in/a": "one", "/in/b": "one"}}, full_refresh=True)
    assert stopped.value.uris == ("/in/b",)
    selection = choose(
        listed(A1), {"events": {"/in/a": "one", "/in/b": "one"}}, full_refresh=True, allow_missing=True
    )
    assert selection.files == {"events": (A1,)}


# -- what stops a load -------------------------------------------------------------------------------------


RESOLVED = "songplays: each points at the song its title was resolved to"

PLAYED_AT = datetime(2018, 11, 1, 20, 0, 0, 796000)
"""When the one play was, of which the batch is: what its load has looked up."""

CHECKED = {
    "checked_users": "SELECT user_id FROM users WHERE user_id = 7",
    "checked_levels": "SELECT user_id, valid_from, valid_to, is_current FROM user_levels WHERE user_id = 7",
    "checked_matches": "SELECT match_id, song_id, artist_id, match FROM song_matches WHERE match_id = 1",
    "checked_songs": (
        "SELECT song_id, artist_id FROM songs WHERE song_id IN (SELECT song_id FROM checked_matches)"
    ),
    "checked_artists": (
        "SELECT artist_id FROM artists WHERE artist_id IN "
        "(SELECT artist_id FROM checked_matches UNION SELECT artist_id FROM checked_songs)"
    ),
}
"""What the load of one play has copied for its checks."""

BREAKS_FOUND_LATER = {
    "tables: each is there, with every column of its model": "DROP TABLE load_steps",
    "load_lock: one row, of token 1": "DELETE FROM load_lock",
    "staging_events: empty between loads": "INSERT INTO staging_events (page) VALUES ('Home')",
    "staging_songs: empty between loads": "INSERT INTO staging_songs (title) VALUES ('Song')",
    "songplays: the rows of each load that the ledger has": "UPDATE songplays SET location = 'Paris'",
    "users: the rows that the ledger has": "UPDATE users SET first_name = 'Eve'",
    "songs: the rows that the ledger has": "UPDATE songs SET year = 1999",
    "artists: the rows that the ledger has": "UPDATE artists SET latitude = 1",
    "song_matches: the rows that the ledger has": "UPDATE song_matches SET duration = 36000",
    "load_history: the rows of each load that the ledger has": "UPDATE load_history SET mode = 'other'",
    "loaded_files: the rows of each load that the ledger has": "DELETE FROM loaded_files",
    "rejected_rows: the rows of each load that the ledger has": (
        "INSERT INTO rejected_rows VALUES ('/a', 1, 'events', NULL, 'reason', 'text', 1)"
    ),
    "time: the parts are those of start_time": "UPDATE time SET hour = 5",
    "time: a row for each start_time of songplays, and no other": "DELETE FROM time",
    "users: level and last_played_at are of the newest play": "UPDATE users SET level = 'paid'",
    "user_levels: every user_id is in users": "DELETE FROM users",
    "user_levels: each play lies in a stretch of its level": "DELETE FROM user_levels",
    "user_levels: each stretch begins with a play": (
        "UPDATE user_levels SET valid_from = TIMESTAMP '2018-01-01'"
    ),
    "user_levels: no stretch has the level of the one before": (
        "INSERT INTO user_levels VALUES (7, TIMESTAMP '2019-01-01', NULL, 'free', true)"
    ),
    "songs: none is longer than a day": "UPDATE songs SET duration = 86401",
    "song_matches: none is longer than a day": "UPDATE song_matches SET duration = 86401",
    "song_matches: each is resolved as the rule has it": "UPDATE song_matches SET match = 'exact'",
    "songs: inferred ones are as plays name them": "UPDATE songs SET duration = 5",
    "artists: inferred ones are as plays name them": "UPDATE artists SET name = 'Another'",
}
"""By the checks that loads do not make, what each is to find."""

FOUND_BY_ANOTHER = {
    f"songplays: every {key} is in {table}": {RESOLVED}
    for key, table in (("song_id", "songs"), ("artist_id", "artists"), ("match_id", "song_matches"))
}
"""What a load finds by comparing its plays with their matches, and those with songs and artists."""

FOUND_LATER = {
    "plays: the view can be read",
    "songplays: one row for each songplay_id",
    "time: one row for each start_time",
    "songs: title_key, artist_key as the names have it",
    "artists: name_key as the names have it",
    "song_matches: artist_key as the names have it",
    "load_history: every load is of version 8 of the rules",
    "songplays: none is of a day after tomorrow (UTC)",
    *(f"{table}: no value is missing" for table in (*STAR_TABLES, "loaded_files", "load_history")),
    *BREAKS_FOUND_LATER,
}
"""What ``check`` alone looks for: no step of a load makes it."""


def test_every_check_finds_what_it_is_for(data: Data, warehouse: Warehouse) -> None:
    """A negative control for each check: break it, and it alone (or with its kin) must tell."""
    breaks = {
        "songplays: one row for each start_time, user_id, session_id, item_in_session": (
            "INSERT INTO songplays SELECT 99, * EXCLUDE songplay_id FROM songplays"
        ),
        "songplays: one row for each songplay_id": (
            "INSERT INTO songplays SELECT * REPLACE (session_id + 1 AS session_id) FROM songplays"
        ),
        "users: one row for each user_id": "INSERT INTO users SELECT * FROM users",
        "songs: one row for each song_id": "INSERT INTO songs SELECT * FROM songs",
        "artists: one row for each artist_id": "INSERT INTO artists SELECT * FROM artists",
        "time: one row for each start_time": "INSERT INTO time SELECT * FROM time",
        "song_matches: one row for each match_id": "INSERT INTO song_matches SELECT * FROM song_matches",
        "user_levels: one row for each user_id, valid_from": (
            "INSERT INTO user_levels SELECT * FROM user_levels"
        ),
        "loaded_files: one row for each source, uri": "INSERT INTO loaded_files SELECT * FROM loaded_files",
        "songplays: every user_id is in users": "DELETE FROM users",
        "songplays: every song_id is in songs": "UPDATE songplays SET song_id = 'NONE'",
        "songplays: every artist_id is in artists": "UPDATE songplays SET artist_id = 'NONE'",
        "songplays: every start_time is in time": "DELETE FROM time",
        "songplays: every match_id is in song_matches": "DELETE FROM song_matches",
        "songs: every artist_id is in artists": "UPDATE songs SET artist_id = 'NONE'",
        "song_matches: every song_id is in songs": "UPDATE song_matches SET song_id = 'NONE'",
        "song_matches: every artist_id is in artists": "UPDATE song_matches SET artist_id = 'NONE'",
        "songplays: each points at the song its title was resolved to": "UPDATE songplays SET match = 'exact'",
        "songs: title_key, artist_key as the names have it": (
            "UPDATE songs SET inferred = false, title_key = 'song', artist_key = 'Band'"
        ),
        "artists: name_key as the names have it": "UPDATE artists SET inferred = false, name_key = 'Band'",
        "song_matches: artist_key as the names have it": "UPDATE song_matches SET artist_key = NULL",
        "user_levels: one current stretch for each user": "DELETE FROM user_levels",
        "user_levels: stretches neither overlap nor leave a gap": (
            "UPDATE user_levels SET valid_to = TIMESTAMP '2018-12-01'"
        ),
        "loaded_files: lines = loaded + rejected + blank": "UPDATE loaded_files SET blank = 1",
        "load_history: lines = loaded + rejected + blank": "UPDATE load_history SET rejected = 1",
        "load_history: every load is of version 8 of the rules": "UPDATE load_history SET rules_version = 0",
        "plays: the view can be read": "DROP VIEW plays",
        "songplays: none is of a day after tomorrow (UTC)": (
            "UPDATE songplays SET start_time = TIMESTAMP '2099-01-01'; "
            "UPDATE time SET start_time = TIMESTAMP '2099-01-01'"
        ),
    }
    breaks |= BREAKS_FOUND_LATER
    for table in (*STAR_TABLES, "loaded_files", "load_history"):
        column = {
            "songplays": "match",
            "users": "last_played_at",
            "songs": "title",
            "artists": "name",
            "time": "hour",
        }
        name = column.get(
            table,
            {"song_matches": "title", "user_levels": "is_current", "loaded_files": "source"}.get(table, "mode"),
        )
        breaks[f"{table}: no value is missing"] = (
            f"ALTER TABLE {table} ALTER {name} DROP NOT NULL; UPDATE {table} SET {name} = NULL"
        )
    data.log("a.json", event())
    warehouse.load(only=["events"])
    names = [result.name for result in warehouse.check()]
    assert sorted(names) == sorted(breaks)
    warehouse.close()
    path = Path(str(warehouse.url.database))
    good = path.read_bytes()
    of_loads = [
        (check, check.rows(literal(1, BigInteger))) for check in warehouse.pipeline.checks if check.during_load
    ]
    counted = Template(counting([rows_of_load for _, rows_of_load in of_loads]))
    for name, statement in breaks.items():
        path.write_bytes(good)
        with duckdb.connect(str(path)) as connection:
            connection.execute(statement)
        with Warehouse(warehouse.url) as broken:
            found = {result.name: result for result in broken.check()}
            with broken.engine.connect() as connection:
                session = Session(broken.database, connection)
                session.limits = {"staging_events.ts": (PLAYED_AT, PLAYED_AT)}
                for table, of_load_1 in CHECKED.items():
                    session.run(f"CREATE TEMPORARY TABLE {table} AS {of_load_1}")
                of_load, _ = run_checks_of_load(session, of_loads, shared={}, all_counted=counted)
        assert not found[name].ok, name
        assert found[name].rows, name
        # The checks that the load itself runs, each on what it touched, find what the load did.
        told = {result.name for result in of_load if not result.ok}
        assert name in told or name in FOUND_LATER or told & FOUND_BY_ANOTHER.get(name, set()), name


@pytest.mark.usefixtures("hurried")
def test_attempt_after_another_load_reads_what_is_left(
    data: Data, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of the first attempt are here, and by the second one of them is known."""
    first = data.log("a.json", event())
    data.log("b.json", event(itemInSession=1))
    commit = Session.commit

    class Conflict(Exception):
        pass

    def after_another_load(self: Session) -> None:
        if self.load_id is None:
            commit(self)
            return
        monkeypatch.setattr(Session, "commit", commit)
        self.rollback()
        with Warehouse(warehouse.url) as other:
            other.load(log_data=first, only=["events"])
        raise Conflict

    monkeypatch.setattr(Session, "commit", after_another_load)
    monkeypatch.setattr(DuckDB, "is_transient", lambda _self, error: isinstance(error, Conflict))
    report = warehouse.load(only=["events"])
    assert (report.load_id, report.sources[0].files, report.sources[0].loaded) == (2, 1, 1)
    assert rows(warehouse, "SELECT item_in_session FROM songplays ORDER BY 1") == [(0,), (1,)]
    assert rows(warehouse, "SELECT count(*), count(DISTINCT uri) FROM loaded_files") == [(2, 2)]


@pytest.mark.usefixtures("hurried")
def test_attempt_after_one_that_stopped_while_reading_reads_everything(
    data: Data, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        data.log(f"{number}.json", event(itemInSession=number))

    class Conflict(Exception):
        pass

    monkeypatch.setattr("sparkify.etl.spool._BUNDLE", 1)
    monkeypatch.setattr("sparkify.databases.duckdb.batch._GROUP", 1)
    insert_files, calls = batch._insert_files, count(1)

    def once(*arguments: Any) -> bool:
        if next(calls) == 2:
            raise Conflict
        return insert_files(*arguments)

    monkeypatch.setattr(batch, "_insert_files", once)
    monkeypatch.setattr(DuckDB, "is_transient", lambda _self, error: isinstance(error, Conflict))
    assert warehouse.load(only=["events"]).sources[0].files == 3
    assert rows(warehouse, "SELECT item_in_session FROM songplays ORDER BY 1") == [(0,), (1,), (2,)]


def test_groups_of_files_grow(data: Data, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database begins to read early, and reads much at a time later."""
    sizes = {data.log(f"{n}.json", event(itemInSession=n)).stat().st_size for n in range(10, 29)}
    (size,) = sizes
    monkeypatch.setattr("sparkify.etl.spool._BUNDLE", 1)
    # Plus the newline at the end of a bundle.
    monkeypatch.setattr(batch, "_FIRST_GROUP", size + 1)
    monkeypatch.setattr(batch, "_GROUP", 4 * (size + 1))
    insert_files, groups = batch._insert_files, list[int]()

    def noted(staging: Any, files: Sequence[Any]) -> bool:
        groups.append(len(files))
        return insert_files(staging, files)

    monkeypatch.setattr(batch, "_insert_files", noted)
    warehouse.load(only=["events"])
    assert groups == [1, 2, 4, 4, 4, 4]
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(19,)]


def test_large_batch_is_compressed_while_it_is_read(
    data: Data, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(4):
        data.log(f"{number}.json", event(itemInSession=number))
    monkeypatch.setattr("sparkify.etl.spool._BUNDLE", 1)
    monkeypatch.setattr(batch, "_GROUP", 1)
    monkeypatch.setattr(batch, "_COMPRESSED_AFTER", 2 * (data.logs / "0.json").stat().st_size)
    caplog.set_level("DEBUG", "sparkify.etl")
    warehouse.load(only=["events"])
    sent = [record.getMessage().split(": ", 1)[-1].split(maxsplit=1)[0] for record in caplog.records]
    reading = [word for word in sent[: sent.index("CREATE")] if word in ("INSERT", "CHECKPOINT")]
    assert reading == ["INSERT", "INSERT", "CHECKPOINT", "INSERT", "INSERT", "CHECKPOINT"]
    assert rows(warehouse, "SELECT item_in_session FROM songplays ORDER BY 1") == [(0,), (1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("error", "stops"),
    [
        (duckdb.TransactionException("Cannot CHECKPOINT: there are other write transactions active"), False),
        (duckdb.OutOfMemoryException("could not allocate block"), False),
        (duckdb.IOException("could not write"), True),
        (duckdb.InterruptException("Interrupted!"), True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_batch_that_cannot_be_compressed_now(
    data: Data, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, error: duckdb.Error, *, stops: bool
) -> None:
    data.log("a.json", event())
    warehouse.migrate()
    monkeypatch.setattr(batch, "_COMPRESSED_AFTER", 1)
    cursor_of = ConnectionWrapper.cursor

    class Cursor:
        def __init__(self, cursor: Any) -> None:
            self._cursor = cursor

        def __getattr__(self, name: str) -> Any:
            return getattr(self._cursor, name)

        def execute(self, statement: str, *parameters: Any) -> Any:
            if statement.startswith('CHECKPOINT "batch_of_events'):
                raise error
            return self._cursor.execute(statement, *parameters)

    monkeypatch.setattr(ConnectionWrapper, "cursor", lambda self: Cursor(cursor_of(self)))
    if stops:
        with pytest.raises((SparkifyError, DBAPIError)):
            warehouse.load(only=["events"])
    else:
        warehouse.load(only=["events"])
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(0 if stops else 1,)]


def test_checkpoint_of_a_batch_is_refused_beside_another_transaction() -> None:
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS batch; CREATE SEQUENCE batch.s")
        other = connection.cursor()
        other.execute("BEGIN; SELECT nextval('batch.s')").fetchone()
        with pytest.raises(duckdb.TransactionException):
            connection.execute(compress("batch"))


def test_checkpoint_compresses_a_database_in_memory() -> None:
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS batch")
        connection.execute(
            "CREATE TABLE batch.t AS SELECT 'a text of some length ' || i % 100 AS x FROM range(500_000) r (i)"
        )
        memory = "SELECT sum(memory_usage_bytes) FROM duckdb_memory()"
        (before,) = connection.execute(memory).fetchone() or ()
        connection.execute(compress("batch"))
        (after,) = connection.execute(memory).fetchone() or ()
        assert after * 5 < before
        assert connection.execute("SELECT count(*), count(DISTINCT x) FROM batch.t").fetchall() == [
            (500_000, 100)
        ]


def test_no_source_at_all(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(EmptySource, match="there is no such file or folder"):
        warehouse.load(log_data=tmp_path / "none")


def test_a_database_of_another_revision_is_not_loaded(data: Data, warehouse: Warehouse) -> None:
    data.log("a.json", event())
    warehouse.migrate()
    with warehouse.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match=r"is at revision 9999.*newer version of sparkify"):
        warehouse.load(only=["events"])


def test_another_database_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'sqlite' is not a database that sparkify loads"):
        open_database(make_url("sqlite:///x"))


# -- two at once -------------------------------------------------------------------------------------------


@pytest.fixture
def holder(data: Data, warehouse: Warehouse) -> Iterator[subprocess.Popen[str]]:
    """A process that has the database open for writing until its input ends; there is a play to load."""
    data.log("a.json", event())
    warehouse.migrate()
    warehouse.close()
    assert warehouse.database.file is not None
    with holding(warehouse.database.file) as process:
        yield process


class Ending(Warnings):
    """Ends the first of other processes as soon as one is waited for."""

    def __init__(self, others: Sequence[subprocess.Popen[str]]) -> None:
        super().__init__()
        self._others = others

    def warning(self, message: str) -> None:
        super().warning(message)
        self._others[0].communicate(timeout=30)


def test_a_database_in_use_by_another_process(warehouse: Warehouse, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(TemporaryError, match=f"in use by process {holder.pid}; nothing was changed") as stopped:
        warehouse.load(only=["events"], lock_timeout=0)
    assert stopped.value.exit_code == 75
    holder.communicate(timeout=30)
    assert warehouse.load(only=["events"]).load_id == 1


def test_load_waits_for_the_process_that_uses_the_database(
    warehouse: Warehouse, holder: subprocess.Popen[str]
) -> None:
    ending = Ending([holder])
    with pytest.raises(TemporaryError, match=f"in use by process {holder.pid}"):
        warehouse.load(only=["events"], lock_timeout=0.3)
    assert warehouse.load(only=["events"], lock_timeout=300, observer=ending).load_id == 1
    assert ending.seen == [f"waiting up to 300 s: the database is in use by process {holder.pid}"]


def test_migration_waits_for_the_process_that_uses_the_database(
    warehouse: Warehouse, holder: subprocess.Popen[str]
) -> None:
    ending = Ending([holder])
    with pytest.raises(TemporaryError, match=f"in use by process {holder.pid}; nothing was changed") as stopped:
        warehouse.migrate(lock_timeout=0.3)
    assert stopped.value.exit_code == 75
    assert warehouse.migrate("base", lock_timeout=300, observer=ending) is None
    assert ending.seen == [f"waiting up to 300 s: the database is in use by process {holder.pid}"]


def test_alembic_waits_for_the_process_that_uses_the_database(
    warehouse: Warehouse, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "LOCK_TIMEOUT", 0.3)
    url = {"SPARKIFY_DATABASE_URL": str(warehouse.url)}
    done = run_here("alembic", "upgrade", "head", cwd=CLONE, environment=url)
    assert f"waiting up to 0.3 s: the database is in use by process {holder.pid}" in done.stderr
    assert f"FAILED: the database is in use by process {holder.pid}; nothing was changed." in done.stdout
    holder.communicate(timeout=30)
    assert run_here("alembic", "upgrade", "head", cwd=CLONE, environment=url).returncode == 0


def test_first_load_waits_for_another_that_has_just_made_the_file(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.log("a.json", event())
    create = DuckDB.create_file
    holders: list[subprocess.Popen[str]] = []
    ending = Ending(holders)
    with ExitStack() as others, Warehouse(f"duckdb:///{tmp_path}/new.duckdb") as first:

        def taken(database: DuckDB, **options: Any) -> bool:
            """Made here, and in use by another process before this one has opened it."""
            made = create(database, **options)
            holders.append(others.enter_context(holding(tmp_path / "new.duckdb")))
            return made

        monkeypatch.setattr(DuckDB, "create_file", taken)
        assert first.load(log_data=data.logs, only=["events"], lock_timeout=300, observer=ending).load_id == 1
    assert ending.seen == [f"waiting up to 300 s: the database is in use by process {holders[0].pid}"]


def test_loads_in_two_threads_give_each_play_once(data: Data, warehouse: Warehouse) -> None:
    for number in range(4):
        data.log(f"{number}.json", *(event(sessionId=number, itemInSession=item) for item in range(50)))
    warehouse.migrate()
    outcomes: list[object] = []

    def load() -> None:
        try:
            outcomes.append(warehouse.load(only=["events"]).load_id)
        except TemporaryError as exc:
            outcomes.append(exc)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 4
    assert outcomes.count(1) == 1
    assert all(outcome in (1, None) or isinstance(outcome, TemporaryError) for outcome in outcomes)
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(200,)]
    assert rows(warehouse, "SELECT count(*) FROM load_history") == [(1,)]


class _Meeting(Observer):
    """Holds a load at its first step until another one waits for it."""

    def __init__(self, waiting: threading.Event) -> None:
        self.loading_now = threading.Event()
        self.said: list[str] = []
        self._waiting = waiting

    def step(self, title: str, number: int, of: int) -> None:
        self.loading_now.set()
        assert self._waiting.wait(HANG)

    def warning(self, message: str) -> None:
        self.said.append(message)
        self._waiting.set()


def test_load_waits_for_one_of_another_thread(data: Data, warehouse: Warehouse) -> None:
    data.log("a.json", event())
    waiting = threading.Event()
    first, second = _Meeting(waiting), _Meeting(waiting)
    with ThreadPoolExecutor(1) as pool, Warehouse(warehouse.url) as other:
        loading = pool.submit(warehouse.load, only=["events"], observer=first)
        assert first.loading_now.wait(HANG)
        assert other.load(log_data=data.logs, only=["events"], lock_timeout=300, observer=second).nothing_new
        assert loading.result().load_id == 1
    assert second.said == ["waiting up to 300 s: another load is running in this process"]


def test_load_waits_no_longer_than_it_may(data: Data, warehouse: Warehouse) -> None:
    data.log("a.json", event())
    waiting = threading.Event()
    first = _Meeting(waiting)
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(warehouse.load, only=["events"], observer=first)
        assert first.loading_now.wait(HANG)
        for seconds in (0, 0.01):
            with pytest.raises(TemporaryError, match="^another load is running in this process; nothing was"):
                warehouse.load(only=["events"], lock_timeout=seconds)
            with pytest.raises(TemporaryError, match="^another load is running in this process; nothing was"):
                warehouse.prune(rejects_older_than="90d", lock_timeout=seconds)
        waiting.set()
        assert loading.result().load_id == 1


def test_load_within_a_load_is_refused_at_once(data: Data, warehouse: Warehouse) -> None:
    data.log("a.json", event())
    refused: list[str] = []

    class Nested(Observer):
        def step(self, title: str, number: int, of: int) -> None:
            if not refused:
                with pytest.raises(TemporaryError) as caught:
                    warehouse.load(only=["events"], lock_timeout=HANG)
                refused.append(caught.value.found)

    assert warehouse.load(only=["events"], observer=Nested()).load_id == 1
    assert refused == ["another load is running in this process"]


def test_load_of_nothing_new_leaves_the_file_alone(warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", event())
    data.song("a.json", song())
    warehouse.load()
    warehouse.close()
    file = Path(str(warehouse.url.database))
    before, status = file.read_bytes(), file.stat()
    with sent(warehouse) as texts:
        assert warehouse.load().nothing_new
    wal = file.with_name(f"{file.name}.wal")
    assert not wal.exists() or not wal.stat().st_size
    warehouse.close()
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (before, status.st_mtime_ns)
    assert [text for text in texts if "CHECKPOINT" in text] == []


def test_loads_open_one_connection_and_duplicate_it(warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", event())
    data.song("a.json", song())
    opened = []
    engine_event.listen(warehouse.engine, "connect", lambda *_: opened.append(1))
    warehouse.load()
    data.log("b.json", event(ts=1_542_000_000_000))
    warehouse.load()
    assert opened == [1]


def test_batch_is_not_read_in_the_transaction_of_the_load(warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", event())
    data.song("a.json", song())
    sent_by: dict[str, set[int]] = {"read_json(": set(), "songplays": set(), "load_lock": set()}

    def note(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        for word, connections in sent_by.items():
            if word in statement:
                connections.add(id(connection.connection.dbapi_connection))

    warehouse.migrate()
    engine_event.listen(warehouse.engine, "before_cursor_execute", note)
    warehouse.load()
    (reader,), (loader,), (locker,) = sent_by.values()
    assert loader == locker != reader


@pytest.mark.parametrize("last", ["{", "not json", None])
def test_load_leaves_no_database_attached(warehouse: Warehouse, data: Data, last: str | None) -> None:
    data.song("a.json", song())
    data.log("a.json", event(), *([] if last is None else [last]))
    attached = "SELECT database_name FROM duckdb_databases() WHERE NOT internal"
    warehouse.migrate()
    before = rows(warehouse, attached)
    with suppress(RejectedLines):
        warehouse.load()
    assert len(before) == 1
    assert rows(warehouse, attached) == before
    data.log("b.json", event(ts=1_542_000_000_000))
    with suppress(RejectedLines):
        warehouse.load(max_rejects=1)
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(2,)]
    assert rows(warehouse, attached) == before


# -- the file ----------------------------------------------------------------------------------------------


def test_a_file_that_could_not_be_filled_is_not_there(tmp_path: Path) -> None:
    def fail(_url: object) -> None:
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        open_database(make_url(f"duckdb:///{tmp_path}/new.duckdb")).create_file(fail)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    left = tmp_path / ".new.duckdb.new-999999999"
    mine = tmp_path / f".new.duckdb.new-{os.getppid()}"
    left.touch()
    mine.touch()
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    (tmp_path / f".new.duckdb.new-999999999-{namespace}-00ff00ff.wal").touch()
    assert open_database(make_url(f"duckdb:///{tmp_path}/new.duckdb")).create_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == [mine.name, "new.duckdb"]


def test_what_another_container_makes_is_left_to_it_for_a_day(tmp_path: Path) -> None:
    """Its processes are not seen here, and one of the same number may be this one."""
    making = tmp_path / f".new.duckdb.new-{os.getpid()}-1-00ff00ff"
    left = tmp_path / ".new.duckdb.new-999999999-1-00ff00ff"
    forgotten = tmp_path / ".new.duckdb.new-7-1-00ff00fe"
    for path in (making, left, forgotten):
        path.write_bytes(b"half made")
    yesterday = forgotten.stat().st_mtime - 25 * 60 * 60
    os.utime(forgotten, (yesterday, yesterday))
    assert open_database(make_url(f"duckdb:///{tmp_path}/new.duckdb")).create_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([making.name, left.name, "new.duckdb"])


def test_what_a_killed_process_left_is_swept_where_the_file_is_there(data: Data, warehouse: Warehouse) -> None:
    data.log("a.json", event())
    warehouse.load(only=["events"])
    file = warehouse.database.file
    assert file is not None
    left = file.with_name(f".{file.name}.new-999999999")
    left.touch()
    warehouse.load(only=["events"])
    assert not left.exists()


def test_a_file_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    url = make_url(f"duckdb:///{tmp_path}/new.duckdb")

    def other_process_was_faster(_url: object) -> None:
        (tmp_path / "new.duckdb").write_text("theirs")

    open_database(url).create_file(other_process_was_faster)
    assert (tmp_path / "new.duckdb").read_text() == "theirs"


def test_no_folder_for_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="none: there is no such folder to make new.duckdb in"):
        Warehouse(f"duckdb:///{tmp_path}/none/new.duckdb").migrate()


def test_a_warehouse_in_memory(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    data.log("a.json", event())
    data.song("a.json", song())
    with Warehouse("duckdb:///:memory:") as warehouse:
        warehouse.load(log_data=data.logs, song_data=data.songs)
        assert rows(warehouse, "SELECT match FROM songplays") == [("exact",)]
        assert warehouse.status().rows["songplays"] == 1


@pytest.mark.parametrize("pool", [None, StaticPool, NullPool])
def test_load_over_an_engine_of_the_caller(
    data: Data, tmp_path: Path, pool: type[StaticPool | NullPool] | None
) -> None:
    """Its pool may have one connection alone."""
    data.log("a.json", event())
    data.song("a.json", song())
    url = f"duckdb:///{tmp_path}/mine.duckdb" if pool is NullPool else "duckdb:///:memory:"
    engine = create_engine(url) if pool is None else create_engine(url, poolclass=pool)
    warehouse = Warehouse(engine)
    warehouse.migrate()
    assert warehouse.load(log_data=data.logs, song_data=data.songs).rows["songplays"] == 1
    assert warehouse.load(log_data=data.logs, song_data=data.songs).nothing_new
    assert rows(warehouse, "SELECT match FROM songplays") == [("exact",)]
    assert [str(result) for result in warehouse.check() if not result.ok] == []
    engine.dispose()


@pytest.mark.parametrize(
    ("stop", "raised", "said"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (
            duckdb.FatalException('FATAL Error: Failed: could not write file "x": No space left on device'),
            TemporaryError,
            "no space is left on the disk",
        ),
    ],
    ids=["signal", "full disk"],
)
def test_what_ends_a_load_while_files_are_read_is_what_it_raises(
    data: Data,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    stop: BaseException,
    raised: type[BaseException],
    said: str | None,
) -> None:
    """It ends the connection that reads them, which is then let go."""
    data.log("a.json", event())
    data.song("a.json", song())
    execute = CursorWrapper.execute

    def stopping(cursor: CursorWrapper, statement: Any, *arguments: Any, **options: Any) -> Any:
        found = execute(cursor, statement, *arguments, **options)
        if "read_json" in str(statement):
            raise stop
        return found

    with monkeypatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", stopping)
        with pytest.raises(raised, match=said):
            warehouse.load()
    assert warehouse.load().load_id == 1


def test_a_warehouse_in_memory_is_one_for_all_threads(data: Data) -> None:
    data.log("a.json", event())
    data.song("a.json", song())
    with Warehouse("duckdb:///:memory:") as warehouse, Warehouse("duckdb:///:memory:") as other:
        warehouse.load(log_data=data.logs, song_data=data.songs)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(rows, warehouse, "SELECT match FROM songplays").result() == [("exact",)]
        other.migrate()
        assert rows(other, "SELECT match FROM songplays") == []
