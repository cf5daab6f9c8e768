"""A folder of data, and queries of a warehouse's contents, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import text

from sparkify import Warehouse
from tests.support.making import write

HEAD = "0018"
"""The newest revision of the migrations."""


class Data:
    """A folder with ``log_data`` and ``song_data``, both created at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.logs = root / "log_data"
        self.songs = root / "song_data"
        self.logs.mkdir(parents=True)
        self.songs.mkdir(parents=True)

    def log(self, name: str, *events: Mapping[str, Any] | str) -> Path:
        """Write one file of events."""
        return write(self.logs / name, events)

    def song(self, name: str, *songs: Mapping[str, Any] | str) -> Path:
        """Write one file of songs."""
        return write(self.songs / name, songs)


def rows(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    """The rows that the text of a SELECT returns."""
    with warehouse.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


STAR_WITHOUT_IDENTITIES = {
    "songplays": (
        "start_time, user_id, level, song_id, artist_id, session_id, item_in_session, location, "
        "user_agent, match"
    ),
    "users": "*",
    "songs": "*",
    "artists": "*",
    "time": "*",
    "user_levels": "*",
    "song_matches": "artist_name, title, duration, song_id, artist_id, match",
}


def star(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the star, sorted, without the columns that depend on the number or order of loads."""
    return {
        table: sorted(rows(warehouse, f'SELECT {columns} FROM "{table}"'), key=repr)
        for table, columns in STAR_WITHOUT_IDENTITIES.items()
    }
