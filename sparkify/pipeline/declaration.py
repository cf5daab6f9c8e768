"""Sparkify's declaration: its sources, transforms and checks, in order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import ColumnElement, Table, select

from sparkify.etl.declarations import (
    Append,
    Collect,
    Insert,
    Kept,
    Location,
    Pipeline,
    Replace,
    Required,
    Rows,
    Source,
    Update,
    Watched,
)
from sparkify.models import PLAYS, tables, working
from sparkify.models.match import RULES_VERSION
from sparkify.pipeline import transforms
from sparkify.pipeline.checks import CHECKS
from sparkify.pipeline.checksums import CHECKSUMS, LEDGER
from sparkify.pipeline.derived import DERIVED
from sparkify.pipeline.future import NO_FUTURE_PLAYS
from sparkify.pipeline.lengths import NO_LENGTHS_OVER_A_DAY
from sparkify.pipeline.resolution import RESOLUTION

__all__ = ["SPARKIFY", "STAR"]


PAGES = (
    "NextSong",
    *("Home", "About", "Help", "Settings", "Save Settings", "Error"),
    *("Login", "Logout", "Register", "Submit Registration"),
    *("Upgrade", "Submit Upgrade", "Downgrade", "Submit Downgrade", "Cancel", "Cancellation Confirmation"),
    *("Thumbs Up", "Thumbs Down", "Add to Playlist", "Add Friend", "Roll Advert"),
)
"""The known pages of the player."""

EVENTS = Source(
    name="events",
    staging=tables.staging_events,
    required=(Required(column="page", value=transforms.PLAY, needs=("user_id", "artist", "song")),),
    kept=Kept(column="page", value=transforms.PLAY),
    watched=Watched(column="page", values=PAGES),
    ranges=("ts",),
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
    staging=tables.staging_songs,
    location=Location(
        setting="song_data",
        section="S3",
        default="data/song_data",
        description="the songs: a folder or s3://bucket/prefix",
    ),
)

_events, _songs = frozenset({"events"}), frozenset({"songs"})
_both = _events | _songs

STAR: tuple[Table, ...] = (
    tables.songplays,
    tables.users,
    tables.songs,
    tables.artists,
    tables.time,
    tables.user_levels,
    tables.song_matches,
)
"""The tables of the star, the fact first."""


def _wanted(collected: Table, condition: ColumnElement[bool]) -> Rows:
    """The collected rows that meet the condition, without the last column, which is there for the condition."""
    columns = list(collected.columns)[:-1]
    return lambda _load_id: select(*columns).where(condition)


def _summary(rows: Mapping[str, int]) -> str:
    plays, users = rows.get("songplays", 0), rows.get("users", 0)
    return f"{plays:,} play{'s' * (plays != 1)} by {users:,} user{'s' * (users != 1)}"


def _migrations() -> Path:
    """The migrations folder: inside an installed package, or beside it in a clone."""
    package = Path(__file__).parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


SPARKIFY = Pipeline(
    name="sparkify",
    sources=(EVENTS, SONGS),
    transforms=(
        Collect(
            title="matches of the batch",
            target=working.touched_matches,
            rows=transforms.matches_touched,
            reads=_both,
        ),
        Collect(
            title="songs of the batch",
            target=working.merged_songs,
            rows=transforms.songs,
            reads=_both,
        ),
        Collect(
            title="artists of the batch",
            target=working.merged_artists,
            rows=transforms.artists,
            reads=_both,
        ),
        Collect(
            title="songs that the matches are",
            target=working.resolved_matches,
            rows=transforms.resolved,
            reads=_both,
        ),
        Append(
            title="new song matches",
            target=tables.song_matches,
            rows=transforms.new_song_matches,
            reads=_events,
        ),
        Update(
            title="earlier song matches",
            target=tables.song_matches,
            rows=transforms.resolutions,
            reads=_songs,
            key=("match_id",),
            silent=("load_id",),
        ),
        Update(
            title="re-point earlier plays",
            target=tables.songplays,
            rows=transforms.plays_to_repoint,
            reads=_songs,
            key=("match_id",),
        ),
        Collect(
            title="songs that change",
            target=working.changed_songs,
            rows=transforms.songs_changed,
            reads=_both,
        ),
        Collect(
            title="users of the batch",
            target=working.batch_users,
            rows=transforms.users,
            reads=_both,
        ),
        Collect(
            title="plays that are repeated",
            target=working.repeated_plays,
            rows=transforms.repeated_plays,
            reads=_events,
        ),
        Replace(
            title="songs",
            target=tables.songs,
            rows=_wanted(working.changed_songs, working.changed_songs.c.is_wanted),
            reads=_both,
            scope=tables.songs.c.song_id.in_(select(working.changed_songs.c.song_id)),
        ),
        Replace(
            title="artists",
            target=tables.artists,
            rows=transforms.new_artists,
            reads=_both,
            scope=tables.artists.c.artist_id.in_(transforms.outdated_artists()),
        ),
        Replace(
            title="users",
            target=tables.users,
            rows=_wanted(working.batch_users, ~working.batch_users.c.is_there),
            reads=_events,
            scope=tables.users.c.user_id.in_(
                select(working.batch_users.c.user_id).where(~working.batch_users.c.is_there)
            ),
        ),
        Insert(
            title="times",
            target=tables.time,
            rows=transforms.time,
            reads=_events,
            key=("start_time",),
            bounds=tables.staging_events.c.ts,
        ),
        Replace(
            title="plays",
            target=tables.songplays,
            rows=transforms.songplays,
            reads=_events,
            scope=transforms.outdated_plays(),
        ),
        Collect(
            title="users whose level changes",
            target=working.level_changes,
            rows=transforms.changes_of_level,
            reads=_events,
        ),
        Replace(
            title="levels of users",
            target=tables.user_levels,
            rows=transforms.user_levels,
            reads=_events,
            scope=transforms.outdated_levels(),
        ),
    ),
    checks=(*CHECKS, NO_FUTURE_PLAYS, *NO_LENGTHS_OVER_A_DAY, *DERIVED, *RESOLUTION),
    checked={
        working.checked_users: transforms.users_to_check,
        working.checked_levels: transforms.levels_to_check,
        working.checked_matches: transforms.matches_to_check,
        working.checked_songs: transforms.songs_to_check,
        working.checked_artists: transforms.artists_to_check,
    },
    ledger=LEDGER,
    checksums=CHECKSUMS,
    numbers=(tables.songplays.c.songplay_id, tables.songplays.c.match_id, tables.song_matches.c.match_id),
    tables=STAR,
    views=(PLAYS,),
    migrations=_migrations(),
    create_from_models=True,
    questions="sparkify.analytics",
    report="sparkify.report",
    summary=_summary,
    rules_version=RULES_VERSION,
    # tests/unit/test_declarations.py compares them.
    compare_columns=False,
)
"""How Sparkify's warehouse is loaded."""
