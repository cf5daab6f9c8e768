"""The start of a Redshift session: its schema and its parameters, on the stand-in."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from sparkify import ConfigurationError, Settings, TemporaryError, Warehouse
from sparkify.databases.redshift.engine import make_engine
from sparkify.redshift.session import parse_parameters, set_statements
from tests.support.cloud import Cloud
from tests.support.data import HEAD, rows
from tests.support.making import event, song, write

HOSTILE = "x'; DROP SCHEMA public CASCADE; --"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("wlm_query_slot_count = 3", {"wlm_query_slot_count": 3}),
        ("A=on , b TO 'x, ''y'''", {"a": "on", "b": "x, 'y'"}),
        ("app_context.tenant = '42', seed = 0.5", {"app_context.tenant": "42", "seed": "0.5"}),
        ("a = b c", {"a": "b c"}),
        ("", {}),
    ],
)
def test_parameters_are_names_and_values(given: str, expected: dict[str, str | int]) -> None:
    assert parse_parameters(given) == expected


def test_values_are_literals() -> None:
    assert set_statements("dev", {"a": 3, "b": "3", "c": HOSTILE}) == [
        'SET search_path TO "dev"',
        "SET a TO 3",
        "SET b TO '3'",
        "SET c TO 'x''; DROP SCHEMA public CASCADE; --'",
    ]


@pytest.mark.parametrize(
    "given",
    [
        "secret",
        "secret = ",
        "1a = secret",
        "a.b.c = secret",
        "a; b = secret",
        "a-b = secret",
        "ä = secret",
        "a = 'secret",
        "a = 'secret' b",
        "a = secret,, b = 1",
        r"a = secret\'",
        "a = secret, A = 1",
        "search_path = secret",
        "statement_timeout = secret",
        "query_group = secret",
        "session_authorization = secret",
    ],
)
def test_anything_else_is_refused_without_the_value(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKIFY_SESSION_SETTINGS", given)
    with pytest.raises(ConfigurationError, match=r"SPARKIFY_SESSION_SETTINGS or \[CLUSTER\]") as caught:
        Settings.load()
    assert "secret" not in str(caught.value)
    with pytest.raises(
        ConfigurationError, match="option session_settings of the database URL takes name = value"
    ):
        make_engine(make_url("redshift://u:p@host/dev").update_query_dict({"session_settings": given}), None)


def test_backslash_in_query_group_is_refused() -> None:
    """On Redshift it would escape the quote that ends the text."""
    with pytest.raises(ConfigurationError, match="query_group"):
        Settings.load(query_group="etl\\")


def test_every_connection_of_a_load_is_set_up(cloud: Cloud, tmp_path: Path) -> None:
    for name, line in (("log_data/1.json", event()), ("song_data/1.json", song())):
        cloud.redshift.put_object(f"s3://plays/{name}", write(tmp_path / name, [line]).read_bytes())
    quoted = HOSTILE.replace("'", "''")
    with cloud.warehouse(
        db_schema="dev",
        query_group="etl",
        statement_timeout=900,
        session_settings=f"timezone = 'Europe/Berlin', describe_field_name_in_uppercase = '{quoted}'",
    ) as warehouse:
        assert warehouse.migrate() == HEAD
        # The second connection comes from the same pool.
        with warehouse.engine.connect() as one, warehouse.engine.connect() as other:
            for connection in (one, other):
                connection.rollback()
                assert connection.execute(text("SHOW timezone")).scalar() == "Europe/Berlin"
        assert warehouse.load().load_id == 1
        assert rows(warehouse, "SELECT count(*) FROM songplays") == [(1,)]
    sessions: dict[int, list[str]] = defaultdict(list)
    for statement in cloud.redshift.statements:
        sessions[statement.session].append(statement.sql)
    assert len(sessions) > 1
    for sent in sessions.values():
        assert [sql for sql in sent if not sql.lower().startswith(("begin", "start"))][:5] == [
            'SET search_path TO "dev"',
            "SET timezone TO 'Europe/Berlin'",
            "SET describe_field_name_in_uppercase TO 'x''; DROP SCHEMA public CASCADE; --'",
            "SET statement_timeout TO 900000",
            "SET query_group TO 'etl'",
        ]
    assert cloud.redshift.query("SELECT count(*) FROM pg_namespace WHERE nspname = 'public'") == [["1"]]


def test_parameter_that_redshift_refuses_is_named(cloud: Cloud) -> None:
    with cloud.warehouse(session_settings="nonsense = 1") as warehouse:
        with pytest.raises(ConfigurationError, match="SET nonsense TO 1: unrecognized") as caught:
            warehouse.status()
        assert caught.value.hint == "Check the parameters of the session."


def test_connection_lost_while_it_is_set_up_is_temporary(cloud: Cloud) -> None:
    fault = cloud.redshift.inject("drop", "^set search_path")
    with (
        cloud.warehouse() as warehouse,
        pytest.raises(TemporaryError, match="the connection was closed at once"),
    ):
        warehouse.status()
    assert fault.fired == 1


def test_duckdb_has_no_such_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a server are left alone, so that one dwh.cfg serves a trial in a file too."""
    monkeypatch.setenv("SPARKIFY_SESSION_SETTINGS", "wlm_query_slot_count = 3")
    monkeypatch.setenv("SPARKIFY_GRANT_SELECT_TO", "GROUP analysts")
    with Warehouse(f"duckdb:///{tmp_path}/x.duckdb") as warehouse:
        assert warehouse.migrate() == HEAD
