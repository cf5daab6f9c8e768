"""Sparkify's declaration: its sources, transforms and checks, in order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from sparkify.etl.declarations import (
    Append,
    Collect,
    Insert,
    Kept,
    Ledger,
    Location,
    Merge,
    Pipeline,
    Replace,
    Required,
    Source,
    Sync,
    Update,
)
from sparkify.models import (
    PLAYS,
    Artist,
    ColumnHistory,
    LoadedFile,
    LoadHistory,
    LoadLock,
    LoadStep,
    RejectedRow,
    Song,
    SongMatch,
    SongPlay,
    StagingEvent,
    StagingSong,
    Time,
    User,
    UserLevel,
    working,
)
from sparkify.models.match import RULES_VERSION
from sparkify.pipeline import transforms
from sparkify.pipeline.checks import CHECKS

__all__ = ["SPARKIFY", "STAR"]


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table


EVENTS = Source(
    name="events",
    staging=_table(StagingEvent),
    required=(Required(column="page", value=transforms.PLAY, needs=("user_id", "artist", "song")),),
    kept=Kept(column="page", value=transforms.PLAY),
    location=Location(
        setting="log_data",
        section="S3",
        default="data/log_data",
        description="the event logs: a folder or s3://bucket/prefix",
        jsonpaths="log_jsonpath",
    ),
)
SONGS = Source(
    name="songs",
    staging=_table(StagingSong),
    location=Location(
        setting="song_data",
        section="S3",
        default="data/song_data",
        description="the songs: a folder or s3://bucket/prefix",
    ),
)

_events, _songs = frozenset({"events"}), frozenset({"songs"})
_both = _events | _songs

STAR: tuple[Table, ...] = tuple(
    _table(model) for model in (SongPlay, User, Song, Artist, Time, UserLevel, SongMatch)
)
"""The tables of the star, the fact first."""


def _summary(rows: Mapping[str, int]) -> str:
    plays, users = rows.get("songplays", 0), rows.get("users", 0)
    return f"{plays:,} play{'s' * (plays != 1)} by {users:,} user{'s' * (users != 1)}"


def _migrations() -> Path:
    """Where the migrations are: inside an installed package, or beside it in a clone."""
    package = Path(__file__).parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


SPARKIFY = Pipeline(
    name="sparkify",
    sources=(EVENTS, SONGS),
    transforms=(
        Collect(
            title="artists that the songs touch",
            target=working.touched_artist_keys,
            rows=transforms.artist_keys,
            reads=_both,
        ),
        Merge(
            title="songs of the catalogue",
            target=_table(Song),
            rows=transforms.songs,
            reads=_songs,
            key=("song_id",),
            best=transforms.best_song,
            scope=~Song.inferred,
        ),
        Merge(
            title="artists of the catalogue",
            target=_table(Artist),
            rows=transforms.artists,
            reads=_songs,
            key=("artist_id",),
            best=transforms.best_artist,
            scope=~Artist.inferred,
        ),
        Collect(
            title="songs played",
            target=working.played_songs,
            rows=transforms.songs_played,
            reads=_both,
        ),
        Collect(
            title="matches to resolve",
            target=working.unresolved_matches,
            rows=transforms.to_resolve,
            reads=_both,
        ),
        Collect(
            title="songs that they are",
            target=working.resolved_matches,
            rows=transforms.resolved,
            reads=_both,
        ),
        Append(
            title="new song matches",
            target=_table(SongMatch),
            rows=transforms.new_song_matches,
            reads=_events,
        ),
        Update(
            title="earlier song matches",
            target=_table(SongMatch),
            rows=transforms.resolutions,
            reads=_songs,
            key=("match_id",),
            silent=("load_id",),
        ),
        Update(
            title="re-point earlier plays",
            target=_table(SongPlay),
            rows=transforms.plays_to_repoint,
            reads=_songs,
            key=("match_id",),
        ),
        Sync(
            title="inferred songs",
            target=_table(Song),
            rows=transforms.inferred_songs,
            reads=_both,
            key=("song_id",),
            touched=transforms.touched_song_ids(),
            scope=_table(Song).c.inferred,
        ),
        Sync(
            title="inferred artists",
            target=_table(Artist),
            rows=transforms.inferred_artists,
            reads=_both,
            key=("artist_id",),
            touched=transforms.touched_artist_ids(),
            scope=_table(Artist).c.inferred,
        ),
        Collect(
            title="users of the batch",
            target=working.touched_users,
            rows=transforms.users_touched,
            reads=_both,
        ),
        Merge(
            title="users",
            target=_table(User),
            rows=transforms.users,
            reads=_events,
            key=("user_id",),
            best=transforms.best_user,
        ),
        Collect(
            title="times of the plays",
            target=working.play_times,
            rows=transforms.times_of_plays,
            reads=_events,
        ),
        Insert(
            title="times",
            target=_table(Time),
            rows=transforms.time,
            reads=_events,
            key=("start_time",),
            bounds=StagingEvent.__table__.c.ts,
        ),
        Collect(
            title="plays that are repeated",
            target=working.repeated_plays,
            rows=transforms.repetitions,
            reads=_events,
        ),
        Insert(
            title="plays",
            target=_table(SongPlay),
            rows=transforms.songplays,
            reads=_events,
            key=("start_time", "session_id", "item_in_session"),
            bounds=StagingEvent.__table__.c.ts,
        ),
        Collect(
            title="users whose level changes",
            target=working.level_changes,
            rows=transforms.changes_of_level,
            reads=_events,
        ),
        Replace(
            title="levels of users",
            target=_table(UserLevel),
            rows=transforms.user_levels,
            reads=_events,
            scope=transforms.outdated_levels(),
        ),
        Collect(
            title="users for the checks",
            target=working.checked_users,
            rows=transforms.users_to_check,
            reads=_both,
        ),
        Collect(
            title="levels for the checks",
            target=working.checked_levels,
            rows=transforms.levels_to_check,
            reads=_both,
        ),
        Collect(
            title="matches for the checks",
            target=working.checked_matches,
            rows=transforms.matches_to_check,
            reads=_both,
        ),
        Collect(
            title="songs for the checks",
            target=working.checked_songs,
            rows=transforms.songs_to_check,
            reads=_both,
        ),
        Collect(
            title="artists for the checks",
            target=working.checked_artists,
            rows=transforms.artists_to_check,
            reads=_both,
        ),
    ),
    checks=CHECKS,
    ledger=Ledger(
        history=_table(LoadHistory),
        files=_table(LoadedFile),
        rejects=_table(RejectedRow),
        lock=_table(LoadLock),
        steps=_table(LoadStep),
        columns=_table(ColumnHistory),
    ),
    tables=STAR,
    views=(PLAYS,),
    migrations=_migrations(),
    create_from_models=True,
    questions="sparkify.analytics",
    report="sparkify.report",
    summary=_summary,
    rules_version=RULES_VERSION,
    # tests/unit/test_declarations.py does.
    compare_columns=False,
)
"""How Sparkify's warehouse is loaded."""
