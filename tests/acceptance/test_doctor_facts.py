"""``doctor --cluster-facts``: the questions that a running cluster answers, put to the stand-in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sparkify.databases.facts import Fact
from sparkify.etl.observer import Observer
from standin import Standin
from tests.support.cloud import ROLE, Cloud
from tests.support.commands import run_here


def ask(cloud: Cloud, **settings: str | None) -> dict[str, Fact]:
    """What is answered, by the first words of each question."""
    with cloud.warehouse(**settings) as warehouse, warehouse.engine.connect() as connection:
        found = list(warehouse.database.facts(connection, Observer()))
    return {" ".join(fact.question.split()[:3]): fact for fact in found}


def test_questions_are_answered(cloud: Cloud) -> None:
    found = ask(cloud)
    assert {question: fact.answer for question, fact in found.items()} == {
        "What does SYS_LOAD_DETAIL": "3 rows copied from 4 lines, one of them blank; lines_scanned is 4",
        "Does the planner": "no; it finds 1 of 1 orphan",
        "How many rows": "1",
        # The stand-in has no blocks.
        "Does a value": None,
        "Does a literal": None,
        "Are milliseconds exact": "yes: 2018-11-02 01:25:34.796000 for .796000",
        "How is a": "AUTO (ALL)",
        "May ALTER DISTKEY": "yes",
        "Does the driver's": "yes",
    }
    assert found["Does a value"].problem == 'relation "stl_scan" does not exist'
    assert all(fact.changes for fact in found.values())


def test_late_load_detail_is_told(cloud: Cloud) -> None:
    cloud.redshift.load_detail_is_late = True
    try:
        answer = ask(cloud)["What does SYS_LOAD_DETAIL"].answer
    finally:
        cloud.redshift.load_detail_is_late = False
    assert answer == "3 rows copied from 4 lines, one of them blank; lines_scanned is not there yet"


def test_question_about_copy_needs_a_place_to_write(cloud: Cloud) -> None:
    fact = ask(cloud, manifest_prefix=None)["What does SYS_LOAD_DETAIL"]
    assert (fact.answer, fact.problem) == (None, "needs MANIFEST_PREFIX, to write four lines for COPY")


def test_refused_statement_is_an_answer_or_a_problem(cloud: Cloud) -> None:
    cloud.redshift.inject("error", "^ALTER TABLE facts_altered", error=("0A000", "not in a transaction block"))
    cloud.redshift.inject("error", "^EXPLAIN", error=("42501", "permission denied"))
    found = ask(cloud)
    assert found["May ALTER DISTKEY"].answer == "no: not in a transaction block"
    assert (found["Does the planner"].answer, found["Does the planner"].problem) == (None, "permission denied")
    # The next question is asked all the same.
    assert found["How many rows"].answer == "1"


def test_nothing_is_left_behind(cloud: Cloud) -> None:
    cloud.redshift.clear_statements()
    ask(cloud)
    assert cloud.redshift.objects_below("s3://plays/manifests") == []
    changed = [
        one for one in cloud.redshift.statements if one.sql.startswith(("CREATE", "INSERT", "ALTER", "COPY"))
    ]
    assert len(changed) > 20
    assert all("facts_" in one.sql for one in changed)
    assert all("TEMPORARY" in one.sql for one in changed if one.sql.startswith("CREATE"))
    created = [one.ended for one in cloud.redshift.statements if one.sql.startswith(("CREATE", "COPY"))]
    assert set(created) == {None}


def test_command_prints_questions_answers_and_changes(redshift: Standin, cloud: Cloud, tmp_path: Path) -> None:
    environment = {
        **redshift.environment,
        "SPARKIFY_DATABASE_URL": redshift.url,
        "SPARKIFY_IAM_ROLE_ARN": ROLE,
        "SPARKIFY_MANIFEST_PREFIX": "s3://plays/manifests",
    }
    done = run_here("sparkify", "doctor", "--cluster-facts", cwd=tmp_path, environment=environment)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    at = lines.index("May ALTER DISTKEY stand in a transaction?")
    assert lines[at + 1 : at + 3] == ["  yes", "  If not, migration 0006 needs autocommit."]
    assert '  no answer: relation "stl_scan" does not exist' in lines
    done = run_here("sparkify", "doctor", "--cluster-facts", "--json", cwd=tmp_path, environment=environment)
    assert list(json.loads(done.stdout)[0]) == ["question", "answer", "changes", "problem"]


@pytest.mark.parametrize(
    ("options", "output"),
    [((), "Nothing to ask: no question about DuckDB is open.\n"), (("--json",), "[]\n")],
)
def test_command_asks_duckdb_nothing(options: tuple[str, ...], output: str, clean_environment: Path) -> None:
    done = run_here("sparkify", "doctor", "--cluster-facts", *options, cwd=clean_environment)
    assert (done.returncode, done.stdout) == (0, output), done.stderr
