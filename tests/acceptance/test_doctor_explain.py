"""``doctor --explain``: the plans of a load and of the questions, on each database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sparkify.doctor.plans import explain
from sparkify.etl.errors import ConfigurationError
from standin import Standin
from tests.support.cloud import ROLE, Cloud
from tests.support.commands import run_here


@pytest.fixture
def environment(cloud: Cloud) -> dict[str, str]:
    """The settings of a warehouse on the stand-in that has its tables."""
    cloud.with_tables().close()
    return {
        **cloud.redshift.environment,
        "SPARKIFY_DATABASE_URL": cloud.redshift.url,
        "SPARKIFY_IAM_ROLE_ARN": ROLE,
        "SPARKIFY_LOG_DATA": "s3://plays/log_data",
        "SPARKIFY_SONG_DATA": "s3://plays/song_data",
        "SPARKIFY_MANIFEST_PREFIX": "s3://plays/manifests",
    }


def test_explain_has_every_query_of_load_and_every_question(cloud: Cloud) -> None:
    with cloud.with_tables() as warehouse:
        planned = [text for step in warehouse.explain() for text in step.statements]
        found = explain(warehouse)
    assert [one for one in found if one.status == "problem"] == []
    of_load = {one.statement for one in found if one.part == "load"}
    for text in planned:
        if text.startswith(("SELECT", "WITH", "UPDATE", "DELETE")) or " SELECT " in text:
            assert text in of_load or text.partition(" AS ")[2] in of_load, text
    questions = {one.step for one in found if one.part == "question"}
    assert {"top-songs", "sessions", "plays-by level", "plays-by weekday"} <= questions


def test_explain_runs_nothing(cloud: Cloud) -> None:
    with cloud.with_tables() as warehouse:
        cloud.redshift.clear_statements()
        explain(warehouse)
    sent = [one.sql for one in cloud.redshift.statements]
    changing = [
        sql
        for sql in sent
        if not sql.startswith(("EXPLAIN ", "CREATE TEMPORARY TABLE ", "SELECT ", "select ", "SET ", "show "))
        and sql.lower() not in ("begin transaction", "rollback", "commit")
    ]
    assert changing == []
    created = [sql for sql in sent if sql.startswith("CREATE TEMPORARY TABLE ") and " AS SELECT" in sql]
    assert len(created) > 5
    assert all(sql.endswith("WHERE FALSE") for sql in created)
    ended = [one.ended for one in cloud.redshift.statements if one.sql.startswith("CREATE TEMPORARY TABLE ")]
    assert ended == [None] * len(ended)


def test_explain_names_join_that_another_layout_makes_costly(cloud: Cloud) -> None:
    def joins() -> set[str]:
        with cloud.warehouse() as warehouse:
            (found,) = [one for one in explain(warehouse) if one.step == "plays-by gender"]
        return {join.join.split()[-1] for join in found.joins}

    cloud.with_tables().close()
    # Plays and users lie together, by user_id.
    assert joins() == set()
    with cloud.warehouse() as warehouse, warehouse.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE users ALTER DISTKEY registered_at")
        connection.exec_driver_sql("ALTER TABLE songplays ALTER DISTKEY session_id")
    assert joins() & {"DS_BCAST_INNER", "DS_DIST_BOTH"}


def test_statement_without_plan_does_not_hide_the_next(cloud: Cloud) -> None:
    with cloud.with_tables() as warehouse:
        with warehouse.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE time CASCADE")
        found = explain(warehouse)
    problems = {one.step for one in found if one.status == "problem"}
    assert "times: insert" in problems
    # These name temporary tables that were made before.
    after = [one.step for one in found if one.status != "problem"]
    assert after.index("plays: insert") > after.index("users: insert")


def test_explain_without_tables_says_what_to_run(cloud: Cloud) -> None:
    with cloud.warehouse() as warehouse, pytest.raises(ConfigurationError, match="no tables yet"):
        explain(warehouse)


def test_command_prints_joins_and_counts(
    redshift: Standin, environment: dict[str, str], tmp_path: Path
) -> None:
    done = run_here("sparkify", "doctor", "--explain", cwd=tmp_path, environment=environment)
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    assert any(line.startswith("question: freshness: Hash Join DS_") for line in lines), lines
    assert last.endswith(" costly joins.")


def test_command_prints_json(redshift: Standin, environment: dict[str, str], tmp_path: Path) -> None:
    done = run_here("sparkify", "doctor", "--explain", "--json", cwd=tmp_path, environment=environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found[0]) == ["part", "step", "statement", "status", "joins", "message"]
    costly = next(one for one in found if one["joins"])
    assert (costly["status"], list(costly["joins"][0])) == (
        "costly",
        ["join", "reason", "inner", "rows", "bytes"],
    )


def test_command_fails_where_statement_has_no_plan(
    redshift: Standin, environment: dict[str, str], tmp_path: Path
) -> None:
    redshift.query("DROP TABLE public.time CASCADE")
    done = run_here("sparkify", "doctor", "--explain", cwd=tmp_path, environment=environment)
    assert done.returncode == 1
    assert "load: times: insert: no plan: " in done.stdout


@pytest.mark.parametrize(
    ("options", "output"),
    [
        ((), "Nothing to explain: no join of DuckDB moves rows between nodes.\n"),
        (("--json",), "[]\n"),
    ],
)
def test_command_has_nothing_to_explain_on_duckdb(
    options: tuple[str, ...], output: str, clean_environment: Path
) -> None:
    done = run_here("sparkify", "doctor", "--explain", *options, cwd=clean_environment)
    assert (done.returncode, done.stdout) == (0, output), done.stderr
    assert not (clean_environment / "sparkify.duckdb").exists()
