"""The command, run as its users run it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.commands import heed_interrupts, run_here, run_module
from tests.support.data import HEAD, Data
from tests.support.making import event, song

REDSHIFT = "redshift+redshift_connector://awsuser:canary@dwh.abc.us-west-2.redshift.amazonaws.com:5439/dev"


@pytest.fixture
def home(data: Data) -> Path:
    """A working directory with one event and one song in ``data``."""
    data.log("a.json", event(), event(itemInSession=1, song="Other"))
    data.song("a.json", song())
    return data.root.parent


def run(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_here("sparkify", *arguments, cwd=home, environment=environment)


def test_help_imports_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from sparkify.cli import main\n"
        "sys.argv = ['sparkify-etl', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'duckdb', 'boto3', 'botocore', 'alembic', 'pydantic', 'obstore'}\n"
        "heavy |= {'jinja2', 'rich'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "HEAVY []" in done.stdout
    assert "Load new files in one transaction." in done.stdout


def test_library_imports_no_heavy_library() -> None:
    code = (
        "import sys, sparkify; print(sorted(m for m in sys.modules if m in {'sqlalchemy', 'duckdb', 'boto3'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_status_fails_for_late_files(home: Path, data: Data) -> None:
    assert run(home, "status", "--late", "2h").returncode == 0
    paths = [
        data.log(f"{name}.json", event(sessionId=number)) for number, name in enumerate("abcdefgh", start=7)
    ]
    for hours, path in enumerate(paths, start=1):
        written = time.time() - 3600 * hours - 60
        os.utime(path, (written, written))
    # Those of an hour ago are not late, and one that is late no longer is once it is loaded.
    run(home, "load", "--only", "events", "--log-data", str(paths[1]))
    done = run(home, "status", "--late", "2h")
    assert done.returncode == 1
    shown = done.stdout.partition("\nfiles\n")[2].splitlines()
    assert shown[0].endswith(", 1 loaded, 6 late")
    assert [line.strip() for line in shown[1:7]] == [
        *(f"late: {path}" for path in reversed(paths[3:])),
        "and 1 more late file",
    ]
    (events, songs) = json.loads(run(home, "status", "--late", "2h", "--json").stdout)["pending"]
    assert (events["late"], events["late_files"]) == (6, [str(path) for path in reversed(paths[3:])])
    assert songs["late"] == 0
    assert run(home, "status", "--late", "2w").returncode == 0
    assert run(home, "status").returncode == 0
    bad = run(home, "status", "--late", "soon")
    assert (bad.returncode, "'soon' is not an age" in bad.stderr) == (2, True)


def test_load_twice_then_inspect(home: Path) -> None:
    """Each command in a process of its own, as its users run it."""

    def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_module("sparkify", *arguments, cwd=home)

    first = run(home, "load")
    assert first.returncode == 0, first.stderr
    assert "Loaded 2 events from 1 file and 1 line of songs from 1 file" in first.stdout.splitlines()[-1]
    assert first.stderr == "Loading events from data/log_data and songs from data/song_data into {}\n".format(
        "duckdb:///sparkify.duckdb"
    )
    second = run(home, "load")
    assert (second.returncode, second.stdout.split(".")[0]) == (
        0,
        "Nothing new: 1 file of events and 1 file of songs were loaded before",
    )
    checked = run(home, "check")
    assert checked.returncode == 0
    assert "all is well" in checked.stdout
    status = json.loads(run(home, "status", "--json").stdout)
    assert status["rows"]["songplays"] == 2
    assert [pending["files"] for pending in status["pending"]] == [0, 0]
    assert status["loads"][0]["load_id"] == 1
    assert status["revision"] == status["head"]


@pytest.mark.parametrize(
    "arguments", [["status"], ["load", "--log-data", "nowhere"], ["status", "--log-format", "json", "--bad"]]
)
def test_command_run_here_prints_and_ends_as_in_a_process(home: Path, arguments: list[str]) -> None:
    """What the other tests rest upon."""
    here, there = run(home, *arguments), run_module("sparkify", *arguments, cwd=home)
    # It begins with the name of the program; and a line of JSON with the time.
    usage = re.compile(r"""^(Usage:|Try) .*\n|(?<=^\{"time": ")[^"]+""", re.MULTILINE)
    assert (here.returncode, here.stdout) == (there.returncode, there.stdout)
    assert usage.sub("", here.stderr) == usage.sub("", there.stderr)


def test_load_prints_its_report_as_json(home: Path) -> None:
    report = json.loads(run(home, "load", "--json").stdout)
    assert report["load_id"] == 1
    assert [(source["name"], source["loaded"]) for source in report["sources"]] == [("events", 2), ("songs", 1)]
    assert report["rows"]["songplays"] == 2


def test_broken_line_stops_the_load_or_is_rejected(home: Path) -> None:
    with (home / "data" / "log_data" / "a.json").open("a") as out:
        out.write('\n{"oops\n')
    refused = run(home, "load")
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert f"{home}/data/log_data/a.json:3: not valid JSON" in refused.stderr
    assert "--max-rejects 1" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert json.loads(run(home, "status", "--json").stdout)["rows"]["songplays"] == 0
    allowed = run(home, "load", "--max-rejects", "1")
    assert allowed.returncode == 0
    assert "1 line rejected (see: sparkify-etl rejects 1)" in allowed.stdout
    shown = run(home, "rejects", "1")
    assert shown.stdout.splitlines()[0].startswith(f"{home}/data/log_data/a.json:3: not valid JSON")
    assert shown.stdout.splitlines()[1] == '    {"oops'
    (reject,) = json.loads(run(home, "rejects", "--json").stdout)
    assert (reject["line"], reject["text"], reject["load_id"]) == (3, '{"oops', 1)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["load", "--log-data", "nowhere"], 1, "error: nowhere: there is no such file or folder"),
        (["load", "--only", "albums"], 2, "Give events or songs"),
        (["load", "--max-rejects", "-1"], 2, "Give --max-rejects 0 or more"),
        (["load", "--database", "sqlite:///x"], 2, "'sqlite' is not a database that sparkify loads"),
        (["load", "--database", "nonsense"], 2, "not a URL of SQLAlchemy"),
        (["load", "--database", "duckdb:///no/such/folder/x.duckdb"], 2, "there is no such folder"),
        (["check"], 2, "sparkify.duckdb: is not there yet. Run: sparkify-etl load"),
        (["rejects"], 2, "is not there yet"),
        (["snapshot", "x"], 2, "error: sparkify.duckdb: is not there yet. Run: sparkify-etl load"),
        (
            ["status", "--late", "foo"],
            2,
            "error: 'foo' is not an age. Give hours, days or weeks: 12h, 90d or 8w.",
        ),
        (["status", "--late", "foo", "--json"], 2, "error: 'foo' is not an age."),
        (["lod"], 2, "No such command"),
        (["generate", "data"], 2, "data"),
    ],
)
def test_wrong_usage_is_refused_in_one_line(home: Path, arguments: list[str], code: int, said: str) -> None:
    done = run(home, *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_check_prints_the_rows_that_violate_it(home: Path) -> None:
    run(home, "load")
    import duckdb

    with duckdb.connect(str(home / "sparkify.duckdb")) as connection:
        connection.execute("DELETE FROM users")
    failed = run(home, "check")
    assert failed.returncode == 1
    assert "FAILED  songplays: every user_id is in users: 2 rows" in failed.stdout
    assert "songplay_id=1, user_id=7" in failed.stdout


def test_debug_shows_a_traceback(home: Path) -> None:
    (home / "sparkify.duckdb").write_text("this is no database")
    plain, debug = run(home, "status"), run(home, "status", "--debug")
    assert plain.returncode == debug.returncode == 2
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr


def test_dry_run_of_redshift_prints_one_transaction(home: Path) -> None:
    done = run(
        home, "load", "--dry-run", "--database", REDSHIFT,
        "--log-data", "s3://udacity-dend/log_data", "--song-data", "s3://udacity-dend/song_data",
        SPARKIFY_LOG_JSONPATH="s3://udacity-dend/log_json_path.json",
        SPARKIFY_IAM_ROLE_ARN="arn:aws:iam::123456789012:role/dwhRole",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sql = done.stdout
    assert "canary" not in sql + done.stderr
    assert (
        "COPY staging_events (artist, auth, first_name, gender, item_in_session, last_name, length, level, "
        "location, method, page, registration, session_id, song, status, ts, user_agent, user_id)\n"
        "FROM 's3://udacity-dend/log_data/'\n"
        "IAM_ROLE 'arn:aws:iam::123456789012:role/dwhRole'\n"
        "FORMAT AS JSON 's3://udacity-dend/log_json_path.json'"
    ) in sql
    order = [
        "BEGIN;",
        "LOCK load_lock;",
        "COPY staging_events",
        "COPY staging_songs",
        "DELETE FROM songs WHERE",
        "INSERT INTO songs",
        "INSERT INTO songplays",
        "INSERT INTO loaded_files",
        "INSERT INTO load_history",
        "COMMIT;",
    ]
    places = [sql.index(part) for part in order]
    assert places == sorted(places)
    assert sql.count("COMMIT;") == 1
    for forbidden in ("TRUNCATE", "VACUUM", "ALTER", "ACCESS_KEY"):
        assert forbidden not in sql


def test_dry_run_of_redshift_needs_no_driver(home: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules['redshift_connector'] = None\n"
        "sys.modules['obstore'] = None\n"
        "from sparkify.cli import main\n"
        f"sys.argv = ['sparkify-etl', 'load', '--dry-run', '--database', {REDSHIFT!r}, '--log-data', 's3://bucket/l',"
        " '--song-data', 's3://bucket/s']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=home, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "SPARKIFY_LOG_JSONPATH": "s3://bucket/paths.json"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "COPY staging_events" in done.stdout


def test_redshift_refuses_local_folders(home: Path) -> None:
    done = run(home, "load", "--dry-run", "--database", REDSHIFT)
    assert done.returncode == 2
    assert "data/log_data: Redshift reads from S3 alone" in done.stderr


def test_dry_run_of_duckdb_writes_nothing(home: Path) -> None:
    done = run(home, "load", "--dry-run")
    assert done.returncode == 0
    assert "read_json" in done.stdout
    assert not (home / "sparkify.duckdb").exists()
    run(home, "load")
    assert "Nothing new" in run(home, "load", "--dry-run").stderr


def test_migrate_prints_and_runs(home: Path) -> None:
    printed = run(home, "migrate", "--sql", "--database", REDSHIFT)
    assert printed.returncode == 0, printed.stderr
    assert "CREATE TABLE songplays" in printed.stdout
    assert "DISTSTYLE KEY DISTKEY (song_id) SORTKEY (start_time)" in printed.stdout
    assert run(home, "migrate").stdout == f"The warehouse is at revision {HEAD}.\n"
    assert (
        run(home, "migrate", "base", "--yes").stdout == "The warehouse is at revision base: it has no tables.\n"
    )


def test_config_prints_and_writes(home: Path) -> None:
    assert "sparkify.duckdb" in run(home, "config").stderr
    written = run(home, "config", "--init")
    assert written.returncode == 0
    assert (home / "dwh.cfg").stat().st_mode & 0o777 == 0o600
    (home / "dwh.cfg").write_text("[CLUSTER]\nDB_PASSWORD = canary\nHOTS = x\n")
    (home / "dwh.cfg").chmod(0o644)
    refused = run(home, "config")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr == (
        "error: dwh.cfg: holds a secret, and others may read it. Run: chmod 600 dwh.cfg\n"
    )
    (home / "dwh.cfg").chmod(0o600)
    shown = run(home, "config")
    assert shown.returncode == 0
    assert "canary" not in shown.stdout + shown.stderr
    assert "did you mean HOST?" in shown.stderr
    assert run(home, "config", "--init").returncode == 2


def test_generate_then_load(tmp_path: Path) -> None:
    made = run(tmp_path, "generate", "--events", "2000", "--songs", "50", "--days", "5", "--json")
    assert made.returncode == 0, made.stderr
    report = json.loads(run(tmp_path, "load", "--json").stdout)
    assert report["sources"][0]["loaded"] == 2000
    assert report["sources"][0]["rejected"] == 0
    assert report["sources"][1]["loaded"] == 50
    assert run(tmp_path, "check").returncode == 0


@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_signal_rolls_back_the_load(tmp_path: Path, number: int, code: int, said: str) -> None:
    from sparkify.generate import generate

    generate(tmp_path / "data", events=60_000, songs=200)
    for _ in range(5):
        (tmp_path / "sparkify.duckdb").unlink(missing_ok=True)
        assert run(tmp_path, "migrate").returncode == 0
        returned, err = interrupted_load(tmp_path, number)
        # On a busy machine the load may be over before the signal comes; then once more.
        if returned != 0:
            break
    assert (returned, said in err) == (code, True), err
    assert "Traceback" not in err
    assert json.loads(run(tmp_path, "status", "--json").stdout)["rows"]["songplays"] == 0
    assert run(tmp_path, "load").returncode == 0


def interrupted_load(home: Path, number: int) -> tuple[int, str]:
    """The exit code and stderr of a load that gets a signal when it has opened the database."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sparkify", "load"],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    files = Path(f"/proc/{process.pid}/fd")
    deadline = time.monotonic() + 60
    while process.poll() is None and not opened(files, "sparkify.duckdb"):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def opened(files: Path, name: str) -> bool:
    """Whether one of the open files of a process has this name."""
    try:
        return any(str(link.readlink()).endswith(name) for link in files.iterdir())
    except OSError:
        return False


def test_commands_have_the_common_options(home: Path) -> None:
    for name in ("load", "status", "check", "rejects", "migrate", "config", "generate"):
        told = run(home, name, "-h").stdout
        assert all(option in told for option in ("--verbose", "--quiet", "--debug", "--log-format")), name
