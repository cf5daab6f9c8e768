"""The history beside a DuckDB file: its contents after each outcome of a load, and after an unfinished one."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import literal_column, select

from sparkify import ChecksFailed, EmptySource, RejectedLines, SparkifyError, TemporaryError, Warehouse
from sparkify.config import secrets
from sparkify.databases import file_journal, sidecar
from sparkify.databases.sidecar import Sidecar, read_sidecar, sidecar_of
from sparkify.etl.declarations import Check
from sparkify.etl.journal import FailedLoad
from sparkify.etl.observer import Observer
from sparkify.pipeline import SPARKIFY
from tests.support.commands import run_here
from tests.support.data import Data, rows
from tests.support.making import event, song
from tests.support.observers import Warnings
from tests.support.paths import CLONE

BAD = "{not JSON"

KILLED_IN_STEP = """
import os, signal, sys
from sparkify import Warehouse
from sparkify.etl.observer import Observer
from sparkify.etl.session import Session

class Killer(Observer):
    def step(self, title, number, of):
        if title == sys.argv[2]:
            os.kill(os.getpid(), signal.SIGKILL)

def kill(session):
    commit(session)
    os.kill(os.getpid(), signal.SIGKILL)

commit = Session.commit
if sys.argv[2] == "commit":
    # That of the load: before it, the settings of the session are committed.
    Session.commit = lambda session: kill(session) if session.last_step == "commit" else commit(session)
Warehouse(sys.argv[1]).load(observer=Killer())
"""


class Interrupting(Observer):
    """Interrupts the load when a step begins."""

    def __init__(self, title: str) -> None:
        self._title = title

    def step(self, title: str, number: int, of: int) -> None:
        if title == self._title:
            raise KeyboardInterrupt


@pytest.fixture
def loaded(warehouse: Warehouse, data: Data) -> Warehouse:
    """A warehouse with one load of two files."""
    data.log("1.json", event(), event(itemInSession=1), BAD)
    data.song("a.json", song())
    warehouse.load(max_rejects=1)
    return warehouse


def path_of(warehouse: Warehouse) -> Path:
    return sidecar_of(Path(str(warehouse.url.database)))


def events_in(warehouse: Warehouse) -> list[str]:
    return [json.loads(line)["event"] for line in path_of(warehouse).read_text().splitlines()]


def only_failure(warehouse: Warehouse) -> FailedLoad:
    (failure,) = warehouse.failures()
    assert warehouse.status().failures == (failure,)
    return failure


def run_killed(warehouse: Warehouse, step: str) -> None:
    """Load in another process, which is killed when the step begins; of ``commit``, when it has ended."""
    warehouse.close()
    url = warehouse.url.render_as_string(hide_password=False)
    done = subprocess.run([sys.executable, "-c", KILLED_IN_STEP, url, step], check=False, cwd=CLONE)
    assert done.returncode == -signal.SIGKILL


# -- loads that commit -------------------------------------------------------------------------------------


def test_committed_load_names_its_files(loaded: Warehouse, data: Data) -> None:
    (load,) = read_sidecar(path_of(loaded)).loads
    ((started, finished),) = rows(loaded, "SELECT started_at, finished_at FROM load_history")
    assert (load.load_id, load.mode, load.confirmed, load.sources) == (
        1,
        "incremental",
        True,
        ("events", "songs"),
    )
    assert abs(load.started_at - started) < timedelta(milliseconds=1)
    assert abs(load.finished_at - finished) < timedelta(milliseconds=1)
    logs, songs = data.logs / "1.json", data.songs / "a.json"
    assert [
        (one.source, one.uri, one.bytes, one.sha256, one.lines, one.loaded, one.rejected, one.blank)
        for one in load.files
    ] == [
        ("events", str(logs), logs.stat().st_size, hashlib.sha256(logs.read_bytes()).hexdigest(), 3, 2, 1, 0),
        ("songs", str(songs), songs.stat().st_size, hashlib.sha256(songs.read_bytes()).hexdigest(), 1, 1, 0, 0),
    ]
    assert loaded.failures() == ()
    assert path_of(loaded).stat().st_mode & 0o777 == 0o600


def test_files_are_those_of_all_loads_from_the_last_full_refresh_on(loaded: Warehouse, data: Data) -> None:
    data.log("2.json", event(sessionId=2))
    loaded.load()
    files = read_sidecar(path_of(loaded)).files
    assert [Path(file.uri).name for file in files] == ["1.json", "a.json", "2.json"]
    (data.logs / "1.json").unlink()
    loaded.load(full_refresh=True, allow_missing=True)
    data.log("3.json", event(sessionId=3))
    loaded.load()
    found = read_sidecar(path_of(loaded))
    assert [load.load_id for load in found.loads] == [3, 4]
    assert sorted(file.uri for file in found.files) == [
        uri for (uri,) in rows(loaded, "SELECT uri FROM loaded_files ORDER BY uri")
    ]


def test_loads_of_a_database_that_is_gone_give_way_to_those_of_a_new_one(loaded: Warehouse, data: Data) -> None:
    data.log("2.json", event(sessionId=2))
    loaded.load()
    loaded.close()
    Path(str(loaded.url.database)).unlink()
    (notice,) = loaded.status().notices
    assert "is gone, in which load 2 was committed at " in notice
    assert notice.endswith("the history beside it lists the 3 files that were loaded")
    (data.logs / "1.json").unlink()
    loaded.load()
    found = read_sidecar(path_of(loaded))
    assert [(load.load_id, len(load.files)) for load in found.loads] == [(1, 2)]
    assert loaded.status().notices == ()


def test_load_of_nothing_new_writes_nothing(loaded: Warehouse) -> None:
    before = path_of(loaded).read_bytes()
    assert loaded.load().nothing_new
    assert path_of(loaded).read_bytes() == before


def test_load_of_nothing_new_ends_what_failed_before_it(loaded: Warehouse, data: Data) -> None:
    bad = data.log("2.json", BAD)
    with pytest.raises(RejectedLines):
        loaded.load()
    assert len(loaded.failures()) == 1
    bad.unlink()
    assert loaded.load().nothing_new
    assert loaded.failures() == ()
    assert events_in(loaded)[-1] == "nothing new"


def test_dry_run_writes_nothing(warehouse: Warehouse, data: Data) -> None:
    data.log("1.json", event())
    data.song("a.json", song())
    warehouse.explain()
    assert not path_of(warehouse).exists()


# -- loads that fail ---------------------------------------------------------------------------------------


def test_rejected_lines_are_remembered(loaded: Warehouse, data: Data) -> None:
    before = datetime.now(UTC).replace(tzinfo=None) - timedelta(milliseconds=1)
    file = data.log("2.json", BAD)
    with pytest.raises(RejectedLines):
        loaded.load()
    failure = only_failure(loaded)
    assert (failure.step, failure.exit_code, failure.attempts, failure.state) == (
        "count what was read",
        1,
        1,
        "nothing was changed",
    )
    assert failure.error.startswith("1 line cannot be loaded and 0 are allowed: ")
    assert f"{file}:1: not valid JSON" in failure.error
    assert "\n" not in failure.error
    assert failure.failed_at is not None
    assert failure.seconds is not None
    assert before <= failure.started_at <= failure.failed_at
    assert 0 < failure.seconds < 600


def test_failed_check_is_remembered_with_its_step(data: Data, tmp_path: Path) -> None:
    data.log("1.json", event())
    data.song("a.json", song())
    never = Check(name="never", rows=lambda _load: select(literal_column("1").label("one")))
    pipeline = replace(SPARKIFY, checks=(never,))
    url = f"duckdb:///{tmp_path}/checked.duckdb"
    with Warehouse(url, pipeline) as checked:
        with pytest.raises(ChecksFailed):
            checked.load(log_data=data.logs, song_data=data.songs)
        failure = only_failure(checked)
        assert failure.step == "run the checks"
        assert failure.error == "1 check failed: never: 1 row, such as one=1"
        assert failure.state == "the load was rolled back and nothing was changed"


def test_failure_before_the_transaction_is_remembered(loaded: Warehouse, data: Data) -> None:
    (data.songs / "a.json").unlink()
    data.songs.rmdir()
    with pytest.raises(EmptySource):
        loaded.load()
    failure = only_failure(loaded)
    assert (failure.step, failure.attempts) == ("list the sources", 0)
    assert failure.error == f"{data.songs}: there is no such file or folder"


def test_unexpected_error_is_remembered(loaded: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise LookupError("one\ntwo")

    data.log("2.json", event(sessionId=2))
    monkeypatch.setattr("sparkify.etl.ledger.record", fail)
    with pytest.raises(LookupError):
        loaded.load()
    failure = only_failure(loaded)
    assert (failure.step, failure.error, failure.exit_code) == ("record the load", "LookupError: one", 1)


def test_interrupted_load_is_remembered(loaded: Warehouse, data: Data) -> None:
    data.log("2.json", event(sessionId=2))
    with pytest.raises(KeyboardInterrupt):
        loaded.load(observer=Interrupting("users: insert"))
    failure = only_failure(loaded)
    assert (failure.error, failure.exit_code, failure.state) == ("interrupted", 130, "nothing was changed")


def test_load_that_is_stopped_behind_its_commit_has_not_failed(
    loaded: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_arguments: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    data.log("2.json", event(sessionId=2))
    monkeypatch.setattr("sparkify.etl.ledger.record_steps", stop)
    with pytest.raises(KeyboardInterrupt):
        loaded.load()
    assert loaded.failures() == ()
    assert [load.load_id for load in read_sidecar(path_of(loaded)).loads] == [1, 2]


def test_failures_are_newest_first_and_end_with_a_commit(loaded: Warehouse, data: Data) -> None:
    for number in (2, 3):
        data.log(f"{number}.json", BAD)
        with pytest.raises(RejectedLines):
            loaded.load()
    assert [one.error[:7] for one in loaded.failures()] == ["2 lines", "1 line "]
    loaded.load(max_rejects=2)
    assert loaded.failures() == ()


def test_no_secret_is_written(loaded: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_known", set())
    secrets.protect(["Hunter2-Hunter2"])
    data.log("2.json", '{"a": "Hunter2-Hunter2"')
    with pytest.raises(RejectedLines, match="Hunter2-Hunter2"):
        loaded.load()
    assert "***" in only_failure(loaded).error
    assert b"Hunter2" not in path_of(loaded).read_bytes()


# -- loads that are killed ---------------------------------------------------------------------------------


def test_killed_load_has_not_ended(loaded: Warehouse, data: Data) -> None:
    data.log("2.json", event(sessionId=2))
    run_killed(loaded, "users: insert")
    failure = only_failure(loaded)
    assert (failure.failed_at, failure.step, failure.exit_code) == (None, None, None)
    assert failure.error == "has not ended: it was killed, or is still under way"
    assert [load.load_id for load in read_sidecar(path_of(loaded)).loads] == [1]
    loaded.load()
    assert loaded.failures() == ()
    assert [load.load_id for load in read_sidecar(path_of(loaded)).loads] == [1, 2]


def test_files_of_a_load_that_is_killed_behind_its_commit_are_known(loaded: Warehouse, data: Data) -> None:
    data.log("2.json", event(sessionId=2))
    run_killed(loaded, "commit")
    assert rows(loaded, "SELECT max(load_id) FROM load_history") == [(2,)]
    found = read_sidecar(path_of(loaded))
    assert [(load.load_id, load.confirmed) for load in found.loads] == [(1, True), (2, False)]
    assert found.files[-1].uri == str(data.logs / "2.json")
    # The number of the next load shows that this one had committed.
    data.log("3.json", event(sessionId=3))
    loaded.load()
    found = read_sidecar(path_of(loaded))
    assert [(load.load_id, load.confirmed) for load in found.loads] == [(1, True), (2, True), (3, True)]


# -- the file itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "torn", ['{"event":"fai', "\udcff", "{}", '["failed"]', '{"event":"failed","run":"a"}']
)
def test_line_that_is_none_is_passed_over(loaded: Warehouse, data: Data, torn: str) -> None:
    with path_of(loaded).open("a", errors="surrogateescape") as file:
        file.write(torn)
    assert read_sidecar(path_of(loaded)).unreadable == 1
    data.log("2.json", event(sessionId=2))
    loaded.load()
    found = read_sidecar(path_of(loaded))
    assert ([load.load_id for load in found.loads], found.unreadable) == ([1, 2], 1)
    assert loaded.failures() == ()
    # The next record, of the beginning of the load, is on its own line.
    assert (
        sum(line.startswith('{"event":"began"') for line in path_of(loaded).read_text("latin-1").split("\n"))
        == 2
    )


def test_load_goes_on_where_the_history_cannot_be_written(warehouse: Warehouse, data: Data) -> None:
    path_of(warehouse).mkdir()
    data.log("1.json", event())
    data.song("a.json", song())
    warnings = Warnings()
    assert warehouse.load(observer=warnings).load_id == 1
    assert warnings.seen == [f"{path_of(warehouse)}: the history cannot be written: Is a directory"]
    data.log("2.json", BAD)
    with pytest.raises(RejectedLines):
        warehouse.load()
    with pytest.raises(SparkifyError, match="the history cannot be read: Is a directory"):
        warehouse.failures()


def test_history_may_be_deleted(loaded: Warehouse, data: Data) -> None:
    path_of(loaded).unlink()
    data.log("2.json", event(sessionId=2))
    assert loaded.load().load_id == 2
    assert [load.load_id for load in read_sidecar(path_of(loaded)).loads] == [2]


def test_long_history_is_compacted(loaded: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_journal, "COMPACTED_ABOVE", 3_000)
    monkeypatch.setattr(file_journal, "KEPT_FAILURES", 2)
    files = read_sidecar(path_of(loaded)).files
    left = path_of(loaded).with_name(f".{path_of(loaded).name}.new-1")
    left.touch()
    bad = data.log("2.json", BAD)
    lengths = []
    for _ in range(12):
        with pytest.raises(RejectedLines):
            loaded.load()
        lengths.append(path_of(loaded).stat().st_size)
    assert max(lengths) < 6_000
    assert sorted(lengths) != lengths
    assert events_in(loaded)[:4] == ["compacted", "began", "committing", "committed"]
    assert 2 <= len(loaded.failures()) < 12
    assert read_sidecar(path_of(loaded)).files == files
    assert path_of(loaded).stat().st_mode & 0o777 == 0o600
    assert sorted(path_of(loaded).parent.glob(".*")) == []
    # Failures before a successful load do not come back.
    bad.unlink()
    loaded.load()
    data.log("3.json", BAD)
    for number in range(1, 8):
        with pytest.raises(RejectedLines):
            loaded.load()
        assert len(loaded.failures()) <= number


def test_history_of_the_first_load_is_not_read_again_to_be_compacted(
    warehouse: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may name 100,000 files, and has nothing to leave out."""
    parsed: list[int] = []
    parse = sidecar.parse_sidecar

    def counted(text: bytes) -> Sidecar:
        parsed.append(len(text))
        return parse(text)

    monkeypatch.setattr(file_journal, "COMPACTED_ABOVE", 50)
    monkeypatch.setattr(file_journal, "parse_sidecar", counted)
    data.log("1.json", event())
    data.song("a.json", song())
    warehouse.load()
    assert parsed == []
    assert events_in(warehouse) == ["compacted", "began", "committing", "committed"]
    assert [load.load_id for load in read_sidecar(path_of(warehouse)).loads] == [1]
    # Loads replaced by a full refresh are left out.
    warehouse.load(full_refresh=True)
    assert len(parsed) == 1
    assert events_in(warehouse) == ["compacted", "began", "committing", "committed"]
    assert [load.load_id for load in read_sidecar(path_of(warehouse)).loads] == [2]


def test_history_grows_to_twice_its_length_before_it_is_compacted_again(
    loaded: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each load would write all of it anew, once it holds very many files."""
    monkeypatch.setattr(file_journal, "COMPACTED_ABOVE", 50)
    replaced: list[int] = []
    rename = Path.replace

    def counted(path: Path, target: Path) -> Path:
        replaced.append(path.stat().st_size)
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", counted)
    for number in range(2, 10):
        data.log(f"{number}.json", event(sessionId=number))
        loaded.load()
    assert 2 <= len(replaced) <= 4
    assert [load.load_id for load in read_sidecar(path_of(loaded)).loads] == list(range(1, 10))


# -- status ------------------------------------------------------------------------------------------------


@pytest.fixture
def status(loaded: Warehouse) -> Callable[..., Any]:
    def run(*arguments: str) -> Any:
        loaded.close()
        url = loaded.url.render_as_string(hide_password=False)
        return run_here("sparkify", "status", "--database", url, *arguments, cwd=CLONE)

    return run


def test_status_shows_what_failed(loaded: Warehouse, data: Data, status: Callable[..., Any]) -> None:
    assert "failed since" not in status().stdout
    data.log("2.json", BAD)
    for _ in range(6):
        with pytest.raises(RejectedLines):
            loaded.load()
    lines = status().stdout.splitlines()
    at = lines.index("failed since the last load that ended well")
    assert " UTC in step 'count what was read' after " in lines[at + 1]
    assert lines[at + 1].endswith("; nothing was changed")
    assert lines[at + 6 : at + 8] == ["  and 1 more load before", ""]
    failures = json.loads(status("--json").stdout)["failures"]
    assert [one["exit_code"] for one in failures] == [1] * 6


def test_status_shows_a_killed_load(loaded: Warehouse, data: Data, status: Callable[..., Any]) -> None:
    data.log("2.json", event(sessionId=2))
    run_killed(loaded, "users: insert")
    assert (
        "UTC: a load that began then has not ended: it was killed, or is still under way (process "
        in status().stdout
    )


def test_status_shows_what_failed_where_the_database_cannot_be_opened(
    loaded: Warehouse, status: Callable[..., Any]
) -> None:
    loaded.close()
    file = Path(str(loaded.url.database))
    # The part that identifies the file stays.
    file.write_bytes(file.read_bytes()[:4096] + bytes(file.stat().st_size - 4096))
    with pytest.raises(SparkifyError):
        loaded.load()
    loaded.close()
    done = status()
    assert done.returncode == 1
    assert "UTC in step 'connect' after " in done.stdout
    assert "DuckDB could not read or write" in done.stdout
    assert done.stderr.startswith("error: DuckDB could not read or write")
    found = json.loads(status("--json").stdout)
    assert [one["step"] for one in found["failures"]] == ["connect"]


def test_load_that_another_process_keeps_out_is_remembered(loaded: Warehouse, data: Data) -> None:
    data.log("2.json", event(sessionId=2))
    loaded.close()
    url = loaded.url.render_as_string(hide_password=False)
    hold = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(loaded.url.database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(TemporaryError), Warehouse(url) as second:
            second.load(lock_timeout=0.1)
        (failure,) = loaded.failures()
        assert (failure.step, failure.exit_code) == ("connect", 75)
        assert failure.error == f"the database is in use by process {other.pid}"
        assert other.stdin is not None
        other.stdin.close()
