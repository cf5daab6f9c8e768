"""How rows leave the command: formats and files, pipes and terminals, and a database that is in use."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from sparkify import ConfigurationError, Warehouse
from sparkify.analytics import totals
from tests.support.commands import holding, run_here
from tests.support.data import Data, rows
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


def test_link_leads_to_the_file_that_is_written(home: Path) -> None:
    (home / "reports").mkdir()
    (home / "reports" / "x.csv").write_text("before")
    (home / "link.csv").symlink_to("reports/x.csv")
    assert run(home, "sql", "SELECT 1 AS n", "-o", "link.csv").returncode == 0
    assert (home / "link.csv").is_symlink()
    assert (home / "reports" / "x.csv").read_text() == "n\n1\n"


def test_pipe_with_a_name_stays_one(home: Path) -> None:
    os.mkfifo(home / "pipe.csv")
    # Open at both ends: whoever writes need not wait for a reader.
    end = os.open(home / "pipe.csv", os.O_RDWR | os.O_NONBLOCK)
    try:
        assert run(home, "sql", "SELECT 1 AS n", "-o", "pipe.csv").returncode == 0
        assert os.read(end, 100) == b"n\n1\n"
    finally:
        os.close(end)
    assert (home / "pipe.csv").is_fifo()


OWN = ("sparkify.duckdb", "sparkify.duckdb.wal", "sparkify.duckdb.journal", "sparkify.duckdb.history.jsonl")


@pytest.mark.parametrize("name", OWN)
def test_no_output_replaces_a_file_of_the_database(home: Path, name: str) -> None:
    before = (home / "sparkify.duckdb").read_bytes()
    (home / "other.csv").symlink_to(name)
    commands = [
        ["query", "totals", "--csv", "-o", name],
        ["query", "totals", "-o", "other.csv"],
        ["sql", "SELECT 1 AS n", "--format", "parquet", "-o", name],
        ["report", "--no-checks", "-o", name],
        ["snapshot", name],
    ]
    for command in commands:
        done = run(home, *command)
        assert (done.returncode, done.stdout) == (2, "")
        assert "is a file of the database itself" in done.stderr
    with Warehouse(f"duckdb:///{home / 'sparkify.duckdb'}", read_only=True) as warehouse:
        for write in (warehouse.sql("SELECT 1").to_parquet, warehouse.query(totals()).to_parquet):
            with pytest.raises(ConfigurationError, match="is a file of the database itself"):
                write(home / name)
    assert (home / "sparkify.duckdb").read_bytes() == before
    assert sorted(path.name for path in home.iterdir()) == ["other.csv", "sparkify.duckdb"]


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


def test_page_on_a_terminal_is_escaped_and_in_a_pipe_is_not(tmp_path: Path, data: Data) -> None:
    data.log("a.json", event(song="Gone\x9b2J"))
    data.song("a.json", song())
    with Warehouse(f"duckdb:///{tmp_path / 'sparkify.duckdb'}") as warehouse:
        warehouse.load(log_data=data.logs, song_data=data.songs)
    ours, theirs = pty.openpty()
    text = b""
    with start(tmp_path, "report", "-o", "-", "--no-checks", stdout=theirs) as process:
        os.close(theirs)
        with suppress(OSError):  # the other end is closed
            while some := os.read(ours, 1 << 16):
                text += some
        assert process.wait(timeout=60) == 0
    os.close(ours)
    assert b"Gone\\x9b2J" in text
    assert "\x9b".encode() not in text
    assert "Gone\x9b2J" in run(tmp_path, "report", "-o", "-", "--no-checks").stdout


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


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_are_no_error(home: Path, data: Data, closed: str) -> None:
    data.log("b.json", event(sessionId=2))
    load = f"{sys.executable} -m sparkify load --only events --log-data {data.logs}"
    for command, expected in ((load, 2), (f"{sys.executable} -m sparkify query totals", 2)):
        assert subprocess.run(f"{command} {closed}", shell=True, cwd=home, check=False).returncode == 0
        with Warehouse(f"duckdb:///{home / 'sparkify.duckdb'}") as warehouse:
            assert rows(warehouse, "SELECT count(*) FROM load_history") == [(expected,)]
            assert all(result.ok for result in warehouse.check())


@pytest.mark.parametrize("where", ["pipe", "full disk"])
@pytest.mark.parametrize("both", [False, True], ids=["stderr", "both"])
def test_messages_that_nobody_can_be_told_stop_nothing(home: Path, data: Data, where: str, both: bool) -> None:
    """The exit code says what became of the load."""
    data.log("b.json", event(sessionId=2))
    reader, writer = os.pipe()
    os.close(reader)
    stream = writer if where == "pipe" else os.open("/dev/full", os.O_WRONLY)
    load = [sys.executable, "-m", "sparkify", "load", "--only", "events", "--log-data"]
    for folder, code, loads in (
        (data.logs / "none", 1, 1),
        (data.logs, 0, 2),
    ):
        stdout = stream if both else subprocess.DEVNULL
        done = subprocess.run([*load, str(folder)], cwd=home, stdout=stdout, stderr=stream, check=False)
        assert done.returncode == code
        with Warehouse(f"duckdb:///{home / 'sparkify.duckdb'}") as warehouse:
            assert rows(warehouse, "SELECT count(*) FROM load_history") == [(loads,)]
    data.log("c.json", "no JSON")
    done = subprocess.run([*load, str(data.logs)], cwd=home, stdout=stdout, stderr=stream, check=False)
    assert done.returncode == 1
    os.close(writer)
    if stream != writer:
        os.close(stream)


@pytest.mark.parametrize("form", ["table", "csv"])
def test_stdout_on_a_full_disk_is_named(home: Path, form: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sparkify", "query", "totals", "--format", form],
            cwd=home,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (75, "error: stdout cannot be written: No space left on device\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["query", "top-songs", "--since", "0001-01-01T00:00+10:00"],
        ["query", "top-songs", "--until", "9999-12-31T23:59-10:00"],
        ["query", "top-songs", "--limit", "99999999999999999999999"],
        ["query", "trending-artists", "--days", "99999999"],
        ["query", "trending-artists", "--until", "0001-01-05"],
        ["query", "trending-artists", "--since", "9999-12-30"],
        ["report", "--days", "999999", "-o", "r.html"],
        ["rejects", "--limit", "99999999999999999999999"],
        ["load", "--lock-timeout", "nan"],
        ["prune", "--rejects-older-than", "90d", "--lock-timeout", "nan"],
        ["migrate", "--lock-timeout", "nan"],
        ["migrate", ""],
        ["migrate", "0005"],
        ["status", "--database", "duckdb:///sparkify.duckdb?memory_limit=banana"],
        ["status", "--database", "duckdb:///sparkify.duckdb?nosuch=1"],
        ["load", "--full-refresh", "--database", "duckdb:///sparkify.duckdb?access_mode=READ_ONLY"],
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(home: Path, data: Data, arguments: list[str]) -> None:
    if arguments[0] == "load":
        data.log("b.json", event(sessionId=2))
        arguments = [*arguments, "--only", "events", "--log-data", str(data.logs)]
    done = run(home, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(("error: ", "Error: Invalid value for '--limit'"))


def test_warehouse_opened_to_be_read_is_not_written(home: Path, data: Data) -> None:
    data.log("b.json", event(sessionId=2))
    with Warehouse(f"duckdb:///{home / 'sparkify.duckdb'}", read_only=True) as warehouse:
        for write in (
            lambda: warehouse.load(log_data=data.logs, only=["events"]),
            lambda: warehouse.migrate("base"),
            lambda: warehouse.prune(rejects_older_than="1d"),
        ):
            with pytest.raises(ConfigurationError, match="opened to be read only"):
                write()
        assert rows(warehouse, "SELECT count(*) FROM load_history") == [(1,)]


def test_empty_zone_is_refused_with_a_sentence(home: Path) -> None:
    for command in (["query", "peak-hours"], ["report", "-o", "r.html"]):
        for zone in ("", " "):
            done = run(home, *command, "--tz", zone)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr == "error: the time zone is empty; give one such as America/Los_Angeles\n"
