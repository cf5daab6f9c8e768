"""The real month: every figure that is known of it from the logs themselves."""

from __future__ import annotations

import gzip
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sparkify import Warehouse
from tests.support.data import rows, star


@pytest.fixture(scope="module")
def loaded(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse with the month in it; tests only read it."""
    folder = tmp_path_factory.mktemp("month")
    warehouse = Warehouse(f"duckdb:///{folder / 'month.duckdb'}")
    warehouse.load(log_data=real / "log_data", song_data=real / "song_data")
    return warehouse


def fresh(folder: Path) -> Warehouse:
    return Warehouse(f"duckdb:///{folder / 'fresh.duckdb'}")


def test_what_was_read(real: Path, tmp_path: Path) -> None:
    with fresh(tmp_path) as warehouse:
        report = warehouse.load(log_data=real / "log_data", song_data=real / "song_data")
    events, songs = report.sources
    assert (events.files, events.lines, events.loaded, events.rejected) == (30, 8056, 8056, 0)
    assert (songs.files, songs.lines, songs.loaded, songs.rejected) == (71, 71, 71, 0)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT count(*) FROM songplays", [(6820,)]),
        ("SELECT level, count(*) FROM users GROUP BY level ORDER BY level", [("free", 74), ("paid", 22)]),
        ("SELECT count(*) FROM time", [(6813,)]),
        ("SELECT count(*) FROM songs WHERE NOT inferred", [(71,)]),
        ("SELECT count(*) FROM artists WHERE NOT inferred", [(69,)]),
        (
            "SELECT match, count(*) FROM songplays GROUP BY match ORDER BY match",
            [("exact", 1), ("inferred", 6819)],
        ),
        ("SELECT song_id FROM songplays WHERE match = 'exact'", [("SOZCTXZ12AB0182364",)]),
        (
            "SELECT count(*) FROM songplays JOIN users USING (user_id) JOIN songs USING (song_id) "
            "JOIN artists ON artists.artist_id = songplays.artist_id JOIN time USING (start_time)",
            [(6820,)],
        ),
        (
            "SELECT title, count(*) AS plays FROM songplays JOIN songs USING (song_id) "
            "GROUP BY song_id, title ORDER BY plays DESC LIMIT 4",
            [("You're The One", 37), ("Undo", 28), ("Revelry", 27), ("Sehr kosmisch", 21)],
        ),
        # Five titles of the logs end in a blank.
        (
            "SELECT title FROM songs WHERE title LIKE 'Heavy Soul%' OR title LIKE 'Rikkalicious%' "
            "OR title LIKE 'I Feel So Fine%' OR title LIKE 'Who''s Your Daddy?%' "
            "OR title LIKE 'Love Is Gonna Save Us%' ORDER BY title",
            [
                ("Heavy Soul",),
                ("I Feel So Fine",),
                ("Love Is Gonna Save Us",),
                ("Rikkalicious",),
                ("Who's Your Daddy?",),
            ],
        ),
        ("SELECT count(*) FROM song_matches WHERE title LIKE '% ' OR artist_name LIKE '% '", [(0,)]),
        ("SELECT min(start_time) FROM songplays", [(datetime(2018, 11, 1, 21, 1, 46, 796000),)]),
        (
            "SELECT count(*) FROM (SELECT user_id FROM user_levels GROUP BY user_id HAVING count(*) > 1)",
            [(8,)],
        ),
        (
            "SELECT level FROM user_levels WHERE user_id = 15 ORDER BY valid_from",
            [("paid",), ("free",), ("paid",)],
        ),
        (
            "SELECT user_id, count(*) AS plays FROM songplays GROUP BY user_id ORDER BY plays DESC LIMIT 5",
            [(49, 689), (80, 665), (97, 557), (15, 463), (44, 397)],
        ),
        (
            "SELECT hour, count(*) AS plays FROM songplays JOIN time USING (start_time) "
            "GROUP BY hour ORDER BY plays DESC LIMIT 4",
            [(16, 542), (18, 498), (17, 494), (15, 477)],
        ),
        (
            "SELECT weekday, count(*) FROM songplays JOIN time USING (start_time) "
            "GROUP BY weekday ORDER BY weekday",
            [(0, 396), (1, 1014), (2, 1071), (3, 1364), (4, 1052), (5, 1295), (6, 628)],
        ),
        (
            "SELECT level, count(*) FROM songplays GROUP BY level ORDER BY level",
            [("free", 1229), ("paid", 5591)],
        ),
        ("SELECT count(*) FROM staging_events", [(0,)]),
        ("SELECT lines, loaded, rejected, blank, files FROM load_history", [(8127, 8127, 0, 0, 101)]),
    ],
)
def test_figure(loaded: Warehouse, sql: str, expected: list[tuple[object, ...]]) -> None:
    assert rows(loaded, sql) == expected


def test_checks_hold(loaded: Warehouse) -> None:
    assert [str(result) for result in loaded.check() if not result.ok] == []


def test_a_second_load_changes_nothing(real: Path, tmp_path: Path) -> None:
    with fresh(tmp_path) as warehouse:
        warehouse.load(log_data=real / "log_data", song_data=real / "song_data")
        tables = [
            "songplays", "users", "songs", "artists", "time", "user_levels", "song_matches",
            "load_history", "loaded_files", "rejected_rows",
        ]  # fmt: skip
        before = {table: sorted(rows(warehouse, f"SELECT * FROM {table}"), key=repr) for table in tables}
        again = warehouse.load(log_data=real / "log_data", song_data=real / "song_data")
        assert again.nothing_new
        assert [source.known for source in again.sources] == [30, 71]
        assert {
            table: sorted(rows(warehouse, f"SELECT * FROM {table}"), key=repr) for table in tables
        } == before


def logs_first(warehouse: Warehouse, real: Path) -> None:
    warehouse.load(log_data=real / "log_data", only=["events"])
    warehouse.load(song_data=real / "song_data", only=["songs"])


def songs_first(warehouse: Warehouse, real: Path) -> None:
    warehouse.load(song_data=real / "song_data", only=["songs"])
    warehouse.load(log_data=real / "log_data", only=["events"])


def days_in_reverse(warehouse: Warehouse, real: Path) -> None:
    """Every third day, the last first, and then those between them."""
    for day in sorted((real / "log_data").rglob("*.json"), reverse=True)[::3]:
        warehouse.load(log_data=day, only=["events"])
    warehouse.load(log_data=real / "log_data", only=["events"])
    warehouse.load(song_data=real / "song_data", only=["songs"])


def days_and_songs_in_turn(warehouse: Warehouse, real: Path) -> None:
    """Every second day a load, then the others; after each the songs of one file, later those of one folder."""
    first, *folders = sorted({path.parent for path in (real / "song_data").rglob("*.json")})
    songs = [*sorted(first.iterdir()), *folders]
    days = [*sorted((real / "log_data").rglob("*.json"))[::2], real / "log_data"]
    for number in range(max(len(songs), len(days))):
        if number < len(days):
            warehouse.load(log_data=days[number], only=["events"])
        if number < len(songs):
            warehouse.load(song_data=songs[number], only=["songs"])


def full_refresh(warehouse: Warehouse, real: Path) -> None:
    warehouse.load(log_data=sorted((real / "log_data").rglob("*.json"))[3], only=["events"])
    report = warehouse.load(
        log_data=real / "log_data", song_data=real / "song_data", full_refresh=True, max_rejects=0
    )
    assert report.mode == "full refresh"


@pytest.mark.parametrize(
    "how", [logs_first, songs_first, days_in_reverse, days_and_songs_in_turn, full_refresh]
)
def test_the_order_of_loads_does_not_matter(loaded: Warehouse, real: Path, tmp_path: Path, how: Any) -> None:
    with fresh(tmp_path) as warehouse:
        how(warehouse, real)
        assert star(warehouse) == star(loaded)


def test_compressed_files_give_the_same_rows(loaded: Warehouse, real: Path, tmp_path: Path) -> None:
    for name in ("log_data", "song_data"):
        for path in (real / name).rglob("*.json"):
            packed = tmp_path / name / f"{path.name}.gz"
            packed.parent.mkdir(exist_ok=True)
            with path.open("rb") as source, gzip.open(packed, "wb") as out:
                shutil.copyfileobj(source, out)
    with fresh(tmp_path) as warehouse:
        report = warehouse.load(log_data=tmp_path / "log_data", song_data=tmp_path / "song_data")
        assert [source.loaded for source in report.sources] == [8056, 71]
        assert star(warehouse) == star(loaded)
