"""Loads on the stand-in for Redshift, by the unmodified driver over TLS, with the same rows as on DuckDB."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.httpsession import URLLib3Session
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from sparkify import (
    ConfigurationError,
    RejectedLines,
    SparkifyError,
    TemporaryError,
    Warehouse,
)
from sparkify.config import secrets
from sparkify.config.secrets import redact
from sparkify.databases.redshift.batch import RedshiftBatch
from sparkify.databases.redshift.database import Redshift
from sparkify.etl.observer import Observer
from sparkify.generate import generate
from sparkify.warehouse import environment
from standin.fixtures import release
from tests.support import hostile
from tests.support.cloud import REAL_PATHS, ROLE, Cloud
from tests.support.commands import run_here
from tests.support.data import HEAD, Data, rows, star
from tests.support.making import event, song, write
from tests.support.observers import Warnings
from tests.support.paths import CLONE


@pytest.fixture
def empty(cloud: Cloud) -> Iterator[Warehouse]:
    """A warehouse on the stand-in with tables, and nothing in them."""
    with cloud.with_tables() as warehouse:
        yield warehouse


LEDGER = {
    "load_history": "load_id, mode, files, bytes, lines, loaded, rejected, blank, version",
    "loaded_files": "uri, source, bytes, lines, loaded, rejected, blank, load_id",
    "rejected_rows": "uri, line, source, column_name, reason, text, load_id",
}


def ledger(warehouse: Warehouse, root: str) -> dict[str, list[tuple[Any, ...]]]:
    """The ledger without times, and with the place of the files taken off."""
    return {
        table: sorted(
            (
                tuple(value.removeprefix(root) if isinstance(value, str) else value for value in row)
                for row in rows(warehouse, f"SELECT {columns} FROM {table}")
            ),
            key=repr,
        )
        for table, columns in LEDGER.items()
    }


# -- the real month ----------------------------------------------------------------------------------------


def test_the_real_month_gives_the_same_rows(cloud: Cloud, real: Path, tmp_path: Path) -> None:
    for name in ("log_data", "song_data"):
        cloud.put(real / name, name)
    with Warehouse(f"duckdb:///{tmp_path}/x.duckdb") as local:
        local.load(log_data=real / "log_data", song_data=real / "song_data")
        expected, expected_ledger = star(local), ledger(local, str(real))
    with cloud.with_tables() as warehouse:
        report = warehouse.load()
        assert [source.loaded for source in report.sources] == [8056, 71]
        assert star(warehouse) == expected
        assert ledger(warehouse, "s3://plays") == expected_ledger
        assert [str(result) for result in warehouse.check() if not result.ok] == []
        before = {name: rows(warehouse, f"SELECT * FROM {name} ORDER BY 1") for name in LEDGER}
        assert warehouse.load().nothing_new
        assert star(warehouse) == expected
        assert {name: rows(warehouse, f"SELECT * FROM {name} ORDER BY 1") for name in LEDGER} == before
        status = warehouse.status()
        assert status.rows["songplays"] == 6820
        assert [pending.files for pending in status.pending] == [0, 0]
    assert cloud.redshift.objects_below("s3://plays/manifests/") == []


# -- parity --------------------------------------------------------------------------------------------------


def batches(root: Path, seed: int, scale: int = 1) -> list[list[Path]]:
    """Generated files in three batches, with songs that come late and seven lines that are not right.

    One of the files is compressed; in another are titles with blanks at their end, and plays a second time.
    """
    made = generate(root, events=600 * scale, songs=60 * scale, days=4, seed=seed)
    logs, songs = sorted(made.log_data.rglob("*.json")), sorted(made.song_data.rglob("*.json"))
    spoilt = logs[1].read_text().split("\n")
    spoilt[3:3] = ['{"oops', "", json.dumps(event(userId="", sessionId=9)), json.dumps(event(userId=10.7))]
    spoilt.append(json.dumps(event(sessionId=None)))
    spoilt.append(json.dumps(event(artist="x" * 2000, sessionId=10)))
    spoilt.append(json.dumps(event(length=-1, sessionId=11)))
    spoilt.append(f'{json.dumps(event(sessionId=12))[:-1]}, "userId": "8"}}')
    logs[1].write_text("\n".join(spoilt))
    events = [json.loads(line) for line in logs[2].read_text().splitlines()]
    for one in events[::3]:
        one["song"] = one["song"] and f"{one['song']}  "
    write(logs[2], [*events, *events[:20]])
    packed = logs[3].with_name(f"{logs[3].name}.gz")
    packed.write_bytes(gzip.compress(logs[3].read_bytes()))
    logs[3].unlink()
    third = len(songs) // 3
    return [logs[:2] + songs[:third], logs[2:3], [packed, *logs[4:], *songs[third:]]]


@pytest.mark.seeds(3)
def test_generated_data_give_the_same_rows_rejects_and_counts(
    cloud: Cloud, empty: Warehouse, tmp_path: Path, seed: int, scale: int
) -> None:
    """Of every other set the small files are joined before they are copied."""
    source, here = tmp_path / "source", tmp_path / "here"
    joining = cloud.warehouse(pack_below="64kB" if seed % 2 else "0")
    with joining, Warehouse(f"duckdb:///{tmp_path}/x.duckdb") as local:
        local.migrate()
        for batch in batches(source, seed, scale):
            for path in batch:
                copy = here / path.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
                cloud.redshift.put_object(f"s3://plays/{path.relative_to(source)}", path.read_bytes())
            only = ["events"] if not (here / "song_data").exists() else None
            told = [
                local.load(log_data=here / "log_data", song_data=here / "song_data", only=only, max_rejects=7),
                joining.load(only=only, max_rejects=7),
            ]
            assert told[0].tables == told[1].tables
        assert len(local.rejects()) == 7
        assert star(empty) == star(local)
        assert ledger(empty, "s3://plays") == ledger(local, str(here))
    assert [str(result) for result in empty.check() if not result.ok] == []


# -- one transaction ---------------------------------------------------------------------------------------


def transaction(cloud: Cloud) -> list[str]:
    """The statements of the transaction that took the lock, in order."""
    (xid,) = {one.xid for one in cloud.redshift.statements if one.sql.startswith("LOCK")}
    return [one.sql for one in cloud.redshift.statements if one.xid == xid]


def one_play(cloud: Cloud, tmp_path: Path) -> Data:
    data = Data(tmp_path / "data")
    data.log("a.json", event())
    data.song("a.json", song())
    cloud.put(data.logs, "log_data")
    cloud.put(data.songs, "song_data")
    return data


def test_one_transaction_from_the_lock_to_the_commit(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    one_play(cloud, tmp_path)
    empty.load()
    sent = transaction(cloud)
    kinds = [sql.split()[0].upper() for sql in sent]
    assert kinds[:5] == ["BEGIN", "SET", "LOCK", "RESET", "UPDATE"]
    assert kinds[-1] == "COMMIT"
    assert kinds.count("COPY") == 2
    # Temporary tables are created in the transaction and dropped after it; it alters no permanent table.
    assert not {"TRUNCATE", "VACUUM", "ALTER", "DROP"} & set(kinds)
    created = [sql.split()[3] for sql in sent if sql.startswith("CREATE TEMPORARY TABLE")]
    every = [one.sql for one in cloud.redshift.statements]
    dropped = [sql.removeprefix("DROP TABLE ").split(", ") for sql in every if sql.startswith("DROP")]
    assert (kinds.count("CREATE"), [sorted(names) for names in dropped]) == (len(created), [sorted(created)])
    copy = next(sql for sql in sent if sql.startswith("COPY staging_events"))
    assert re.search(r"FROM 's3://plays/manifests/[\w-]+/events\.manifest'", copy)
    for part in ("MANIFEST", "TIMEFORMAT 'epochmillisecs'", "COMPUPDATE OFF", ROLE):
        assert part in copy
    assert {"MAXERROR", "STATUPDATE"}.isdisjoint(copy.split())
    assert "ACCESS_KEY" not in " ".join(sent)
    analyzed = [one.sql for one in cloud.redshift.statements if one.sql.startswith("ANALYZE")]
    assert "ANALYZE songplays" in analyzed
    assert not [sql for sql in sent if sql.startswith("ANALYZE")]


def test_full_refresh_vacuums_what_it_has_deleted(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    """After the commit, and outside of a transaction: the stand-in, as Redshift, refuses it in one."""
    one_play(cloud, tmp_path)
    empty.load()
    assert not [one.sql for one in cloud.redshift.statements if one.sql.startswith("VACUUM")]
    cloud.redshift.clear_statements()
    told: list[str] = []

    class Told(Observer):
        def warning(self, text: str) -> None:
            told.append(text)

    empty.load(full_refresh=True, observer=Told())
    sent = [one.sql for one in cloud.redshift.statements]
    commit = sent.index("commit", sent.index("LOCK load_lock"))
    assert told == []
    assert sorted(sql.split()[3] for sql in sent[commit:] if sql.startswith("VACUUM DELETE ONLY")) == [
        "artists",
        "loaded_files",
        "song_matches",
        "songplays",
        "songs",
        "time",
        "user_levels",
        "users",
    ]
    # The connection can begin transactions again.
    assert empty.load(full_refresh=True).load_id == 3


def test_without_a_writable_prefix_it_copies_by_prefix_when_that_is_the_same(
    cloud: Cloud, empty: Warehouse, tmp_path: Path
) -> None:
    data = one_play(cloud, tmp_path)
    with cloud.warehouse(manifest_prefix=None) as warehouse:
        assert warehouse.load().load_id == 1
        assert any("FROM 's3://plays/log_data/'" in sql for sql in transaction(cloud))
        data.log("b.json", event(itemInSession=1))
        cloud.put(data.logs, "log_data")
        with pytest.raises(
            ConfigurationError, match=r"1 of the files there were loaded before.*MANIFEST_PREFIX"
        ):
            warehouse.load()
    assert rows(empty, "SELECT count(*) FROM songplays") == [(1,)]


def test_other_objects_under_the_prefix_are_not_read(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    one_play(cloud, tmp_path)
    cloud.redshift.put_object("s3://plays/log_data/_SUCCESS", b"x")
    with cloud.warehouse(manifest_prefix=None) as warehouse, pytest.raises(ConfigurationError, match="no data"):
        warehouse.load()
    assert empty.load().load_id == 1


def test_compressed_files_beside_plain_ones(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    data = one_play(cloud, tmp_path)
    packed = gzip.compress(data.log("b.json", event(itemInSession=1)).read_bytes())
    cloud.redshift.put_object("s3://plays/log_data/b.json.gz", packed)
    report = empty.load()
    assert report.sources[0].loaded == 2
    assert rows(empty, "SELECT item_in_session FROM songplays ORDER BY 1") == [(0,), (1,)]


def test_names_and_texts_arrive_as_they_are(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    """A percent sign, which drivers double; quotes and backslashes, which end or escape a literal."""
    name = "it's 100% %s; DROP TABLE users --\\.json"
    data = one_play(cloud, tmp_path)
    content = data.log("b.json", event(itemInSession=1), "100% %s ' \\ \\' oops").read_bytes()
    cloud.redshift.put_object(f"s3://plays/log_data/{name}", content)
    empty.load(max_rejects=1)
    assert rows(empty, "SELECT max(uri) FROM loaded_files WHERE source = 'events'") == [
        (f"s3://plays/log_data/{name}",)
    ]
    assert [(reject.uri, reject.text) for reject in empty.rejects()] == [
        (f"s3://plays/log_data/{name}", "100% %s ' \\ \\' oops")
    ]
    assert empty.load(max_rejects=1).nothing_new


def test_hostile_keys_and_texts_arrive_as_they_are_or_are_named(cloud: Cloud, empty: Warehouse) -> None:
    chance = random.Random(1)
    names = sorted({f"{hostile.name(chance)}.json".lstrip("._") for _ in range(60)})
    # Names that no S3 client can request are reported, and the others are loaded.
    sound = [name for name in names if not re.search(r"[\x00-\x1f\x7f]", name)]
    for number, name in enumerate(names):
        line = json.dumps(event(sessionId=number, userAgent=name, location=name))
        cloud.redshift.put_object(f"s3://plays/log_data/{name}", line.encode())
    report = empty.load(only=["events"])
    assert report.sources[0].loaded == len(sound) > 30
    assert len(names) - len(sound) > 5
    assert sorted(rows(empty, "SELECT uri FROM loaded_files")) == [(f"s3://plays/log_data/{n}",) for n in sound]
    assert sorted(rows(empty, "SELECT user_agent FROM songplays")) == [(name,) for name in sound]
    assert [result.name for result in empty.check() if not result.ok] == []
    assert empty.load(only=["events"]).nothing_new


# -- what stops a load ---------------------------------------------------------------------------------------


def test_a_broken_line_changes_nothing_until_it_may(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    data = one_play(cloud, tmp_path)
    data.log("b.json", event(itemInSession=1), '{"oops', event(itemInSession=2))
    cloud.put(data.logs, "log_data")
    with pytest.raises(
        RejectedLines, match=r"s3://plays/log_data/b.json:2: not valid JSON.*nothing was changed|"
    ):
        empty.load()
    assert rows(empty, "SELECT count(*) FROM songplays") == [(0,)]
    assert rows(empty, "SELECT count(*) FROM load_history") == [(0,)]
    report = empty.load(max_rejects=1)
    assert [(reject.uri, reject.line, reject.text) for reject in report.rejects] == [
        ("s3://plays/log_data/b.json", 2, '{"oops')
    ]
    assert rows(empty, "SELECT item_in_session FROM songplays ORDER BY 1") == [(0,), (1,), (2,)]
    assert rows(empty, "SELECT count(*) FROM staging_events") == [(0,)]


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ('{"jsonpath": []}', "the one key of a JSONPaths file is jsonpaths"),
        (REAL_PATHS.replace("$['userId']", "$['userid']"), r"\$\['userid'\] is a key that no column"),
        (REAL_PATHS.replace("$['userId']", "$.userId"), "which Redshift does not take together"),
        (REAL_PATHS.replace(", \"$['userId']\"", ""), "has no path for userId"),
        (REAL_PATHS.replace("$['userId']", "$['ts']"), "stands there twice"),
        ("nonsense", "is not JSON"),
    ],
)
def test_a_jsonpaths_file_that_would_load_nulls_is_refused(
    cloud: Cloud, empty: Warehouse, tmp_path: Path, paths: str, said: str
) -> None:
    one_play(cloud, tmp_path)
    cloud.redshift.put_object("s3://plays/log_json_path.json", paths.encode())
    with pytest.raises(ConfigurationError, match=said):
        empty.load()
    assert rows(empty, "SELECT count(*) FROM songplays") == [(0,)]


def test_a_jsonpaths_file_that_is_not_utf8_is_refused(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    one_play(cloud, tmp_path)
    cloud.redshift.put_object("s3://plays/log_json_path.json", b'{"jsonpaths": ["\xff"]}')
    with pytest.raises(ConfigurationError, match=r"^s3://plays/log_json_path\.json: is not UTF-8; nothing was"):
        empty.load()


@pytest.mark.parametrize("setting", ["manifest_prefix", "log_jsonpath"])
@pytest.mark.parametrize("uri", ["foo", "s3://", "S3://plays/x"])
def test_setting_that_is_not_on_s3_is_refused(
    setting: str, uri: str, cloud: Cloud, empty: Warehouse, tmp_path: Path
) -> None:
    one_play(cloud, tmp_path)
    with cloud.warehouse(**{setting: uri}) as warehouse, pytest.raises(ConfigurationError) as refused:
        warehouse.load()
    assert str(refused.value) == (
        f"{setting.upper()}: Redshift reads S3 alone, and {uri} does not begin with s3:// and a bucket; "
        "nothing was changed. Write it as s3://bucket/key."
    )
    assert not any(one.sql.startswith("LOCK") for one in cloud.redshift.statements)


@pytest.mark.parametrize(
    ("setting", "uri"),
    [("manifest_prefix", "s3://b/man"), ("log_jsonpath", "s3://b/l.json"), ("log_data", "s3://b/l")],
)
def test_setting_whose_bucket_is_none_is_named(setting: str, uri: str, cloud: Cloud) -> None:
    """The load had a manifest that nobody wrote refused: ``from_='s3://b/man/:load/events.manifest'``."""
    with cloud.warehouse(**{setting: uri}) as warehouse, pytest.raises(ConfigurationError) as refused:
        warehouse.explain()
    assert str(refused.value) == (
        f"{setting.upper()}: in {uri}, 'b' is not a bucket: the name of one has 3 to 63 letters, digits, dots "
        "and hyphens; nothing was changed"
    )


def test_the_order_of_the_paths_is_the_column_list(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    one_play(cloud, tmp_path)
    paths = json.loads(REAL_PATHS)["jsonpaths"]
    turned = json.dumps({"jsonpaths": paths[::-1]})
    cloud.redshift.put_object("s3://plays/log_json_path.json", turned.encode())
    empty.load()
    assert any("COPY staging_events (user_id, user_agent, ts," in one.sql for one in cloud.redshift.statements)
    assert rows(empty, "SELECT user_id, level FROM songplays") == [(7, "free")]


def test_paths_are_written_where_none_are_given(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    one_play(cloud, tmp_path)
    with cloud.warehouse(log_jsonpath=None) as warehouse:
        warehouse.load()
    assert rows(empty, "SELECT user_id FROM songplays") == [(7,)]
    assert cloud.redshift.objects_below("s3://plays/manifests/") == []


def test_load_of_empty_database_asks_for_migrate(cloud: Cloud, tmp_path: Path) -> None:
    one_play(cloud, tmp_path)
    with cloud.warehouse() as warehouse:
        with pytest.raises(ConfigurationError, match=r"has no tables yet.*sparkify-etl migrate") as stopped:
            warehouse.load()
        assert rows(warehouse, "SELECT count(*) FROM information_schema.tables WHERE table_name = 'users'") == [
            (0,)
        ]
    assert cloud.redshift.url.split("@")[0].rsplit(":", 1)[1] not in str(stopped.value)


def test_load_without_details_of_copy_is_told_of(cloud: Cloud, tmp_path: Path) -> None:
    """Whether they are there at once inside of the transaction only a cluster can tell."""
    one_play(cloud, tmp_path)
    warnings: list[str] = []

    class Told(Observer):
        def warning(self, message: str) -> None:
            warnings.append(message)

    cloud.redshift.load_detail_is_late = True
    try:
        with cloud.with_tables() as warehouse:
            report = warehouse.load(observer=Told())
            assert report.rows["songplays"] == 1
            assert rows(warehouse, "SELECT source, lines, loaded FROM loaded_files ORDER BY source") == [
                ("events", 1, 1),
                ("songs", 1, 1),
            ]
    finally:
        cloud.redshift.load_detail_is_late = False
    said = "they are read line by line, which takes much longer"
    assert [message.split(": ", 1)[1] for message in warnings] == [said, said]


def test_a_role_that_may_not_read(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    one_play(cloud, tmp_path)
    cloud.redshift.refused_roles = {ROLE}
    try:
        with pytest.raises(SparkifyError, match="nothing was changed"):
            empty.load()
    finally:
        cloud.redshift.refused_roles = set()
    assert empty.load().load_id == 1


def test_an_object_that_went_meanwhile(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    one_play(cloud, tmp_path)

    def remove(_bucket: str, key: str) -> None:
        if key == "log_data/a.json":
            cloud.redshift.delete_object(f"s3://plays/{key}")

    cloud.redshift.before_read = remove
    try:
        with pytest.raises(SparkifyError, match="nothing was changed"):
            empty.load()
    finally:
        cloud.redshift.before_read = None
    assert rows(empty, "SELECT count(*) FROM songplays") == [(0,)]


def test_a_local_folder(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    data = one_play(cloud, tmp_path)
    with pytest.raises(ConfigurationError, match="Redshift reads from S3 alone"):
        empty.load(log_data=data.logs, only=["events"])
    assert cloud.redshift.objects_below("s3://plays/manifests/") == []


# -- the lock ----------------------------------------------------------------------------------------------

HOLDER = r"the transaction of awsuser \(process \d+\), which began at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


@pytest.fixture
def holder(empty: Warehouse) -> Iterator[Connection]:
    """A connection that has the lock of loads, in another transaction."""
    engine = empty.database.create_engine()
    with engine.connect() as connection:
        # A table of the same name in another schema is not the lock.
        connection.exec_driver_sql("CREATE SCHEMA other")
        connection.exec_driver_sql("CREATE TABLE other.load_lock (token INTEGER)")
        connection.commit()
        connection.exec_driver_sql("LOCK load_lock")
        yield connection
    engine.dispose()


def test_load_that_cannot_wait_says_who_has_the_lock(
    cloud: Cloud, empty: Warehouse, holder: Connection, tmp_path: Path
) -> None:
    one_play(cloud, tmp_path)
    with pytest.raises(TemporaryError) as stopped:
        empty.load(lock_timeout=0.5)
    said = rf"Redshift: another load has the lock: {HOLDER}; nothing was changed\. Try again later\."
    assert re.fullmatch(said, str(stopped.value))
    assert stopped.value.exit_code == 75
    holder.rollback()
    assert empty.load().load_id == 1


class Releasing(Warnings):
    """Ends the transaction that is waited for."""

    def __init__(self, holder: Connection) -> None:
        super().__init__()
        self._holder = holder

    def warning(self, message: str) -> None:
        super().warning(message)
        self._holder.rollback()


def test_load_says_whom_it_waits_for(
    cloud: Cloud, empty: Warehouse, holder: Connection, tmp_path: Path
) -> None:
    one_play(cloud, tmp_path)
    releasing = Releasing(holder)
    assert empty.load(lock_timeout=300, observer=releasing).load_id == 1
    (warning,) = releasing.seen
    assert re.fullmatch(f"waiting up to 300 s for {HOLDER}", warning)


def test_migration_that_cannot_wait_says_which_load_has_the_lock(empty: Warehouse, holder: Connection) -> None:
    with pytest.raises(TemporaryError) as stopped:
        empty.migrate("base", lock_timeout=0.5)
    said = rf"Redshift: another load has the lock: {HOLDER}; nothing was changed\. Try again later\."
    assert re.fullmatch(said, str(stopped.value))
    assert empty.status().at_head
    holder.rollback()
    assert empty.migrate("base", lock_timeout=300) is None


def test_migration_says_which_load_it_waits_for(empty: Warehouse, holder: Connection) -> None:
    releasing = Releasing(holder)
    assert empty.migrate("base", lock_timeout=300, observer=releasing) is None
    (warning,) = releasing.seen
    assert re.fullmatch(f"waiting up to 300 s for {HOLDER}", warning)


def test_each_migration_begins_with_the_lock(cloud: Cloud) -> None:
    """As the first thing in its transaction: what it reads was committed by the load before."""
    with cloud.warehouse() as warehouse:
        warehouse.migrate("0012")
        cloud.redshift.clear_statements()
        warehouse.migrate("0014")
        sent = [one.sql.split("\n")[0] for one in cloud.redshift.statements]
    locks = [place for place, text in enumerate(sent) if text.startswith("LOCK")]
    assert [sent[place - 2 : place + 2] for place in locks] == 2 * [
        ["begin transaction", "SET statement_timeout TO 2000", "LOCK load_lock", "RESET statement_timeout"]
    ]


def test_load_that_came_between_two_migrations_is_told_with_what_is_committed(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, locked = Redshift.lock_migration, list[str]()

    def taken(database: Redshift, connection: Connection, *arguments: Any, **options: Any) -> None:
        locked.append("")
        if len(locked) == 2:
            raise TemporaryError("another load has the lock", state="nothing was changed")
        lock(database, connection, *arguments, **options)

    with cloud.warehouse() as warehouse:
        warehouse.migrate("0012")
        monkeypatch.setattr(Redshift, "lock_migration", taken)
        with pytest.raises(TemporaryError) as stopped:
            warehouse.migrate("0014")
        assert str(stopped.value) == "another load has the lock; the migrations before are committed"
        assert warehouse.status().revision == "0013"


def test_alembic_waits_for_a_load_as_a_command_does(
    cloud: Cloud, empty: Warehouse, holder: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "LOCK_TIMEOUT", 0.5)
    url = {"SPARKIFY_DATABASE_URL": cloud.redshift.url}
    done = run_here("alembic", "downgrade", "base", cwd=CLONE, environment=url)
    said = rf"FAILED: Redshift: another load has the lock: {HOLDER}; nothing was changed\. Try again later\."
    assert done.returncode != 0
    assert re.search(said, done.stdout + done.stderr)
    holder.rollback()
    done = run_here("alembic", "downgrade", "base", cwd=CLONE, environment=url)
    assert done.returncode == 0, done.stderr
    # After the lock, only the statement timeout of the settings applies.
    sent = [one.sql for one in cloud.redshift.statements]
    (lock,) = [number for number, sql in enumerate(sent) if sql == "LOCK load_lock"][-1:]
    assert sent[lock + 1] == "RESET statement_timeout"


# -- faults --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("at", ["^COMMIT", "^INSERT INTO songplays", "^COPY staging_songs"])
@pytest.mark.parametrize("kind", ["serialization", "drop"])
def test_transient_fault_ends_as_one_load(
    cloud: Cloud, empty: Warehouse, tmp_path: Path, kind: Literal["serialization", "drop"], at: str
) -> None:
    one_play(cloud, tmp_path)
    fault = cloud.redshift.inject(kind, f"(?i){at}")
    report = empty.load()
    assert fault.fired == 1
    assert report.load_id == 1
    assert rows(empty, "SELECT count(*) FROM songplays") == [(1,)]
    assert rows(empty, "SELECT load_id, files FROM load_history") == [(1, 2)]


def s3_says(said: str) -> str:
    """The words of COPY about an answer of S3."""
    return f"S3ServiceException:{said},Rid 4Y0,ExtRid x,CanRetry 1"


PASSING = {
    "snapshot conflict": ("XX000", "could not complete because of conflict with concurrent transaction"),
    "serializable conflict": ("XX000", "1023"),
    "deadlock": ("40P01", "deadlock detected"),
    "slow down": ("XX000", s3_says("Please reduce your request rate.,Status 503,Error SlowDown")),
    "fault of S3": ("XX000", s3_says("We encountered an internal error.,Status 500,Error InternalError")),
    "restart": ("57P01", "terminating connection due to administrator command"),
}
"""Errors after which the whole transaction is tried again, in Redshift's words (SQLSTATE, message)."""


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING)
def test_passing_error_is_tried_again(
    cloud: Cloud, empty: Warehouse, tmp_path: Path, error: tuple[str, str]
) -> None:
    one_play(cloud, tmp_path)
    fault = cloud.redshift.inject("error", "^COPY staging_events", error=error)
    assert empty.load().load_id == 1
    assert fault.fired == 1
    assert rows(empty, "SELECT count(*) FROM songplays") == [(1,)]


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PASSING["snapshot conflict"], "Redshift: another transaction has written the same rows, also when"),
        (PASSING["slow down"], "Redshift: S3 is busy or at fault, also when tried again; nothing was changed"),
    ],
    ids=["snapshot conflict", "slow down"],
)
def test_passing_error_that_stays_is_temporary(
    cloud: Cloud, empty: Warehouse, tmp_path: Path, error: tuple[str, str], said: str
) -> None:
    one_play(cloud, tmp_path)
    cloud.redshift.inject("error", "^COPY staging_events", error=error, times=99)
    with pytest.raises(TemporaryError, match=re.escape(said)):
        empty.load()
    assert sum(one.sql.startswith("COPY staging_events") for one in cloud.redshift.statements) == 5


STAYING = {
    "no access to S3": (
        ("XX000", s3_says("Access Denied,Status 403,Error AccessDenied")),
        ConfigurationError,
        "Redshift: cannot read from S3: Access Denied,Status 403,Error AccessDenied",
        "Check that the IAM role is attached to the cluster",
    ),
    "no access to the key": (
        (
            "XX000",
            s3_says(
                "User is not authorized to perform: kms:Decrypt on the resource,Status 403,Error AccessDenied"
            ),
        ),
        ConfigurationError,
        "Redshift: cannot read from S3: User is not authorized to perform: kms:Decrypt",
        "Let the IAM role of the cluster use the key: kms:Decrypt",
    ),
    "no access to the manifest": (
        ("XX000", "COPY with MANIFEST parameter requires full path of an S3 object."),
        ConfigurationError,
        "Redshift: cannot read the manifest; nothing was changed",
        "Check that the IAM role may read below MANIFEST_PREFIX.",
    ),
    "cancelled": (
        ("57014", "Query (42) cancelled on user's request"),
        TemporaryError,
        "Redshift: Query (42) cancelled on user's request; nothing was changed",
        "statement_timeout, a rule of the queue, or a person",
    ),
    "no privilege": (
        ("42501", "permission denied for relation staging_events"),
        ConfigurationError,
        "Redshift: permission denied for relation staging_events",
        "",
    ),
    "unknown": (("XX000", "Assert"), SparkifyError, "Redshift: Assert; nothing was changed", ""),
}
"""Errors that stay: what Redshift says, the class, the words, and what to do."""


@pytest.mark.parametrize(("error", "kind", "said", "hint"), STAYING.values(), ids=STAYING)
def test_error_that_stays_is_told_once_with_what_to_do(
    cloud: Cloud,
    empty: Warehouse,
    tmp_path: Path,
    error: tuple[str, str],
    kind: type[SparkifyError],
    said: str,
    hint: str,
) -> None:
    one_play(cloud, tmp_path)
    cloud.redshift.inject("error", "^COPY staging_events", error=error, times=99)
    with pytest.raises(kind, match=re.escape(said)) as stopped:
        empty.load()
    assert type(stopped.value) is kind
    assert hint in str(stopped.value)
    assert sum(one.sql.startswith("COPY staging_events") for one in cloud.redshift.statements) == 1
    cloud.redshift.clear_faults()
    assert rows(empty, "SELECT count(*) FROM songplays") == [(0,)]


def test_a_lost_connection_leaves_no_socket_open(cloud: Cloud, empty: Warehouse) -> None:
    cloud.redshift.inject("drop", "^SELECT 'lost'")
    with empty.engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        socket = driver._usock
        with pytest.raises(DBAPIError):
            connection.exec_driver_sql("SELECT 'lost'")
    assert socket.fileno() == -1


@pytest.mark.usefixtures("hurried")
def test_commit_whose_answer_was_lost_is_not_repeated(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    one_play(cloud, tmp_path)
    fault = cloud.redshift.inject("drop", "(?i)^COMMIT", when="after")
    report = empty.load()
    assert fault.fired == 1
    assert (report.load_id, report.rows["songplays"]) == (1, 1)
    assert rows(empty, "SELECT load_id FROM load_history") == [(1,)]
    copies = [one for one in cloud.redshift.statements if one.sql.startswith("COPY staging_events")]
    assert len(copies) == 1


@pytest.mark.usefixtures("hurried")
def test_permanent_fault_raises_temporary_error(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    one_play(cloud, tmp_path)
    cloud.redshift.inject("serialization", "(?i)^COMMIT", times=99)
    with pytest.raises(TemporaryError, match=r"nothing was changed") as stopped:
        empty.load()
    assert stopped.value.exit_code == 75
    cloud.redshift.clear_faults()
    assert rows(empty, "SELECT count(*) FROM songplays") == [(0,)]


# -- connecting ----------------------------------------------------------------------------------------------


def test_connection_error_is_one_line_without_password(cloud: Cloud) -> None:
    good = cloud.redshift.url
    wrong = re.sub(r"://(\w+):[^@]+@", r"://\1:canary@", good)
    cases: list[tuple[str, Literal["good", "wrong-host", "untrusted"], str]] = [
        (wrong, "good", "the user or the password is wrong"),
        (good, "wrong-host", "its certificate is for another name"),
        (good, "untrusted", "its certificate is not trusted"),
    ]
    for url, certificate, said in cases:
        cloud.redshift.certificate = certificate
        try:
            with cloud.warehouse(database_url=url) as warehouse:
                with pytest.raises(ConfigurationError, match=said) as stopped:
                    warehouse.check()
                release(stopped.value)
                assert "canary" not in str(stopped.value)
                assert "\n" not in str(stopped.value)
        finally:
            cloud.redshift.certificate = "good"


@pytest.fixture
def signed_with(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The access keys that requests to AWS are signed with, from here on."""
    keys: list[str] = []
    send = URLLib3Session.send

    def recording(self: URLLib3Session, request: AWSPreparedRequest) -> Any:
        found = re.search(rb"Credential=([^/]+)/", request.headers.get("Authorization", b""))
        keys.append(found[1].decode() if found else "unsigned")
        return send(self, request)

    monkeypatch.setattr(URLLib3Session, "send", recording)
    return keys


def test_a_secret_instead_of_a_password(
    cloud: Cloud, signed_with: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_known", set())
    found = re.match(r"[^:]+://(\w+):([^@]+)@", cloud.redshift.url)
    assert found
    user, password = found.groups()
    manager = boto3.client("secretsmanager")
    manager.create_secret(
        Name="warehouse/login", SecretString=json.dumps({"username": user, "password": password})
    )
    without = re.sub(r"://\w+:[^@]+@", "://", cloud.redshift.url)
    login = {"database_url": without, "db_secret_id": "warehouse/login"}
    signed_with.clear()
    try:
        with cloud.warehouse(**login) as warehouse:
            assert redact(password) == password
            assert warehouse.migrate() == HEAD
        # The password was not in any setting.
        assert redact(f"a message with {password}") == "a message with ***"
        assert set(signed_with) == {cloud.redshift.environment["AWS_ACCESS_KEY_ID"]}
        # The keys of dwh.cfg override those that boto3 finds itself.
        signed_with.clear()
        keys = {"aws_access_key_id": "AKIAOFTHEFILE", "aws_secret_access_key": "of-the-file"}
        with cloud.warehouse(**login, **keys) as warehouse:
            assert warehouse.migrate() == HEAD
        assert set(signed_with) == {"AKIAOFTHEFILE"}
    finally:
        manager.delete_secret(SecretId="warehouse/login", ForceDeleteWithoutRecovery=True)


def test_what_copy_alone_refuses_is_told_and_not_what_it_refuses_others(
    cloud: Cloud, empty: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_play(cloud, tmp_path)
    cloud.redshift.refused_text = "unforeseen"
    line = json.dumps(event(location="unforeseen"))
    cloud.redshift.put_object("s3://plays/log_data/b.json", line.encode())
    cloud.redshift.put_object("s3://plays/elsewhere/song.json", b"nonsense")
    repair = RedshiftBatch.repair

    def after_another_failed(self: RedshiftBatch, *arguments: Any) -> None:
        with empty.engine.connect() as other, pytest.raises(DBAPIError):
            other.exec_driver_sql(
                f"COPY staging_songs FROM 's3://plays/elsewhere/song.json' IAM_ROLE '{ROLE}' JSON 'auto'"
            )
        repair(self, *arguments)

    monkeypatch.setattr(RedshiftBatch, "repair", after_another_failed)
    with pytest.raises(RejectedLines, match=r"log_data/b\.json:1: COPY: Invalid value") as stopped:
        empty.load()
    assert "elsewhere" not in str(stopped.value)
    assert rows(empty, "SELECT count(*) FROM songplays") == [(0,)]


def test_a_plaintext_server_is_refused(cloud: Cloud) -> None:
    cloud.redshift.tls = "refused"
    try:
        with cloud.warehouse() as warehouse:
            with pytest.raises(ConfigurationError, match="does not speak TLS") as stopped:
                warehouse.check()
            release(stopped.value)
    finally:
        cloud.redshift.tls = "on"


def test_the_session_reads_models(cloud: Cloud, empty: Warehouse, tmp_path: Path) -> None:
    from sparkify.models import SongPlay

    one_play(cloud, tmp_path)
    empty.load()
    with empty.session() as session:
        assert [play.match for play in session.query(SongPlay)] == ["exact"]
        assert session.execute(text("SELECT count(*) FROM users")).scalar_one() == 1
