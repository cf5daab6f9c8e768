"""The ledger, and the rows that it checksums: what no other table says about plays, users, songs and artists.

Times and levels follow from the plays, and matches are resolved by the rule. The song of a play or a match is
not part of a checksum, since a later load may re-point it: it is compared with the rule.
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
    # The range is implied, but lets the database skip whole blocks of earlier plays.
    return and_(play.c.load_id == load_id, in_staged_range(play.c.start_time, tables.staging_events.c.ts))


def _whole(table: Table, touched: ColumnElement[bool], *sources: str) -> Checksum:
    """The checksum of a whole dimension, since its rows do not say which load made them."""
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
    # A match is never removed, and one that is resolved again gets the load_id of the load that does so.
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
"""The check that each load still has the plays it committed, which had no duplicates at that time."""
