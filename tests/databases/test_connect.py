"""What docs/connect.md promises to BI tools, checked with the queries of such tools on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sparkify import Warehouse
from sparkify.models import PLAYS, Base
from tests.support.cloud import Cloud
from tests.support.paths import CLONE

TABLE = Base.metadata.tables["songplays"]
PAGE = (CLONE / "docs" / "connect.md").read_text(encoding="utf-8")


@pytest.fixture(params=["duckdb", "redshift"])
def migrated(request: pytest.FixtureRequest, warehouse: Warehouse) -> Iterator[Warehouse]:
    """A warehouse with tables."""
    if request.param == "duckdb":
        yield warehouse
        return
    cloud: Cloud = request.getfixturevalue("cloud")
    with cloud.with_tables() as made:
        yield made


def test_tools_find_the_view_its_columns_and_comments(migrated: Warehouse) -> None:
    inspector = sa.inspect(migrated.engine)
    assert inspector.get_view_names() == ["plays"]
    assert inspector.get_table_comment("songplays") == {"text": TABLE.comment}
    found = {column["name"]: column["comment"] for column in inspector.get_columns("songplays")}
    assert found["start_time"] == "When the song began: UTC, with milliseconds."
    assert found == {column.name: column.comment for column in TABLE.columns}
    kinds = "SELECT table_type FROM information_schema.tables WHERE table_name = 'plays'"
    assert migrated.sql(kinds).all() == [("VIEW",)]
    rows = migrated.sql("SELECT * FROM plays WHERE 1 = 0").open()
    with rows as empty:
        assert empty.columns == tuple(PLAYS.table.columns.keys())


def test_url_of_the_page_opens_a_file_read_only(tables: Path) -> None:
    (url,) = re.findall(r"^    (duckdb:////\S+)$", PAGE, re.MULTILINE)
    engine = sa.create_engine(url.replace("/srv/warehouse/bi.duckdb", str(tables)))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM plays").scalar_one() == 0
        with pytest.raises(sa.exc.DBAPIError, match="read-only mode"):
            connection.exec_driver_sql("DELETE FROM users")
    engine.dispose()


def test_page_has_a_row_for_each_tool_and_says_what_was_tried() -> None:
    rows = dict(re.findall(r"^\| ([A-Z][\w ]+) \| ([^|]+) \|", PAGE, re.MULTILINE))
    assert {tool: "not" in said for tool, said in rows.items()} == {
        "DuckDB command line": False,
        "Superset": True,
        "Metabase": True,
        "DBeaver": True,
        "Tableau": True,
        "Excel": True,
    }
    for tool in rows:
        assert f"\n## {tool}\n" in PAGE
