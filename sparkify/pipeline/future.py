"""The check that finds plays in the future: loads reject such lines, but earlier versions did not."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, SelectBase, select

from sparkify.etl.clock import utc_now
from sparkify.etl.declarations import Check
from sparkify.models import tables
from sparkify.pipeline.hints import REJECT

__all__ = ["NO_FUTURE_PLAYS"]


def _future_plays(_load_id: ColumnElement[int] | None) -> SelectBase:
    end = datetime.combine(utc_now().date(), datetime.min.time()) + timedelta(days=2)
    return select(
        tables.songplays.c.songplay_id, tables.songplays.c.start_time, tables.songplays.c.user_id
    ).where(tables.songplays.c.start_time >= end)


NO_FUTURE_PLAYS = Check(
    name="songplays: none is of a day after tomorrow (UTC)",
    rows=_future_plays,
    during_load=False,
    is_dated=True,
    hint=REJECT,
)
