"""Which plays are stored and with which values, on every database and in any order of loading."""
# ruff: noqa: RUF001 - names in other scripts are what some of these are about.

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from hashlib import md5
from itertools import permutations

import pytest

from sparkify import RejectedLines, Warehouse
from sparkify.analytics import sessions, top_artists, top_songs, top_users, totals
from sparkify.pipeline import SPARKIFY
from sparkify.warehouse.migrations import Migrations
from tests.support.data import HEAD, rows, star
from tests.support.drivers import Driver
from tests.support.making import event, song


@pytest.fixture
def warehouse(driver: Driver) -> Iterator[Warehouse]:
    """Its tables, with nothing in them."""
    with driver.with_tables() as made:
        yield made


def failed(warehouse: Warehouse) -> list[str]:
    """The checks that fail."""
    return [str(result) for result in warehouse.check() if not result.ok]


# -- a session is of one user ------------------------------------------------------------------------------

ANN = event(userId="10", sessionId=29, itemInSession=50)
BOB = event(userId="11", sessionId=29, itemInSession=50, firstName="Bob", song="Other", level="paid")
"""At one moment, in sessions of one number, at one place in them: two plays."""


def test_users_with_sessions_of_one_number_keep_a_play_each_in_one_batch(
    driver: Driver, warehouse: Warehouse
) -> None:
    driver.put("events", "a.json", ANN, BOB)
    warehouse.load(only=["events"])
    assert rows(warehouse, "SELECT user_id, session_id, level FROM songplays ORDER BY 1") == [
        (10, 29, "free"),
        (11, 29, "paid"),
    ]
    assert rows(warehouse, "SELECT user_id, first_name FROM users ORDER BY 1") == [(10, "Ada"), (11, "Bob")]
    assert failed(warehouse) == []


def test_users_with_sessions_of_one_number_keep_a_play_each_in_two_loads(
    driver: Driver, warehouse: Warehouse
) -> None:
    first = driver.put("events", "a.json", ANN)
    second = driver.put("events", "b.json", BOB)
    warehouse.load(sources={"events": first}, only=["events"])
    warehouse.load(sources={"events": second}, only=["events"])
    assert rows(warehouse, "SELECT user_id FROM songplays ORDER BY 1") == [(10,), (11,)]
    assert rows(warehouse, "SELECT title FROM songs ORDER BY 1") == [("Other",), ("Song",)]
    assert failed(warehouse) == []


def test_sessions_of_one_number_are_counted_for_each_user(driver: Driver, warehouse: Warehouse) -> None:
    """Two users, weeks apart, each with three plays in a session 29 of some seven minutes."""
    driver.put(
        "events",
        "a.json",
        *(
            event(userId=user, sessionId=29, itemInSession=item, length=60.0, at=f"{day} 20:0{3 * item}:00")
            for user, day in (("10", "2018-10-01"), ("11", "2018-11-01"))
            for item in range(3)
        ),
    )
    warehouse.load(only=["events"])
    (row,) = warehouse.query(sessions())
    assert (row.level, row.sessions, row.plays, row.plays_per_session) == ("free", 2, 6, 3.0)
    assert (row.minutes_per_session, row.median_minutes) == (7.0, 7.0)
    whole = warehouse.query(totals()).one()
    assert (whole.plays, whole.listeners, whole.sessions, whole.hours) == (6, 2, 2, 0.1)
    assert [(one.user_id, one.sessions) for one in warehouse.query(top_users())] == [(10, 1), (11, 1)]


# -- which song ------------------------------------------------------------------------------------------------

CATALOGUE = (
    song(song_id="SO1", artist_id="AR1", artist_name="Perfume", title="微かなカオリ (Album-mix)"),
    song(song_id="SO2", artist_id="AR2", artist_name="Кино", title="Звезда 1988"),
    song(song_id="SO3", artist_id="AR3", artist_name="椎名林檎 Orchestra", title="丸ノ内 (Live)"),
    song(song_id="SO4", artist_id="AR4", artist_name="Ленинград & Co", title="WWW"),
    song(song_id="SO5", artist_id="AR5", artist_name="BTS", title="진격의 방탄 2"),
    song(song_id="SO6", artist_id="AR6", artist_name="فيروز 1", title="Αθήνα 1"),
)


def played(*names: tuple[str, str]) -> list[dict[str, object]]:
    return [event(itemInSession=item, artist=artist, song=title) for item, (artist, title) in enumerate(names)]


def test_titles_that_differ_in_letters_of_other_scripts_are_not_one_song(
    driver: Driver, warehouse: Warehouse
) -> None:
    """Of the artists the first and the fifth are those of the catalogue; the others are not."""
    driver.put("songs", "a.json", *CATALOGUE)
    driver.put(
        "events",
        "a.json",
        *played(
            ("Perfume", "願い (Album-mix)"),
            ("Кино", "Группа крови 1988"),
            ("久石譲 Orchestra", "夏 (Live)"),
            ("Чайф & Co", "WWW"),
            ("BTS", "봄날 2"),
            ("أم كلثوم 1", "Πειραιάς 1"),
        ),
    )
    warehouse.load()
    found = rows(warehouse, "SELECT match, artist_id FROM songplays ORDER BY item_in_session")
    assert [match for match, _ in found] == ["inferred"] * 6
    assert [artist if artist.startswith("AR") else "inferred" for _, artist in found] == [
        *("AR1", "AR2", "inferred", "inferred", "AR5", "inferred")
    ]
    assert len(list(warehouse.query(top_songs(limit=9)))) == 6
    assert len(list(warehouse.query(top_artists(limit=9)))) == 6
    assert failed(warehouse) == []


def test_spellings_in_other_scripts_match_in_case_and_punctuation(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("songs", "a.json", *CATALOGUE)
    broken = "Björk".encode().decode("latin-1").encode().decode("latin-1")
    driver.put("songs", "b.json", song(song_id="SO7", artist_id="AR7", artist_name="Björk", title="Jóga"))
    driver.put(
        "events",
        "a.json",
        *played(
            ("КИНО", "«Звезда» — 1988"),
            ("perfume", "微かなカオリ [Album mix]"),
            (broken, "Joga’s"),
            (broken, "Jga"),
        ),
    )
    warehouse.load()
    assert rows(warehouse, "SELECT match, song_id, artist_id FROM songplays ORDER BY item_in_session") == [
        ("normalized", "SO2", "AR2"),
        ("normalized", "SO1", "AR1"),
        ("inferred", "IS9FE94BFB723B2F2F", "AR7"),
        ("normalized", "SO7", "AR7"),
    ]


def test_migration_makes_the_stored_keys_anew(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("songs", "a.json", *CATALOGUE[:3])
    driver.put("events", "a.json", *played(("Кино", "Звезда 1988"), ("久石譲 Orchestra", "夏")))
    warehouse.load()
    keys = "SELECT title_key, artist_key FROM songs WHERE NOT inferred ORDER BY song_id"
    others = (
        "SELECT name_key FROM artists WHERE NOT inferred UNION ALL "
        "SELECT artist_key FROM song_matches ORDER BY 1"
    )
    new = [("微かなカオリalbummix", "perfume"), ("звезда1988", "кино"), ("丸ノ内live", "椎名林檎orchestra")]
    assert rows(warehouse, keys) == new
    all_new = rows(warehouse, others)
    Migrations(SPARKIFY, warehouse.database).downgrade(warehouse.engine, "0008")
    assert rows(warehouse, keys) == [("albummix", "perfume"), ("1988", ""), ("live", "orchestra")]
    assert rows(warehouse, others) == [("",), ("",), ("orchestra",), ("orchestra",), ("perfume",)]
    assert warehouse.migrate() == HEAD
    assert rows(warehouse, keys) == new
    assert rows(warehouse, others) == all_new


GREEK = (
    song(song_id="SO1", artist_id="AR1", artist_name="ΣΊΣΥΦΟΣ", title="Ο Λόφος"),
    song(song_id="SO2", artist_id="AR2", artist_name="Θρύλος", title="ΤΕΛΟΣ ΕΠΟΧΗΣ"),
)


def test_greek_in_capitals_matches_its_lower_case_with_a_final_sigma(
    driver: Driver, warehouse: Warehouse
) -> None:
    driver.put("songs", "a.json", *GREEK)
    driver.put(
        "events", "a.json", *played(("Σίσυφος", "Ο ΛΌΦΟΣ"), ("ΘΡΎΛΟΣ", "Τελος Εποχης"), ("Σίσυφο", "Ο Λόφος"))
    )
    warehouse.load()
    assert rows(warehouse, "SELECT match, song_id FROM songplays WHERE NOT item_in_session = 2 ORDER BY 2") == [
        ("normalized", "SO1"),
        ("normalized", "SO2"),
    ]
    assert rows(warehouse, "SELECT match FROM songplays WHERE item_in_session = 2") == [("inferred",)]
    assert [row.plays for row in warehouse.query(top_artists(limit=9))] == [1, 1, 1]
    assert failed(warehouse) == []


Keys = Mapping[str, tuple[list[tuple[str | None, ...]], list[tuple[str | None, ...]]]]
"""For each query of keys, its rows before a migration and after it."""


def assert_migration_changes_keys(warehouse: Warehouse, before: str, keys: Keys) -> None:
    """Go down to the revision before and up again; the ledger counts the rows alone until a full refresh."""
    found = star(warehouse)
    new = {query: after for query, (_, after) in keys.items()}
    assert {query: rows(warehouse, query) for query in keys} == new
    Migrations(SPARKIFY, warehouse.database).downgrade(warehouse.engine, before)
    assert {query: rows(warehouse, query) for query in keys} == {query: old for query, (old, _) in keys.items()}
    assert warehouse.migrate() == HEAD
    assert {query: rows(warehouse, query) for query in keys} == new
    # The ledger, which sums up the keys too, finds no row altered.
    assert failed(warehouse) == []
    notes = {result.name.split(":")[0] for result in warehouse.check() if result.note}
    assert notes == {"songs", "artists"}
    warehouse.load(full_refresh=True)
    assert star(warehouse) == found
    assert [result.note for result in warehouse.check() if result.note] == []


def test_migration_makes_one_sigma_of_the_stored_keys(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("songs", "a.json", *GREEK, CATALOGUE[2])
    driver.put("events", "a.json", *played(("Σίσυφος", "Ο ΛΌΦΟΣ"), ("Βράχος", "Τέλος")))
    warehouse.load()
    keys: Keys = {
        "SELECT title_key, artist_key FROM songs WHERE NOT inferred ORDER BY song_id": (
            [("ολόφος", "σίσυφοσ"), ("τελοσεποχησ", "θρύλος"), ("丸ノ内live", "椎名林檎orchestra")],
            [("ολόφοσ", "σίσυφοσ"), ("τελοσεποχησ", "θρύλοσ"), ("丸ノ内live", "椎名林檎orchestra")],
        ),
        "SELECT name_key FROM artists WHERE NOT inferred ORDER BY artist_id": (
            [("σίσυφοσ",), ("θρύλος",), ("椎名林檎orchestra",)],
            [("σίσυφοσ",), ("θρύλοσ",), ("椎名林檎orchestra",)],
        ),
        "SELECT artist_key FROM song_matches ORDER BY artist_name": (
            [("βράχος",), ("σίσυφος",)],
            [("βράχοσ",), ("σίσυφοσ",)],
        ),
    }
    assert_migration_changes_keys(warehouse, "0016", keys)


@pytest.mark.parametrize("revision", ["0016", "0017"])
def test_migration_leaves_checksums_where_no_key_changes(
    revision: str, driver: Driver, warehouse: Warehouse
) -> None:
    driver.put("songs", "a.json", CATALOGUE[1])
    driver.put("events", "a.json", *played(("Кино", "Звезда 1988"), ("Σίσυφος", "Τέλος")))
    warehouse.load()
    sums = "SELECT table_name, checksum FROM load_checksums WHERE checksum IS NOT NULL ORDER BY 1"
    before = rows(warehouse, sums)
    Migrations(SPARKIFY, warehouse.database).downgrade(warehouse.engine, revision)
    warehouse.migrate()
    assert rows(warehouse, sums) == before
    assert failed(warehouse) == []


PAIRS = (
    *(
        "Ɓɓ",
        "Ɔɔ",
        "Ɖɖ",
        "Ɗɗ",
        "Əə",
        "Ɛɛ",
        "Ɠɠ",
        "Ɣɣ",
        "Ɩɩ",
        "Ɨɨ",
        "Ɯɯ",
        "Ɲɲ",
        "Ɵɵ",
        "Ʀʀ",
        "Ʃʃ",
        "Ʈʈ",
        "Ʊʊ",
        "Ʋʋ",
    ),
    *("Ʒʒ", "Ⱥⱥ", "Ⱦⱦ", "Ʉʉ", "Ʌʌ", "\u212bå", "Ȿȿ", "Ɀɀ"),
    # Both letters of these are beyond U+024F.
    *(
        "Ɫɫ",
        "Ɽɽ",
        "Ɑɑ",
        "Ɱɱ",
        "Ɐɐ",
        "Ɒɒ",
        "Ɥɥ",
        "Ɦɦ",
        "Ɜɜ",
        "Ɡɡ",
        "Ɬɬ",
        "Ɪɪ",
        "Ʞʞ",
        "Ʇʇ",
        "Ʝʝ",
        "Ʂʂ",
        "Ɤɤ",
        "Ƛƛ",
    ),
    # Both letters of these are before it, except for the last.
    *("Éé", "Ŋŋ", "Ǆǆ", "Ṡṡ", "ẞß"),
)
"""Latin letters that ASCII lacks, each as a capital and as a small one."""


@pytest.mark.parametrize("of_catalogue", [0, 1], ids=["capitals", "small"])
def test_names_match_in_capitals_whichever_letters_they_have(
    of_catalogue: int, driver: Driver, warehouse: Warehouse
) -> None:
    """Artist and title of the catalogue have one letter of each pair, and those of the plays have the other."""

    def named(number: int, letter: str) -> tuple[str, str]:
        return f"{letter}band {number}", f"Song {letter}"

    driver.put(
        "songs",
        "a.json",
        *(
            song(song_id=f"SO{number}", artist_id=f"AR{number}", artist_name=artist, title=title)
            for number, (artist, title) in enumerate(
                named(number, pair[of_catalogue]) for number, pair in enumerate(PAIRS)
            )
        ),
    )
    plays = [named(number, pair[1 - of_catalogue]) for number, pair in enumerate(PAIRS)]
    driver.put("events", "a.json", *played(*plays))
    warehouse.load()
    found = rows(warehouse, "SELECT match, song_id, artist_id FROM songplays ORDER BY item_in_session")
    assert found == [("normalized", f"SO{number}", f"AR{number}") for number in range(49)]
    assert failed(warehouse) == []


EWE = (
    song(song_id="SO1", artist_id="AR1", artist_name="Ɛwɛ Band", title="Agbadza"),
    song(song_id="SO2", artist_id="AR2", artist_name="FELA", title="ƆDƆ"),
    # The capital of the dotless i is an ASCII letter, and so is the lower case of the dotted I.
    song(song_id="SO3", artist_id="AR3", artist_name="ƏLİ", title="Işık"),
)


def test_names_match_in_capitals_but_for_the_two_i_of_turkish(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("songs", "a.json", *EWE)
    driver.put(
        "events",
        "a.json",
        *played(
            ("ƐWƐ BAND", "AGBADZA"),
            ("Fela", "ɔdɔ"),
            ("əlİ", "IŞIk"),
            ("əli", "Işık"),
            ("Əlİ", "ışık"),
            ("Ada", "ɔdɔ"),
        ),
    )
    warehouse.load()
    found = rows(warehouse, "SELECT match, artist_id FROM songplays ORDER BY item_in_session")
    assert [(match, artist if artist.startswith("AR") else "inferred") for match, artist in found] == [
        ("normalized", "AR1"),
        ("normalized", "AR2"),
        ("inferred", "AR3"),
        ("inferred", "inferred"),
        ("inferred", "AR3"),
        ("inferred", "inferred"),
    ]
    assert [row.artist for row in warehouse.query(top_artists(limit=9))] == [
        "ƏLİ",
        "Ada",
        "FELA",
        "Ɛwɛ Band",
        "əli",
    ]
    assert failed(warehouse) == []


def test_migration_makes_the_stored_keys_of_pairs_anew(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("songs", "a.json", *EWE[:2])
    driver.put(
        "songs", "b.json", song(song_id="SO3", artist_id="AR3", artist_name="Ƀɂ", title="\u212bngström (Λόγος)")
    )
    driver.put("events", "a.json", *played(("ƐWƐ BAND", "AGBADZA"), ("Fɛla", "X"), ("ɓράχος", "Τέλος")))
    warehouse.load()
    keys: Keys = {
        "SELECT title_key, artist_key FROM songs WHERE NOT inferred ORDER BY song_id": (
            [("agbadza", "wɛband"), ("d", "fela"), ("ångstrmλόγοσ", "")],
            [("agbadza", "wband"), ("d", "fela"), ("ngstrmλόγοσ", "")],
        ),
        "SELECT name_key FROM artists WHERE NOT inferred ORDER BY artist_id": (
            [("wɛband",), ("fela",), ("",)],
            [("wband",), ("fela",), ("",)],
        ),
        "SELECT title, artist_key FROM song_matches ORDER BY title": (
            [("AGBADZA", "wband"), ("X", "fɛla"), ("Τέλος", "ɓράχοσ")],
            [("AGBADZA", "wband"), ("X", "fla"), ("Τέλος", "ράχοσ")],
        ),
        # Inferred rows have no keys.
        "SELECT DISTINCT title_key, artist_key FROM songs WHERE inferred": ([(None, None)], [(None, None)]),
        "SELECT DISTINCT name_key FROM artists WHERE inferred": ([(None,)], [(None,)]),
    }
    assert_migration_changes_keys(warehouse, "0017", keys)


# -- one play, two contents ------------------------------------------------------------------------------------

TWO_CONTENTS = {
    "a.json": event(level="free", location="Town", song="Song", userAgent="1"),
    "b.json": event(level="paid", location="City", song="Other", userAgent="2"),
    "c.json": event(level="paid", location="Abroad", song="Other", userAgent="2"),
}
STANDS = {
    "SELECT level, location, user_agent FROM songplays": [("paid", "Abroad", "2")],
    "SELECT title FROM songplays JOIN songs ON songs.song_id = songplays.song_id": [("Other",)],
    "SELECT level FROM users": [("paid",)],
    "SELECT level, is_current FROM user_levels": [("paid", True)],
}


@pytest.mark.parametrize("order", list(permutations(TWO_CONTENTS)), ids="".join)
def test_play_with_several_contents_is_the_same_in_every_order(
    order: tuple[str, ...], driver: Driver, warehouse: Warehouse
) -> None:
    files = {name: driver.put("events", name, line) for name, line in TWO_CONTENTS.items()}
    for name in order:
        warehouse.load(sources={"events": files[name]}, only=["events"])
    assert {question: rows(warehouse, question) for question in STANDS} == STANDS
    assert failed(warehouse) == []
    found = star(warehouse)
    warehouse.load(only=["events"], full_refresh=True)
    assert star(warehouse) == found


def test_play_of_another_content_changes_the_levels_since(driver: Driver, warehouse: Warehouse) -> None:
    first = driver.put(
        "events",
        "a.json",
        *(event(itemInSession=hour, at=f"2018-11-01 0{hour}:00:00", level="free") for hour in range(4)),
    )
    second = driver.put("events", "b.json", event(itemInSession=1, at="2018-11-01 01:00:00", level="paid"))
    warehouse.load(sources={"events": first}, only=["events"])
    report = warehouse.load(sources={"events": second}, only=["events"])
    changed = {change.name: (change.inserted, change.updated, change.deleted) for change in report.tables}
    assert changed["songplays"] == (0, 1, 0)
    assert rows(warehouse, "SELECT level, load_id FROM songplays ORDER BY start_time") == [
        *(("free", 1), ("paid", 2), ("free", 1), ("free", 1))
    ]
    assert rows(warehouse, "SELECT valid_from, level, is_current FROM user_levels ORDER BY 1") == [
        (datetime(2018, 11, 1, 0), "free", False),
        (datetime(2018, 11, 1, 1), "paid", False),
        (datetime(2018, 11, 1, 2), "free", True),
    ]
    assert rows(warehouse, "SELECT level FROM users") == [("free",)]
    assert failed(warehouse) == []


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
@pytest.mark.parametrize("reverse", [False, True], ids=["in order", "in reverse"])
@pytest.mark.parametrize("items", [(0, 0), (0, 1)], ids=["one play", "two plays"])
@pytest.mark.parametrize(
    ("levels", "counts"),
    [(("trial", "paid"), "paid"), (("free", "trial"), "trial"), (("", "free"), "free"), ((None, "a"), "a")],
)
def test_of_levels_at_one_moment_paid_counts_else_the_last_by_name(
    levels: tuple[str | None, str],
    counts: str,
    items: tuple[int, int],
    reverse: bool,
    at_once: bool,
    driver: Driver,
    warehouse: Warehouse,
) -> None:
    lines = [event(level=level, itemInSession=item) for level, item in zip(levels, items, strict=True)]
    for place, line in enumerate(reversed(lines) if reverse else lines):
        uri = driver.put("events", f"{place}.json", line)
        if not at_once:
            warehouse.load(sources={"events": uri}, only=["events"])
    if at_once:
        warehouse.load(only=["events"])
    plays = [(counts,)] if items == (0, 0) else [(level or None,) for level in levels]
    assert rows(warehouse, "SELECT level FROM songplays ORDER BY item_in_session") == plays
    assert rows(warehouse, "SELECT level FROM users") == [(counts,)]
    assert rows(warehouse, "SELECT level, valid_to, is_current FROM user_levels") == [(counts, None, True)]
    assert [(row.level, row.sessions) for row in warehouse.query(sessions())] == [(counts, 1)]
    assert failed(warehouse) == []


def test_check_finds_a_stretch_that_is_trial_beside_a_play_that_is_paid(
    driver: Driver, warehouse: Warehouse
) -> None:
    driver.put("events", "a.json", event(level="trial"), event(level="paid", itemInSession=1))
    warehouse.load(only=["events"])
    with warehouse.engine.begin() as connection:
        for table in ("users", "user_levels"):
            connection.exec_driver_sql(f"UPDATE {table} SET level = 'trial'")
    (found,) = [text for text in failed(warehouse) if text.startswith("user_levels: ")]
    assert found.startswith("user_levels: each play lies in a stretch of its level: 1 row, such as")


# -- no level --------------------------------------------------------------------------------------------------

EMPTY = [event(userId=str(user), sessionId=user, level=level) for user, level in ((1, ""), (2, None), (3, " "))]
"""Three lines, of which none tells a level."""
PAID = event(userId="4", sessionId=4, level="paid")


def test_empty_level_is_null_in_the_whole_star(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "a.json", *EMPTY, PAID)
    warehouse.load(only=["events"])
    expected = [(1, None), (2, None), (3, None), (4, "paid")]
    for table in ("songplays", "users", "user_levels"):
        assert rows(warehouse, f"SELECT user_id, level FROM {table} ORDER BY 1") == expected, table
    for table in ("songplays", "users"):
        counted = f"SELECT level, count(*) FROM {table} GROUP BY level ORDER BY 2"
        assert rows(warehouse, counted) == [("paid", 1), (None, 3)], table
    assert rows(warehouse, "SELECT play.level, play.current_level FROM plays play ORDER BY user_id") == [
        (None, None),
        (None, None),
        (None, None),
        ("paid", "paid"),
    ]
    assert failed(warehouse) == []


SAME_PLAY = {
    "a.json": event(level="", location="Town"),
    "b.json": event(level=None, location="City"),
    "c.json": event(level=" ", location="Village"),
}


@pytest.mark.parametrize("order", list(permutations(SAME_PLAY)), ids="".join)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
def test_play_without_a_level_is_the_same_in_every_order_however_its_lines_say_so(
    order: tuple[str, ...], at_once: bool, driver: Driver, warehouse: Warehouse
) -> None:
    """Neither of the lines counts before the others by its level, so the place decides."""
    for place, name in enumerate(order):
        uri = driver.put("events", f"{place}.json", SAME_PLAY[name])
        if not at_once:
            warehouse.load(sources={"events": uri}, only=["events"])
    if at_once:
        warehouse.load(only=["events"])
    assert rows(warehouse, "SELECT level, location FROM songplays") == [(None, "City")]
    assert rows(warehouse, "SELECT level FROM users") == [(None,)]
    assert rows(warehouse, "SELECT level, valid_to, is_current FROM user_levels") == [(None, None, True)]
    assert failed(warehouse) == []


def test_line_that_says_no_level_otherwise_changes_nothing(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "a.json", event(level=None))
    warehouse.load(only=["events"])
    driver.put("events", "b.json", event(level=""))
    report = warehouse.load(only=["events"])
    assert [change.name for change in report.tables] == []
    assert rows(warehouse, "SELECT load_id, level FROM songplays") == [(1, None)]


@pytest.mark.parametrize(
    ("table", "check"),
    [
        ("songplays", "user_levels: each play lies in a stretch of its level: 1 row, such as"),
        ("users", "users: level and last_played_at are of the newest play: 1 row, such as"),
    ],
)
def test_check_finds_an_empty_level(table: str, check: str, driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "a.json", event(level=None))
    warehouse.load(only=["events"])
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {table} SET level = ''")
        connection.exec_driver_sql("UPDATE load_checksums SET checksum = NULL")
    (found,) = failed(warehouse)
    assert found.startswith(check)


def test_migration_makes_empty_levels_null(driver: Driver, warehouse: Warehouse) -> None:
    """And counts the rows of loads that had one: the others are summed up as before."""
    driver.put("events", "a.json", PAID)
    warehouse.load(only=["events"])
    driver.put("events", "b.json", *EMPTY)
    warehouse.load(only=["events"])
    found = star(warehouse)
    sums = "SELECT table_name, of_load FROM load_checksums WHERE checksum IS NULL ORDER BY 1, 2"
    assert rows(warehouse, sums) == []
    Migrations(SPARKIFY, warehouse.database).downgrade(warehouse.engine, "0017")
    # The downgrade does not restore the empty levels.
    assert star(warehouse) == found
    with warehouse.engine.begin() as connection:
        for table in ("songplays", "users"):
            # As under the earlier rules; the line of user 2 has no level.
            connection.exec_driver_sql(f"UPDATE {table} SET level = '' WHERE user_id IN (1, 3)")
    assert warehouse.migrate() == HEAD
    assert star(warehouse) == found
    # Users are summed up together (of_load 0): what each of the two loads added to them.
    assert rows(warehouse, sums) == [("songplays", 2), ("users", 0), ("users", 0)]
    assert failed(warehouse) == []
    warehouse.load(full_refresh=True, only=["events"])
    assert star(warehouse) == found
    assert [result.note for result in warehouse.check() if result.note] == []


def test_migration_leaves_checksums_where_no_level_is_empty(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "a.json", PAID, EMPTY[1])
    warehouse.load(only=["events"])
    sums = "SELECT table_name, of_load, checksum FROM load_checksums ORDER BY 1, 2"
    before = rows(warehouse, sums)
    Migrations(SPARKIFY, warehouse.database).downgrade(warehouse.engine, "0017")
    warehouse.migrate()
    assert rows(warehouse, sums) == before
    assert failed(warehouse) == []


# -- when ----------------------------------------------------------------------------------------------------


def test_times_in_seconds_and_zero_are_rejected_as_what_they_are(driver: Driver, warehouse: Warehouse) -> None:
    driver.put(
        "events",
        "a.json",
        event(ts=1541105830),
        event(ts=0),
        event(registration=1540919166.0),
        event(itemInSession=1),
        event(itemInSession=2, ts=1541105830796000),
    )
    with pytest.raises(RejectedLines, match="seconds, not milliseconds?"):
        warehouse.load(only=["events"])
    report = warehouse.load(only=["events"], max_rejects=4)
    assert [(one.line, one.reason) for one in report.rejects] == [
        (1, "ts: 1541105830 is before 2000-01-01: seconds, not milliseconds?"),
        (2, "ts: 0 is before 2000-01-01: seconds, not milliseconds?"),
        (3, "registration: 1540919166.0 is before 2000-01-01: seconds, not milliseconds?"),
        (5, f"ts: 1541105830796000 is after {datetime.now(UTC).date() + timedelta(days=1)}, in the future"),
    ]
    assert rows(warehouse, "SELECT item_in_session FROM songplays") == [(1,)]


def test_plays_after_tomorrow_are_rejected_and_pin_neither_user_nor_period(
    driver: Driver, warehouse: Warehouse
) -> None:
    today = datetime.combine(datetime.now(UTC).date(), time.min, tzinfo=UTC)
    end_of_tomorrow = int((today + timedelta(days=2)).timestamp() * 1000) - 1
    driver.put(
        "events",
        "a.json",
        event(level="free", ts=end_of_tomorrow),
        event(level="paid", itemInSession=1, ts=end_of_tomorrow + 1),
        event(level="paid", itemInSession=2, at="2099-12-31 23:59:59"),
    )
    report = warehouse.load(only=["events"], max_rejects=2)
    tomorrow = (today + timedelta(days=1)).date()
    assert [(one.line, one.reason) for one in report.rejects] == [
        (2, f"ts: {end_of_tomorrow + 1} is after {tomorrow}, in the future"),
        (3, f"ts: 4102444799000 is after {tomorrow}, in the future"),
    ]
    assert warehouse.status().loads[0].rejected == 2
    assert rows(warehouse, "SELECT user_id, level FROM users") == [(7, "free")]
    assert rows(warehouse, "SELECT level, is_current FROM user_levels") == [("free", True)]
    assert warehouse.query(totals()).one().last_play.date() == tomorrow
    assert failed(warehouse) == []


def test_check_finds_plays_of_the_future_that_were_loaded_before(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "a.json", event())
    warehouse.load(only=["events"])
    with warehouse.engine.begin() as connection:
        for table in ("songplays", "time"):
            connection.exec_driver_sql(f"UPDATE {table} SET start_time = TIMESTAMP '2099-01-01'")
    (found,) = [text for text in failed(warehouse) if text.startswith("songplays: none is of")]
    assert found.startswith("songplays: none is of a day after tomorrow (UTC): 1 row, such as")


# -- how long ------------------------------------------------------------------------------------------------


def test_lengths_that_no_song_has_are_rejected_with_a_reason(driver: Driver, warehouse: Warehouse) -> None:
    """A number too near to 0 is 0 for DuckDB, and ends a COPY."""
    texts = ("86400.5", "1e306", '"1e-400"', "1e-400", "-1e-400", "1e-310")
    wrong = [json.dumps(event(length=-99)).replace("-99", text) for text in texts]
    right = [event(itemInSession=1, length=86400), event(itemInSession=2, length=0.0)]
    driver.put("events", "a.json", *wrong, *right)
    driver.put("songs", "a.json", song(song_id="SOLONG", duration=200500.0), song(duration=0.5))
    report = warehouse.load(max_rejects=7)
    assert [(one.source, one.line, one.column, one.reason) for one in report.rejects] == [
        ("events", 1, "length", "length: 86400.5 is longer than a day: milliseconds, not seconds?"),
        ("events", 2, "length", "length: 1e+306 is longer than a day: milliseconds, not seconds?"),
        ("events", 3, "length", "length: 1e-400 is too near to 0 for a double"),
        ("events", 4, "length", "length: 1e-400 is too near to 0 for a double"),
        ("events", 5, "length", "length: -1e-400 is too near to 0 for a double"),
        ("events", 6, "length", "length: 1e-310 is too near to 0 for a double"),
        ("songs", 1, "duration", "duration: 200500.0 is longer than a day: milliseconds, not seconds?"),
    ]
    query = (
        "SELECT item_in_session, duration FROM songplays JOIN song_matches USING (match_id) "
        "ORDER BY item_in_session"
    )
    assert rows(warehouse, query) == [(1, 86400.0), (2, 0.0)]
    assert failed(warehouse) == []


def test_check_finds_lengths_of_more_than_a_day_that_were_loaded_before(
    driver: Driver, warehouse: Warehouse
) -> None:
    driver.put("events", "a.json", event())
    warehouse.load(only=["events"])
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE song_matches SET duration = 1e306")
        connection.exec_driver_sql("UPDATE songs SET duration = 1e306")
    found = [text.partition(":")[0] for text in failed(warehouse) if "longer than a day" in text]
    assert found == ["songs", "song_matches"]


def test_names_with_the_character_between_artist_and_title_are_two_songs(
    driver: Driver, warehouse: Warehouse
) -> None:
    driver.put("songs", "a.json", song())
    driver.put("events", "a.json", event(artist="A\x1fB", song="C"))
    driver.put("events", "b.json", event(artist="A", song="B\x1fC", itemInSession=1))
    warehouse.load()
    query = "SELECT title, artist_name FROM songs WHERE inferred ORDER BY title"
    assert rows(warehouse, query) == [("B\x1fC", "A"), ("C", "A\x1fB")]
    ids = rows(warehouse, "SELECT song_id FROM songs WHERE inferred ORDER BY title")
    # One keeps its previous id; the other's text is prefixed by the length of its artist.
    texts = ("A\x1fB\x1fC", "\x1f3\x1fA\x1fB\x1fC")
    assert ids == [(f"IS{md5(text.encode()).hexdigest()[:16].upper()}",) for text in texts]


@pytest.mark.parametrize("loads", [1, 2])
def test_empty_names_of_users_tell_nothing_in_one_load_or_two(
    driver: Driver, warehouse: Warehouse, loads: int
) -> None:
    driver.put("songs", "a.json", song())
    unnamed = {"registration": None, "userId": "7"}
    driver.put("events", "a.json", event(firstName="", lastName=None, gender="", **unnamed))
    if loads == 2:
        warehouse.load()
    driver.put(
        "events",
        "b.json",
        event(
            firstName=None, lastName="", gender=None, itemInSession=1, at="2018-11-02 20:57:10.796", **unnamed
        ),
    )
    warehouse.load()
    query = "SELECT first_name, last_name, gender, described_at FROM users WHERE user_id = 7"
    assert rows(warehouse, query) == [(None, None, None, None)]


@pytest.mark.parametrize(
    ("ids", "songs", "artists"),
    [
        (
            {"song_id": "IS40E26B5039A902C2", "artist_id": "IA67FD95FC1E88F15B"},
            [("IS40E26B5039A902C2", "IA67FD95FC1E88F15B", 1999, False)],
            [("IA67FD95FC1E88F15B", "Oslo", False)],
        ),
        (
            {"song_id": "IS40E26B5039A902C2"},
            [("IS40E26B5039A902C2", "ARBAND", 1999, False)],
            [("ARBAND", "Oslo", False)],
        ),
        (
            {"artist_id": "IA67FD95FC1E88F15B"},
            [("SOSONG", "IA67FD95FC1E88F15B", 1999, False)],
            [("IA67FD95FC1E88F15B", "Oslo", False)],
        ),
    ],
    ids=["both", "song", "artist"],
)
@pytest.mark.parametrize("at_once", [False, True])
def test_catalogue_takes_over_what_was_inferred_under_the_same_id(
    driver: Driver,
    warehouse: Warehouse,
    ids: dict[str, str],
    songs: list[tuple[object, ...]],
    artists: list[tuple[object, ...]],
    at_once: bool,
) -> None:
    """Whoever completes what the catalogue lacks may begin with what is known of it."""
    driver.put("events", "a.json", event())
    if not at_once:
        warehouse.load(only=["events"])
        assert rows(warehouse, "SELECT song_id, artist_id, match FROM songplays") == [
            ("IS40E26B5039A902C2", "IA67FD95FC1E88F15B", "inferred")
        ]
    driver.put("songs", "a.json", song(year=1999, artist_location="Oslo", **ids))
    warehouse.load()
    assert rows(warehouse, "SELECT song_id, artist_id, year, inferred FROM songs") == songs
    assert rows(warehouse, "SELECT artist_id, location, inferred FROM artists") == artists
    assert rows(warehouse, "SELECT song_id, artist_id, match FROM songplays") == [(*songs[0][:2], "exact")]
    assert failed(warehouse) == []
