"""What Sparkify keeps: the models that migrations, loads, checks and questions are all made from."""

from sparkify.models.base import Base
from sparkify.models.ledger import ColumnHistory, LoadedFile, LoadHistory, LoadLock, LoadStep, RejectedRow
from sparkify.models.staging import StagingEvent, StagingSong
from sparkify.models.star import Artist, HeardSong, Song, SongPlay, Time, User, UserLevel

__all__ = [
    "Artist",
    "Base",
    "ColumnHistory",
    "HeardSong",
    "LoadHistory",
    "LoadLock",
    "LoadStep",
    "LoadedFile",
    "RejectedRow",
    "Song",
    "SongPlay",
    "StagingEvent",
    "StagingSong",
    "Time",
    "User",
    "UserLevel",
]
