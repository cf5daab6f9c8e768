"""The checks that find lengths of more than a day: loads reject such lines, but earlier versions did not."""

from __future__ import annotations

from sqlalchemy import ColumnElement, SelectBase, Table, select

from sparkify.etl.declarations import Check
from sparkify.models import tables
from sparkify.models.staging import DAY
from sparkify.pipeline.hints import REJECT

__all__ = ["NO_LENGTHS_OVER_A_DAY"]


def _none_over_a_day(table: Table) -> Check:
    def rows(_load_id: ColumnElement[int] | None) -> SelectBase:
        (key,) = table.primary_key.columns
        return select(key, table.c.title, table.c.duration).where(table.c.duration > DAY)

    return Check(
        name=f"{table.name}: none is longer than a day",
        rows=rows,
        during_load=False,
        hint=REJECT,
    )


NO_LENGTHS_OVER_A_DAY = (_none_over_a_day(tables.songs), _none_over_a_day(tables.song_matches))
