"""The star is a function of the files, not of how they were loaded: many orders, batches and repeats."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from sparkify import Warehouse
from sparkify.generate import generate
from tests.support.data import star


def late_and_early(root: Path, seed: int) -> tuple[list[Path], list[Path]]:
    """Files of one generated month, with plays that several files hold, in an order of the seed's."""
    made = generate(root, events=3000, songs=150, days=8, seed=seed)
    logs = sorted(made.log_data.rglob("*.json"))
    songs = sorted(made.song_data.rglob("*.json"))
    # A day that was exported twice, half of it under another name.
    lines = logs[2].read_text().split("\n")
    twice = made.log_data / "again.json"
    twice.write_text("\n".join(lines[::2]))
    # A song whose metadata a second file has too, and says otherwise.
    other = json.loads(songs[0].read_text()) | {"year": 1999, "title": "Renamed", "artist_name": "A"}
    again = made.song_data / "again.json"
    again.write_text(json.dumps(other))
    order = random.Random(seed)
    logs, songs = [*logs, twice], [*songs, again]
    order.shuffle(logs)
    order.shuffle(songs)
    return logs, songs


@pytest.mark.seeds(4)
def test_any_order_gives_the_same_star(tmp_path: Path, seed: int) -> None:
    logs, songs = late_and_early(tmp_path / "data", seed)
    with Warehouse(f"duckdb:///{tmp_path}/once.duckdb") as once:
        once.load(log_data=tmp_path / "data" / "log_data", song_data=tmp_path / "data" / "song_data")
        expected = star(once)
    order = random.Random(-seed)
    with Warehouse(f"duckdb:///{tmp_path}/parts.duckdb") as parts:
        parts.migrate()
        number = 0
        while logs or songs:
            # A handful of files at a time, of which some come again later.
            for name, waiting in (("log_data", logs), ("song_data", songs)):
                number += 1
                batch = tmp_path / f"batch-{number}"
                batch.mkdir()
                for path in waiting[: order.randint(1, 60 if name == "song_data" else 3)]:
                    (batch / path.name).write_bytes(path.read_bytes())
                    if order.random() < 0.9:
                        waiting.remove(path)
                if any(batch.iterdir()):
                    only = "events" if name == "log_data" else "songs"
                    parts.load(sources={only: batch}, only=[only])
        assert star(parts) == expected
        assert [str(result) for result in parts.check() if not result.ok] == []


def test_the_generated_month_has_what_this_is_about(tmp_path: Path) -> None:
    """Without each of these the tests above would show little."""
    late_and_early(tmp_path / "data", 0)
    with Warehouse(f"duckdb:///{tmp_path}/x.duckdb") as warehouse:
        warehouse.load(log_data=tmp_path / "data" / "log_data", song_data=tmp_path / "data" / "song_data")
        with warehouse.engine.connect() as connection:

            def number(sql: str) -> int:
                return int(connection.exec_driver_sql(sql).scalar_one())

            for match in ("exact", "title_artist", "normalized", "inferred"):
                assert number(f"SELECT count(*) FROM songplays WHERE match = '{match}'") > 0, match
            changes = "SELECT user_id FROM user_levels GROUP BY user_id HAVING count(*) > 1"
            assert number(f"SELECT count(*) FROM ({changes})") > 0
            plays = number("SELECT count(*) FROM songplays")
            assert number("SELECT sum(loaded) FROM loaded_files WHERE source = 'events'") > 3000 > plays
