"""Loads with S3 failures: each completes, or ends with 75 and the object's name and changes nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from sparkify import SparkifyError, TemporaryError, Warehouse
from sparkify.etl import retrying
from sparkify.etl.lister import list_files
from sparkify.etl.listing import AwsOptions
from tests.support.commands import heed_interrupts
from tests.support.data import Data, rows
from tests.support.making import event
from tests.support.s3_faults import FAULTS, Fault, S3Faults, faulty_s3

_BUCKET = "faulty-files"
_OBJECTS = 4
_LINES = 20


@pytest.fixture(scope="module")
def faults() -> Iterator[S3Faults]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with faulty_s3(f"http://{host}:{port}") as proxy:
            yield proxy
    finally:
        server.stop()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults") / "faults.duckdb"


@pytest.fixture
def client(faults: S3Faults, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ENDPOINT_URL", faults.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    # With two tries, a permanent fault is reported after half a second.
    monkeypatch.setattr(retrying, "_TRIES", 2)
    client = boto3.client("s3", endpoint_url=faults.server)
    client.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    yield client
    faults.plan(None)
    for found in client.list_objects_v2(Bucket=_BUCKET).get("Contents", []):
        client.delete_object(Bucket=_BUCKET, Key=found["Key"])
    client.delete_bucket(Bucket=_BUCKET)


def _plays(warehouse: Warehouse, session: int) -> int:
    return int(rows(warehouse, f"SELECT count(*) FROM songplays WHERE session_id = {session}")[0][0])


@pytest.mark.seeds(20)
def test_load_is_complete_or_temporary_whatever_s3_does(
    seed: int, faults: S3Faults, client: Any, data: Data, database: Path
) -> None:
    rng = random.Random(seed)
    fault = FAULTS[seed % len(FAULTS)]
    session = 1_000_000 + seed
    for number in range(_OBJECTS):
        lines = (event(sessionId=session, itemInSession=_LINES * number + n) for n in range(_LINES))
        body = data.log("x", *lines).read_bytes()
        client.put_object(Bucket=_BUCKET, Key=f"log-{seed}/{number}.json", Body=body)
    uri = f"s3://{_BUCKET}/log-{seed}"
    of = rng.choice([f"/log-{seed}/", f"/log-{seed}/{rng.randrange(_OBJECTS)}.json", "list-type=2"])
    with Warehouse(f"duckdb:///{database}") as warehouse:
        faults.plan(fault, of, after=rng.randrange(3), times=rng.choice([1, 2, 1_000]))
        stopped: SparkifyError | None = None
        try:
            warehouse.load(log_data=uri, only=["events"])
        except SparkifyError as error:
            stopped = error
        if stopped is None:
            assert _plays(warehouse, session) == _OBJECTS * _LINES
        else:
            assert (stopped.where or "").startswith(uri), stopped
            # If S3 denies access or has no such bucket, the error says so, and no retry helps.
            assert stopped.exit_code == 75 or fault in ("403", "gone"), stopped
            assert fault != "403" or "AccessDenied: Access Denied by a test" in str(stopped)
        faults.plan(None)
        # All or nothing.
        if database.exists():
            assert _plays(warehouse, session) == (0 if stopped else _OBJECTS * _LINES)
        warehouse.load(log_data=uri, only=["events"])
        assert _plays(warehouse, session) == _OBJECTS * _LINES


@pytest.mark.parametrize("fault", ["etag", "no etag"])
def test_answer_of_another_object_is_not_loaded(
    fault: Fault, faults: S3Faults, client: Any, data: Data, tmp_path: Path
) -> None:
    """From a server that ignores If-Match."""
    client.put_object(Bucket=_BUCKET, Key="log/a.json", Body=data.log("x", event()).read_bytes())
    faults.plan(fault, "/log/a.json")
    with (
        Warehouse(f"duckdb:///{tmp_path}/etag.duckdb") as warehouse,
        pytest.raises(TemporaryError, match=r"^s3://faulty-files/log/a\.json: was replaced while it was read"),
    ):
        warehouse.load(log_data=f"s3://{_BUCKET}/log", only=["events"])


@pytest.mark.parametrize("fault", ["html", "xml"])
@pytest.mark.parametrize("after", [0, 1])
def test_answer_that_is_no_listing_is_temporary(
    fault: Fault, after: int, faults: S3Faults, client: Any
) -> None:
    """As the first answer, or to the question whether there are more."""
    client.put_object(Bucket=_BUCKET, Key="log/a.json", Body=b"{}")
    faults.plan(fault, "list-type=2", after=after)
    with pytest.raises(TemporaryError, match="^s3://faulty-files/log: S3 "):
        list_files(f"s3://{_BUCKET}/log", AwsOptions(endpoint=faults.endpoint))


def test_listing_that_ends_too_early_is_completed(faults: S3Faults, client: Any) -> None:
    """An error under the status 200 in place of the first page alone, which has no objects in it."""
    for name in "abc":
        client.put_object(Bucket=_BUCKET, Key=f"log/{name}.json", Body=b"{}")
    faults.plan("html", "list-type=2", times=1)
    listing = list_files(f"s3://{_BUCKET}/log", AwsOptions(endpoint=faults.endpoint))
    assert [file.uri[-6:] for file in listing.files] == ["a.json", "b.json", "c.json"]


def test_slow_down_is_told_in_the_words_of_s3(faults: S3Faults, client: Any) -> None:
    client.put_object(Bucket=_BUCKET, Key="log/a.json", Body=b"{}")
    faults.plan("503", "list-type=2")
    with pytest.raises(TemporaryError, match=r"\(SlowDown: Please reduce your request rate\.\)") as stopped:
        list_files(f"s3://{_BUCKET}/log", AwsOptions(endpoint=faults.endpoint))
    assert stopped.value.exit_code == 75
    # Two tries of ours, each with three of the client.
    assert len(faults.seen) == 6


@pytest.mark.parametrize(("fault", "found"), [("503", "SlowDown: Please reduce"), ("cut", "")])
def test_what_goes_on_for_longer_is_told_and_overcome(
    fault: Fault,
    found: str,
    faults: S3Faults,
    client: Any,
    data: Data,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    lines = [event(itemInSession=n, userAgent=f"{n:0900}") for n in range(4_000)]
    client.put_object(Bucket=_BUCKET, Key="log/a.json", Body=data.log("x", *lines).read_bytes())
    uri = f"s3://{_BUCKET}/log"
    faults.plan(fault, "/log/a.json", times=3)
    with Warehouse(f"duckdb:///{tmp_path}/told.duckdb") as warehouse:
        warehouse.load(log_data=uri, only=["events"])
        assert rows(warehouse, "SELECT count(*), count(DISTINCT user_agent) FROM songplays") == [(4_000, 4_000)]
    (told,) = [one.getMessage() for one in caplog.records if one.name == "sparkify.s3"]
    assert told.startswith(f"{uri}/a.json: S3 did not answer ({found}")
    assert ": try 2 of 2 in " in told


def test_blip_is_overcome_in_silence(faults: S3Faults, client: Any, caplog: pytest.LogCaptureFixture) -> None:
    client.put_object(Bucket=_BUCKET, Key="log/a.json", Body=b"{}")
    faults.plan("503", "list-type=2", times=2)
    assert list_files(f"s3://{_BUCKET}/log", AwsOptions(endpoint=faults.endpoint)).files
    assert [one for one in caplog.records if one.name == "sparkify.s3"] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("of", ["list-type=2", "/log/"])
def test_signal_is_heeded_while_s3_does_not_answer(
    of: str, number: signal.Signals, code: int, faults: S3Faults, client: Any, data: Data, tmp_path: Path
) -> None:
    for name in "abc":
        client.put_object(Bucket=_BUCKET, Key=f"log/{name}.json", Body=data.log("x", event()).read_bytes())
    # The client would wait for a minute.
    faults.plan("hang", of)
    options = ["load", "--only", "events", "--log-data", f"s3://{_BUCKET}/log", "--database", "hang.duckdb"]
    with subprocess.Popen(
        [sys.executable, "-m", "sparkify", *options],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONFAULTHANDLER": "1"},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    ) as process:
        try:
            while not any(found == "hang" for _, found in faults.seen):
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(number)
            try:
                _, told = process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                # SIGABRT prints the stack of every thread.
                process.send_signal(signal.SIGABRT)
                pytest.fail(f"the signal is not heeded: {process.communicate(timeout=30)[1]}")
        finally:
            process.kill()
    assert process.returncode == code
    assert told.splitlines()[-1].startswith("terminated" if code == 143 else "interrupted")
    assert "Traceback" not in told
    assert list(tmp_path.glob("sparkify-load-*")) == []
