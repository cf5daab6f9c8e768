"""The ledger, and which rows it sums up: what no other table tells of plays, users, songs and artists.

Times and levels follow from the plays, and matches from the rule. The song of a play is not summed up, since a
later load may point it elsewhere: it is compared with its match.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Table, and_, select

from sparkify.etl.checksums import checksum_check
from sparkify.etl.declarations import Checksum, Ledger
from sparkify.etl.ranges import in_staged_range
from sparkify.models import (
    Artist,
    ColumnHistory,
    LoadChecksum,
    LoadedFile,
    LoadFailure,
    LoadHistory,
    LoadLock,
    LoadStep,
    RejectedRow,
    Song,
    SongPlay,
    StagingEvent,
    User,
)
from sparkify.models.working import batch_users, changed_songs
from sparkify.pipeline.transforms import outdated_plays, touched_artists
from sparkify.pipeline.transforms.batch import LoadId

__all__ = ["CHECKSUMS", "LEDGER", "PLAYS_OF_LOADS"]


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table


def _plays_of_load(load_id: LoadId) -> ColumnElement[bool]:
    play = _table(SongPlay)
    # The range is implied: whole blocks of earlier plays are not read.
    return and_(play.c.load_id == load_id, in_staged_range(play.c.start_time, _table(StagingEvent).c.ts))


def _whole(model: Any, touched: ColumnElement[bool], *sources: str) -> Checksum:
    """Of a dimension, which does not say which load made a row."""
    table = _table(model)
    return Checksum(
        table=table,
        columns=tuple(table.columns.keys()),
        added=lambda _load_id: touched,
        removed=touched,
        reads=frozenset(sources),
    )


LEDGER = Ledger(
    history=_table(LoadHistory),
    files=_table(LoadedFile),
    rejects=_table(RejectedRow),
    lock=_table(LoadLock),
    steps=_table(LoadStep),
    columns=_table(ColumnHistory),
    checksums=_table(LoadChecksum),
    failures=_table(LoadFailure),
)

_PLAYS = Checksum(
    table=_table(SongPlay),
    columns=(
        *("start_time", "user_id", "level", "session_id", "item_in_session", "location", "user_agent"),
        "match_id",
    ),
    added=_plays_of_load,
    removed=outdated_plays(),
    reads=frozenset({"events"}),
)

CHECKSUMS = (
    _PLAYS,
    _whole(
        User,
        _table(User).c.user_id.in_(select(batch_users.c.user_id).where(~batch_users.c.is_there)),
        "events",
    ),
    _whole(Song, _table(Song).c.song_id.in_(select(changed_songs.c.song_id)), "events", "songs"),
    _whole(Artist, _table(Artist).c.artist_id.in_(touched_artists()), "events", "songs"),
)

PLAYS_OF_LOADS = checksum_check(LEDGER, _PLAYS)
"""The check that each load has the plays that it committed, when it had found none of them there twice."""
