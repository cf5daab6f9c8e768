"""Small handmade data: events and songs in the format of the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def ms(text: str) -> int:
    """Milliseconds since 1970 of a UTC time such as ``2018-11-01 20:57:10.796``."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def event(**changed: Any) -> dict[str, Any]:
    """A play of "Song" by "Band", with some keys changed; ``at`` gives ``ts`` as text."""
    if "at" in changed:
        changed["ts"] = ms(changed.pop("at"))
    plain = {
        "artist": "Band",
        "auth": "Logged In",
        "firstName": "Ada",
        "gender": "F",
        "itemInSession": 0,
        "lastName": "Byron",
        "length": 200.5,
        "level": "free",
        "location": "London",
        "method": "PUT",
        "page": "NextSong",
        "registration": 1540919166796.0,
        "sessionId": 1,
        "song": "Song",
        "status": 200,
        "ts": ms("2018-11-01 20:00:00.796"),
        "userAgent": '"Mozilla/5.0"',
        "userId": "7",
    }
    assert set(changed) <= set(plain), changed
    return plain | changed


def song(**changed: Any) -> dict[str, Any]:
    """The song "Song" by "Band", with some keys changed."""
    plain = {
        "num_songs": 1,
        "artist_id": "ARBAND",
        "artist_latitude": None,
        "artist_longitude": None,
        "artist_location": "",
        "artist_name": "Band",
        "song_id": "SOSONG",
        "title": "Song",
        "duration": 200.5,
        "year": 0,
    }
    assert set(changed) <= set(plain), changed
    return plain | changed


def write(path: Path, rows: Iterable[Mapping[str, Any] | str]) -> Path:
    """Write one object per line, without a final newline, like the real files; write a text unchanged."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row, separators=(",", ":")) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
