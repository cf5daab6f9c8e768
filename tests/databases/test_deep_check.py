"""What ``check --deep`` finds by loading the files again, and what it says if it cannot."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sparkify import ConfigurationError, Warehouse
from tests.support.cloud import Cloud
from tests.support.commands import run_here
from tests.support.data import Data
from tests.support.making import event, song

ENDING = ": as its files make it"


@pytest.fixture
def loaded(warehouse: Warehouse, data: Data) -> Warehouse:
    """Three loads: songs with the first day, a rejected line among it, a day, and a song of a play before."""
    data.song("a.json", song())
    data.log("1.json", event(), event(userId="8", sessionId=2, song="Nothing"), "{not JSON")
    warehouse.load(max_rejects=1)
    data.log("2.json", event(sessionId=3, level="paid", at="2018-11-02 20:00:00.000"))
    warehouse.load()
    data.song("b.json", song(song_id="SONOTHING", title="Nothing"))
    warehouse.load()
    return warehouse


def alter(warehouse: Warehouse, *statements: str) -> None:
    with warehouse.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def found(warehouse: Warehouse) -> dict[str, int]:
    """By table, how many rows the comparison with the files finds."""
    results = warehouse.check(deep=True)
    return {one.name.removesuffix(ENDING): one.count for one in results if one.name.endswith(ENDING)}


NOTHING = dict.fromkeys(("songplays", "users", "songs", "artists", "time", "user_levels", "song_matches"), 0)


def test_nothing_is_found_where_nobody_tampered(loaded: Warehouse) -> None:
    assert found(loaded) == NOTHING
    assert all(one.ok and one.note is None for one in loaded.check(deep=True))


def test_empty_level_is_none_in_the_warehouse_and_by_the_files(warehouse: Warehouse, data: Data) -> None:
    data.log("1.json", event(level=""), event(level=None, userId="8", sessionId=2))
    warehouse.load(only=["events"])
    data.log("2.json", event(level=None), event(level="", userId="8", sessionId=2, itemInSession=1))
    warehouse.load(only=["events"])
    assert found(warehouse) == NOTHING
    alter(warehouse, "UPDATE songplays SET level = '' WHERE user_id = 7", "UPDATE users SET level = ''")
    assert found(warehouse) == NOTHING | {"songplays": 2, "users": 4}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE users SET first_name = 'Eve' WHERE user_id = 7", {"users": 2}),
        ("UPDATE songplays SET location = NULL WHERE user_id = 8", {"songplays": 2}),
        ("DELETE FROM songplays WHERE user_id = 8", {"songplays": 1}),
        ("UPDATE songs SET year = 1999 WHERE song_id = 'SOSONG'", {"songs": 2}),
        ("INSERT INTO artists SELECT 'AR2', * EXCLUDE artist_id FROM artists", {"artists": 1}),
    ],
)
def test_rows_that_files_do_not_make_are_found(
    loaded: Warehouse, statement: str, expected: dict[str, int]
) -> None:
    # As if the ledger was altered too.
    alter(loaded, statement, "UPDATE load_checksums SET checksum = NULL")
    assert found(loaded) == NOTHING | expected


def test_rows_say_where_they_are(loaded: Warehouse) -> None:
    alter(loaded, "UPDATE users SET first_name = 'Eve' WHERE user_id = 7")
    (users,) = [one for one in loaded.check(deep=True) if one.name == f"users{ENDING}"]
    assert [(row["only_in"], row["user_id"], row["first_name"]) for row in users.rows] == [
        ("the warehouse", 7, "Eve"),
        ("the files", 7, "Ada"),
    ]


@pytest.mark.parametrize("change", ["gone", "changed", "longer"])
def test_loads_of_which_a_file_is_not_there_are_left_out(loaded: Warehouse, data: Data, change: str) -> None:
    path = data.logs / "2.json"
    if change == "gone":
        path.unlink()
    else:
        data.log("2.json", event(sessionId=4), *([event(sessionId=5)] if change == "longer" else []))
    results = [one for one in loaded.check(deep=True) if one.name.endswith(ENDING)]
    assert [(one.name, one.count, one.note) for one in results] == [
        (
            f"songplays{ENDING}",
            0,
            "1 of 4 files are gone or changed: 1 of 3 loads are not compared",
        )
    ]
    alter(loaded, "UPDATE songplays SET location = NULL WHERE load_id = 2")
    assert found(loaded) == {"songplays": 0}
    alter(loaded, "UPDATE songplays SET location = NULL WHERE load_id = 1 AND user_id = 7")
    assert found(loaded) == {"songplays": 2}


@pytest.mark.parametrize("gone", ["first.json", "second.json"])
@pytest.mark.parametrize("level", ["free", "paid"])
def test_play_that_came_twice_is_of_one_load(warehouse: Warehouse, data: Data, gone: str, level: str) -> None:
    """And is made by the file of the other load all the same; with another level it is of the paid one."""
    data.song("a.json", song())
    data.log("first.json", event(), event(itemInSession=1))
    warehouse.load()
    data.log("second.json", event(level=level), event(itemInSession=2))
    warehouse.load()
    assert found(warehouse) == NOTHING
    (data.logs / gone).unlink()
    assert found(warehouse) == {"songplays": 0}
    # Rows of the files that still exist are compared nevertheless.
    own = 1 if gone == "second.json" else 2
    alter(warehouse, f"UPDATE songplays SET location = NULL WHERE item_in_session = {own}")
    assert found(warehouse) == {"songplays": 2}
    alter(warehouse, f"DELETE FROM songplays WHERE item_in_session = {own}")
    assert found(warehouse) == {"songplays": 1}


def test_no_file_left(loaded: Warehouse, data: Data) -> None:
    for path in (*data.logs.iterdir(), *data.songs.iterdir()):
        path.unlink()
    (result,) = [one for one in loaded.check(deep=True) if one.not_run]
    assert result.name == "files: the loads can be made again"
    assert result.not_run == "4 of 4 files are gone or changed: 3 of 3 loads are not compared"


def test_nothing_is_left_behind(loaded: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert found(loaded) == NOTHING
    assert list(folder.iterdir()) == []


def test_objects_of_s3_are_loaded_again(cloud: Cloud, data: Data, tables: Path) -> None:
    data.song("a.json", song())
    for number in (1, 2):
        data.log(f"{number}.json", event(sessionId=number))
    for folder in (data.songs, data.logs):
        cloud.put(folder, folder.name)
    shutil.copy(tables, data.root / "w.duckdb")
    options = {"database_url": f"duckdb:///{data.root}/w.duckdb", "log_jsonpath": None}
    with cloud.warehouse(**options) as warehouse:
        warehouse.load()
        assert found(warehouse) == NOTHING
        alter(warehouse, "UPDATE songplays SET location = NULL WHERE session_id = 2")
        assert found(warehouse) == NOTHING | {"songplays": 2}
        cloud.redshift.put_object("s3://plays/log_data/2.json", b"{}")
        (result,) = [one for one in warehouse.check(deep=True) if one.not_run]
        assert result.not_run == "1 of 3 files are gone or changed: 1 of 1 loads are not compared"


def test_redshift_is_refused(cloud: Cloud) -> None:
    with (
        cloud.with_tables() as warehouse,
        pytest.raises(ConfigurationError, match="a deep check is for the embedded database only"),
    ):
        warehouse.check(deep=True)


def test_command_compares_with_the_files(loaded: Warehouse, data: Data) -> None:
    url = str(loaded.url)
    loaded.close()
    folders = {"SPARKIFY_LOG_DATA": str(data.logs), "SPARKIFY_SONG_DATA": str(data.songs)}
    done = run_here("sparkify", "check", "--deep", "--database", url, environment=folders)
    assert done.returncode == 0, done.stderr
    assert f"ok      users{ENDING}" in done.stdout
