"""What the command says of its configuration, and how a warehouse, a revision or a moment may be named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from sparkify.cli.times import parse_moment
from tests.support.commands import run_here
from tests.support.data import HEAD, Data
from tests.support.making import event, song
from tests.support.paths import CLONE


@pytest.fixture
def home(data: Data) -> Path:
    """A working directory with one event and one song in ``data``."""
    data.log("a.json", event())
    data.song("a.json", song())
    return data.root.parent


def run(home: Path, *arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    done = run_here("sparkify", *arguments, cwd=home, environment=environment)
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.parametrize("command", [("load",), ("status",), ("query", "totals"), ("check",), ("config",)])
def test_every_command_warns_of_names_that_are_no_setting(home: Path, command: tuple[str, ...]) -> None:
    run(home, "load")
    (home / "dwh.cfg").write_text("[S3]\nLOGDATA = elsewhere\n")
    said = run(home, *command, SPARKIFY_SONGDATA="elsewhere").stderr
    assert "warning: dwh.cfg: [S3] LOGDATA is not a setting; did you mean LOG_DATA?" in said
    assert "warning: environment: SPARKIFY_SONGDATA is not a setting; did you mean SPARKIFY_SONG_DATA?" in said


def test_config_names_the_file_of_the_settings(home: Path) -> None:
    (home / "my.cfg").write_text("[CLUSTER]\nDATABASE_URL = duckdb:///mine.duckdb  # mine\n")
    assert "duckdb:///mine.duckdb" in run(home, "load", "--config", "my.cfg").stderr
    assert (home / "mine.duckdb").exists()
    assert not (home / "sparkify.duckdb").exists()
    missing = run(home, "status", "--config", "no.cfg", code=2)
    assert missing.stderr == "error: no.cfg: there is no such file. --config or SPARKIFY_CONFIG names it.\n"


def test_config_says_last_which_warehouse_that_is(home: Path) -> None:
    said = run(home, "config", "--database", "duckdb:///x.duckdb").stderr
    assert said == "The warehouse is duckdb:///x.duckdb\n"


def test_load_says_first_what_goes_where(home: Path) -> None:
    assert run(home, "load", "--database", "x.duckdb").stderr.splitlines()[0] == (
        "Loading events from data/log_data and songs from data/song_data into duckdb:///x.duckdb"
    )
    assert run(home, "load", "-q", "--database", "x.duckdb").stderr == ""


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ("duckdb://x.duckdb", "has no host, and this one has x.duckdb. Write duckdb:///x.duckdb"),
        ("duckdb:///:memory:", "a database in memory is gone when the command ends"),
        ("duckdb://", "a database in memory is gone when the command ends"),
        ("me:canary@host", "not a URL of SQLAlchemy"),
        (
            "duckdb:x.duckdb",
            "begins with duckdb:, which DuckDB takes for no part of a file's name. Write duckdb:///x.",
        ),
        ("duckdb:/srv/x.db", "Write duckdb:////srv/x.db."),
        ("duckdb:///DuckDB:x", "Write duckdb:///x."),
        (
            "sqlite:x.db",
            "begins with sqlite:, which DuckDB takes for no part of a file's name. Write ./ before ",
        ),
        ("duckdb:///md:x", "begins with md:"),
        ("duckdb:///s3://bucket/x.duckdb", "begins with s3:"),
        ("duckdb:///file:///srv/x.duckdb", "begins with file:"),
        ("12:00.duckdb", "begins with 12:"),
        ("me:canary@host/x.db", "begins with me:"),
        ("duckdb:///:memory:x", "begins with :memory:"),
    ],
)
def test_database_that_cannot_be_loaded_is_refused(home: Path, database: str, said: str) -> None:
    before = list(home.iterdir())
    refused = run(home, "load", "--database", database, code=2).stderr
    assert said in refused
    assert "canary" not in refused
    assert list(home.iterdir()) == before


def test_revision_that_is_none_is_refused(home: Path) -> None:
    known = ", ".join(f"{number:04}" for number in range(1, int(HEAD) + 1))
    for options in ((), ("--sql",)):
        said = run(home, "migrate", "9999", *options, code=2).stderr
        assert said == f"error: 9999: there is no such revision. There are {known}.\n"
    # What could be a relative one or a range goes to Alembic, whose error was raw.
    said = run(home, "migrate", "a;b", code=2).stderr
    assert said == f"error: a;b: there is no such revision. There are {known}.\n"


def test_tables_of_a_newer_version_are_left_alone(home: Path) -> None:
    run(home, "load")
    with duckdb.connect(str(home / "sparkify.duckdb")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for command in (("load",), ("check",), ("migrate",)):
        said = run(home, *command, code=2).stderr
        assert "at revision 9999" in said
        assert said.endswith("The tables were made by a newer version of sparkify: use that one.\n")


@pytest.mark.parametrize(
    ("module", "command", "code"),
    [
        ("sparkify", ("migrate", "base", "--yes"), 2),
        ("alembic", ("downgrade", "base"), 255),
        ("alembic", ("upgrade", "head"), 255),
    ],
)
def test_migration_from_a_newer_version_names_it(
    home: Path, module: str, command: tuple[str, ...], code: int
) -> None:
    run(home, "load")
    file = home / "sparkify.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    where = CLONE if module == "alembic" else home
    done = run_here(module, *command, cwd=where, environment={"SPARKIFY_DATABASE_URL": f"duckdb:///{file}"})
    assert done.returncode == code, done.stderr
    said = (done.stdout + done.stderr).splitlines()[-1]
    assert "the tables are at revision 9999, and this version knows 0001, " in said
    assert said.endswith("The tables were made by a newer version of sparkify: use that one.")
    with duckdb.connect(str(file)) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM songplays").fetchall() == [(True,)]


def test_status_and_doctor_of_a_newer_version_do_not_advise_to_migrate(home: Path) -> None:
    run(home, "load")
    with duckdb.connect(str(home / "sparkify.duckdb")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "; the tables were made by a newer version of sparkify: use that one\n" in run(home, "status").stdout
    assert "-> The tables were made by a newer version" in run(home, "doctor", code=1).stdout
    with duckdb.connect(str(home / "sparkify.duckdb")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    assert "expected " + HEAD + "; run: sparkify-etl migrate\n" in run(home, "status").stdout


def test_dropped_table_is_named(home: Path) -> None:
    run(home, "load")
    with duckdb.connect(str(home / "sparkify.duckdb")) as connection:
        connection.execute("DROP VIEW plays")
        connection.execute("DROP TABLE users")
    found = run(home, "doctor", code=1).stdout
    assert "problem  schema         gone from the database: plays, users" in found
    assert "-> restore a copy, or load into a new database" in found
    assert (
        "FAILED  tables: each is there, with every column of its model: 1 row"
        in run(home, "check", code=1).stdout
    )
    for command in (("status",), ("query", "top-users"), ("load",)):
        said = run(home, *command, code=2).stderr
        assert said.endswith(
            "error: sparkify.duckdb: the table users is gone; nothing was changed. "
            "Restore a copy, or load into a new database.\n"
        )


def test_sql_to_base_removes_every_table(home: Path) -> None:
    printed = run(home, "migrate", "base", "--sql").stdout
    assert "DROP TABLE songplays" in printed
    assert "CREATE TABLE" not in printed


def test_name_in_a_pipe_keeps_what_looks_like_a_colour(home: Path) -> None:
    (home / "data" / "log_data" / "y\x1b[2Jz.json").write_text("oops\n")
    run(home, "load", "--max-rejects", "1")
    assert "log_data/y\\x1b[2Jz.json:1: " in run(home, "rejects").stdout
    assert "data\\x1b[1m" in run(home, "config", SPARKIFY_LOG_DATA="data\x1b[1m").stdout


def test_rejects_of_no_load_are_refused(home: Path) -> None:
    run(home, "load")
    assert run(home, "rejects", "1").stderr == "No line was rejected.\n"
    said = run(home, "rejects", "99", code=2).stderr
    assert said == "error: there is no load 99. The last ones are in: sparkify-etl status\n"


def test_load_stops_at_files_of_another_format(home: Path) -> None:
    (home / "data" / "log_data" / "a.json").write_text(json.dumps([event()]))
    said = run(home, "load", code=1).stderr.splitlines()
    assert said[-2:] == [
        f"  {home.resolve()}/data/log_data/a.json: an array of JSON",
        "Write one object on each line, as this does: jq -c '.[]' FILE > NEW",
    ]


def test_load_counts_what_it_passes_over_in_one_line(home: Path) -> None:
    logs = home / "data" / "log_data"
    for name in ("b.JSON", "c.json.zip", "_d.json", ".DS_Store"):
        (logs / name).write_text("x")
    (logs / "link.json").symlink_to(logs / "a.json")
    said = run(home, "load").stderr.splitlines()
    skipped = "2 hidden, 1 link, 1 not JSON, 1 not named .json in small letters"
    assert said[1:] == [f"Passed over: {skipped} below data/log_data."]


@pytest.mark.parametrize("command", [("sql", "SELECT 1", "--format", "csv"), ("report",)])
def test_link_to_itself_is_no_output(home: Path, command: tuple[str, ...]) -> None:
    run(home, "load")
    (home / "loop").symlink_to("loop")
    said = run(home, *command, "-o", "loop", code=2).stderr
    assert said == "error: loop: cannot be written: Too many levels of symbolic links\n"
    assert (home / "loop").is_symlink()


def test_output_that_nobody_reads_to_its_end_is_no_failure(home: Path) -> None:
    run(home, "load")
    command = [sys.executable, "-m", "sparkify", "schema"]
    with subprocess.Popen(
        command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait(timeout=60)) == ("", 0)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2018-11-05", "2018-11-05T00:00:00"),
        ("2018-11-05 10:00", "2018-11-05T10:00:00"),
        ("2018-11-05T10:00:01.5", "2018-11-05T10:00:01.500000"),
        ("2018-11-05T10:00Z", "2018-11-05T10:00:00+00:00"),
        ("2018-11-05T10:00-08:00", "2018-11-05T10:00:00-08:00"),
        ("2018-11", "2018-11-01T00:00:00"),
        ("7d", "2020-02-23T12:00:00"),
        ("36h", "2020-02-29T00:00:00"),
        ("2w", "2020-02-16T12:00:00"),
    ],
)
def test_moment_is_written_in_many_ways(text: str, moment: str) -> None:
    assert parse_moment(text, parse_moment("2020-03-01T12:00")).isoformat() == moment


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2018-13", "2018-02-30", "-7d", "9999999w", "99999999d", "7y"]
)
def test_moment_that_is_none_is_refused(home: Path, text: str) -> None:
    said = run(home, "query", "totals", f"--since={text}", code=2).stderr
    assert f"{text!r} is no moment: write it as 2018-11-05" in said
