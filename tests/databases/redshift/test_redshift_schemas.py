"""Several warehouses in one Redshift database, each in its own schema, on the stand-in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from sparkify import ConfigurationError, Settings, TemporaryError, Warehouse
from sparkify.doctor import examine
from sparkify.pipeline import SPARKIFY
from sparkify.redshift import register
from standin import Standin
from tests.support.cloud import Cloud
from tests.support.commands import run_here
from tests.support.data import HEAD, rows
from tests.support.making import event, song, write
from tests.support.paths import CLONE

HOSTILE = """we"ird'; %s :x drop schema public cascade; --"""
"""A name with everything that could end a name or a string, or be taken for a parameter."""


def put(redshift: Standin, folder: Path, prefix: str, *plays: dict[str, Any]) -> None:
    """Write a file of events and one of songs below a prefix of the bucket."""
    for name, lines in (("log_data/1.json", plays), ("song_data/1.json", [song()])):
        path = write(folder / prefix / name, lines)
        redshift.put_object(f"s3://plays/{prefix}/{name}", path.read_bytes())


def of(cloud: Cloud, schema: str, prefix: str) -> Warehouse:
    return cloud.warehouse(
        db_schema=schema, log_data=f"s3://plays/{prefix}/log_data", song_data=f"s3://plays/{prefix}/song_data"
    )


def tables_of(redshift: Standin) -> dict[str, set[str]]:
    """By schema, the names of its tables; a schema without any is there too."""
    found: dict[str, set[str]] = {}
    for schema, name in redshift.query(
        "SELECT n.nspname, c.relname FROM pg_namespace n LEFT JOIN pg_class c "
        "ON c.relnamespace = n.oid AND c.relkind = 'r' "
        "WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'rs')"
    ):
        found.setdefault(str(schema), set()).update([] if name is None else [name])
    return found


@pytest.mark.parametrize("other", ["prod", HOSTILE])
def test_two_schemas_of_a_database_hold_their_own_rows(cloud: Cloud, tmp_path: Path, other: str) -> None:
    redshift = cloud.redshift
    put(redshift, tmp_path, "a", event(userId="1"), event(userId="2"))
    put(redshift, tmp_path, "b", event(userId="3"))
    with of(cloud, "dev", "a") as dev, of(cloud, other, "b") as prod:
        assert dev.migrate() == HEAD
        # The tables of the other schema do not count.
        assert prod.status().revision is None
        with pytest.raises(ConfigurationError, match="has no tables yet"):
            prod.load()
        assert prod.migrate() == HEAD
        names = {*SPARKIFY.metadata.tables, "alembic_version"}
        assert tables_of(redshift) == {"public": set(), "dev": names, other: names}

        dev.load()
        assert rows(prod, "SELECT count(*) FROM songplays") == [(0,)]
        prod.load()
        users = "SELECT user_id FROM users ORDER BY 1"
        assert [rows(each, users) for each in (dev, prod)] == [[(1,), (2,)], [(3,)]]
        assert [each.load().nothing_new for each in (dev, prod)] == [True, True]
        assert [[load.load_id for load in each.status().loads] for each in (dev, prod)] == [[1], [1]]
        assert all(result.ok for each in (dev, prod) for result in each.check())
        prod.load(full_refresh=True)
        assert rows(dev, users) == [(1,), (2,)]

        prod.migrate("base")
        assert tables_of(redshift) == {"public": set(), "dev": names, other: {"alembic_version"}}
        assert rows(dev, users) == [(1,), (2,)]


def test_query_and_unload_read_the_schema(cloud: Cloud, tmp_path: Path) -> None:
    from sqlalchemy import select

    put(cloud.redshift, tmp_path, "a", event(userId="1"))
    put(cloud.redshift, tmp_path, "b", event(userId="3"))
    users = SPARKIFY.metadata.tables["users"]
    found = []
    for schema, prefix in (("dev", "a"), ("prod", "b")):
        with of(cloud, schema, prefix) as warehouse:
            warehouse.migrate()
            warehouse.load()
            found.append(warehouse.query(select(users.c.user_id)).all())
            warehouse.query(select(users.c.user_id)).to_parquet(f"s3://plays/exported-{schema}/")
    assert found == [[(1,)], [(3,)]]
    assert cloud.redshift.objects_below("s3://plays/exported-prod/") != []


def test_each_connection_names_its_schema(cloud: Cloud) -> None:
    """Also where none is configured: a user's own search_path has the schema of the user's name first."""
    cloud.redshift.query(f"CREATE SCHEMA {cloud.redshift.user}; CREATE SCHEMA dev")
    for schema, expected in ((None, "public"), ("dev", "dev"), ("DEV", "dev")):
        cloud.redshift.clear_statements()
        with cloud.warehouse(db_schema=schema) as warehouse, warehouse.engine.connect() as connection:
            connection.rollback()  # this would undo a SET in the transaction
            assert connection.execute(text("SELECT current_schema()")).scalar() == expected
            assert inspect(connection).default_schema_name == expected
        assert [one.sql for one in cloud.redshift.statements if one.sql.startswith("SET")][:1] == [
            f'SET search_path TO "{expected}"'
        ]


def test_url_names_the_schema(cloud: Cloud) -> None:
    cloud.redshift.query("CREATE SCHEMA dev")
    url = f"{cloud.redshift.url}?db_schema=dev"
    with cloud.warehouse(db_schema="prod", database_url=url) as warehouse:
        assert rows(warehouse, "SELECT current_schema()") == [("dev",)]


@pytest.mark.parametrize("name", ["$user", "pg_temp", "information_schema", "x" * 128])
def test_schema_of_redshift_itself_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"db_schema .* not the name of a schema"):
        Settings.load(db_schema=name)


def test_engine_of_another_schema_is_refused(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    register()
    engine = create_engine(cloud.redshift.url)
    try:
        monkeypatch.setenv("SPARKIFY_DB_SCHEMA", "dev")
        with pytest.raises(ConfigurationError, match="are in schema public, and the setting says dev"):
            Warehouse(engine).migrate()
        assert tables_of(cloud.redshift) == {"public": set()}
        monkeypatch.delenv("SPARKIFY_DB_SCHEMA")
        assert Warehouse(engine).migrate() == HEAD
    finally:
        engine.dispose()


def test_alembic_looks_into_the_schema_alone(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKIFY_DATABASE_URL", cloud.redshift.url)
    with cloud.warehouse() as public:
        public.migrate()
    monkeypatch.setenv("SPARKIFY_DB_SCHEMA", "dev")
    # Commands that only read create no schema.
    behind = run_here("alembic", "check", cwd=CLONE)
    assert behind.returncode != 0
    assert "Target database is not up to date" in behind.stderr + behind.stdout
    assert set(tables_of(cloud.redshift)) == {"public"}
    assert run_here("alembic", "upgrade", "head", cwd=CLONE).returncode == 0
    cloud.redshift.query("DROP TABLE dev.load_steps; CREATE TABLE dev.extra (a int)")
    different = run_here("alembic", "check", cwd=CLONE)
    assert set(re.findall(r"'(\w+_table)', Table\('(\w+)'", different.stderr + different.stdout)) == {
        ("add_table", "load_steps"),
        ("remove_table", "extra"),
    }


def test_script_creates_the_schema_and_names_it(cloud: Cloud) -> None:
    for schema, expected in (
        (None, ['SET search_path TO "public";']),
        ("dev", ["CREATE SCHEMA IF NOT EXISTS dev;", 'SET search_path TO "dev";']),
    ):
        with cloud.warehouse(db_schema=schema) as warehouse:
            script = warehouse.migration_sql()
        lines = [line for line in script.splitlines() if line and not line.startswith("--")]
        assert lines[: len(expected) + 2] == ["BEGIN;", *expected, "COMMIT;"]
    assert tables_of(cloud.redshift) == {"public": set()}


def test_load_of_another_schema_does_not_wait(cloud: Cloud, tmp_path: Path) -> None:
    """Each schema has a lock of its own, and whoever holds the other's is not named."""
    put(cloud.redshift, tmp_path, "a", event())
    with of(cloud, "dev", "a") as dev, of(cloud, "prod", "a") as prod:
        for warehouse in (dev, prod):
            warehouse.migrate()
        # The other schema's lock was taken first, but nobody waits for that one.
        with prod.engine.begin() as other, dev.engine.begin() as holder:
            other.execute(text("LOCK load_lock"))
            holder.execute(text("LOCK load_lock"))
            pid = holder.execute(text("SELECT pg_backend_pid()")).scalar()
            with pytest.raises(TemporaryError, match=rf"\(process {pid}\)"):
                dev.load(lock_timeout=1)
        with prod.engine.begin() as other:
            other.execute(text("LOCK load_lock"))
            assert dev.load(lock_timeout=1).load_id == 1


def test_doctor_tells_the_schema(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    with cloud.warehouse() as public:
        public.migrate()
    monkeypatch.setenv("SPARKIFY_DATABASE_URL", cloud.redshift.url)
    found = []
    for schema in ("public", "dev"):
        monkeypatch.setenv("SPARKIFY_DB_SCHEMA", schema)
        found += [(one.message, one.advice) for one in examine() if one.check == "schema"]
    assert found == [
        (f"public: revision {HEAD}", ""),
        ("there is no schema dev", "sparkify-etl migrate"),
    ]


def test_duckdb_refuses_a_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"duckdb:///{tmp_path}/x.duckdb"
    monkeypatch.setenv("SPARKIFY_DB_SCHEMA", "dev")
    with pytest.raises(ConfigurationError, match="a file of DuckDB has no schema dev") as caught:
        Warehouse(url)
    assert "SPARKIFY_DB_SCHEMA=main" in (caught.value.hint or "")
    monkeypatch.setenv("SPARKIFY_DB_SCHEMA", "main")
    with Warehouse(url) as warehouse:
        assert warehouse.migrate() == HEAD
