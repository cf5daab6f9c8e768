"""The page on privileges: on the stand-in they suffice for what it says, and no line is superfluous."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from sparkify import SparkifyError, Warehouse
from sparkify.pipeline import SPARKIFY
from standin import Standin
from tests.support.cloud import Cloud
from tests.support.data import HEAD, rows
from tests.support.making import event, song, write
from tests.support.paths import CLONE

PASSWORD = "Loader-2026"
PAGE = (CLONE / "docs" / "privileges.md").read_text(encoding="utf-8")
BLOCKS = {
    name: [line for line in block.splitlines() if line]
    for name, block in re.findall(r"^```sql (\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
}


@pytest.fixture
def people(cloud: Cloud, tmp_path: Path) -> Iterator[Cloud]:
    """Three users who may do nothing, and files to load."""
    redshift = cloud.redshift
    for name in ("migrator", "loader", "analyst"):
        redshift.add_user(name, PASSWORD)
    for name, line in (("log_data/1.json", event()), ("song_data/1.json", song())):
        redshift.put_object(f"s3://plays/{name}", write(tmp_path / name, [line]).read_bytes())
    yield cloud
    redshift.reset()
    assert list(redshift.users) == [redshift.user]


def as_user(cloud: Cloud, name: str) -> Warehouse:
    redshift: Standin = cloud.redshift
    url = redshift.url.replace(f"{redshift.user}:{redshift.password}@", f"{name}:{PASSWORD}@")
    return cloud.warehouse(database_url=url, db_schema="dev")


def grant(cloud: Cloud, block: str, *, but: int | None = None) -> None:
    for number, line in enumerate(BLOCKS[block]):
        if number != but:
            cloud.redshift.query(line)


def ask(warehouse: Warehouse) -> None:
    """What readers do, each in a command of its own."""
    warehouse.status()
    assert [result.name for result in warehouse.check() if not result.ok] == []
    warehouse.rejects()


def test_page_has_every_table() -> None:
    named = set(re.findall(r"dev\.(\w+)", "\n".join(BLOCKS["load"])))
    assert named == {*SPARKIFY.metadata.tables, "alembic_version"}


def test_three_users_migrate_load_and_ask(people: Cloud) -> None:
    grant(people, "migrate")
    with as_user(people, "migrator") as warehouse:
        assert warehouse.migrate() == HEAD
    grant(people, "load")
    with as_user(people, "loader") as warehouse:
        assert rows(warehouse, "SELECT current_user") == [("loader",)]
        assert warehouse.load().load_id == 1
        assert warehouse.load(full_refresh=True).load_id == 2
    grant(people, "query")
    with as_user(people, "analyst") as warehouse:
        assert warehouse.query(select(SPARKIFY.tables[0].c.level)).all() == [("free",)]
        assert warehouse.status().loads[0].load_id == 2
        ask(warehouse)
        with pytest.raises(SparkifyError, match=r"permission denied"):
            warehouse.load(full_refresh=True)


def test_without_the_schema_the_migrator_is_refused(people: Cloud) -> None:
    with as_user(people, "migrator") as warehouse, pytest.raises(SparkifyError, match="permission denied"):
        warehouse.migrate()


@pytest.mark.parametrize("line", range(len(BLOCKS["load"])))
def test_no_line_of_a_load_is_too_much(people: Cloud, line: int) -> None:
    grant(people, "migrate")
    with as_user(people, "migrator") as warehouse:
        warehouse.migrate()
    grant(people, "load", but=line)
    with as_user(people, "loader") as warehouse, pytest.raises(SparkifyError):
        warehouse.load()


@pytest.mark.parametrize("line", range(len(BLOCKS["query"])))
def test_no_line_of_a_reader_is_too_much(people: Cloud, line: int) -> None:
    grant(people, "migrate")
    with as_user(people, "migrator") as warehouse:
        warehouse.migrate()
    grant(people, "query", but=line)
    with as_user(people, "analyst") as warehouse, pytest.raises((SparkifyError, AssertionError)):
        ask(warehouse)
