"""The SQL text for Redshift, run on DuckDB: a second check of what each statement does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa
from sqlalchemy import ClauseElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy_redshift.dialect import visit_delete_stmt

from sparkify import Warehouse
from sparkify.databases.duckdb.database import DuckDB
from sparkify.etl.constructs import DropTables
from sparkify.etl.ranges import Limits
from sparkify.redshift import compilers, render
from tests.databases.redshift.test_redshift_load import batches
from tests.support.data import star

DATEADD = """
CREATE MACRO dateadd(part, n, moment) AS
    CASE part WHEN 'day' THEN moment + to_days(n) WHEN 'millisecond' THEN moment + to_milliseconds(n)
    ELSE error('no such part') END
"""


FNV_HASH = "CREATE MACRO fnv_hash(value) AS (hash(value) % 1000000007)::BIGINT"
"""Of what is hashed both give a whole number; which one, nothing here depends on."""

FROM_VARBYTE = "CREATE MACRO from_varbyte(value, format) AS CASE format WHEN 'utf8' THEN decode(value) END"


class RedshiftText(DuckDB):
    """DuckDB, which is sent what Redshift would be."""

    sent: ClassVar[list[str]] = []
    """What was rendered."""

    @classmethod
    def render(cls, statement: ClauseElement, *, limits: Limits | None = None) -> str:
        text = render(statement, limits=limits)
        cls.sent.append(text)
        if isinstance(statement, DropTables):
            # Redshift needs one statement, DuckDB one for each table.
            return DuckDB.render(statement)
        # The only function that both have with different meanings: see match_key.
        text = text.replace("[:cntrl:]]', '')", "[:cntrl:]]', '', 'g')")
        # A macro takes no unquoted keyword.
        return re.sub(r"DATEADD\((\w+),", r"dateadd('\1',", text)


def loaded(folder: Path, name: str, seed: int, database: type[DuckDB]) -> Warehouse:
    """A warehouse with three generated batches in it."""
    warehouse = Warehouse(f"duckdb:///{folder}/{name}.duckdb")
    warehouse.database = database(warehouse.url, warehouse.settings, warehouse.pipeline.sources)
    warehouse.migrate()
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql(DATEADD)
        connection.exec_driver_sql(FNV_HASH)
        connection.exec_driver_sql(FROM_VARBYTE)
    source, here = folder / f"source-{name}", folder / f"here-{name}"
    for batch in batches(source, seed):
        for path in batch:
            copy = here / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
        only = ["events"] if not (here / "song_data").exists() else None
        warehouse.load(log_data=here / "log_data", song_data=here / "song_data", only=only, max_rejects=7)
    return warehouse


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_text_for_redshift_gives_the_same_star_on_duckdb(tmp_path: Path, seed: int) -> None:

    class Text(RedshiftText):
        # A separate class, because statements of every load are rendered once per type.
        sent: ClassVar[list[str]] = []

    with loaded(tmp_path, "own", seed, DuckDB) as own, loaded(tmp_path, "text", seed, Text) as text:
        assert star(text) == star(own)
        assert [str(result) for result in text.check() if not result.ok] == []
    kinds = {sql.split()[0] for sql in Text.sent}
    assert {"SELECT", "INSERT", "DELETE", "UPDATE"} <= kinds


# -- DELETE, of which upstream's visitor loses the correlation ------------------------------------------------

metadata = sa.MetaData()
kept = sa.Table("kept", metadata, sa.Column("id", sa.Integer))
batch = sa.Table("batch", metadata, sa.Column("id", sa.Integer))


def left_after(statement: ClauseElement) -> list[int]:
    """What is left of the rows 1, 2 and 3 when the batch has 2."""
    engine = sa.create_engine("duckdb:///:memory:")
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.execute(kept.insert(), [{"id": number} for number in (1, 2, 3)])
        connection.execute(batch.insert(), [{"id": 2}])
        connection.exec_driver_sql(render(statement))
        found = connection.execute(sa.select(kept.c.id).order_by(kept.c.id)).scalars().all()
    engine.dispose()
    return list(found)


DELETES = {
    "exists": sa.delete(kept).where(sa.exists(sa.select(1).where(batch.c.id == kept.c.id))),
    "in": sa.delete(kept).where(kept.c.id.in_(sa.select(batch.c.id))),
    "using": sa.delete(kept).where(kept.c.id == batch.c.id),
}


@pytest.mark.parametrize("how", DELETES)
def test_delete_takes_the_rows_of_the_batch_alone(how: str) -> None:
    assert left_after(DELETES[how]) == [1, 3]


def test_delete_of_upstream_takes_every_row() -> None:
    """The negative control: with sqlalchemy-redshift's own visitor back, the test above fails."""
    compiles(sa.Delete, "redshift")(visit_delete_stmt)
    try:
        assert left_after(DELETES["exists"]) != [1, 3]
    finally:
        compiles(sa.Delete, "redshift")(compilers._visit_delete)
    assert left_after(DELETES["exists"]) == [1, 3]
