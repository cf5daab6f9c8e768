"""Every command with a pipeline that is not Sparkify's, on both databases."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from sqlalchemy import inspect

from sparkify.models import Base
from tests.support.making import write
from tests.support.shop import SHOP
from tests.support.shop.data import order
from tests.support.shop.fixtures import FOREIGN, REFERENCE, Shop

TABLES = set(SHOP.metadata.tables)
ELSEWHERE = set(Base.metadata.tables) - TABLES


@pytest.fixture
def migrated(shop: Shop) -> Shop:
    """The shop with its tables, and nothing in them."""
    shop.run("migrate")
    return shop


@pytest.fixture
def loaded(migrated: Shop) -> Shop:
    """The shop after one load: three orders of two customers."""
    migrated.run("load")
    return migrated


def result(shop: Shop, *command: str) -> Any:
    """What a command prints with ``--json``."""
    return json.loads(shop.run(*command, "--json").stdout)


@pytest.mark.parametrize("shop", ["duckdb"], indirect=True)
def test_words_of_sparkify_are_found_in_its_own_output(shop: Shop) -> None:
    """The negative control of what :meth:`Shop.run` asserts of every output."""
    done = shop.run_plain("schema")
    assert done.code == 0
    assert {"songplays", "events", "play"} <= {word.lower() for word in FOREIGN.findall(done.output)}


def test_commands_in_processes_of_their_own(shop: Shop) -> None:
    assert shop.run_process("migrate").code == 0
    loaded = shop.run_process("load")
    assert (loaded.code, "3 orders of 2 customers" in loaded.stdout) == (0, True), loaded.output
    assert json.loads(shop.run_process("status", "--json").stdout)["rows"] == {"orders": 3, "customers": 2}


def test_load_twice(migrated: Shop) -> None:
    first = migrated.run("load")
    assert "3 orders of 2 customers" in first.stdout
    assert "3 orders from 1 file" in first.stdout
    assert "Nothing new" in migrated.run("load").stdout
    report = result(migrated, "load")
    assert (report["load_id"], report["rows"]) == (None, {"orders": 3, "customers": 2})


def test_load_one_source_and_from_elsewhere(migrated: Shop) -> None:
    report = result(migrated, "load", "--only", "customers")
    assert [source["name"] for source in report["sources"]] == ["customers"]
    assert report["rows"] == {"orders": 0, "customers": 2}
    wrong = migrated.run("load", "--only", "songs", code=2)
    assert "orders or customers" in wrong.stderr


def test_status(loaded: Shop) -> None:
    text = loaded.run("status").stdout
    assert re.search(r"^ *orders +3$", text, re.MULTILINE)
    assert re.search(r"^ *customers +2$", text, re.MULTILINE)
    found = result(loaded, "status")
    assert found["rows"] == {"orders": 3, "customers": 2}
    assert [(load["load_id"], load["files"], load["loaded"]) for load in found["loads"]] == [(1, 2, 6)]
    assert "customers" in [step["title"].split(":")[0] for step in found["steps"]]
    assert [(files["source"], files["files"], files["known"]) for files in found["pending"]] == [
        ("orders", 0, 1),
        ("customers", 0, 1),
    ]
    assert found["notices"] == []


def test_check(loaded: Shop) -> None:
    assert "12 checks: all is well" in loaded.run("check").stdout
    with loaded.warehouse() as warehouse, warehouse.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM customers WHERE customer_id = 8")
    failed = loaded.run("check", code=1).stdout
    assert "orders: every customer_id is in customers" in failed
    assert "order_id=3" in failed


@pytest.mark.parametrize("shop", ["duckdb"], indirect=True)
def test_other_rules_are_said_by_status_and_check(loaded: Shop) -> None:
    assert "--full-refresh" not in loaded.run("status").stdout
    with loaded.warehouse() as warehouse, warehouse.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE loads SET rules_version = 7")
    assert "1 load was made by other rules than version 1" in loaded.run("status").output
    failed = loaded.run("check", code=1).output
    assert "load_id=1" in failed
    assert "sparkify-etl --pipeline tests.support.shop:SHOP load --full-refresh" in failed
    loaded.run("load", "--full-refresh")
    assert "--full-refresh" not in loaded.run("status").output
    loaded.run("check")


def test_failing_check_stops_a_load(migrated: Shop) -> None:
    write(migrated.data.orders / "nobody.json", [order(orderId=9, customerId=99)])
    migrated.publish()
    failed = migrated.run("load", code=1)
    assert "orders: every customer_id is in customers" in failed.stderr
    assert result(migrated, "status")["rows"] == {"orders": 0, "customers": 0}


def test_rejects(loaded: Shop) -> None:
    bad = order(orderId=4)
    del bad["placedAt"]
    write(loaded.data.orders / "april.json", [order(orderId=5), bad])
    loaded.publish()
    refused = loaded.run("load", code=1)
    assert "april.json:2" in refused.stderr
    loaded.run("load", "--max-rejects", "1")
    text = loaded.run("rejects").stdout
    assert "april.json:2" in text
    (reject,) = result(loaded, "rejects")
    assert (reject["source"], reject["column"], reject["line"], reject["load_id"]) == (
        "orders",
        "placed_at",
        2,
        2,
    )
    assert result(loaded, "status")["rows"]["orders"] == 4


def test_query(loaded: Shop) -> None:
    assert "turnover" in loaded.run("query").stdout
    assert [question["name"] for question in result(loaded, "query", "--list")] == ["turnover"]
    assert result(loaded, "query", "turnover") == [
        {"country": "FR", "orders": 2, "cents": 1550},
        {"country": None, "orders": 1, "cents": 1250},
    ]
    table = loaded.run("query", "turnover", "--limit", "1", "--csv").stdout
    assert list(csv.reader(io.StringIO(table))) == [["country", "orders", "cents"], ["FR", "2", "1550"]]
    assert "FROM customers" in loaded.run("query", "turnover", "--sql").stdout
    assert "is not a question" in loaded.run("query", "top-sellers", code=2).stderr


@pytest.mark.parametrize("shop", ["duckdb"], indirect=True)
def test_schema(shop: Shop) -> None:
    page = shop.run("schema").stdout
    assert set(re.findall(r"^### (\w+)$", page, re.MULTILINE)) == TABLES
    assert "| `placed_at` |" in page
    (entry,) = result(shop, "schema", "orders")
    assert (entry["name"], entry["distkey"]) == ("orders", "customer_id")
    assert shop.run("schema", "--mermaid", "customers").stdout.startswith("erDiagram\n    customers {")


def test_migrate(shop: Shop) -> None:
    assert "revision s001" in shop.run("migrate").stdout
    with shop.warehouse() as warehouse:
        assert set(inspect(warehouse.engine).get_table_names()) == TABLES | {"alembic_version"}
    shop.run("migrate", "base", "--yes")
    with shop.warehouse() as warehouse:
        assert set(inspect(warehouse.engine).get_table_names()) == {"alembic_version"}
    assert "revision s001" in shop.run("migrate").stdout
    sql = shop.run("migrate", "--sql").stdout
    assert set(re.findall(r'CREATE TABLE "?(\w+)', sql)) == TABLES | {"alembic_version"}


def test_doctor(loaded: Shop) -> None:
    done = loaded.run_plain("--pipeline", REFERENCE, "doctor", "--json")
    assert FOREIGN.findall(done.output) == []
    found = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert "s001" in found["schema"]["message"]
    if loaded.is_embedded:
        assert done.code == 0
        assert {finding["status"] for finding in found.values()} == {"ok"}
        assert [name for name in found if name in ("orders", "customers", "source_orders")]


def test_dry_run(loaded: Shop) -> None:
    write(loaded.data.orders / "april.json", [order(orderId=6)])
    loaded.publish()
    text = loaded.run("load", "--dry-run").stdout
    assert {"orders", "loads", "load_files"} <= set(re.findall(r'INSERT INTO "?(\w+)', text))
    assert result(loaded, "status")["rows"]["orders"] == 3
    assert any("orders" in step["title"] for step in result(loaded, "load", "--dry-run"))


@pytest.mark.parametrize("shop", ["duckdb"], indirect=True)
def test_config(shop: Shop) -> None:
    found = {setting["name"]: setting for setting in result(shop, "config")}
    assert found["source_orders"]["value"] == shop.environment["SPARKIFY_SOURCE_ORDERS"]
    assert found["source_orders"]["origin"] == "environment SPARKIFY_SOURCE_ORDERS"
    assert "source_customers" in shop.run("config").stdout


@pytest.mark.parametrize("shop", ["duckdb"], indirect=True)
def test_settings_of_sources_in_the_file(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPARKIFY_SOURCE_ORDERS")
    place = shop.environment.pop("SPARKIFY_SOURCE_ORDERS")
    (shop.home / "dwh.cfg").write_text(f"[SOURCES]\nORDERS = {place}\n")
    (shop.home / "dwh.cfg").chmod(0o600)
    found = {setting["name"]: setting for setting in result(shop, "config")}
    assert found["source_orders"]["value"] == place
    assert found["source_orders"]["origin"].endswith("[SOURCES]")


@pytest.mark.parametrize("shop", ["duckdb"], indirect=True)
@pytest.mark.parametrize("command", ["generate", "report"])
def test_what_the_pipeline_has_not_is_refused(shop: Shop, command: str) -> None:
    refused = shop.run(command, *(["somewhere"] if command == "generate" else []), code=2)
    assert "shop" in refused.stderr
    assert refused.stdout == ""
    assert not (shop.home / "somewhere").exists()


@pytest.mark.parametrize("shop", ["duckdb"], indirect=True)
@pytest.mark.parametrize("named_by", ["environment", "pyproject"])
def test_pipeline_is_named_outside_of_the_command(shop: Shop, named_by: str) -> None:
    environment = {}
    if named_by == "environment":
        environment = {"SPARKIFY_PIPELINE": REFERENCE}
    else:
        (shop.home / "pyproject.toml").write_text(f'[tool.sparkify]\npipeline = "{REFERENCE}"\n')
    done = shop.run_plain("schema", "--json", environment=environment)
    assert {entry["name"] for entry in json.loads(done.stdout)} == TABLES


@pytest.mark.parametrize("shop", ["duckdb"], indirect=True)
def test_option_overrides_the_environment(shop: Shop) -> None:
    done = shop.run_plain(
        "--pipeline", REFERENCE, "schema", "--json", environment={"SPARKIFY_PIPELINE": "nobody:NOTHING"}
    )
    assert {entry["name"] for entry in json.loads(done.stdout)} == TABLES


def test_nothing_of_another_pipeline_is_created_or_read(loaded: Shop) -> None:
    with loaded.warehouse() as warehouse:
        assert set(inspect(warehouse.engine).get_table_names()) == TABLES | {"alembic_version"}
    if loaded.redshift is not None:
        loaded.run("status")
        loaded.run("check")
        sent = " ".join(statement.sql for statement in loaded.redshift.statements)
        named = set(re.findall(r'\b(?:FROM|JOIN|INTO|UPDATE|TABLE|COPY|LOCK|ANALYZE) "?(\w+)', sent))
        assert {"orders", "staging_orders", "loads", "load_token"} <= named
        assert named & ELSEWHERE == set()
