"""Sparkify's models, from which migrations, loads, checks and questions are all built."""

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
from sparkify.models.match import Match
from sparkify.models.staging import StagingEvent, StagingSong
from sparkify.models.star import Artist, Song, SongMatch, SongPlay, Time, User, UserLevel
from sparkify.models.views import PLAYS

__all__ = [
    "PLAYS",
    "Artist",
    "Base",
    "ColumnHistory",
    "LoadChecksum",
    "LoadFailure",
    "LoadHistory",
    "LoadLock",
    "LoadStep",
    "LoadedFile",
    "Match",
    "RejectedRow",
    "Song",
    "SongMatch",
    "SongPlay",
    "StagingEvent",
    "StagingSong",
    "Time",
    "User",
    "UserLevel",
]
