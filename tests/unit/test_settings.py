"""dwh.cfg, the environment and options: which goes first, what is shown, what never is."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sparkify import ConfigurationError, Settings
from sparkify.config.settings import readable_by_others, template, unknown_options, write_template

UDACITY = """
[AWS]
KEY = AKIACANARY
SECRET = 's%cret/%(canary)s'

[DWH]
DWH_CLUSTER_TYPE=multi-node
DWH_NUM_NODES=4
DWH_NODE_TYPE=dc2.large

[CLUSTER]
HOST = 'dwh.abc.us-west-2.redshift.amazonaws.com:5439/dwh'
DB_NAME = "dwh"
DB_USER = dwhuser
DB_PASSWORD = Pa%ss#w0rd@/:
DB_PORT_2 = 5440

[IAM_ROLE]
ARN = 'arn:aws:iam::123456789012:role/dwhRole'

[S3]
LOG_DATA='s3://udacity-dend/log_data'
LOG_JSONPATH='s3://udacity-dend/log_json_path.json'
SONG_DATA='s3://udacity-dend/song_data'
"""


@pytest.fixture
def cfg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dwh.cfg in the working directory, as its users have it."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "dwh.cfg"
    path.write_text(UDACITY)
    path.chmod(0o600)
    return path


def test_with_nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.load()
    assert str(settings.url) == "duckdb:///sparkify.duckdb"
    assert (settings.log_data, settings.song_data) == ("data/log_data", "data/song_data")


def test_the_file_as_its_users_have_it(cfg: Path) -> None:
    settings = Settings.load()
    url = settings.url
    assert (url.drivername, url.host, url.port) == (
        "redshift+redshift_connector",
        "dwh.abc.us-west-2.redshift.amazonaws.com",
        5440,
    )
    assert (url.database, url.username, url.password) == ("dwh", "dwhuser", "Pa%ss#w0rd@/:")
    assert settings.iam_role_arn == "arn:aws:iam::123456789012:role/dwhRole"
    assert settings.log_data == "s3://udacity-dend/log_data"
    assert settings.log_jsonpath == "s3://udacity-dend/log_json_path.json"
    assert settings.aws_secret_access_key is not None
    assert settings.aws_secret_access_key.get_secret_value() == "s%cret/%(canary)s"
    assert settings.dwh_num_nodes == 4


def test_what_goes_before_what(cfg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKIFY_LOG_DATA", "from/environment")
    monkeypatch.setenv("SPARKIFY_SONG_DATA", "")
    settings = Settings.load(log_data="from/option", song_data=None)
    assert settings.log_data == "from/option"
    assert settings.song_data == "s3://udacity-dend/song_data"
    origins = {one.name: one.origin for one in settings.explain(log_data="from/option")}
    assert origins["log_data"] == "option"
    assert origins["song_data"] == "dwh.cfg [S3]"
    assert origins["region"] == "default"
    origins = {one.name: one.origin for one in Settings.load().explain()}
    assert origins["log_data"] == "environment SPARKIFY_LOG_DATA"


def test_secrets_are_masked(cfg: Path) -> None:
    settings = Settings.load()
    shown = " ".join(one.value for one in settings.explain()) + repr(settings) + str(settings)
    for secret in ("AKIACANARY", "s%cret", "Pa%ss"):
        assert secret not in shown
    given = Settings.load(database_url="redshift+redshift_connector://me:canary@host/dev")
    assert "canary" not in repr(given) + " ".join(one.value for one in given.explain())
    assert {one.name: one.value for one in given.explain()}["database_url"].endswith("://me:***@host/dev")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[CLUSTER]\nDB_PASSWORD\n = canary\ncanary line", "line"),
        ("DB_PASSWORD = canary", "line 1: an option stands before the first"),
        ("[CLUSTER]\ncanary canary", "line 2: is not of the form NAME = value"),
        ("[CLUSTER]\nDB_PORT = canary", r"db_port \(SPARKIFY_DB_PORT or \[CLUSTER\] DB_PORT\)"),
        ("[DWH]\nDWH_NUM_NODES = -3canary", "dwh_num_nodes"),
    ],
)
def test_what_is_wrong_is_told_without_the_value(
    cfg: Path, text: str, said: str, request: pytest.FixtureRequest
) -> None:
    cfg.write_text(text)
    with pytest.raises(ConfigurationError, match=said) as stopped:
        Settings.load()
    assert "canary" not in str(stopped.value)
    assert stopped.value.__cause__ is None
    assert stopped.value.exit_code == 2


def test_a_url_that_is_none_is_told_without_its_password() -> None:
    with pytest.raises(ConfigurationError) as stopped:
        _ = Settings.load(database_url="me:canary@host").url
    assert "canary" not in str(stopped.value)


def test_a_file_asked_for_by_name_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKIFY_CONFIG", str(tmp_path / "none.cfg"))
    with pytest.raises(ConfigurationError, match="none.cfg: there is no such file"):
        Settings.load()


def test_a_misspelt_option_is_told_of(cfg: Path) -> None:
    cfg.write_text("[S3]\nLOG_DAT = x\n[OTHER]\nTHING = y\n")
    assert unknown_options() == [
        "[S3] LOG_DAT is not a setting; did you mean LOG_DATA?",
        "[OTHER] THING is not a setting",
    ]


def test_others_may_not_read_a_file_with_a_secret(cfg: Path) -> None:
    assert not readable_by_others()
    cfg.chmod(0o640)
    assert readable_by_others()
    cfg.write_text("[S3]\nLOG_DATA = x\n")
    assert not readable_by_others()


def test_the_template_is_private_and_says_nothing_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "dwh.cfg"
    write_template(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Settings.load() == Settings()
    assert {one.origin for one in Settings.load().explain()} == {"default"}
    assert unknown_options() == []
    with pytest.raises(ConfigurationError, match="is there already and was left as it is"):
        write_template(path)
    for name in Settings.model_fields:
        assert f"SPARKIFY_{name.upper()}" in template()
    # Each line, with its comment sign away, sets what it is about.
    path.write_text(template().replace("#LOG_DATA = data/log_data", "LOG_DATA = elsewhere"))
    assert Settings.load().log_data == "elsewhere"
