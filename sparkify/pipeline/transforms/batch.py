"""What all transforms share: the load of a batch, and which of its events are plays."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from sparkify.models import tables

__all__ = ["PLAY", "LoadId", "is_play"]

LoadId = ColumnElement[int]
"""The number of the load, as an expression because a dry run does not know it."""

PLAY = "NextSong"
"""The page of an event that is a play."""

is_play: ColumnElement[bool] = tables.staging_events.c.page == PLAY
