"""Files that differ from earlier ones or from the models: reported once, recorded, and rejected on request.

Tests of publicly reported cases name the case.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sparkify import ChecksFailed, Drift, DriftError, RejectedLines, Warehouse
from sparkify.etl.profiling import ENOUGH
from tests.support.data import rows, star
from tests.support.drivers import Driver
from tests.support.making import event, song

MODEL = {key: key for key in event()}
RENAMED = {
    "firstName": "first_name",
    "gender": "sex",
    "lastName": "last_name",
    "length": "duration",
    "level": "subscription",
    "location": "city",
    "registration": "registeredAt",
    "userAgent": "user_agent",
}
"""The case drift-renamed: the keys of its second file."""
OLD = ("firstName", "gender", "lastName", "length", "level", "location", "registration", "userAgent")
NEW = ("city", "duration", "first_name", "last_name", "registeredAt", "sex", "subscription", "user_agent")


@pytest.fixture
def warehouse(driver: Driver) -> Iterator[Warehouse]:
    """Its tables, with nothing in them, and a song."""
    driver.put("songs", "a.json", song())
    with driver.with_tables() as made:
        yield made


def renamed(number: int, **changed: Any) -> dict[str, Any]:
    """A play, with the keys of drift-renamed."""
    return {RENAMED.get(key, key): value for key, value in event(itemInSession=number, **changed).items()}


def many(count: int, **changed: Any) -> list[dict[str, Any]]:
    """So many plays of one session."""
    return [event(itemInSession=number, **changed) for number in range(count)]


def told(warehouse: Warehouse) -> list[tuple[str, tuple[str, ...], str, int]]:
    """What a load of what is new tells: the kind, the names, the name of the file, and how many files."""
    return [(one.kind, one.names, Path(one.uri).name, one.files) for one in warehouse.load().drift]


def kept(warehouse: Warehouse) -> dict[str, Any]:
    """What the ledger keeps of the files with something to keep, by their names."""
    found = rows(warehouse, "SELECT uri, drift FROM loaded_files WHERE drift IS NOT NULL")
    return {Path(uri).name: json.loads(drift) for uri, drift in found}


def test_expected_files_have_no_drift(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "a.json", *many(ENOUGH), event(page="Home", artist=None, song=None, length=None))
    assert told(warehouse) == []
    assert kept(warehouse) == {}
    assert warehouse.status().drift == ()


def test_renamed_keys_are_told_once(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "a.json", event())
    assert told(warehouse) == []
    driver.put("events", "b.json", renamed(1))
    expected = [("missing key", OLD, "b.json", 1), ("new key", NEW, "b.json", 1)]
    assert told(warehouse) == expected
    assert kept(warehouse) == {"b.json": {"missing": list(OLD), "unknown": list(NEW)}}
    assert [(one.kind, one.names) for one in warehouse.status().drift] == [one[:2] for one in expected]
    driver.put("events", "c.json", renamed(2))
    assert told(warehouse) == []
    assert warehouse.status().drift == ()
    # The ledger has it for each file.
    assert sorted(kept(warehouse)) == ["b.json", "c.json"]


def test_missing_keys_are_told_again_after_files_that_had_them(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "a.json", renamed(0))
    assert [kind for kind, *_ in told(warehouse)] == ["missing key", "new key"]
    driver.put("events", "b.json", event(itemInSession=1))
    assert told(warehouse) == []
    driver.put("events", "c.json", renamed(2))
    assert told(warehouse) == [("missing key", OLD, "c.json", 1)]


def test_files_that_differ_alike_are_told_together(driver: Driver, warehouse: Warehouse) -> None:
    for number in range(3):
        driver.put("events", f"{number}.json", renamed(number))
    assert told(warehouse) == [("missing key", OLD, "0.json", 3), ("new key", NEW, "0.json", 1)]


def test_eventsim_2_lacks_length_and_location(driver: Driver, warehouse: Warehouse) -> None:
    """The case eventsim-v2-page-views."""
    play = event()
    for old, new in {"length": ("duration",), "location": ("city", "state", "zip", "lon", "lat")}.items():
        play |= dict.fromkeys(new, play.pop(old))
    driver.put("events", "page_views.json", play, play | {"itemInSession": 1})
    assert told(warehouse) == [
        ("missing key", ("length", "location"), "page_views.json", 1),
        ("new key", ("city", "duration", "lat", "lon", "state", "zip"), "page_views.json", 1),
    ]


@pytest.mark.parametrize("page", ["nextSong", "Next Song"])
def test_file_without_a_play(page: str, driver: Driver, warehouse: Warehouse) -> None:
    """The case drift-page."""
    driver.put("events", "a.json", event(page=page), event(page="Home", itemInSession=1))
    assert told(warehouse) == [
        ("new value", ("page", page), "a.json", 1),
        ("nothing kept", ("page", "NextSong"), "a.json", 1),
    ]
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(0,)]


def test_pages_of_drift_page_beside_a_play(driver: Driver, warehouse: Warehouse) -> None:
    """The case drift-page: a play with a blank behind its page is a play; the others are told of."""
    pages = ("nextSong", "NextSong ", "Next Song")
    driver.put("events", "a.json", *(event(page=page, itemInSession=n) for n, page in enumerate(pages)))
    assert told(warehouse) == [("new value", ("page", "Next Song", "nextSong"), "a.json", 1)]
    assert rows(warehouse, "SELECT item_in_session FROM songplays") == [(1,)]
    driver.put("events", "b.json", event(page="nextSong", itemInSession=3), event(itemInSession=4))
    assert told(warehouse) == []


def test_new_page_does_not_change_the_star(driver: Driver, warehouse: Warehouse) -> None:
    """A line of a page that is not known is staged on either database, and is no play."""
    plays = many(3)
    driver.put("events", "a.json", *plays, event(page="Radio", itemInSession=9, at="2019-01-01 00:00:00.000"))
    warehouse.load()
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(3,)]
    assert rows(warehouse, "SELECT count(*) FROM time") == [(1,)]
    assert rows(warehouse, "SELECT lines, loaded, rejected FROM loaded_files WHERE source = 'events'") == [
        (4, 4, 0)
    ]
    assert all(result.ok for result in warehouse.check())


def test_column_that_is_suddenly_null_throughout(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "a.json", *many(ENOUGH))
    assert told(warehouse) == []
    driver.put("events", "b.json", *many(ENOUGH, sessionId=2, location=None, registration=None))
    assert told(warehouse) == [("no value", ("location", "registration"), "b.json", 1)]
    driver.put("events", "c.json", *many(ENOUGH, sessionId=3, location=None, registration=None))
    assert told(warehouse) == []
    driver.put("events", "d.json", *many(ENOUGH, sessionId=4, location=None))
    driver.put("songs", "b.json", song(song_id="SO2"))
    assert told(warehouse) == []


def test_column_without_a_value_in_a_short_file_is_not_told(driver: Driver, warehouse: Warehouse) -> None:
    """It may be chance."""
    driver.put("events", "a.json", *many(ENOUGH - 1, location=None))
    assert told(warehouse) == []


def test_on_drift_stop_changes_nothing(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "a.json", event())
    assert warehouse.load(on_drift="stop").load_id == 1
    driver.put("events", "b.json", renamed(1))
    before = star(warehouse), rows(warehouse, "SELECT uri FROM loaded_files ORDER BY uri")
    with pytest.raises(DriftError) as stopped:
        warehouse.load(on_drift="stop")
    assert stopped.value.exit_code == 1
    assert [(one.kind, one.names) for one in stopped.value.drift] == [("missing key", OLD), ("new key", NEW)]
    assert "firstName" in str(stopped.value)
    assert "nothing was changed" in str(stopped.value)
    assert (star(warehouse), rows(warehouse, "SELECT uri FROM loaded_files ORDER BY uri")) == before
    # Not even the drift was recorded: the next load reports it again.
    assert [kind for kind, *_ in told(warehouse)] == ["missing key", "new key"]


def test_required_key_that_is_missing_rejects_lines_whatever_is_asked(
    driver: Driver, warehouse: Warehouse
) -> None:
    """The case drift-lowercase."""
    lower = {key.lower(): value for key, value in event().items()}
    driver.put("events", "a.json", lower)
    with pytest.raises(RejectedLines, match="itemInSession: is missing"):
        warehouse.load(on_drift="warn")


def test_full_refresh_does_not_tell_again(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "a.json", renamed(0), event(page="Radio", itemInSession=1))
    assert len(warehouse.load().drift) == 2
    assert warehouse.load(full_refresh=True).drift == ()


def test_real_month_has_no_drift(real: Path, warehouse: Warehouse, driver: Driver) -> None:
    """The control: neither all at once nor day by day."""
    if "://" in driver.root:
        pytest.skip("the files are local")
    for path in sorted((real / "log_data").rglob("*.json"))[:8]:
        assert warehouse.load(only=["events"], log_data=path, on_drift="stop").drift == ()
    report = warehouse.load(log_data=real / "log_data", song_data=real / "song_data", on_drift="stop")
    assert report.drift == ()
    assert rows(warehouse, "SELECT count(*) FROM loaded_files WHERE drift IS NOT NULL") == [(0,)]


def test_load_that_fails_after_drift_was_seen_keeps_nothing(
    driver: Driver, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.put("events", "a.json", renamed(0))
    with monkeypatch.context() as patch:
        patch.setattr("sparkify.etl.attempt.Attempt._verify", _fail)
        with pytest.raises(ChecksFailed):
            warehouse.load()
    assert [kind for kind, *_ in told(warehouse)] == ["missing key", "new key"]


def _fail(*_: object) -> None:
    raise ChecksFailed([])


def test_drift_says_what_where_and_of_how_many_files() -> None:
    one = Drift("events", "missing key", ("firstName", "level"), "/in/a.json", 3)
    assert str(one) == "/in/a.json and 2 more files: no line of events has the keys firstName, level"
    assert str(Drift("events", "new value", ("page", "\x1b[1m"), "/in/a.json")) == (
        "/in/a.json: page has values that were never seen before: '\\x1b[1m'"
    )
