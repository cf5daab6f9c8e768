"""The tables that the models are mapped to, for Core statements.

A SELECT of an attribute of a model is an ORM statement: for it SQLAlchemy configures all mappers, and compiles
in two steps. That is a tenth of the time of a small load, not counting its imports.
"""

from __future__ import annotations

from sqlalchemy import Table

from sparkify.models.base import Base
from sparkify.models.ledger import (
    ColumnHistory,
    LoadChecksum,
    LoadedFile,
    LoadFailure,
    LoadHistory,
    LoadLock,
    LoadStep,
    RejectedRow,
)
from sparkify.models.staging import StagingEvent, StagingSong
from sparkify.models.star import Artist, Song, SongMatch, SongPlay, Time, User, UserLevel

__all__ = [
    "artists",
    "column_history",
    "failed_loads",
    "load_checksums",
    "load_history",
    "load_lock",
    "load_steps",
    "loaded_files",
    "rejected_rows",
    "song_matches",
    "songplays",
    "songs",
    "staging_events",
    "staging_songs",
    "time",
    "user_levels",
    "users",
]


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - what every model here is mapped to
    return table


songplays = _table(SongPlay)
users = _table(User)
songs = _table(Song)
artists = _table(Artist)
time = _table(Time)
user_levels = _table(UserLevel)
song_matches = _table(SongMatch)

staging_events = _table(StagingEvent)
staging_songs = _table(StagingSong)

load_lock = _table(LoadLock)
load_history = _table(LoadHistory)
load_steps = _table(LoadStep)
load_checksums = _table(LoadChecksum)
loaded_files = _table(LoadedFile)
rejected_rows = _table(RejectedRow)
column_history = _table(ColumnHistory)
failed_loads = _table(LoadFailure)
