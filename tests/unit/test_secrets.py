"""Secrets of the settings in URLs, settings and texts, and what redaction leaves of them."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from sparkify import Warehouse
from sparkify.cli import logs
from sparkify.cli.streams import guarded_streams
from sparkify.config import secrets
from sparkify.config.checks import readable_by_others
from sparkify.config.secrets import masked, masked_url, protect, redact, secrets_of
from sparkify.config.settings import Settings
from sparkify.databases.duckdb.file import create
from sparkify.etl.errors import SourceError
from tests.support.commands import kept_logging


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret known, and those of the test forgotten."""
    monkeypatch.setattr(secrets, "_known", set())


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("duckdb:///a.duckdb", "duckdb:///a.duckdb"),
        ("duckdb:///a.db?motherduck_token=canary", "duckdb:///a.db?motherduck_token=***"),
        ("duckdb:///a.duckdb?a=canary&b=canary", "duckdb:///a.duckdb?a=***&b=***"),
        ("redshift+redshift_connector://u:canary@h:5439/d", "redshift+redshift_connector://u:***@h:5439/d"),
        ("redshift+sparkify://u@h/d?password=canary", "redshift+sparkify://u@h/d?password=***"),
    ],
)
def test_masked_url_has_no_password_and_no_query(url: str, shown: str) -> None:
    assert masked_url(make_url(url)) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("data/log_data", "data/log_data"),
        ("s3://bucket/day=1/a@b", "s3://bucket/day=1/a@b"),
        ("s3://me:canary@bucket/x", "s3://me:***@bucket/x"),
        ("me:canary@h.redshift.amazonaws.com:5439/dev", "me:***@h.redshift.amazonaws.com:5439/dev"),
        ("http://canary@proxy", "http://***@proxy"),
        ("https://proxy/?X-Amz-Signature=canary&a=b", "https://proxy/?X-Amz-Signature=***&a=***"),
        ("arn:aws:iam::123456789012:role/a@b", "arn:aws:iam::123456789012:role/a@b"),
    ],
)
def test_masked_setting_keeps_what_is_no_secret(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_secrets_of_settings_in_unusual_places() -> None:
    settings = Settings.load(
        database_url="duckdb:///md:x?motherduck_token=canary%2Dtoken&access_mode=read_only",
        host="me:canary-host@example.com",
        aws_endpoint_url="http://canary-user@proxy",
        unload_prefix="s3://key:canary-unload@bucket/",
        db_user="alice",
    )
    assert set(secrets_of(settings)) == {
        "canary%2Dtoken",
        "canary-token",
        "canary-host",
        "canary-user",
        "canary-unload",
    }


@pytest.mark.parametrize(
    "written",
    [
        "p@ss'w%rd",
        "p%40ss%27w%25rd",
        "p@ss'w%%rd",
        "p@ss''w%rd",
        "p@ss&#x27;w%rd",
        "cEBzcyd3JXJk",
        r"p@ss\'w%rd",
    ],
)
def test_redact_finds_a_secret_however_it_is_quoted(written: str) -> None:
    protect(["p@ss'w%rd"])
    assert redact(f"login {written}, refused") == "login ***, refused"


def test_redact_leaves_a_secret_that_may_be_a_word() -> None:
    protect(["one", "", "x", "seventh"])
    assert redact("one x seventh row") == "one x seventh row"
    protect(["eight-ch"])
    assert redact("one eight-ch row") == "one *** row"


def test_settings_that_are_loaded_are_protected() -> None:
    assert redact("canary-password") == "canary-password"
    Settings.load(db_password="canary-password")
    assert redact("canary-password") == "***"


def test_url_that_is_handed_over_is_protected() -> None:
    Warehouse("redshift+redshift_connector://loader:canary%2Fpassword@localhost/dev")
    assert redact("canary/password canary%2Fpassword") == "*** ***"


def test_guarded_streams_mask_and_escape(capsys: pytest.CaptureFixture[str]) -> None:
    protect(["canary-password"])
    with kept_logging(), guarded_streams():
        print("out canary-password \x1b[2J\x9b \u202e\tä\r")
        logs.configure(logging.DEBUG, "json")
        logging.getLogger("sparkify").warning("log canary-password \x1b \u202e")
        try:
            raise RuntimeError("canary-password")  # noqa: TRY301 - its traceback is what is tested
        except RuntimeError:
            sys.excepthook(*sys.exc_info())
    out, err = capsys.readouterr()
    assert out == "out *** \\x1b[2J\\x9b \\u202e\tä\\r\n"
    assert err.splitlines()[0].endswith('"message": "log *** \\u001b \\u202e"}')
    assert err.endswith("RuntimeError: ***\n")
    assert "canary" not in err.replace('raise RuntimeError("canary-password")', "")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("[CLUSTER]\nDB_PASSWORD = x\n", True),
        ("[CLUSTER]\nDATABASE_URL = duckdb:///a.duckdb\n", False),
        ("[CLUSTER]\nDATABASE_URL = redshift+sparkify://u:x@h/d\n", True),
        ("[CLUSTER]\nDATABASE_URL = duckdb:///md:a?motherduck_token=canary-token\n", True),
        ("[CLUSTER]\nHOST = example.com\n", False),
        ("[CLUSTER]\nHOST = u:x@example.com\n", True),
        ("[CLUSTER]\nDB_PASSWORD =\n", False),
    ],
)
def test_readable_file_matters_where_it_holds_a_secret(tmp_path: Path, text: str, refused: bool) -> None:
    path = tmp_path / "dwh.cfg"
    path.write_text(text)
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        assert readable_by_others(path) is refused
    path.chmod(0o600)
    assert not readable_by_others(path)


def test_new_duckdb_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    assert create(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_newline_in_a_name_begins_no_line_of_an_error() -> None:
    error = SourceError("a\nerror: \x1bb.json", "is not there")
    assert str(error) == "a\\nerror: \\x1bb.json: is not there"
