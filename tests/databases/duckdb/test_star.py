"""The star, from data small enough to check by eye. Every expected row is written out."""

from __future__ import annotations

from datetime import datetime

import pytest

from sparkify import Warehouse
from tests.support.data import Data, rows, star
from tests.support.making import event, song


def plays(warehouse: Warehouse) -> list[tuple[object, ...]]:
    """How each play was matched, in order of time."""
    return rows(
        warehouse, "SELECT match, song_id, artist_id FROM songplays ORDER BY start_time, item_in_session"
    )


# -- matching --------------------------------------------------------------------------------------------


def test_exact_goes_before_nearest_and_nearest_before_the_rest(data: Data, warehouse: Warehouse) -> None:
    data.song("a.json", song(song_id="SO1", duration=200.5))
    data.song("b.json", song(song_id="SO2", duration=100.0))
    data.song("c.json", song(song_id="SO3", duration=310.0))
    data.log(
        "x.json",
        event(itemInSession=0, length=100.0),
        event(itemInSession=1, length=101.0),
        event(itemInSession=2, length=250.0),
        event(itemInSession=3, length=9999.0),
    )
    warehouse.load()
    assert plays(warehouse) == [
        ("exact", "SO2", "ARBAND"),
        ("title_artist", "SO2", "ARBAND"),
        ("title_artist", "SO1", "ARBAND"),
        ("title_artist", "SO3", "ARBAND"),
    ]


def test_a_tie_goes_to_the_first_song_id(data: Data, warehouse: Warehouse) -> None:
    data.song("a.json", song(song_id="SO9", duration=190.0), song(song_id="SO5", duration=210.0))
    data.log("x.json", event(length=200.0))
    warehouse.load()
    assert plays(warehouse) == [("title_artist", "SO5", "ARBAND")]


def test_broken_encoding_case_and_punctuation_match_normalized(data: Data, warehouse: Warehouse) -> None:
    data.song("a.json", song(song_id="SOU", title="Undo!", artist_name="Björk", artist_id="ARB"))
    broken = "Björk".encode().decode("latin-1").encode().decode("latin-1")
    data.log("x.json", event(song="undo", artist=broken))
    warehouse.load()
    assert broken == "BjÃ\x83Â¶rk"
    assert plays(warehouse) == [("normalized", "SOU", "ARB")]


def test_titles_without_a_letter_of_ascii_never_match_by_their_emptiness(
    data: Data, warehouse: Warehouse
) -> None:
    data.song("a.json", song(song_id="SOJ", title="夜想曲", artist_name="坂本", artist_id="ARJ"))
    data.log(
        "x.json",
        event(itemInSession=0, song="夜想曲", artist="坂本", length=200.5),
        event(itemInSession=1, song="別の曲", artist="坂本"),
        event(itemInSession=2, song="別の曲", artist="別人"),
    )
    warehouse.load()
    first, second, third = plays(warehouse)
    assert first == ("exact", "SOJ", "ARJ")
    # The artist is known by name, although the song is not known.
    assert (second[0], second[2]) == ("inferred", "ARJ")
    assert third[0] == "inferred"
    assert third[2] != "ARJ"


def test_a_play_without_a_length_is_a_play(data: Data, warehouse: Warehouse) -> None:
    data.song("a.json", song(song_id="SO2"), song(song_id="SO1"))
    data.log("x.json", event(itemInSession=0, length=None), event(itemInSession=1, length=None, song="Other"))
    warehouse.load()
    assert plays(warehouse)[0][:2] == ("title_artist", "SO1")
    assert rows(warehouse, "SELECT title, duration FROM songs WHERE inferred") == [("Other", None)]


def test_the_song_is_matched_by_its_own_credit_not_by_the_artists_name(
    data: Data, warehouse: Warehouse
) -> None:
    data.song(
        "a.json",
        song(song_id="SO1", title="Alone", artist_name="Kid"),
        song(song_id="SO2", title="Together", artist_name="Kid feat. Sid"),
    )
    data.log("x.json", event(song="Together", artist="Kid feat. Sid"))
    warehouse.load()
    assert plays(warehouse) == [("exact", "SO2", "ARBAND")]
    assert rows(warehouse, "SELECT name FROM artists") == [("Kid",)]


# -- inferred members ------------------------------------------------------------------------------------


def test_one_inferred_song_for_each_title_and_artist(data: Data, warehouse: Warehouse) -> None:
    data.log(
        "x.json",
        event(itemInSession=0, length=200.0),
        event(itemInSession=1, length=180.0),
        event(itemInSession=2, song="Other"),
        event(itemInSession=3, artist="Else"),
    )
    warehouse.load()
    assert rows(
        warehouse,
        "SELECT s.title, s.artist_name, a.name, s.year, s.duration, s.inferred, a.inferred "
        "FROM songs s JOIN artists a USING (artist_id) ORDER BY 1, 2",
    ) == [
        ("Other", "Band", "Band", None, 200.5, True, True),
        ("Song", "Band", "Band", None, 180.0, True, True),
        ("Song", "Else", "Else", None, 200.5, True, True),
    ]
    assert rows(warehouse, "SELECT count(*) FROM artists") == [(2,)]
    assert {play[0] for play in plays(warehouse)} == {"inferred"}


def test_the_catalogue_row_that_comes_later_takes_the_plays(data: Data, warehouse: Warehouse) -> None:
    data.log("x.json", event(itemInSession=0), event(itemInSession=1, song="Other"))
    warehouse.load()
    inferred = plays(warehouse)
    assert [play[0] for play in inferred] == ["inferred", "inferred"]
    data.song("a.json", song())
    report = warehouse.load()
    assert plays(warehouse) == [("exact", "SOSONG", "ARBAND"), ("inferred", inferred[1][1], "ARBAND")]
    assert rows(warehouse, "SELECT song_id FROM songs ORDER BY inferred") == [("SOSONG",), (inferred[1][1],)]
    assert rows(warehouse, "SELECT artist_id, inferred FROM artists") == [("ARBAND", False)]
    changed = {change.name: change for change in report.tables}
    assert changed["songplays"].updated == 2
    assert [str(check) for check in warehouse.check() if not check.ok] == []


def test_a_better_match_that_comes_later_wins(data: Data, warehouse: Warehouse) -> None:
    data.song("a.json", song(song_id="SON", title="song!!"))
    data.log("x.json", event())
    warehouse.load()
    assert plays(warehouse) == [("normalized", "SON", "ARBAND")]
    data.song("b.json", song(song_id="SOT", duration=1.0))
    warehouse.load()
    assert plays(warehouse) == [("title_artist", "SOT", "ARBAND")]
    data.song("c.json", song(song_id="SOE"))
    warehouse.load()
    assert plays(warehouse) == [("exact", "SOE", "ARBAND")]
    data.song("d.json", song(song_id="SOA", duration=200.0))
    warehouse.load()
    assert plays(warehouse) == [("exact", "SOE", "ARBAND")]


# -- dimensions ------------------------------------------------------------------------------------------


def test_year_0_and_an_empty_place_are_unknown(data: Data, warehouse: Warehouse) -> None:
    data.song(
        "a.json",
        song(),
        song(
            song_id="SO2",
            year=1999,
            artist_id="AR2",
            artist_name="Two",
            artist_location="Rome",
            artist_latitude=41.9,
            artist_longitude=12.5,
        ),
    )
    warehouse.load(only=["songs"])
    assert rows(warehouse, "SELECT song_id, year, duration FROM songs ORDER BY 1") == [
        ("SO2", 1999, 200.5),
        ("SOSONG", None, 200.5),
    ]
    assert rows(warehouse, "SELECT name, location, latitude, longitude FROM artists ORDER BY 1") == [
        ("Band", None, None, None),
        ("Two", "Rome", 41.9, 12.5),
    ]


@pytest.mark.parametrize("order", [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"]])
def test_of_several_names_the_shortest_is_the_artists(
    data: Data, warehouse: Warehouse, order: list[str]
) -> None:
    names = {"a": "Kid & Sid", "b": "Kid", "c": "Kid feat. Sid"}
    for letter in order:
        path = data.song(f"{letter}.json", song(song_id=f"SO{letter}", artist_name=names[letter]))
        warehouse.load(song_data=path, only=["songs"])
    assert rows(warehouse, "SELECT artist_id, name FROM artists") == [("ARBAND", "Kid")]


@pytest.mark.parametrize("newest_first", [False, True])
def test_the_newest_play_makes_the_user_whichever_file_comes_first(
    data: Data, warehouse: Warehouse, newest_first: bool
) -> None:
    old = data.log("1.json", event(at="2018-11-01 10:00:00", level="free", lastName="Old"))
    new = data.log("2.json", event(at="2018-11-02 10:00:00", level="paid", lastName="New", sessionId=2))
    for path in (new, old) if newest_first else (old, new):
        warehouse.load(log_data=path, only=["events"])
    assert rows(warehouse, "SELECT user_id, last_name, level, last_played_at, registered_at FROM users") == [
        (7, "New", "paid", datetime(2018, 11, 2, 10), datetime(2018, 10, 30, 17, 6, 6, 796000))
    ]


def test_time_is_utc_and_keeps_its_milliseconds(data: Data, warehouse: Warehouse) -> None:
    data.log("x.json", event(at="2018-11-04 23:59:59.796"))
    warehouse.load(only=["events"])
    assert rows(warehouse, "SELECT start_time, hour, day, week, month, year, weekday FROM time") == [
        (datetime(2018, 11, 4, 23, 59, 59, 796000), 23, 4, 44, 11, 2018, 0)
    ]


def test_only_plays_are_plays(data: Data, warehouse: Warehouse) -> None:
    home = {"page": "Home", "song": None, "artist": None, "length": None}
    data.log(
        "x.json",
        event(itemInSession=0, **home),
        event(itemInSession=1),
        event(itemInSession=2, userId="", auth="Logged Out", **home),
        event(itemInSession=3, userId="8", **home),
    )
    report = warehouse.load(only=["events"])
    assert report.sources[0].loaded == 4
    assert rows(warehouse, "SELECT item_in_session FROM songplays") == [(1,)]
    assert rows(warehouse, "SELECT user_id FROM users") == [(7,)]


# -- levels ----------------------------------------------------------------------------------------------

STRETCHES = [
    (7, datetime(2018, 11, 1), datetime(2018, 11, 3), "free", False),
    (7, datetime(2018, 11, 3), datetime(2018, 11, 5), "paid", False),
    (7, datetime(2018, 11, 5), None, "free", True),
    (8, datetime(2018, 11, 1), None, "paid", True),
]


@pytest.mark.parametrize(
    "days", [[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], [4, 1, 6, 3, 2, 5], [2, 5, 1, 6, 4, 3]]
)
def test_stretches_of_a_level_come_out_the_same_in_every_order(
    data: Data, warehouse: Warehouse, days: list[int]
) -> None:
    levels = {1: "free", 2: "free", 3: "paid", 4: "paid", 5: "free", 6: "free"}
    for day in days:
        at = f"2018-11-0{day} 00:00:00"
        path = data.log(
            f"{day}.json",
            event(at=at, level=levels[day], sessionId=day),
            event(at=at, level="paid", sessionId=100 + day, userId="8"),
        )
        warehouse.load(log_data=path, only=["events"])
    found = rows(
        warehouse,
        "SELECT user_id, valid_from, valid_to, level, is_current FROM user_levels ORDER BY user_id, valid_from",
    )
    assert found == STRETCHES


# -- every play once ---------------------------------------------------------------------------------------


def test_the_same_play_in_two_files_is_one_play(data: Data, warehouse: Warehouse) -> None:
    data.log("a.json", event(), event(itemInSession=1))
    data.log("b.json", event(), event())
    report = warehouse.load(only=["events"])
    assert report.sources[0].loaded == 4
    assert rows(warehouse, "SELECT item_in_session FROM songplays ORDER BY 1") == [(0,), (1,)]
    path = data.log("c.json", event(itemInSession=1), event(itemInSession=2))
    warehouse.load(log_data=path, only=["events"])
    assert rows(warehouse, "SELECT item_in_session FROM songplays ORDER BY 1") == [(0,), (1,), (2,)]


def test_users_who_share_a_moment_keep_a_play_each(data: Data, warehouse: Warehouse) -> None:
    data.log(
        "a.json",
        event(sessionId=1),
        event(sessionId=2, userId="8"),
        event(sessionId=2, itemInSession=5, userId="8"),
    )
    warehouse.load(only=["events"])
    assert rows(warehouse, "SELECT session_id, item_in_session FROM songplays ORDER BY 1, 2") == [
        (1, 0),
        (2, 0),
        (2, 5),
    ]
    assert rows(warehouse, "SELECT count(*) FROM time") == [(1,)]


def test_a_full_refresh_gives_the_same_star(data: Data, warehouse: Warehouse) -> None:
    data.log("a.json", event(), event(itemInSession=1, song="Other", level="paid"))
    data.song("a.json", song())
    warehouse.load()
    before = star(warehouse)
    report = warehouse.load(full_refresh=True)
    assert (report.load_id, report.mode) == (2, "full refresh")
    assert star(warehouse) == before
    assert rows(warehouse, "SELECT count(*), min(load_id) FROM loaded_files") == [(2, 2)]


@pytest.mark.parametrize(
    "violation",
    [
        "INSERT INTO users SELECT * FROM users",
        "DELETE FROM artists",
        "UPDATE songplays SET song_id = 'NONE'",
        "UPDATE user_levels SET is_current = false",
        "UPDATE loaded_files SET blank = 1",
        "ALTER TABLE songs ALTER title DROP NOT NULL; UPDATE songs SET title = NULL",
    ],
)
def test_hint_of_violated_check_repairs_it(data: Data, warehouse: Warehouse, violation: str) -> None:
    data.song("a.json", song())
    data.log("a.json", event(), event(itemInSession=1, song="Other"))
    warehouse.load()
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql(violation)
    violated = [result for result in warehouse.check() if not result.ok]
    assert violated
    assert {result.hint for result in violated} <= {
        "Rebuild the star from all files. Run: sparkify-etl load --full-refresh",
        "Rebuild the tables from all files. Run: sparkify-etl load --full-refresh",
    }
    warehouse.load(full_refresh=True)
    assert [result.name for result in warehouse.check() if not result.ok] == []
