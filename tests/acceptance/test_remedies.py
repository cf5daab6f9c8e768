"""A command that a message says to run is about the warehouse of the user's own, typed as it is printed."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from sparkify.cli import pipeline as cli_pipeline
from sparkify.cli import remedies
from sparkify.cli.remedies import as_typed, remember
from tests.support.commands import run_here
from tests.support.data import Data
from tests.support.making import event, song

BEHIND = "; nothing was changed. Run: sparkify-etl migrate"


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    yield
    remedies._given.clear()


@pytest.fixture
def home(data: Data) -> Path:
    """A working directory with one event and one song in ``data``, and a database whose tables are behind."""
    data.log("a.json", event())
    data.song("a.json", song())
    home = data.root.parent
    assert run(home, "load", "--database", "my own.duckdb").returncode == 0
    with duckdb.connect(str(home / "my own.duckdb")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    return home


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_here("sparkify", *arguments, cwd=home)


@pytest.mark.parametrize(
    "command", ["load", "check", "rejects", "query totals", "report", "prune --rejects-older-than 9d"]
)
def test_error_names_the_database_that_was_given(home: Path, command: str) -> None:
    done = run(home, *command.split(), "--database", "my own.duckdb")
    assert done.returncode == 2
    assert "Run: sparkify-etl migrate --database 'my own.duckdb'\n" in done.stderr


def test_command_typed_as_printed_makes_no_other_file(home: Path) -> None:
    refused = run(home, "check", "--database", "gone.duckdb")
    assert refused.stderr == (
        "error: gone.duckdb: is not there yet. Run: sparkify-etl load --database gone.duckdb\n"
    )
    _, _, typed = refused.stderr.partition("Run: sparkify-etl ")
    assert run(home, *shlex.split(typed)).returncode == 0
    assert run(home, "check", "--database", "gone.duckdb").returncode == 0
    assert not (home / "sparkify.duckdb").exists()


def test_settings_that_choose_the_database_need_no_option(home: Path) -> None:
    environment = {"SPARKIFY_DATABASE_URL": "duckdb:///my own.duckdb"}
    done = run_here("sparkify", "load", cwd=home, environment=environment)
    assert done.stderr.endswith(f"{BEHIND}\n")
    (home / "my.cfg").write_text("[CLUSTER]\nDATABASE_URL = duckdb:///my own.duckdb\n")
    assert run(home, "load", "--config", "my.cfg").stderr.endswith(f"{BEHIND} --config my.cfg\n")


def test_status_and_doctor_print_what_can_be_typed(home: Path) -> None:
    given = ["--database", "my own.duckdb"]
    migrate = "sparkify-etl migrate --database 'my own.duckdb'"
    assert f"; run: {migrate}\n" in run(home, "status", *given).stdout
    assert json.loads(run(home, "status", "--json", *given).stdout)["advice"] == f"Run: {migrate}"
    assert f"-> {migrate}\n" in run(home, "doctor", *given).stdout
    found = json.loads(run(home, "doctor", "--json", *given).stdout)
    assert {one["check"]: one["advice"] for one in found}["schema"] == migrate


def test_check_and_load_print_what_can_be_typed(home: Path, data: Data) -> None:
    given = ["--database", "new.duckdb"]
    data.log("b.json", '{"oops')
    loaded = run(home, "load", "--max-rejects", "1", *given)
    assert "(see: sparkify-etl rejects --database new.duckdb 1)" in loaded.stdout
    with duckdb.connect(str(home / "new.duckdb")) as connection:
        connection.execute("UPDATE load_history SET rules_version = 1")
    refresh = "Run: sparkify-etl load --database new.duckdb --full-refresh"
    assert f"          -> {refresh}\n" in run(home, "check", *given).stdout
    found = json.loads(run(home, "check", "--json", *given).stdout)
    assert refresh in [one["hint"] for one in found if one["count"]]
    assert run(home, "status", *given).stdout.endswith(f". {refresh}\n")


URL = "redshift+redshift_connector://me:Canary123@host:5439/dev"


@pytest.mark.parametrize(
    ("arguments", "text", "typed"),
    [
        ({}, "Run: sparkify-etl migrate", "Run: sparkify-etl migrate"),
        ({"database": "a b.db"}, "x sparkify-etl load --sql", "x sparkify-etl load --database 'a b.db' --sql"),
        ({"database": "$(a)"}, "sparkify-etl rejects 3", "sparkify-etl rejects --database '$(a)' 3"),
        ({"database": "a\nb"}, "sparkify-etl status", "sparkify-etl status --database 'a\\nb'"),
        ({"database": URL}, "Run: sparkify-etl migrate", "Run: sparkify-etl migrate, with the same --database"),
        (
            {"database": "duckdb:///a.db?motherduck_token=Canary123", "config": "my.cfg"},
            "Run: sparkify-etl load --sql",
            "Run: sparkify-etl load --config my.cfg --sql, with the same --database",
        ),
        ({"database": URL}, "see sparkify-etl cluster status", "see sparkify-etl cluster status"),
        ({"database": "a.db"}, "sparkify-etl generate data", "sparkify-etl generate data"),
        ({"database": "a.db", "config": "c"}, "sparkify-etl query --list", "sparkify-etl query --list"),
        ({"config": "my.cfg"}, "sparkify-etl config --init", "sparkify-etl config --config my.cfg --init"),
        (
            {"cluster": "own", "region": "eu-west-1", "serverless": True},
            "again, or sparkify-etl cluster destroy.",
            "again, or sparkify-etl cluster destroy --cluster own --region eu-west-1 --serverless.",
        ),
        (
            {"cluster": "own", "serverless": True},
            "sparkify-etl cluster resume",
            "sparkify-etl cluster resume --cluster own",
        ),
    ],
)
def test_command_gets_the_options_that_choose_its_warehouse(
    arguments: dict[str, object], text: str, typed: str
) -> None:
    remember({"database": None, "config": None, **arguments})
    assert as_typed(text) == typed


def test_pipeline_that_was_given_stands_before_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_pipeline._choice, "option", "shop:SHOP")
    remember({"database": "a.db"})
    assert as_typed("Run: sparkify-etl migrate") == (
        "Run: sparkify-etl --pipeline shop:SHOP migrate --database a.db"
    )
    assert as_typed("Run: sparkify-etl query --list") == "Run: sparkify-etl --pipeline shop:SHOP query --list"
