"""The ledger, and which rows it sums up: what no other table tells of plays, users, songs and artists.

Times and levels follow from the plays, and what was played is resolved by the rule. The song of a play, and of
what was played, is not summed up, since a later load may point it elsewhere: it is compared with the rule.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, and_, select

from sparkify.etl.checksums import checksum_check
from sparkify.etl.declarations import Checksum, Ledger
from sparkify.etl.ranges import in_staged_range
from sparkify.models import tables
from sparkify.models.working import batch_users, changed_songs, resolved_matches
from sparkify.pipeline.transforms import outdated_plays, touched_artists
from sparkify.pipeline.transforms.batch import LoadId

__all__ = ["CHECKSUMS", "LEDGER", "PLAYS_OF_LOADS"]


def _plays_of_load(load_id: LoadId) -> ColumnElement[bool]:
    play = tables.songplays
    # The range is implied: whole blocks of earlier plays are not read.
    return and_(play.c.load_id == load_id, in_staged_range(play.c.start_time, tables.staging_events.c.ts))


def _whole(table: Table, touched: ColumnElement[bool], *sources: str) -> Checksum:
    """Of a dimension, which does not say which load made a row."""
    return Checksum(
        table=table,
        columns=tuple(table.columns.keys()),
        added=lambda _load_id: touched,
        removed=touched,
        reads=frozenset(sources),
    )


LEDGER = Ledger(
    history=tables.load_history,
    files=tables.loaded_files,
    rejects=tables.rejected_rows,
    lock=tables.load_lock,
    steps=tables.load_steps,
    columns=tables.column_history,
    checksums=tables.load_checksums,
    failures=tables.failed_loads,
)

_PLAYS = Checksum(
    table=tables.songplays,
    columns=(
        *("start_time", "user_id", "level", "session_id", "item_in_session", "location", "user_agent"),
        "match_id",
    ),
    key=("start_time", "user_id", "session_id", "item_in_session"),
    added=_plays_of_load,
    removed=outdated_plays(),
    reads=frozenset({"events"}),
)

CHECKSUMS = (
    _PLAYS,
    _whole(
        tables.users,
        tables.users.c.user_id.in_(select(batch_users.c.user_id).where(~batch_users.c.is_there)),
        "events",
    ),
    _whole(tables.songs, tables.songs.c.song_id.in_(select(changed_songs.c.song_id)), "events", "songs"),
    _whole(tables.artists, tables.artists.c.artist_id.in_(touched_artists()), "events", "songs"),
    # What was played is never removed, and resolved anew it is of the load that did that.
    Checksum(
        table=tables.song_matches,
        columns=("match_id", "artist_name", "title", "duration"),
        by_load=False,
        added=lambda _load_id: tables.song_matches.c.match_id.in_(
            select(resolved_matches.c.match_id).where(resolved_matches.c.is_new)
        ),
        reads=frozenset({"events"}),
    ),
)

PLAYS_OF_LOADS = checksum_check(LEDGER, _PLAYS)
"""The check that each load has the plays that it committed, when it had found none of them there twice."""
