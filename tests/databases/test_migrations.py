"""The migrations: up, down, and equal to the models, on both databases, in a clone and from a wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, MetaData, String, Table, inspect
from sqlalchemy.schema import SetColumnComment

from sparkify import ConfigurationError, Warehouse
from sparkify.etl.discovery import list_sources
from sparkify.models import Base
from sparkify.pipeline import SPARKIFY
from sparkify.redshift.attributes import TableAttributes
from sparkify.redshift.migrations import autogenerate_plugins
from sparkify.warehouse.migrations import Migrations
from tests.support.cloud import Cloud
from tests.support.commands import run_here, run_module
from tests.support.data import HEAD, Data, rows
from tests.support.making import event, song
from tests.support.paths import CLONE
from tests.unit.test_models import DDL, plain

CONSTRAINTS = "FROM duckdb_constraints() WHERE table_name <> 'alembic_version'"
REDSHIFT = "redshift+redshift_connector://awsuser:canary@dwh.abc.us-west-2.redshift.amazonaws.com:5439/dev"


def alembic(*arguments: str, url: str) -> subprocess.CompletedProcess[str]:
    return run_here("alembic", *arguments, cwd=CLONE, environment={"SPARKIFY_DATABASE_URL": url})


def test_up_check_down_up(tmp_path: Path) -> None:
    url = f"duckdb:///{tmp_path}/x.duckdb"
    for arguments in (["upgrade", "head"], ["check"], ["downgrade", "base"], ["upgrade", "head"], ["check"]):
        done = alembic(*arguments, url=url)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    assert "No new upgrade operations detected" in done.stdout
    with Warehouse(url) as warehouse, warehouse.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == set(Base.metadata.tables) | {"alembic_version"}
        assert connection.exec_driver_sql("SELECT token, taken FROM load_lock").fetchall() == [(1, 0)]
    alembic("downgrade", "base", url=url)
    with Warehouse(url) as warehouse, warehouse.engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
        assert connection.exec_driver_sql("SELECT count(*) FROM duckdb_sequences()").scalar() == 0


def test_down_where_there_is_nothing(tmp_path: Path) -> None:
    url = f"duckdb:///{tmp_path}/x.duckdb"
    done = run_module("alembic", "downgrade", "base", cwd=CLONE, environment={"SPARKIFY_DATABASE_URL": url})
    assert done.returncode == 0, done.stderr


def test_alembic_tells_in_a_line_of_tables_that_no_migration_made(tmp_path: Path) -> None:
    url = f"duckdb:///{tmp_path}/x.duckdb"
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.execute("CREATE TABLE users AS SELECT 7 AS id")
    done = alembic("upgrade", "head", url=url)
    assert done.returncode != 0
    assert done.stdout.splitlines() == [
        f"FAILED: {url} has the table users, which no migration made; nothing was changed. "
        "Give another file, or rename what is there."
    ]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["users"], "the table users"),
        (["songs", "users", "time", "plays", "mine"], "the tables plays, songs, time and 1 more"),
    ],
)
def test_tables_that_no_migration_made_are_named_and_left_as_they_are(
    empty: Warehouse, names: list[str], told: str
) -> None:
    with empty.engine.begin() as connection:
        for name in names:
            connection.exec_driver_sql(f'CREATE TABLE "{name}" (id INTEGER)')
    with pytest.raises(ConfigurationError, match=f" has {told}, which no migration made"):
        empty.migrate()
    with empty.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) - {"alembic_version"} == set(names)


def test_the_check_sees_a_difference(tmp_path: Path) -> None:
    """The negative control of ``alembic check``."""
    url = f"duckdb:///{tmp_path}/x.duckdb"
    alembic("upgrade", "head", url=url)
    with Warehouse(url) as warehouse, warehouse.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE users DROP COLUMN gender")
    done = alembic("check", url=url)
    assert done.returncode != 0
    assert "gender" in done.stdout + done.stderr


def parts_of(definition: str) -> list[str]:
    """The columns and constraints of a CREATE TABLE, and what follows them."""
    body, _, options = plain(definition).rpartition(") DISTSTYLE")
    # Do not split at the comma in a key of two columns or in IDENTITY.
    return [*re.split(r", (?![^(]*\))", body.strip()), f"DISTSTYLE{options}"]


def tables_of(sql: str) -> dict[str, list[str]]:
    """The tables that the SQL of the migrations leaves, each with its parts."""
    tables: dict[str, list[str]] = {}
    for statement in map(plain, re.sub(r"--.*", "", sql).split(";")):
        if made := re.match(r'CREATE TABLE "?(\w+)"? \( (.*)', statement):
            tables[made[1]] = parts_of(made[2])
        elif changed := re.match(r"ALTER TABLE (\w+) (.*)", statement):
            table, change = changed.groups()
            if renamed := re.fullmatch(r"RENAME TO (\w+)", change):
                tables[renamed[1]] = tables.pop(table)
            elif renamed := re.fullmatch(r"RENAME COLUMN (\w+) TO (\w+)", change):
                tables[table] = [re.sub(rf"\b{renamed[1]}\b", renamed[2], part) for part in tables[table]]
            elif dropped := re.fullmatch(r"DROP (CONSTRAINT \w+)", change):
                (gone,) = (part for part in tables[table] if part.startswith(f"{dropped[1]} "))
                tables[table].remove(gone)
            elif placed := re.fullmatch(r"ALTER DISTKEY (\w+)", change):
                (old,) = (part for part in tables[table] if part.startswith("DISTSTYLE "))
                new = re.sub(
                    r"^DISTSTYLE (KEY DISTKEY \(\w+\)|\w+)", f"DISTSTYLE KEY DISTKEY ({placed[1]})", old
                )
                tables[table][tables[table].index(old)] = new
            elif encoded := re.fullmatch(r"ALTER COLUMN (\w+) ENCODE (\w+)", change):
                (old,) = (part for part in tables[table] if part.startswith(f"{encoded[1]} "))
                new = re.sub(r"ENCODE \w+", f"ENCODE {encoded[2]}", old)
                tables[table][tables[table].index(old)] = new
            else:
                added = re.fullmatch(r"ADD (?:COLUMN )?(.*)", change)
                assert added, statement
                tables[table].append(added[1])
    tables.pop("alembic_version")
    return tables


def test_the_sql_for_redshift_makes_what_the_models_say() -> None:
    done = alembic("upgrade", "head", "--sql", url=REDSHIFT)
    assert done.returncode == 0, done.stderr
    assert "canary" not in done.stdout + done.stderr
    created = tables_of(done.stdout)
    assert set(created) == set(DDL)
    for name, parts in created.items():
        assert sorted(parts) == sorted(parts_of(DDL[name])), name
    assert "RETURNING" not in done.stdout
    assert "COMMIT;" in done.stdout


def test_keys_are_not_told_to_duckdb(tmp_path: Path) -> None:
    with Warehouse(f"duckdb:///{tmp_path}/x.duckdb") as warehouse:
        warehouse.migrate()
        with warehouse.engine.connect() as connection:
            found = connection.exec_driver_sql(f"SELECT DISTINCT constraint_type {CONSTRAINTS}").fetchall()
    assert found == [("NOT NULL",)]


# One play at revision 0001, with a row in each table that later migrations change.
PLAY_AT_0001 = (
    "INSERT INTO artists VALUES ('ARA', 'Björk', NULL, NULL, NULL, false)",
    "INSERT INTO songs VALUES ('SOA', 'Undo', 'ARA', 'Björk', NULL, 100.5, false)",
    "INSERT INTO time VALUES ('2018-11-01 00:00:00.796', 0, 1, 44, 11, 2018, 4)",
    "INSERT INTO users VALUES (7, 'A', 'B', 'F', 'free', NULL, '2018-11-01 00:00:00.796')",
    "INSERT INTO user_levels VALUES (7, '2018-11-01 00:00:00.796', NULL, 'free', true)",
    "INSERT INTO heard_songs VALUES (41, 'Björk', 'Undo', 100.5, 'SOA', 'ARA', 'exact', 1)",
    "INSERT INTO songplays (start_time, user_id, level, song_id, artist_id, session_id, item_in_session, "
    "match, heard_id, load_id) "
    "VALUES ('2018-11-01 00:00:00.796', 7, 'free', 'SOA', 'ARA', 1, 0, 'exact', 41, 1)",
    "INSERT INTO load_history VALUES (1, 'incremental', '2018-11-02', '2018-11-02', 2, 9, 2, 2, 0, 0, '0.1.0')",
)


@pytest.fixture(params=["duckdb", "redshift"])
def first_revision(request: pytest.FixtureRequest, new_warehouse: Warehouse, data: Data) -> Iterator[Warehouse]:
    """A warehouse that revision 0001 made, with one play in it, and a file with another play of the song."""
    data.log("b.json", event(artist="Björk", song="Undo", length=100.5, at="2018-11-02 09:00:00.000"))
    warehouse = new_warehouse
    if request.param == "duckdb":
        done = alembic("upgrade", "0001", url=warehouse.engine.url.render_as_string())
        assert done.returncode == 0, done.stderr
    else:
        cloud: Cloud = request.getfixturevalue("cloud")
        cloud.put(data.logs, "log_data")
        warehouse = cloud.warehouse()
        warehouse.migrate("0001")
    with warehouse:
        with warehouse.engine.begin() as connection:
            for statement in PLAY_AT_0001:
                connection.exec_driver_sql(statement)
        yield warehouse


def test_upgrade_keeps_rows_of_the_first_revision(first_revision: Warehouse) -> None:
    match = (41, "Björk", "Undo", 100.5, "SOA", "ARA", "exact", 1)
    plays = "SELECT match, {} FROM songplays ORDER BY start_time"
    assert first_revision.migrate() == HEAD
    assert rows(first_revision, "SELECT * FROM song_matches") == [(*match, "bjrk")]
    assert rows(first_revision, "SELECT title_key, artist_key FROM songs") == [("undo", "bjrk")]
    assert rows(first_revision, "SELECT name_key FROM artists") == [("bjrk",)]
    assert rows(first_revision, plays.format("match_id")) == [("exact", 41)]
    first_revision.load(only=["events"])
    # The rows still follow the first rules: the load did not rebuild them.
    assert [result.name for result in first_revision.check() if not result.ok] == [
        "load_history: every load is of version 8 of the rules"
    ]
    assert rows(first_revision, plays.format("match_id")) == [("exact", 41)] * 2
    # Down again: the later columns and tables are gone, but no row is lost.
    Migrations(SPARKIFY, first_revision.database).downgrade(first_revision.engine, "0001")
    assert rows(first_revision, "SELECT * FROM heard_songs") == [match]
    assert rows(first_revision, plays.format("heard_id")) == [("exact", 41)] * 2


def test_status_of_an_older_revision_knows_what_was_loaded(first_revision: Warehouse) -> None:
    before = first_revision.status().pending[0]
    assert (before.files, before.known, before.problem) == (1, 0, None)
    ((uri, fingerprint),) = [
        (file.uri, file.fingerprint)
        for file in list_sources(first_revision._request(only=["events"]))["events"].files
    ]
    with first_revision.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO loaded_files (uri, source, fingerprint, bytes, lines, loaded, rejected, blank, "
            f"load_id) VALUES ('{uri}', 'events', '{fingerprint}', 1, 1, 1, 0, 0, 1)"
        )
    for revision in ("0001", "0003", "0009", "0011", HEAD):
        first_revision.migrate(revision)
        found = first_revision.status(late="0d").pending[0]
        assert (found.files, found.known, found.late, found.problem) == (0, 1, 0, None), revision
    # A ledger that this version cannot read.
    with first_revision.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.exec_driver_sql("ALTER TABLE loaded_files RENAME COLUMN fingerprint TO print")
    found = first_revision.status(late="0d").pending[0]
    assert (found.files, found.known, found.late) == (0, 0, 0)
    assert found.problem == (
        "the tables are of another version, in which it cannot be read which files were loaded"
    )


def placements_of(warehouse: Warehouse) -> dict[str, str | None]:
    """How the tables of the star are distributed in the database: by this column, or in this style."""
    found: dict[str, str | None] = {}
    with warehouse.engine.connect() as connection:
        for table in SPARKIFY.tables:
            there = TableAttributes.of(Table(table.name, MetaData(), autoload_with=connection))
            found[table.name] = there.distkey or there.diststyle
    return found


def test_migration_distributes_the_star_by_its_keys_and_back(cloud: Cloud) -> None:
    before = {
        "songplays": "song_id", "users": "ALL", "songs": "song_id", "artists": "ALL", "time": "ALL",
        "user_levels": "ALL", "song_matches": "ALL",
    }  # fmt: skip
    after = {
        "songplays": "user_id", "users": "user_id", "songs": "song_id", "artists": "artist_id",
        "time": "start_time", "user_levels": "user_id", "song_matches": "match_id",
    }  # fmt: skip
    with cloud.warehouse() as warehouse:
        warehouse.migrate("0005")
        assert placements_of(warehouse) == before
        warehouse.migrate("0006")
        assert placements_of(warehouse) == after
        Migrations(SPARKIFY, warehouse.database).downgrade(warehouse.engine, "0005")
        assert placements_of(warehouse) == before


def test_models_and_migrations_of_redshift_agree(cloud: Cloud) -> None:
    """Distribution, sort keys and encodings too."""
    with cloud.warehouse() as warehouse:
        for revision, expected in (
            (
                "0005",
                {
                    "alter_distkey",
                    "alter_encode",
                    "add_column",
                    "add_table",
                    "add_table_comment",
                    "modify_comment",
                },
            ),
            ("0006", {"add_column", "add_table", "add_table_comment", "modify_comment"}),
            (HEAD, set()),
        ):
            warehouse.migrate(revision)
            with warehouse.engine.connect() as connection:
                plugins = {"autogenerate_plugins": autogenerate_plugins()}
                context = MigrationContext.configure(connection, opts=plugins)
                found = compare_metadata(context, Base.metadata)
                # Differences of a column come in a list.
                assert {one[0][0] if isinstance(one, list) else one[0] for one in found} == expected


def test_distribution_is_nothing_to_duckdb(tmp_path: Path) -> None:
    def definitions() -> list[tuple[str]]:
        with Warehouse(url) as warehouse:
            return rows(warehouse, "SELECT sql FROM duckdb_tables() ORDER BY table_name")

    url = f"duckdb:///{tmp_path}/x.duckdb"
    assert alembic("upgrade", "0005", url=url).returncode == 0
    before = definitions()
    assert alembic("upgrade", "0006", url=url).returncode == 0
    assert before
    assert definitions() == before


@pytest.mark.parametrize("which", ["duckdb", "redshift"])
def test_comments_reach_the_database(which: str, warehouse: Warehouse, request: pytest.FixtureRequest) -> None:
    if which == "redshift":
        cloud: Cloud = request.getfixturevalue("cloud")
        warehouse = cloud.warehouse()
    with warehouse:
        warehouse.migrate()
        inspector = inspect(warehouse.engine)
        for table in Base.metadata.sorted_tables:
            assert inspector.get_table_comment(table.name) == {"text": table.comment}
            found = {column["name"]: column["comment"] for column in inspector.get_columns(table.name)}
            assert found == {column.name: column.comment for column in table.columns}, table.name
        other = Table("users", MetaData(), Column("level", String(16), comment="It's another: 100% %s :x."))
        with warehouse.engine.begin() as connection:
            connection.execute(SetColumnComment(other.c.level))
        (level,) = (c for c in inspect(warehouse.engine).get_columns("users") if c["name"] == "level")
        assert level["comment"] == other.c.level.comment
        with warehouse.engine.connect() as connection:
            context = MigrationContext.configure(
                connection,
                opts={"include_object": lambda _1, _2, kind, *_3: kind == "table" or kind == "column"},
            )
            # Autogenerate would only restore that comment.
            (difference,) = [part for group in compare_metadata(context, Base.metadata) for part in group]
    assert difference[:4] == ("modify_comment", None, "users", "level")


NEW_COLUMN = """
    language: Mapped[str | None] = mapped_column(
        String(64), info=from_json("language"), redshift_encode="zstd", comment="It's an ISO 639 code."
    )
    __mapper_args__ = {"primary_key": [song_id]}"""
NEW_TABLE = '''

class Follow(Base):
    """Grain: one user who follows one artist."""

    __tablename__ = "follows"
    __table_args__ = (
        primary_key("user_id", "artist_id"),
        foreign_key("artist_id", "artists.artist_id"),
        {"redshift_diststyle": "ALL", "redshift_sortkey": ["user_id", "artist_id"]},
    )

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    artist_id: Mapped[str] = mapped_column(String(32), primary_key=True, comment="Whom: %, \\'.")
'''


def test_autogenerated_migration_is_formatted_and_declares_no_keys_on_duckdb(
    tmp_path: Path, data: Data
) -> None:
    """A new column and a new table of the models, as a developer adds them to a clone."""
    pytest.importorskip("ruff", reason="the hooks of alembic.ini run it")
    here = tmp_path / "clone"
    for name in ("sparkify", "migrations"):
        shutil.copytree(CLONE / name, here / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("alembic.ini", "pyproject.toml"):
        shutil.copy(CLONE / name, here)
    environment = {
        "PYTHONPATH": str(here),
        "SPARKIFY_DATABASE_URL": f"duckdb:///{tmp_path}/x.duckdb",
        "SPARKIFY_LOG_DATA": str(data.logs),
        "SPARKIFY_SONG_DATA": str(data.songs),
    }

    def run(*arguments: str) -> str:
        done = run_module(*arguments, cwd=here, environment=environment)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    data.log("a.json", event())
    data.song("a.json", song())
    run("sparkify", "load")
    staging = here / "sparkify" / "models" / "staging.py"
    head, found, tail = staging.read_text().rpartition('\n    __mapper_args__ = {"primary_key": [song_id]}')
    assert found
    staging.write_text(f"{head}{NEW_COLUMN}{tail}")
    star = here / "sparkify" / "models" / "star.py"
    star.write_text(star.read_text() + NEW_TABLE)
    run("alembic", "revision", "--autogenerate", "-m", "follows", "--rev-id", "9999")
    script = here / "migrations" / "versions" / "9999_follows.py"
    assert script.read_text().count('.ddl_if(dialect="redshift")') + script.read_text().count(".ddl_if(\n") == 2
    run("ruff", "check", str(script))
    run("ruff", "format", "--check", str(script))
    run("alembic", "upgrade", "head")
    assert "No new upgrade operations detected" in run("alembic", "check")
    data.log("b.json", event(itemInSession=1))
    run("sparkify", "load")
    with Warehouse(environment["SPARKIFY_DATABASE_URL"]) as warehouse:
        assert rows(warehouse, "SELECT count(*) FROM songplays") == [(2,)]
        assert rows(warehouse, f"SELECT DISTINCT constraint_type {CONSTRAINTS}") == [("NOT NULL",)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that this clone builds."""
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(CLONE)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    return path


def test_the_wheel_carries_the_migrations_and_the_page(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "sparkify/py.typed",
        "sparkify/migrations/env.py",
        "sparkify/migrations/versions/0001_star.py",
        "sparkify/alembic.ini",
        "sparkify/report/page.html.j2",
        "sparkify/report/page.css",
    } <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "migrations/"))]


def test_migrate_from_an_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    # This environment's packages, with sparkify from the wheel instead of the clone.
    venv.create(tmp_path / "venv", system_site_packages=False, with_pip=False)
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    others = next(path for path in sys.path if path.endswith("site-packages"))
    code = (
        "import sys; sys.path.append(sys.argv.pop(1)); import sparkify; print(sparkify.__file__);"
        "from sparkify.cli import main; main()"
    )
    done = subprocess.run(
        # Isolated, so that no PYTHONPATH puts the clone before the wheel.
        [tmp_path / "venv" / "bin" / "python", "-I", "-c", code, others, "migrate"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(site))
    assert f"The warehouse is at revision {HEAD}." in done.stdout
    assert (tmp_path / "sparkify.duckdb").exists()
