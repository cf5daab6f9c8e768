"""Count the plays of each key in a folder of logs, such as ``sparkify-etl generate`` writes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

__all__ = ["counts_of_logs"]


def counts_of_logs(folder: Path) -> dict[str, Counter[int]]:
    """The plays of each value, by column of ``songplays``; values are numbered in order of appearance.

    ``song_id`` stands for artist and title, ``match_id`` for artist, title and length, as in a load.
    """
    counts: dict[str, Counter[object]] = {
        name: Counter() for name in ("song_id", "match_id", "artist_id", "user_id", "session_id", "start_time")
    }
    for path in sorted(folder.rglob("*.json")):
        for line in path.read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            if event["page"] != "NextSong":
                continue
            artist, title = event["artist"], event["song"]
            for name, value in (
                ("song_id", (artist, title)),
                ("match_id", (artist, title, event["length"])),
                ("artist_id", artist),
                ("user_id", event["userId"]),
                ("session_id", event["sessionId"]),
                ("start_time", event["ts"]),
            ):
                counts[name][value] += 1
    return {name: Counter(dict(enumerate(found.values()))) for name, found in counts.items()}
