"""The text that Redshift is sent, run on DuckDB: a second opinion on what each statement does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import ClauseElement, Connection, Executable, Row, SelectBase
from sqlalchemy.ext.compiler import compiles
from sqlalchemy_redshift.dialect import visit_delete_stmt

from sparkify import Warehouse
from sparkify.databases.duckdb.adapter import DuckDBAdapter
from sparkify.redshift import compilers, render
from tests.databases.redshift.test_redshift_load import batches
from tests.support.data import star


class RedshiftsText(DuckDBAdapter):
    """DuckDB, which is sent what Redshift would be."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def execute(self, connection: Connection, statement: Executable) -> int:
        return connection.exec_driver_sql(self._text(statement)).rowcount

    def fetch(self, connection: Connection, statement: SelectBase) -> Sequence[Row[Any]]:
        return connection.exec_driver_sql(self._text(statement)).all()

    def _text(self, statement: Any) -> str:
        text = render(statement)
        self.sent.append(text)
        # The one function of which both have the name and mean something else by it: see ascii_key.
        return text.replace("'[^a-zA-Z0-9]', '')", "'[^a-zA-Z0-9]', '', 'g')")


def loaded(folder: Path, name: str, seed: int, adapter: DuckDBAdapter | None) -> Warehouse:
    """A warehouse with three generated batches in it."""
    warehouse = Warehouse(f"duckdb:///{folder}/{name}.duckdb")
    if adapter is not None:
        warehouse._adapter = adapter
    warehouse.migrate()
    source, here = folder / f"source-{name}", folder / f"here-{name}"
    for batch in batches(source, seed):
        for path in batch:
            copy = here / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
        only = ["events"] if not (here / "song_data").exists() else None
        warehouse.load(log_data=here / "log_data", song_data=here / "song_data", only=only, max_rejects=6)
    return warehouse


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_redshifts_text_gives_the_same_star(tmp_path: Path, seed: int) -> None:
    adapter = RedshiftsText()
    with loaded(tmp_path, "own", seed, None) as own, loaded(tmp_path, "text", seed, adapter) as text:
        assert star(text) == star(own)
        assert [str(result) for result in text.check() if not result.ok] == []
    kinds = {sql.split()[0] for sql in adapter.sent}
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
def test_a_delete_takes_what_the_batch_has_and_no_more(how: str) -> None:
    assert left_after(DELETES[how]) == [1, 3]


def test_upstreams_delete_would_take_everything() -> None:
    """The negative control: with sqlalchemy-redshift's own visitor back, the test above fails."""
    compiles(sa.Delete, "redshift")(visit_delete_stmt)
    try:
        assert left_after(DELETES["exists"]) != [1, 3]
    finally:
        compiles(sa.Delete, "redshift")(compilers._visit_delete)
    assert left_after(DELETES["exists"]) == [1, 3]
