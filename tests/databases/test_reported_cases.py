"""Problems reported for similar loaders: a named small input for each, and the correct rows.

Every case is one or two files of a single load on each database, so that each case also runs beside the others.
Cases of drift and of file names are in the tests for those.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from sparkify import RejectedLines, Warehouse
from tests.support.data import rows
from tests.support.drivers import Driver
from tests.support.making import event, song

Play = tuple[str | None, str | None, str | None, str]
"""The level of a play, its artist and title as the line has them, and how its song was found."""

EXACT: Play = ("free", "Band", "Song", "exact")
INFERRED = "inferred"


@dataclass(frozen=True)
class Case:
    """One input.

    :ivar files: of events, by name: lines, or the whole content. The session of each is the number of the case.
    :ivar songs: of the catalogue, in a file of their own.
    :ivar plays: those that are right, in the order of their items.
    :ivar rejected: the lines that are, each with how its reason begins.
    """

    files: Mapping[str, Sequence[Mapping[str, Any] | str] | bytes] = field(default_factory=dict)
    plays: Sequence[Play] = ()
    rejected: Sequence[tuple[int, str]] = ()
    songs: Sequence[Mapping[str, Any]] = ()


def play(session: int, item: int = 0, **changed: Any) -> dict[str, Any]:
    return event(sessionId=session, itemInSession=item, **changed)


def text(session: int, item: int = 0, **changed: Any) -> str:
    return json.dumps(play(session, item, **changed))


def with_key(session: int, key: str, item: int = 0) -> str:
    """A play with one more key, written as given."""
    return text(session, item).replace("{", "{" + key + ", ", 1)


def zipped(content: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.json", content)
    return out.getvalue()


NOT_JSON = "not valid JSON"

CASES: dict[str, Case] = {
    "conflicting-duplicate": Case(
        {
            "a": [play(1, userAgent="1")],
            "b": [play(1, userAgent="2", level="paid", location="Rome", song="Other")],
        },
        [("paid", "Band", "Other", INFERRED)],
    ),
    "drift-array": Case(
        {
            "a": [
                play(2, artist=["Band", "Other"]),
                play(2, artist={"id": 1, "name": "Band"}),
                play(2, 1, song=True),
                play(2, 2, song=1979),
                play(2, level={"plan": "paid"}),
            ]
        },
        [("free", "Band", "true", INFERRED), ("free", "Band", "1979", INFERRED)],
        [(1, "artist: "), (2, "artist: "), (5, "level: ")],
    ),
    "drift-lowercase": Case(
        {"a": [{key.lower(): value for key, value in play(3).items()}]},
        rejected=[(1, "itemInSession: is missing, but the line has 'iteminsession'")],
    ),
    "dup-unknown-key alone": Case(
        {"a": [play(4), with_key(4, '"ctx": {"a": 1, "a": 2}', 1), with_key(4, '"x": 1, "x": 2', 2)]},
        [EXACT, EXACT, EXACT],
    ),
    "dup-unknown-key with_blank": Case(
        {"a": [play(5), "", with_key(5, '"ctx": {"a": 1, "a": 2}', 1), with_key(5, '"x": 1, "x": 2', 2)]},
        [EXACT, EXACT, EXACT],
    ),
    "empty-comma": Case({"a": [with_key(6, '"tags": [,]'), play(6, 1)]}, [EXACT], [(1, NOT_JSON)]),
    "escaped-key": Case(
        {
            "a": [
                text(7).replace("itemInSession", "item\\u0049nSession"),
                play(7, 1, song='She said "\\" \b\f'),
            ]
        },
        [EXACT, ("free", "Band", 'She said "\\" \b\f', INFERRED)],
    ),
    "half-surrogate-extra-key": Case(
        {"a": [play(8), with_key(8, '"deviceName": "Ann\'s \\ud83d"', 1)]},
        [EXACT],
        [(2, "not valid JSON: half of a surrogate pair")],
    ),
    "nan-lower alone": Case(
        {"a": [text(9, location="MARK").replace('"MARK"', "nan")]}, rejected=[(1, "location: ")]
    ),
    "nan-lower with_blank": Case(
        {"a": [text(10, location="MARK").replace('"MARK"', "nan"), "", ""]}, rejected=[(1, "location: ")]
    ),
    "nan-text": Case(
        {"a": [text(11, artist="MARK").replace('"MARK"', "NaN"), text(11, song="NaN")]},
        [("free", "Band", "NaN", INFERRED)],
        [(1, "artist: ")],
    ),
    "pandas-epoch": Case({"a": [play(12, ts="2018-11-01T20:57:10.796Z")]}, rejected=[(1, "ts: ")]),
    "pandas-epoch2": Case({"a": [play(13, ts="2018-11-01 20:57:10.796000")]}, rejected=[(1, "ts: ")]),
    "streamify": Case(
        {"a": [{key: value for key, value in play(14).items() if key != "page"}]},
        rejected=[(1, "page: is missing")],
    ),
    "ts-micro": Case({"a": [play(15, ts=1541105830796000)]}, rejected=[(1, "ts: ")]),
    "ts-seconds": Case(
        {"a": [play(16, ts=1541105830)]},
        rejected=[(1, "ts: 1541105830 is before 2000-01-01: seconds, not milliseconds?")],
    ),
    "ts-zero": Case({"a": [play(17, ts=0), play(17, 1)]}, [EXACT], [(1, "ts: 0 is before 2000-01-01")]),
    "uuid-user": Case(
        {"a": [play(18, userId="0c7a8f5e-0000-4000-8000-000000000001")]}, rejected=[(1, "userId: ")]
    ),
    "blank-only title": Case({"a": [play(19, song="  "), play(19, 1)]}, [EXACT], [(1, "song: is missing")]),
    "comma before the closing brace": Case({"a": [text(20)[:-1] + ",}"]}, [EXACT]),
    "file-shapes array": Case(
        {"a": ["[" + text(21) + ",", text(21, 1) + "]"]}, rejected=[(1, NOT_JSON), (2, NOT_JSON)]
    ),
    "file-shapes array-one-line": Case(
        {"a": ["[" + text(22) + ", " + text(22, 1) + "]"]}, rejected=[(1, "not a JSON object")]
    ),
    "file-shapes bom-mid": Case({"a": ["\ufeff" + text(23), "\ufeff" + text(23, 1)]}, [EXACT], [(2, NOT_JSON)]),
    "file-shapes bom-newline": Case({"a": ["\ufeff", play(24)]}, [EXACT]),
    "file-shapes bom-only": Case({"a": ["\ufeff"]}),
    "file-shapes comment": Case({"a": ["// exported", play(26)]}, [EXACT], [(1, NOT_JSON)]),
    "file-shapes concatenated": Case(
        {"a": [text(27) + text(27, 1)]}, rejected=[(1, f"{NOT_JSON}: Extra data")]
    ),
    "file-shapes concat-space": Case(
        {"a": [text(28) + " " + text(28, 1)]}, rejected=[(1, f"{NOT_JSON}: Extra data")]
    ),
    "file-shapes cr-only": Case(
        {"a": [text(29) + "\r" + text(29, 1)]}, rejected=[(1, f"{NOT_JSON}: Extra data")]
    ),
    "file-shapes cr-plus-blank": Case(
        {"a": [text(30) + "\r" + text(30, 1), "", ""]},
        rejected=[(1, f"{NOT_JSON}: Extra data")],
    ),
    "file-shapes csv": Case({"a": ["artist,auth", "Band,Logged In"]}, rejected=[(1, NOT_JSON), (2, NOT_JSON)]),
    "file-shapes empty-array": Case({"a": ["[]"]}, rejected=[(1, "not a JSON object")]),
    "file-shapes gz-empty-member": Case(
        {"a.gz": gzip.compress(text(33).encode() + b"\n") + gzip.compress(b"")}, [EXACT]
    ),
    "file-shapes gz-members-no-newline": Case(
        {"a.gz": gzip.compress(text(34).encode()) + gzip.compress(text(34, 1).encode())},
        rejected=[(1, f"{NOT_JSON}: Extra data")],
    ),
    "file-shapes html-error": Case(
        {"a": ["<html><body>503 Slow Down</body></html>"]}, rejected=[(1, NOT_JSON)]
    ),
    "file-shapes latin1": Case(
        {"a": text(36, location="Malmö").encode().replace(b"\\u00f6", b"\xf6") + b"\n" + text(36, 1).encode()},
        [EXACT],
        [(1, "not UTF-8 at byte ")],
    ),
    "file-shapes lone-cr-in-blank": Case({"a": [play(37), "\r", play(37, 1)]}, [EXACT, EXACT]),
    "file-shapes merge-conflict": Case(
        {"a": ["<<<<<<< HEAD", play(38), "=======", play(38, 1), ">>>>>>> theirs"]},
        [EXACT, EXACT],
        [(1, NOT_JSON), (3, NOT_JSON), (5, NOT_JSON)],
    ),
    "file-shapes nested": Case({"a": [{"event": play(39)}]}, rejected=[(1, "itemInSession: is missing")]),
    "file-shapes nul-padding": Case({"a": [play(40), "\0" * 4096]}, [EXACT], [(2, NOT_JSON)]),
    "file-shapes python-repr": Case({"a": [repr(play(41))]}, rejected=[(1, NOT_JSON)]),
    "file-shapes rs-seq": Case({"a": ["\x1e" + text(42)]}, rejected=[(1, NOT_JSON)]),
    "file-shapes u2028": Case(
        {"a": [json.dumps(play(43, song="a\u2028b"), ensure_ascii=False)]},
        [("free", "Band", "a\u2028b", INFERRED)],
    ),
    "file-shapes zip-as-json": Case({"a": zipped("x")}, rejected=[(1, "not ")]),
    "mbid-song": Case(
        rejected=[(1, "artist_id: 36 bytes are longer than 32")],
        songs=[
            song(
                song_id="0c7a8f5e-0000-4000-8000-000000000001", artist_id="0c7a8f5e-0000-4000-8000-000000000002"
            )
        ],
    ),
    "nonlatin-false-match": Case(
        {
            "a": [
                play(46, artist="Perfume", song="願い (mix)"),
                play(46, 1, artist="Кино", song="Группа крови 1988"),
                play(46, 2, artist="久石譲 Orchestra", song="夏 (Live)"),
            ]
        },
        [
            ("free", "Perfume", "願い (mix)", INFERRED),
            ("free", "Кино", "Группа крови 1988", INFERRED),
            ("free", "久石譲 Orchestra", "夏 (Live)", INFERRED),
        ],
        songs=[
            song(song_id="SO1", artist_id="AR1", artist_name="Perfume", title="微かなカオリ (mix)"),
            song(song_id="SO2", artist_id="AR2", artist_name="Кино", title="Звезда 1988"),
            song(song_id="SO3", artist_id="AR3", artist_name="椎名林檎 Orchestra", title="丸ノ内 (Live)"),
        ],
    ),
    "session-per-user": Case({"a": [play(47), play(47, userId="11", firstName="Bob")]}, [EXACT, EXACT]),
}


@dataclass
class Found:
    """What became of one case."""

    plays: list[Play] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)


@pytest.fixture
def warehouse(driver: Driver) -> Iterator[Warehouse]:
    """Its tables, with nothing in them."""
    with driver.with_tables() as made:
        yield made


def put_cases(driver: Driver) -> dict[str, str]:
    """Write the files of all cases; which case each is of."""
    case_of = {}
    for number, (name, case) in enumerate(CASES.items(), start=1):
        for file, content in case.files.items():
            stem, _, suffix = file.partition(".")
            path = f"{number:02d}-{stem}.json{'.' + suffix if suffix else ''}"
            if isinstance(content, bytes):
                driver.put_bytes("events", path, content)
            else:
                driver.put("events", path, *content)
            case_of[path] = name
        if case.songs:
            driver.put("songs", f"{number:02d}-songs.json", *case.songs)
            case_of[f"{number:02d}-songs.json"] = name
    driver.put("songs", "s.json", song())
    return case_of


def found_of(warehouse: Warehouse, case_of: Mapping[str, str]) -> dict[str, Found]:
    """What became of each case."""
    found: dict[str, Found] = defaultdict(Found)
    names = dict(enumerate(CASES, start=1))
    for session, *values in rows(
        warehouse,
        "SELECT session_id, level, artist_name, title, songplays.match "
        "FROM songplays JOIN song_matches ON song_matches.match_id = songplays.match_id "
        "ORDER BY session_id, item_in_session",
    ):
        level, artist, title, match = values
        found[names[session]].plays.append((level, artist, title, match))
    for reject in warehouse.rejects():
        found[case_of[reject.uri.rpartition("/")[2]]].rejected.append((reject.line, reject.reason))
    return found


def differences(warehouse: Warehouse, case_of: Mapping[str, str]) -> dict[str, object]:
    """The cases of which something else became than is right."""
    found = found_of(warehouse, case_of)
    wrong: dict[str, object] = {}
    for name, case in CASES.items():
        told = found[name].rejected
        same = len(told) == len(case.rejected) and all(
            line == right_line and reason.startswith(right_reason)
            for (line, reason), (right_line, right_reason) in zip(told, case.rejected, strict=True)
        )
        if found[name].plays != list(case.plays) or not same:
            wrong[name] = found[name]
    return wrong


def test_reported_cases_have_their_right_rows(driver: Driver, warehouse: Warehouse) -> None:
    case_of = put_cases(driver)
    number = sum(len(case.rejected) for case in CASES.values())
    with pytest.raises(RejectedLines) as refused:
        warehouse.load(max_rejects=number - 1)
    assert len(refused.value.rejects) == number
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(0,)]

    warehouse.load(max_rejects=number)
    assert differences(warehouse, case_of) == {}
    assert [str(result) for result in warehouse.check() if not result.ok] == []
    # All tables agree on the play that was kept.
    assert rows(warehouse, "SELECT user_id, level FROM user_levels WHERE is_current ORDER BY 1") == rows(
        warehouse, "SELECT user_id, level FROM users ORDER BY 1"
    )
    assert rows(warehouse, "SELECT level, location, user_agent FROM songplays WHERE session_id = 1") == [
        ("paid", "Rome", "2")
    ]


def test_array_for_a_text_is_found_where_nothing_else_is_wrong(driver: Driver, warehouse: Warehouse) -> None:
    driver.put("events", "a.json", event(artist=["Band", "Other"]), event(itemInSession=1, song="[Untitled]"))
    driver.put("songs", "s.json", song())
    with pytest.raises(RejectedLines, match="1 line cannot be loaded") as refused:
        warehouse.load()
    assert [(one.line, one.reason) for one in refused.value.rejects] == [
        (1, """artist: '["Band", "Other"]' is an array, not a text""")
    ]
    warehouse.load(max_rejects=1)
    assert rows(warehouse, "SELECT title FROM song_matches") == [("[Untitled]",)]


KNOWN = event(
    at="2018-11-01 20:00:00", firstName="Ann", lastName="Lee", gender="F", registration=1540000000000.0
)
RENAMED = event(
    at="2018-11-02 20:00:00", itemInSession=1, firstName=None, lastName=None, gender=None, registration=None
)
HALF_KNOWN = event(at="2018-11-03 20:00:00", itemInSession=2, firstName="Bea", lastName=None)
MARRIED = event(
    at="2018-11-02 09:00:00",
    itemInSession=3,
    firstName="Ann",
    lastName="Ray",
    gender="F",
    registration=1540000000000.0,
)


@pytest.mark.parametrize("order", ["krhm", "rkhm", "hmrk", "mhkr", "all"])
def test_renamed_keys_take_nothing_away_that_is_known_of_a_user(
    driver: Driver, warehouse: Warehouse, order: str
) -> None:
    files = {"k": KNOWN, "r": RENAMED, "h": HALF_KNOWN, "m": MARRIED}
    driver.put("songs", "s.json", song())
    for batch in ["krhm"] if order == "all" else order:
        for letter in batch:
            driver.put("events", f"{letter}.json", files[letter])
        warehouse.load()
    assert rows(
        warehouse,
        "SELECT first_name, last_name, gender, registered_at, last_played_at, described_at FROM users",
    ) == [
        (
            "Ann",
            "Ray",
            "F",
            datetime(2018, 10, 20, 1, 46, 40),
            datetime(2018, 11, 3, 20),
            datetime(2018, 11, 2, 9),
        )
    ]
