"""dwh.cfg, the environment and options: their precedence, what is shown, and what never is."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, make_url

from sparkify import ConfigurationError, Settings, Warehouse
from sparkify.config.aws import aws_session
from sparkify.config.checks import readable_by_others, unknown_options, unknown_variables
from sparkify.config.template import template, write_template
from sparkify.databases.options import jsonpaths
from sparkify.etl.declarations import Location, Source, from_json
from sparkify.pipeline import SPARKIFY
from sparkify.pipeline.declaration import EVENTS, SONGS
from sparkify.warehouse.target import resolve_target

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


def test_load_without_configuration_uses_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.load(SPARKIFY.sources)
    assert str(settings.url) == "duckdb:///sparkify.duckdb"
    assert (settings.location(EVENTS), settings.location(SONGS)) == ("data/log_data", "data/song_data")


def test_load_reads_file_of_udacity(cfg: Path) -> None:
    settings = Settings.load(SPARKIFY.sources)
    url = settings.url
    assert (url.drivername, url.host, url.port) == (
        "redshift+redshift_connector",
        "dwh.abc.us-west-2.redshift.amazonaws.com",
        5440,
    )
    assert (url.database, url.username, url.password) == ("dwh", "dwhuser", "Pa%ss#w0rd@/:")
    assert settings.iam_role_arn == "arn:aws:iam::123456789012:role/dwhRole"
    assert settings.location(EVENTS) == "s3://udacity-dend/log_data"
    assert jsonpaths(settings, SPARKIFY.sources)["events"] == "s3://udacity-dend/log_json_path.json"
    assert settings.aws_secret_access_key is not None
    assert settings.aws_secret_access_key.get_secret_value() == "s%cret/%(canary)s"
    assert settings.dwh_num_nodes == 4


def test_load_option_overrides_environment_overrides_file(cfg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKIFY_LOG_DATA", "from/environment")
    monkeypatch.setenv("SPARKIFY_SONG_DATA", "")
    settings = Settings.load(SPARKIFY.sources, log_data="from/option", song_data=None)
    assert settings.location(EVENTS) == "from/option"
    assert settings.location(SONGS) == "s3://udacity-dend/song_data"
    origins = {one.name: one.origin for one in settings.describe()}
    assert origins["log_data"] == "option"
    assert origins["song_data"] == "dwh.cfg [S3]"
    assert origins["region"] == "default"
    origins = {one.name: one.origin for one in Settings.load(SPARKIFY.sources).describe()}
    assert origins["log_data"] == "environment SPARKIFY_LOG_DATA"


def test_explain_masks_secrets(cfg: Path) -> None:
    settings = Settings.load(SPARKIFY.sources)
    shown = " ".join(one.value for one in settings.describe()) + repr(settings) + str(settings)
    for secret in ("AKIACANARY", "s%cret", "Pa%ss"):
        assert secret not in shown
    given = Settings.load(database_url="redshift+redshift_connector://me:canary@host/dev")
    assert "canary" not in repr(given) + " ".join(one.value for one in given.describe())
    assert {one.name: one.value for one in given.describe()}["database_url"].endswith("://me:***@host/dev")


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
def test_load_reports_bad_file_without_value(
    cfg: Path, text: str, said: str, request: pytest.FixtureRequest
) -> None:
    cfg.write_text(text)
    with pytest.raises(ConfigurationError, match=said) as stopped:
        Settings.load(SPARKIFY.sources)
    assert "canary" not in str(stopped.value)
    assert stopped.value.__cause__ is None
    assert stopped.value.exit_code == 2


def test_url_reports_bad_url_without_password() -> None:
    with pytest.raises(ConfigurationError) as stopped:
        _ = Settings.load(database_url="me:canary@host").url
    assert "canary" not in str(stopped.value)


def test_load_refuses_missing_file_of_sparkify_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKIFY_CONFIG", str(tmp_path / "none.cfg"))
    with pytest.raises(ConfigurationError, match="none.cfg: there is no such file"):
        Settings.load(SPARKIFY.sources)


def test_unknown_options_suggests_name(cfg: Path) -> None:
    cfg.write_text("[S3]\nLOG_DAT = x\n[OTHER]\nTHING = y\n")
    assert unknown_options(SPARKIFY.sources) == [
        "[S3] LOG_DAT is not a setting; did you mean LOG_DATA?",
        "[OTHER] THING is not a setting",
    ]
    cfg.write_text("[CLUSTR]\nHOST = x\n[REGION]\nREGION = y\n[S3]\nPASSWORD = z\n")
    assert unknown_options(SPARKIFY.sources) == [
        "[CLUSTR] HOST is not a setting; did you mean [CLUSTER] HOST?",
        "[REGION] REGION is not a setting; did you mean [AWS] REGION?",
        "[S3] PASSWORD is not a setting; did you mean [CLUSTER] DB_PASSWORD?",
    ]


def test_unknown_variables_suggests_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGDATA", "ZZZ", "SONG_DATA", "CONFIG", "PIPELINE"):
        monkeypatch.setenv(f"SPARKIFY_{name}", "canary")
    monkeypatch.setenv("SPARK_HOME", "x")
    assert unknown_variables(SPARKIFY.sources) == [
        "SPARKIFY_LOGDATA is not a setting; did you mean SPARKIFY_LOG_DATA?",
        "SPARKIFY_ZZZ is not a setting",
    ]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("x.duckdb", "duckdb:///x.duckdb"),
        ("/a/b c.db", "duckdb:////a/b c.db"),
        ("duckdb:///x", "duckdb:///x"),
    ],
)
def test_path_of_a_file_is_a_url_in_short(text: str, url: str) -> None:
    assert Settings.load(database_url=text).url == make_url(url)
    assert resolve_target(text, SPARKIFY.sources)[1] == make_url(url)


@pytest.mark.parametrize("path", ["other.duckdb", "/a/b c", "x.db"])
def test_path_is_a_file_of_duckdb_whatever_the_settings_say(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPARKIFY_DATABASE_URL", "duckdb:///settings.duckdb")
    assert resolve_target(None, SPARKIFY.sources)[1] == make_url("duckdb:///settings.duckdb")
    assert resolve_target(Path(path), SPARKIFY.sources)[1] == make_url(f"duckdb:///{path}")


@pytest.mark.parametrize(
    ("target", "kind"), [(3, "int"), (b"x.duckdb", "bytes"), (False, "bool"), ((), "tuple")]
)
def test_target_of_another_type_is_refused(target: Any, kind: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^a warehouse is not opened with a value of type {kind}[.]"):
        Warehouse(target)


def test_engine_cannot_be_made_read_only() -> None:
    with pytest.raises(ConfigurationError, match="^an engine is read-only or not when it is made"):
        Warehouse(create_engine("duckdb://"), read_only=True)


def test_region_is_that_of_the_host_where_nothing_else_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    host = "dwh.abc123.eu-west-1.redshift.amazonaws.com"
    assert aws_session(Settings.load(host=host)).region_name == "eu-west-1"
    assert aws_session(Settings.load(host=host, region="us-east-2")).region_name == "us-east-2"
    assert aws_session(Settings.load(host="localhost")).region_name is None
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert aws_session(Settings.load(host=host)).region_name == "us-west-2"


def test_readable_by_others_sees_mode_of_file_with_secret(cfg: Path) -> None:
    assert not readable_by_others()
    cfg.chmod(0o640)
    assert readable_by_others()
    cfg.write_text("[S3]\nLOG_DATA = x\n")
    assert not readable_by_others()


def test_write_template_is_private_and_sets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "dwh.cfg"
    write_template(path, SPARKIFY.sources)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Settings.load() == Settings()
    assert {one.origin for one in Settings.load(SPARKIFY.sources).describe()} == {"default"}
    assert unknown_options(SPARKIFY.sources) == []
    with pytest.raises(ConfigurationError, match="dwh.cfg: is there already; it was left as it is"):
        write_template(path, SPARKIFY.sources)
    for name in Settings.with_sources(SPARKIFY.sources).model_fields:
        assert f"SPARKIFY_{name.upper()}" in template(SPARKIFY.sources)
    # Uncommenting a line sets the value that it describes.
    path.write_text(template(SPARKIFY.sources).replace("#LOG_DATA = data/log_data", "LOG_DATA = elsewhere"))
    assert Settings.load(SPARKIFY.sources).location(EVENTS) == "elsewhere"


# -- the sources of a pipeline -----------------------------------------------------------------------------


def _source(name: str, location: Location | None = None) -> Source:
    table = Table(f"staging_{name}", MetaData(), Column("id", Integer, info=from_json("id")))
    return (
        Source(name=name, staging=table)
        if location is None
        else Source(name=name, staging=table, location=location)
    )


ORDERS = _source("orders")
CUSTOMERS = _source(
    "customers",
    Location(
        setting="customer_data",
        section="Shop",
        option="CUSTOMERS",
        default="data/customers",
        description="the customers",
        jsonpaths="customer_paths",
    ),
)
SHOP = (ORDERS, CUSTOMERS)


def test_load_without_sources_knows_no_pipeline(cfg: Path) -> None:
    assert not {"log_data", "song_data", "log_jsonpath"} & set(Settings.model_fields)
    with pytest.raises(ConfigurationError, match=r"log_data \(option\): Extra inputs"):
        Settings.load(log_data="x")


def test_load_reads_settings_of_any_source(cfg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg.write_text(
        "[SHOP]\nCUSTOMERS = file/customers\nCUSTOMER_PATHS = s3://b/paths.json\n[SOURCES]\nORDERS=o\n"
    )
    settings = Settings.load(SHOP)
    assert (settings.location(ORDERS), settings.location(CUSTOMERS)) == ("o", "file/customers")
    assert jsonpaths(settings, SHOP) == {"customers": "s3://b/paths.json"}
    monkeypatch.setenv("SPARKIFY_CUSTOMER_DATA", "environment/customers")
    assert Settings.load(SHOP).location(CUSTOMERS) == "environment/customers"
    assert Settings.load(SHOP, customer_data="option/customers").location(CUSTOMERS) == "option/customers"
    origins = {one.name: one.origin for one in Settings.load(SHOP, customer_paths="p").describe()}
    assert origins["source_orders"] == "dwh.cfg [SOURCES]"
    assert origins["customer_data"] == "environment SPARKIFY_CUSTOMER_DATA"
    assert origins["customer_paths"] == "option"
    assert unknown_options(SHOP) == []
    assert [line.split("] ")[1][:9] for line in unknown_options()] == ["CUSTOMERS", "CUSTOMER_", "ORDERS is"]


def test_location_without_default_names_option_and_variable(cfg: Path) -> None:
    cfg.write_text("")
    with pytest.raises(ConfigurationError) as stopped:
        Settings.load(SHOP).location(ORDERS)
    assert stopped.value.where == "source orders"
    assert stopped.value.hint == "Set [SOURCES] ORDERS in dwh.cfg, or SPARKIFY_SOURCE_ORDERS."
    assert Settings.load(SHOP).location(CUSTOMERS) == "data/customers"


def test_declaring_keeps_options_and_sources(cfg: Path) -> None:
    settings = Settings.load(SPARKIFY.sources, log_data="given", dwh_num_nodes=7)
    both = settings.declaring(SHOP)
    assert both.location(EVENTS) == "given"
    assert both.location(CUSTOMERS) == "data/customers"
    assert both.dwh_num_nodes == 7
    assert both.declaring(SPARKIFY.sources) is both
    assert Settings(dwh_num_nodes=7).declaring(SHOP).dwh_num_nodes == 7
    assert type(settings) is Settings.with_sources(SPARKIFY.sources)


def test_declaring_same_setting_takes_new_location(cfg: Path) -> None:
    other = _source("customers", Location(setting="customer_data", default="elsewhere"))
    assert Settings.load(SHOP).declaring([other]).location(other) == "elsewhere"


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        ([_source("a", Location(setting="host"))], "its setting host is one that every warehouse has"),
        ([CUSTOMERS, _source("b", Location(setting="customer_data"))], "is also one of source customers"),
        ([CUSTOMERS, _source("b", Location(setting="customer_paths"))], "is also one of source customers"),
    ],
)
def test_with_sources_refuses_clash_of_names(sources: list[Source], found: str) -> None:
    with pytest.raises(ConfigurationError, match=found):
        Settings.with_sources(sources)


def test_template_groups_settings_of_sources_by_section() -> None:
    sections = [line for line in template(SHOP).splitlines() if line.startswith("[")]
    assert sections == ["[CLUSTER]", "[IAM_ROLE]", "[SOURCES]", "[SHOP]", "[S3]", "[AWS]", "[DWH]"]
    assert "# the customers (SPARKIFY_CUSTOMER_DATA)\n#CUSTOMERS = data/customers\n" in template(SHOP)
    assert "LOG_DATA" not in template(SHOP)


def test_declared_keeps_order_of_sparkify_settings() -> None:
    names = list(Settings.with_sources(SPARKIFY.sources).declared())
    first = names.index("iam_role_arn")
    assert names[first : first + 5] == [
        "iam_role_arn",
        "log_data",
        "log_jsonpath",
        "song_data",
        "manifest_prefix",
    ]
