"""What Sparkify keeps: the models that migrations, loads, checks and questions are all made from."""

from sparkify.models.base import Base
from sparkify.models.loads import LoadedFile, LoadHistory, LoadLock, RejectedRow
from sparkify.models.staging import StagingEvent, StagingSong
from sparkify.models.star import Artist, HeardSong, Song, SongPlay, Time, User, UserLevel

__all__ = [
    "Artist",
    "Base",
    "HeardSong",
    "LoadHistory",
    "LoadLock",
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
