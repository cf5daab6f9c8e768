"""SQL printed into a pipe equals what is sent, and returns the same result as the command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sparkify import Warehouse
from sparkify.analytics import QUESTIONS
from tests.support.cloud import Cloud
from tests.support.commands import run_here
from tests.support.data import Data
from tests.support.drivers import Driver
from tests.support.making import event, song

OPTIONS: dict[str, dict[str, Any]] = {"plays-by": {"dimension": "hour"}, "trending-artists": {"floor": 1}}


@pytest.fixture
def warehouse(driver: Driver) -> Iterator[Warehouse]:
    """Plays of four artists, of whom one is spelled in two ways."""
    driver.put("songs", "a.json", song())
    names = ("x80", "x81", "Bj\x83\xf6rk", "Björk", "Band")
    driver.put(
        "events",
        "a.json",
        *(event(artist=name, song="Undo", itemInSession=item) for item, name in enumerate(names)),
        event(artist="Björk", song="Undo", itemInSession=9, level="paid", at="2018-11-09 20:00:00.000"),
    )
    with driver.with_tables() as warehouse:
        warehouse.load()
        yield warehouse


def printed(warehouse: Warehouse, *arguments: str) -> str:
    """What the command prints into a pipe."""
    done = run_here("sparkify", *arguments, "--dialect", warehouse.database.name, cwd=Path.cwd())
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_sql_of_every_question_gives_its_answer(warehouse: Warehouse) -> None:
    for name, question in QUESTIONS.items():
        options = OPTIONS.get(name, {})
        words = [str(one) if key == "dimension" else f"--{key}={one}" for key, one in options.items()]
        sql = printed(warehouse, "query", name, *words, "--sql")
        asked = warehouse.query(question.ask(**options)).all()
        assert warehouse.sql(sql).all() == [tuple(row) for row in asked], name


def test_sql_of_a_question_merges_no_other_artists(warehouse: Warehouse) -> None:
    sql = printed(warehouse, "query", "top-artists", "--sql")
    assert [row[:2] for row in warehouse.sql(sql).all()] == [("Björk", 3), ("Band", 1), ("x80", 1), ("x81", 1)]


def test_dry_run_is_printed_as_it_is_sent(driver: Driver) -> None:
    driver.put("events", "a\u2028\x9b31m.json", event())
    driver.put("songs", "a.json", song())
    with driver.with_tables() as warehouse:
        settings = warehouse.settings
        steps = warehouse.explain()
        url = warehouse.url.render_as_string(hide_password=False)
    expected = "".join(
        f"-- {step.title}\n" + "".join(f"{statement};\n\n" for statement in step.statements) for step in steps
    )
    environment = {f"SPARKIFY_{name.upper()}": str(value) for name, value in settings if isinstance(value, str)}
    done = run_here("sparkify", "load", "--dry-run", "--database", url, environment=environment)
    assert (done.stdout, done.stderr, done.returncode) == (expected, "", 0)


def test_sql_for_redshift_has_no_control_character(cloud: Cloud) -> None:
    with cloud.warehouse(log_data="s3://plays/\u2028\x9b31m") as warehouse:
        texts = [statement for step in warehouse.explain() for statement in step.statements]
        texts += [warehouse.migration_sql()]
    assert re.findall("[^ -~\xa0-\uffff\n]|[\u2028\u202e]", "".join(texts)) == []


def test_printed_migrations_make_the_tables(cloud: Cloud, data: Data) -> None:
    data.log("a.json", event(artist="Bj\x83\xf6rk", song="Undo"))
    data.song("a.json", song(artist_name="Björk", title="Undo"))
    cloud.put(data.logs, "log_data")
    cloud.put(data.songs, "song_data")
    with cloud.warehouse() as warehouse:
        url = warehouse.url.render_as_string(hide_password=False)
        done = run_here("sparkify", "migrate", "--sql", "--database", url)
        connection = warehouse.engine.raw_connection()
        connection.autocommit = True  # type: ignore[attr-defined]
        for statement in re.split(r";\n", done.stdout):
            if statement.strip():
                connection.cursor().execute(statement)
        connection.close()
        assert warehouse.status().at_head
        warehouse.load()
        assert [str(check) for check in warehouse.check() if not check.ok] == []
