"""What a command writes to stderr: steps as text or as JSON, statements with their times, and no secret."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.cloud import ROLE, Cloud
from tests.support.commands import run_here
from tests.support.data import Data
from tests.support.making import event, song

SECRETS: dict[str, Any] = {
    "SPARKIFY_DB_PASSWORD": "canary-password",
    "SPARKIFY_DWH_DB_PASSWORD": "Canary0dwh",
    "SPARKIFY_AWS_ACCESS_KEY_ID": "CANARYKEYID",
    "SPARKIFY_AWS_SECRET_ACCESS_KEY": "canary-secret-key",
}
TIMED = re.compile(r"^\d\d:\d\d:\d\d \d+\.\d{3} s: ", re.MULTILINE)


@pytest.fixture
def home(data: Data) -> Path:
    """A working directory with two events and one song in ``data``."""
    data.log("a.json", event(), event(itemInSession=1, song="Other"))
    data.song("a.json", song())
    return data.root.parent


def load(home: Path, *options: str, code: int = 0, **environment: str) -> str:
    """The stderr of a load."""
    done = run_here("sparkify", "load", *options, cwd=home, environment=environment)
    assert done.returncode == code, done.stderr
    return done.stderr


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_verbose_load_prints_each_step_with_rows_and_seconds(home: Path) -> None:
    first, *lines = load(home, "-v").splitlines()
    assert first.startswith("Loading events from data/log_data ")
    assert [line for line in lines if not re.match(r"\d\d:\d\d:\d\d \S", line)] == []
    assert [
        line for line in lines if re.search(r" read events into staging_events: 2 rows, \d\.\d{3} s$", line)
    ]
    assert [line for line in lines if " commit: " in line]
    assert "Context impl" not in "".join(lines)
    assert "Will assume" not in "".join(lines)
    assert "setup plugin" not in "".join(lines)
    assert "INSERT" not in "".join(lines)


def test_json_log_has_one_object_a_line(home: Path) -> None:
    with (home / "data" / "log_data" / "a.json").open("a") as out:
        out.write('\n{"oops\n')
    found = records(load(home, "-v", "--max-rejects", "1", "--log-format", "json"))
    for record in found:
        assert list(record)[:4] == ["time", "level", "logger", "message"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["time"])
    (staged,) = [record for record in found if record.get("step") == "read songs into staging_songs"]
    assert (staged["level"], staged["logger"]) == ("INFO", "sparkify.etl")
    assert (staged["load_id"], staged["rows"]) == (1, 1)
    assert 0 < staged["seconds"] < 60
    (warning,) = [record for record in found if record["level"] == "WARNING"]
    assert "a.json:3: not valid JSON" in warning["message"]


def test_json_log_has_the_error_that_ends_a_command(home: Path) -> None:
    first, record = records(load(home, "--log-data", "nowhere", "--log-format", "json", code=1))
    assert (first["level"], first["message"].split(" from ")[0]) == ("INFO", "Loading events")
    assert (record["level"], record["logger"]) == ("ERROR", "sparkify.cli")
    assert record["message"].startswith("nowhere: there is no such file or folder")


def test_debug_keeps_the_exit_code_of_the_error(home: Path) -> None:
    told = load(home, "--only", "albums", "--debug", code=2)
    assert "Traceback" in told
    assert told.splitlines()[-1].startswith("error: ")


def test_debug_log_on_duckdb_has_statements_with_times_and_no_secret(home: Path) -> None:
    told = load(home, "--debug", **SECRETS)
    assert len(TIMED.findall(told)) > 50
    # The tables of a new file are made beside the load.
    assert re.search(r"s: CREATE TABLE songplays", told)
    assert told.count("INSERT INTO songplays (") == 1
    assert [secret for secret in SECRETS.values() if secret in told] == []
    asked = run_here("sparkify", "query", "totals", "--debug", cwd=home)
    assert "FROM songplays" in asked.stderr


def test_debug_log_on_redshift_has_statements_with_times_and_no_secret(cloud: Cloud, data: Data) -> None:
    data.log("a.json", event())
    data.song("a.json", song())
    cloud.put(data.logs, "log_data")
    cloud.put(data.songs, "song_data")
    cloud.with_tables()
    environment: dict[str, Any] = {
        **cloud.redshift.environment,
        "SPARKIFY_DATABASE_URL": cloud.redshift.url,
        "SPARKIFY_LOG_DATA": "s3://plays/log_data",
        "SPARKIFY_SONG_DATA": "s3://plays/song_data",
        "SPARKIFY_LOG_JSONPATH": "s3://plays/log_json_path.json",
        "SPARKIFY_IAM_ROLE_ARN": ROLE,
        "SPARKIFY_DWH_DB_PASSWORD": SECRETS["SPARKIFY_DWH_DB_PASSWORD"],
        "PYTHONWARNINGS": "ignore",
    }
    told = load(data.root.parent, "--debug", "--log-format", "json", **environment)
    statements = [record for record in records(told) if record["message"].partition("s: ")[2]]
    copies = [record for record in statements if "COPY staging_events" in record["message"]]
    assert [record["level"] for record in copies] == ["DEBUG"]
    assert copies[0]["seconds"] > 0
    password = cloud.redshift.url.split("@")[0].rsplit(":", 1)[1]
    keys = [value for name, value in cloud.redshift.environment.items() if "SECRET" in name or "KEY" in name]
    assert keys
    for secret in (password, *keys, *SECRETS.values()):
        assert secret not in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["load", "--log-format", "json", "--nonsense"], "No such option: --nonsense"),
        (
            ["rejects", "--limit", "0", "--log-format=json"],
            "Invalid value for '--limit': ",
        ),
        (["lod", "--log-format", "json"], "No such command 'lod'"),
        (["query", "xyz", "--log-format", "json"], "'xyz' is not a question. Run: sparkify-etl query --list"),
        (["query", "--list", "totals", "--log-format", "json"], "--list lists the questions"),
        (
            ["--pipeline", "nowhere:X", "load", "--log-format", "json"],
            "pipeline nowhere:X (option): there is no module",
        ),
    ],
)
def test_json_log_has_errors_of_usage(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = run_here("sparkify", *arguments, cwd=tmp_path)
    (record,) = records(done.stderr)
    assert (done.returncode, done.stdout) == (2, "")
    assert (record["level"], record["logger"]) == ("ERROR", "sparkify.cli")
    assert record["message"].startswith(message)


def test_text_log_has_errors_of_usage_as_text(tmp_path: Path) -> None:
    assert records(run_here("sparkify", "lod", "--log-format", "json", cwd=tmp_path).stderr)
    done = run_here("sparkify", "load", "--nonsense", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: ")
    assert done.stderr.splitlines()[-1].startswith("Error: No such option: --nonsense")


def test_question_that_is_not_answered_ends_with_2(tmp_path: Path) -> None:
    done = run_here("sparkify", "migrate", "base", "--database", "duckdb:///:memory:", cwd=tmp_path)
    assert done.returncode == 2
    assert "no input" in done.stderr
    assert "nothing was changed" in done.stderr
    assert "In a script, give --yes." in done.stderr
