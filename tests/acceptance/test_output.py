"""How rows leave the command: formats and files, pipes and terminals, and a database that is in use."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import pytest

from sparkify import Warehouse
from tests.support.commands import holding, run_here
from tests.support.data import Data
from tests.support.making import event, song

NAME = "Björk — 歌"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with two plays."""
    folder = tmp_path_factory.mktemp("two-plays")
    data = Data(folder / "data")
    data.log("a.json", event(artist=NAME, song="A|B"), event(itemInSession=1, song="=1+1,\n<b>", artist="Zed"))
    data.song("a.json", song())
    with Warehouse(f"duckdb:///{folder / 'made.duckdb'}") as warehouse:
        warehouse.load(log_data=data.logs, song_data=data.songs)
    return folder / "made.duckdb"


@pytest.fixture
def home(tmp_path: Path, made: Path) -> Path:
    """A working directory with that database."""
    shutil.copy(made, tmp_path / "sparkify.duckdb")
    return tmp_path


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_here("sparkify", *arguments, cwd=home)


def start(
    home: Path, *arguments: str, stdout: int = subprocess.PIPE, locale: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "sparkify", *arguments],
        cwd=home,
        env={**os.environ, **(locale or {})},
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


# -- formats -----------------------------------------------------------------------------------------------


def test_answer_in_each_format(home: Path) -> None:
    asked = ("query", "top-artists", "--limit", "1", "--format")
    assert run(home, *asked, "ndjson").stdout.startswith(f'{{"artist": "{NAME}"')
    markdown = run(home, *asked, "markdown").stdout.splitlines()
    assert markdown[0].startswith("| artist | plays |")
    assert markdown[1].startswith("| --- | ---: |")
    assert markdown[2].startswith(f"| {NAME} | 1 |")


def test_markup_in_names_is_text(home: Path) -> None:
    titles = "SELECT song_title AS t FROM plays ORDER BY 1"
    assert run(home, "sql", titles, "--format", "markdown").stdout.splitlines()[2:] == [
        "| =1+1,<br>&lt;b&gt; |",
        "| A\\|B |",
    ]
    assert run(home, "sql", titles, "--csv").stdout == 't\n"=1+1,\n<b>"\nA|B\n'


@pytest.mark.parametrize(
    "name", ["x.csv", "x.json", "x.ndjson", "x.jsonl", "x.md", "x.parquet", "x.txt", "X.CSV"]
)
def test_name_of_a_file_says_its_format(home: Path, name: str) -> None:
    done = run(home, "query", "top-artists", "-o", name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    text = (home / name).read_bytes()
    begins = {
        "c": b"artist,",
        "j": b"[" if name.endswith("json") else b"{",
        "n": b"{",
        "m": b"| artist",
        "p": b"PAR1",
    }
    assert text.startswith(begins.get(name[2].lower(), b"artist  "))
    # No bar of the terminal, and the name in UTF-8.
    assert "█".encode() not in text
    assert NAME.encode() in text


def test_parquet_of_a_question_has_repaired_names_and_types(home: Path) -> None:
    assert run(home, "query", "top-artists", "-o", "x.parquet").returncode == 0
    read = duckdb.sql(f"SELECT artist, plays FROM '{home}/x.parquet' ORDER BY 1")
    assert read.fetchall() == [(NAME, 1), ("Zed", 1)]
    assert list(map(str, read.types)) == ["VARCHAR", "BIGINT"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "x.xls"], "x.xls: its name does not say which format"),
        (["-o", "no/x.csv"], "no: there is no such folder"),
        (["--json", "--csv"], "give one of --json and --csv, or --format"),
        (["--json", "--format", "csv"], "give one of --json and --csv, or --format"),
        (["-o", "."], "its name does not say which format"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_opened(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    for command in (["query", "totals"], ["sql", "SELECT 1"]):
        done = run(tmp_path, *command, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_options_before_are_heeded(home: Path) -> None:
    assert run(home, "sql", "SELECT 1 AS n", "-o", "x.dat", "--format", "csv").returncode == 0
    assert (home / "x.dat").read_text() == "n\n1\n"
    assert run(home, "sql", "SELECT 1 AS n", "-o", "-", "--json").stdout == '[\n  {\n    "n": 1\n  }\n]\n'
    assert run(home, "sql", "SELECT 1 AS n WHERE false", "--json").stdout == "[]\n"
    refused = run(home, "query", "totals", "--sql", "-o", "x.csv")
    assert (refused.returncode, refused.stdout) == (2, "")


def test_file_is_as_it_was_when_the_query_fails(home: Path) -> None:
    (home / "x.csv").write_text("before")
    failing = "SELECT CASE WHEN n < 50000 THEN '1' ELSE 'x' END::INTEGER AS n FROM range(60000) AS r(n)"
    done = run(home, "sql", failing, "-o", "x.csv")
    assert (done.returncode, done.stderr) == (
        1,
        "error: Conversion Error: Could not convert string 'x' to INT32\n",
    )
    assert (home / "x.csv").read_text() == "before"
    assert sorted(path.name for path in home.iterdir()) == ["sparkify.duckdb", "x.csv"]


# -- pipes and terminals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["table", "json", "ndjson", "csv", "markdown"])
def test_pipe_gets_utf8_whatever_the_locale(home: Path, form: str) -> None:
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    with start(home, "query", "top-artists", "--format", form, locale=locale) as process:
        out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, b"")
    assert NAME.encode() in out


@pytest.mark.parametrize("form", ["table", "json", "ndjson", "csv", "markdown", "parquet"])
def test_reader_that_has_seen_enough_is_no_error(home: Path, form: str) -> None:
    text = "SELECT md5(n::VARCHAR) AS m FROM range(50000) AS r(n)"
    with start(home, "sql", text, "--format", form) as process:
        assert process.stdout is not None
        assert len(process.stdout.read(4)) == 4
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(timeout=120) == 0


def test_parquet_goes_to_a_pipe_and_not_to_a_terminal(home: Path) -> None:
    with start(home, "sql", "SELECT 1 AS n", "--format", "parquet") as process:
        out, _ = process.communicate(timeout=120)
    assert (out[:4], out[-4:], process.returncode) == (b"PAR1", b"PAR1", 0)
    ours, theirs = pty.openpty()
    with start(home, "sql", "SELECT 1 AS n", "--format", "parquet", stdout=theirs) as process:
        os.close(theirs)
        _, err = process.communicate(timeout=120)
    os.close(ours)
    assert (process.returncode, err) == (2, b"error: Parquet is not for a terminal. Give -o FILE, or a pipe.\n")


# -- the database ------------------------------------------------------------------------------------------


def test_table_has_booleans_as_words(home: Path) -> None:
    done = run(home, "sql", "SELECT true AS is_paid, false AS is_new UNION ALL SELECT NULL, false ORDER BY 1")
    assert done.stdout.splitlines() == ["is_paid  is_new", "true     false", "NULL     false"]


@pytest.fixture
def holder(home: Path) -> Iterator[subprocess.Popen[str]]:
    with holding(home / "sparkify.duckdb") as process:
        yield process


@pytest.mark.parametrize(
    "command", [["status"], ["query", "totals"], ["sql", "SELECT 1"], ["check"], ["report"]]
)
def test_reader_reads_beside_a_load_and_says_so(
    home: Path, holder: subprocess.Popen[str], command: list[str]
) -> None:
    done = run(home, *command)
    assert done.returncode == 0
    (told,) = done.stderr.splitlines()
    assert told.endswith(
        f"warning: the database is in use by process {holder.pid}: what is read is what was committed before"
    )
    holder.communicate()
    assert run(home, *command).stderr == ""


def test_database_in_memory_is_an_empty_one(tmp_path: Path) -> None:
    memory = ("--database", "duckdb:///:memory:")
    assert run(tmp_path, "sql", "SELECT 6 * 7 AS n", "--csv", *memory).stdout == "n\n42\n"
    status = run(tmp_path, "status", *memory)
    assert (status.returncode, "not expected" in status.stderr) == (0, False)
    assert run(tmp_path, "query", "totals", *memory).returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_empty_zone_is_refused_with_a_sentence(home: Path) -> None:
    for command in (["query", "peak-hours"], ["report", "-o", "r.html"]):
        for zone in ("", " "):
            done = run(home, *command, "--tz", zone)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr == "error: the time zone is empty; give one such as America/Los_Angeles\n"
