"""The star depends on the files, not on how they were loaded: many orders, batches and repeats."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sparkify import Warehouse
from sparkify.generate import generate
from tests.support.data import Data, rows, star
from tests.support.making import event, song


def late_and_early(root: Path, seed: int) -> tuple[list[Path], list[Path]]:
    """Files of one generated month, with plays that several files hold, in an order of the seed's."""
    made = generate(root, events=3000, songs=150, days=8, seed=seed)
    logs = sorted(made.log_data.rglob("*.json"))
    songs = sorted(made.song_data.rglob("*.json"))
    # A day of which half was exported again under another name.
    lines = logs[2].read_text().split("\n")
    twice = made.log_data / "again.json"
    twice.write_text("\n".join(lines[::2]))
    # A second file with different metadata for one of the songs.
    other = json.loads(songs[0].read_text()) | {"year": 1999, "title": "Renamed", "artist_name": "A"}
    again = made.song_data / "again.json"
    again.write_text(json.dumps(other))
    order = random.Random(seed)
    logs, songs = [*logs, twice], [*songs, again]
    order.shuffle(logs)
    order.shuffle(songs)
    return logs, songs


@pytest.mark.seeds(2)
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
            # A handful of files at a time, some of which are repeated later.
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


_LEVELS = ("free", "paid", "trial", "", None)


def dense_world(order: random.Random) -> list[tuple[str, list[dict[str, object]]]]:
    """Files of days and songs in which everything meets, in random order.

    Names in several spellings and without a letter, several lengths of one song, songs told again otherwise,
    plays told twice, users who go back and forth between levels.
    """
    artists = ["Björk", "BJORK", "bjrk!", "Band", "The Band", "東京", "..."]
    titles = ["Undo", "UNDO!", "Únd", "Hey", "(Hey)", "夜", "?"]
    files: list[tuple[str, list[dict[str, object]]]] = []
    for day in range(1, 8):
        plays = [
            event(
                at=f"2018-11-{day:02} {order.randrange(3):02}:{order.randrange(2):02}:00",
                userId=str(order.randrange(1, 5)),
                level=order.choice(_LEVELS),
                artist=order.choice(artists),
                song=order.choice(titles),
                length=order.choice([None, 100.5, 200.5]),
                sessionId=day,
                itemInSession=item,
                page=order.choice(["NextSong"] * 5 + ["Home"]),
            )
            for item in range(order.randrange(1, 12))
        ]
        files.append(("log", plays))
        # The same plays again, with different details.
        for play in order.sample(plays, order.randrange(min(4, len(plays)))):
            told_otherwise = {
                "level": order.choice(_LEVELS),
                "song": order.choice(titles),
                "location": order.choice(["London", "Paris", None]),
            }
            files.append(("log", [play | told_otherwise]))
        if order.random() < 0.4:
            files.append(("log", order.sample(plays, len(plays) // 2 + 1)))
    for _ in range(order.randrange(2, 9)):
        number = order.randrange(4)
        told = song(
            song_id=f"SO{number}",
            artist_id=f"AR{order.choice([number, 0])}",
            artist_name=order.choice(artists),
            title=order.choice(titles),
            duration=order.choice([100.5, 200.5, 201.5]),
            year=order.choice([0, 1999, 2001]),
        )
        files.append(("song", [told]))
    order.shuffle(files)
    return files


@pytest.mark.seeds(3)
def test_late_days_and_songs_give_the_star_of_a_full_refresh(
    data: Data, warehouse: Warehouse, seed: int
) -> None:
    order = random.Random(seed)
    waiting = list(enumerate(dense_world(order)))
    while waiting:
        some, waiting = waiting[: (size := order.randrange(1, 4))], waiting[size:]
        for number, (kind, lines) in some:
            {"log": data.log, "song": data.song}[kind](f"{number}.json", *lines)
        warehouse.load()
    found = star(warehouse)
    assert [str(result) for result in warehouse.check() if not result.ok] == []
    warehouse.load(full_refresh=True)
    assert found == star(warehouse)


def by_hand(lines: list[dict[str, Any]]) -> tuple[list[Any], list[Any], list[Any]]:
    """The level of each play, of each user, and of each stretch, of lines that differ in levels alone.

    The rule once more, in Python: paid, else the last by name, and none where each is empty or none.
    """

    def which(levels: Iterable[str | None]) -> str | None:
        found = {level for level in levels if level}
        return "paid" if "paid" in found else max(found, default=None, key=str)

    told: dict[tuple[int, int, int], list[str | None]] = defaultdict(list)
    for line in lines:
        told[int(line["userId"]), line["ts"], line["itemInSession"]].append(line["level"])
    plays = sorted((*key, which(levels)) for key, levels in told.items())
    moments: dict[int, dict[int, list[str | None]]] = defaultdict(lambda: defaultdict(list))
    for user, ts, _, level in plays:
        moments[user][ts].append(level)
    users = [(user, which(at[max(at)])) for user, at in sorted(moments.items())]
    stretches = []
    for user, at in sorted(moments.items()):
        levels = [(ts, which(at[ts])) for ts in sorted(at)]
        begun = [
            one
            for one, before in zip(levels, [None, *levels], strict=False)
            if not before or before[1] != one[1]
        ]
        ends = [ts for ts, _ in begun[1:]] + [None]
        stretches += [(user, ts, end, level) for (ts, level), end in zip(begun, ends, strict=True)]
    return plays, users, stretches


@pytest.mark.seeds(8)
def test_levels_in_any_order_are_those_by_hand(data: Data, warehouse: Warehouse, seed: int) -> None:
    order = random.Random(seed)
    lines = [
        event(
            at=f"2018-11-01 0{order.randrange(6)}:00:00",
            userId=str(order.randrange(1, 3)),
            itemInSession=order.randrange(2),
            level=order.choice(_LEVELS),
        )
        for _ in range(30)
    ]
    waiting = list(enumerate(lines))
    while waiting:
        some, waiting = waiting[: (size := order.randrange(1, 8))], waiting[size:]
        for number, line in some:
            data.log(f"{number}.json", line)
        warehouse.load(only=["events"])
    of_plays = (
        "SELECT user_id, epoch_ms(start_time), item_in_session, level FROM songplays ORDER BY 1, 2, 3",
        "SELECT user_id, level FROM users ORDER BY 1",
        "SELECT user_id, epoch_ms(valid_from), epoch_ms(valid_to), level FROM user_levels ORDER BY 1, 2",
    )
    assert tuple(rows(warehouse, sql) for sql in of_plays) == by_hand(lines)
    assert [str(result) for result in warehouse.check() if not result.ok] == []
    found = star(warehouse)
    warehouse.load(only=["events"], full_refresh=True)
    assert found == star(warehouse)


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
