"""Secrets in every place of the settings, commands, errors and logs: none of them is in any output or file."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from sparkify.etl.errors import ConfigurationError
from standin.faults import Kind
from tests.support.cloud import ROLE, Cloud
from tests.support.commands import run_here
from tests.support.data import Data
from tests.support.making import event, song

CANARIES = {
    "SPARKIFY_DB_PASSWORD": "canary-pass'w%rd",
    "SPARKIFY_DWH_DB_PASSWORD": "Canary0dwh",
    "SPARKIFY_AWS_ACCESS_KEY_ID": "CANARYKEYID",
    "SPARKIFY_AWS_SECRET_ACCESS_KEY": "canary/secret+key",
    "SPARKIFY_HOST": "me:canary-in-host@example.com",
    "SPARKIFY_UNLOAD_PREFIX": "s3://me:canary-in-prefix@bucket/",
    "SPARKIFY_DATABASE_URL": "duckdb:///sparkify.duckdb?threads=2",
}
COMMANDS = [
    ("load",), ("load", "--dry-run"), ("status", "--json"), ("status",), ("check",), ("rejects",),
    ("query", "totals"),
    ("sql", "SELECT 1"), ("migrate",), ("config",), ("config", "--json"), ("doctor",),
]  # fmt: skip
LOGS = [(), ("-v",), ("--debug",), ("--debug", "--log-format", "json"), ("-q",)]
SAID = "login failed: " + " ".join(CANARIES.values())
FAULTS: list[Exception | None] = [
    None,
    RuntimeError(SAID),
    OSError(5, SAID),
    ConfigurationError(SAID, where=SAID, hint=SAID),
    OperationalError(SAID, None, Exception(SAID)),
]
RUNS = list(product(COMMANDS, LOGS, FAULTS))


def leaks(data: Data, patch: pytest.MonkeyPatch, run: Any) -> bool:
    """Whether a secret is in what a command printed, or in a file of its folder."""
    command, log, fault = run
    home = data.root.parent
    with patch.context() as patched:
        if fault is not None:

            def fail(*_: Any, **__: Any) -> None:
                raise fault

            patched.setattr("sparkify.cli.warehouse.Warehouse", fail)
        done = run_here("sparkify", *command, *log, cwd=home, environment=CANARIES)
    text = (done.stdout + done.stderr).encode() + b"".join(f.read_bytes() for f in files(home))
    return b"canary" in text.lower()


def files(home: Path) -> list[Path]:
    return [file for file in home.rglob("*") if file.is_file()]


@pytest.fixture
def plays(data: Data) -> Data:
    data.log("a.json", event())
    data.song("a.json", song())
    return data


def test_no_secret_is_in_any_output(plays: Data, monkeypatch: pytest.MonkeyPatch, scale: int) -> None:
    runs = RUNS if scale > 1 else RUNS[::12]
    assert [run[:2] for run in runs if leaks(plays, monkeypatch, run)] == []


def test_secrets_are_found_where_nothing_masks_them(plays: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparkify.cli.streams.redact", lambda text: text)
    assert leaks(plays, monkeypatch, (("status",), (), FAULTS[1]))


REFUSED = ("XX000", "refused to Canary/pass%1 by canary-secret+key")
ON_REDSHIFT: list[tuple[Kind | None, str, tuple[str, str] | None]] = [
    (None, "", None),
    ("error", "^INSERT INTO songplays", REFUSED),
    ("error", "^SELECT", REFUSED),
    ("drop", "^COPY", None),
    ("drop", "^SET search_path", None),
]
"""What happens to the statements that match."""


def test_no_secret_of_redshift_is_in_any_output(
    cloud: Cloud, plays: Data, monkeypatch: pytest.MonkeyPatch, scale: int
) -> None:
    redshift = cloud.redshift
    for folder in (plays.songs, plays.logs):
        cloud.put(folder, folder.name)
    cloud.with_tables().close()
    monkeypatch.setitem(redshift.users, redshift.user, "Canary/pass%1")
    home = plays.root.parent
    environment = {
        **redshift.environment,
        "SPARKIFY_DATABASE_URL": redshift.url.replace(redshift.password, "Canary%2Fpass%251"),
        "SPARKIFY_IAM_ROLE_ARN": ROLE,
        "SPARKIFY_LOG_DATA": "s3://plays/log_data",
        "SPARKIFY_SONG_DATA": "s3://plays/song_data",
        "SPARKIFY_LOG_JSONPATH": "s3://plays/log_json_path.json",
        "SPARKIFY_AWS_ACCESS_KEY_ID": "AKIACANARY",
        "SPARKIFY_AWS_SECRET_ACCESS_KEY": "canary-secret+key",
    }
    runs = list(product(ON_REDSHIFT, [("load", "--full-refresh"), *COMMANDS], LOGS))
    leaked = []
    for (kind, pattern, error), command, log in runs if scale > 1 else runs[2::65]:
        if kind is not None:
            redshift.inject(kind, pattern, times=None, error=error)
        done = run_here("sparkify", *command, *log, cwd=home, environment=environment)
        redshift.clear_faults()
        written = b"".join(file.read_bytes() for file in files(home))
        if b"canary" in (done.stdout + done.stderr).encode().lower() + written.lower():
            leaked.append((kind, pattern, command, log))
    assert leaked == []
    # Nor in the database.
    kept = redshift.query("SELECT error FROM failed_loads")
    assert kept
    assert "canary" not in repr(kept).lower()
