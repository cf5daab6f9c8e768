"""Options of ``load``, what a dry run and ``status`` print, and pipelines that are named."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import run_here
from tests.support.data import Data
from tests.support.making import event, song

BARE = """
from dataclasses import replace
from sparkify.etl.declarations import Location
from sparkify.pipeline import SPARKIFY

PIPELINE = replace(SPARKIFY, name="bare", questions=None, report=None, summary=None)
events, songs = SPARKIFY.sources
NOWHERE = replace(SPARKIFY, name="nowhere", sources=(replace(events, location=Location(setting="")), songs))
"""


@pytest.fixture
def home(data: Data) -> Path:
    """A working directory with two events and one song in ``data``, and a module with a pipeline."""
    data.log("a.json", event(), event(itemInSession=1, song="Other"))
    data.song("a.json", song())
    home = data.root.parent
    (home / "bare.py").write_text(BARE)
    return home


def run(home: Path, *arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    done = run_here("sparkify", *arguments, cwd=home, environment=environment)
    assert done.returncode == code, done.stderr
    return done


def test_only_loads_the_sources_named(home: Path) -> None:
    one = json.loads(run(home, "load", "--only", "songs", "--json").stdout)
    assert [source["name"] for source in one["sources"]] == ["songs"]
    both = json.loads(run(home, "load", "--only", "songs", "--only", "events", "--json").stdout)
    assert [(source["name"], source["files"]) for source in both["sources"]] == [("events", 1), ("songs", 0)]
    assert [step["title"] for step in both["steps"]][-1] == "tidy up"


def test_source_overrides_where_the_files_are(home: Path) -> None:
    (home / "data" / "log_data").rename(home / "elsewhere")
    report = json.loads(run(home, "load", "--source", "events=elsewhere", "--json").stdout)
    assert [(source["uri"], source["loaded"]) for source in report["sources"]] == [
        ("elsewhere", 2),
        ("data/song_data", 1),
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--source", "events"], "--source events: is not NAME=URI. Write it like events=s3://bucket/prefix."),
        (["--source", "events=a", "--log-data", "b"], "--source events=a: the source events is given twice"),
        (["--source", "albums=a"], "Give events or songs"),
    ],
)
def test_source_that_cannot_be_is_refused(home: Path, options: list[str], said: str) -> None:
    assert said in run(home, "load", *options, code=2).stderr
    assert not (home / "sparkify.duckdb").exists()


def test_dry_run_prints_each_step_with_its_statements(home: Path) -> None:
    text = run(home, "load", "--dry-run").stdout
    steps = json.loads(run(home, "load", "--dry-run", "--json").stdout)
    assert re.findall(r"^-- (.*)$", text, re.MULTILINE) == [step["title"] for step in steps]
    assert text.startswith(f"-- {steps[0]['title']}\n{steps[0]['statements'][0]};\n\n")
    assert sum(len(step["statements"]) for step in steps) == text.count(";\n\n")


def test_status_prints_notes_and_the_steps_of_the_last_load(home: Path) -> None:
    import duckdb

    run(home, "load")
    assert "note: " not in run(home, "status").stdout
    with duckdb.connect(str(home / "sparkify.duckdb")) as connection:
        connection.execute("UPDATE load_history SET rules_version = 0")
    text = run(home, "status", "-v").stdout
    assert re.search(r"^note: .*sparkify-etl load --full-refresh", text, re.MULTILINE)
    assert re.search(r"^steps of load 1\n  step +rows +seconds\n", text, re.MULTILINE)
    assert re.search(r"^  read events into staging_events +2 +\d+\.\d{3}$", text, re.MULTILINE)
    found = json.loads(run(home, "status", "--json").stdout)
    assert len(found["notices"]) == 1
    assert {"title", "rows", "seconds"} == set(found["steps"][0])
    # A load of nothing new says nothing of it.
    again = run(home, "load")
    assert "note: " not in again.stdout + again.stderr
    checked = run(home, "check", code=1).stdout
    assert re.search(r"^ +-> .*--full-refresh", checked, re.MULTILINE)


def test_status_names_a_source_that_no_setting_locates(home: Path) -> None:
    run(home, "load", "--only", "songs")
    text = run(home, "--pipeline", "bare:NOWHERE", "status").stdout
    assert re.search(r"^  events  source events: no setting says where its files are\.", text, re.MULTILINE)
    assert re.search(r"^  songs   data/song_data: 0 files pending \(0 B\), 1 loaded$", text, re.MULTILINE)


def test_status_names_a_source_whose_location_cannot_be_read(home: Path) -> None:
    run(home, "load")
    status = run(home, "status", "--json", SPARKIFY_LOG_DATA="s3a://bucket/log").stdout
    events, songs = json.loads(status)["pending"]
    assert events["problem"] == "s3a://bucket/log: is another spelling of S3. Write it as s3://bucket/log."
    assert (songs["files"], songs["problem"]) == (0, None)


def test_pipeline_without_questions_report_and_summary(home: Path) -> None:
    bare = ["--pipeline", "bare:PIPELINE"]
    loaded = run(home, *bare, "load").stdout.splitlines()[-1]
    assert re.search(r"; the warehouse has \d+ rows in 7 tables\.$", loaded)
    for name in ("query", "report"):
        what = {"query": "questions", "report": "report"}[name]
        refused = run(home, *bare, name, code=2)
        assert refused.stderr.startswith(f"error: the pipeline bare has no {what}. ")


def test_pipeline_is_named_by_option_environment_or_project(home: Path) -> None:
    refused = "and the pipeline is bare"
    assert refused in run(home, "--pipeline", "bare:PIPELINE", "generate", code=2).stderr
    assert refused in run(home, "generate", code=2, SPARKIFY_PIPELINE="bare:PIPELINE").stderr
    (home / "pyproject.toml").write_text('[tool.sparkify]\npipeline = "bare:PIPELINE"\n')
    assert refused in run(home, "generate", code=2).stderr
    own = ["--pipeline", "sparkify.pipeline:SPARKIFY", "generate", "more", "--events", "20", "--songs", "5"]
    assert run(home, *own).stdout.startswith("Wrote 20 events")


def test_unknown_dialect_names_the_databases(home: Path) -> None:
    refused = run(home, "query", "totals", "--sql", "--dialect", "mysql", code=2)
    assert (
        refused.stderr
        == "error: 'mysql' is not a database that sparkify loads. Give one of duckdb, redshift.\n"
    )
    assert "duckdb, redshift" in run(home, "query", "totals", "--help").stdout


@pytest.mark.parametrize("width", [60, 80])
def test_progress_on_a_terminal_never_breaks_a_line(tmp_path: Path, width: int) -> None:
    assert run_here("sparkify", "generate", "--events", "3000", "--songs", "50", cwd=tmp_path).returncode == 0
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sparkify", "load"],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": str(width), "TERM": "xterm", "PYTHONUTF8": "1"},
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                some = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            text += some
        assert process.wait(timeout=60) == 0
    os.close(ours)
    # What is erased was a line of its own.
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode().replace("\x1b[2K", "\n"))
    lines = [line for line in re.split(r"[\r\n]+", plain) if line.strip()]
    said = [line for line in lines if line.startswith("Loading events from ")]
    bars = [line for line in lines if line not in said]
    assert (len(said), len(bars) > 0) == (1, True)
    assert all(re.match(r"[━╸╺ ]+ +\d+% \d:\d\d", line) and len(line) <= width for line in bars), bars
