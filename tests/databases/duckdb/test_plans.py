"""How DuckDB plans the statements of a load: what grows with the history is joined by hash."""

from __future__ import annotations

from sqlalchemy import BigInteger, literal

from sparkify import Warehouse
from sparkify.pipeline.transforms import users_with_other_levels
from tests.support.data import Data
from tests.support.making import event, song


def test_plays_and_stretches_of_levels_are_joined_by_hash(warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", *(event(userId=str(user), sessionId=user) for user in range(1, 21)))
    data.song("a.json", song())
    warehouse.load()
    statement = warehouse.database.render(users_with_other_levels(literal(1, BigInteger)))
    with warehouse.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}").all()[0][1]
    assert "HASH_JOIN" in plan
    assert "NL_JOIN" not in plan
    assert "NESTED_LOOP" not in plan
