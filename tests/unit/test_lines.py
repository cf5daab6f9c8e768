"""Lines that may be loaded and lines that may not: the validator, and DuckDB's reader beside it.

The one table of cases is given to both. The reader may not accept what the validator rejects.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparkify import RejectedLines, Warehouse
from sparkify.databases.duckdb.reading import count_lines
from sparkify.etl.line_rules import MAX_LINE, LineValidator, escape, split_lines
from sparkify.etl.spool import LineCounter
from sparkify.pipeline.declaration import EVENTS, SONGS
from tests.support.data import Data, rows
from tests.support.making import event, song

GOOD = json.dumps(event(), ensure_ascii=False)


def line(**changed: object) -> bytes:
    return json.dumps(event(**changed), ensure_ascii=False).encode()


def raw(key: str, text: str) -> bytes:
    """A good line with the value of one key written as given, which may be no JSON."""
    marked = json.dumps(event(**{key: "MARK"}), ensure_ascii=False)
    return marked.replace('"MARK"', text).encode()


ACCEPTED = {
    "a play": GOOD.encode(),
    "carriage return": GOOD.encode() + b"\r",
    "white space around": b"\t " + GOOD.encode() + b" \t\r",
    "spaces around": b"  " + GOOD.encode() + b" ",
    "emoji": line(song="\N{MUSICAL NOTE} \N{GRINNING FACE}"),
    "emoji as a surrogate pair": raw("song", '"\\ud83d\\ude00"'),
    "control character escaped": raw("song", '"a\\u0001b"'),
    "unknown key": GOOD.replace("{", '{"new":[1,{"a":2}],', 1).encode(),
    "unknown key in other case": GOOD.replace("{", '{"USERID":"x",', 1).encode(),
    "user id as a number": line(userId=7),
    "nobody logged in": line(userId="", page="Home", song=None, artist=None),
    "length as text": line(length="12.5"),
    "length as an integer": line(length=12),
    "length with an exponent": raw("length", "1.25e2"),
    "no length": line(length=None),
    "text from a number": line(location=12),
    "comma before the bracket": GOOD[:-1].encode() + b",}",
    "quote in a text": line(userAgent='say "hi", }'),
    "longest artist": line(artist="x" * 1024),
    "empty song": line(song="", page="Home"),
}

REJECTED = {
    "text": (b"hello", None),
    "truncated": (GOOD[:-20].encode(), None),
    "two objects": (GOOD.encode() + b" " + GOOD.encode(), None),
    "trailing garbage": (GOOD.encode() + b" x", None),
    "array": (b"[" + GOOD.encode() + b"]", None),
    "null": (b"null", None),
    "number": (b"12", None),
    "empty object": (b"{}", "item_in_session"),
    "not UTF-8": (GOOD.encode().replace(b"Band", b"B\xffnd"), None),
    "UTF-16": (GOOD.encode("utf-16"), None),
    "half of a surrogate pair": (raw("song", '"\\ud83d"'), "song"),
    "NUL escaped": (raw("song", '"a\\u0000b"'), "song"),
    "NUL raw": (raw("song", '"a\0b"'), None),
    "vertical tab before": (b"\x0b" + GOOD.encode(), None),
    "form feed behind": (GOOD.encode() + b"\x0c", None),
    "control character raw": (raw("song", '"a\x01b"'), None),
    "key twice": (GOOD.replace("{", '{"song":"x",', 1).encode(), None),
    "no session": (line(sessionId=None), "session_id"),
    "no item": (line(itemInSession=""), "item_in_session"),
    "no page": (line(page=None), "page"),
    "no time": (line(ts=None), "ts"),
    "a play by nobody": (line(userId=""), "user_id"),
    "a play of nothing": (line(song=None), "song"),
    "a play by no artist": (line(artist=""), "artist"),
    "user id of letters": (line(userId="abc", page="Home"), "user_id"),
    "user id with a fraction": (line(userId=10.7), "user_id"),
    "user id with a fraction as text": (line(userId="10.7"), "user_id"),
    "user id true": (line(userId=True), "user_id"),
    "user id an object": (line(userId={"a": 1}), "user_id"),
    "user id of 30 digits": (line(userId=10**29), "user_id"),
    "user id 1e3": (raw("userId", "1e3"), "user_id"),
    "user id with a space": (line(userId=" 7"), "user_id"),
    "user id negative": (line(userId=-7), "user_id"),
    "item beyond 32 bits": (line(itemInSession=2**31), "item_in_session"),
    "time as a date": (line(ts="2018-11-01"), "ts"),
    "time as a fraction": (raw("ts", "1541105830796.5"), "ts"),
    "time before 1970": (line(ts=-1), "ts"),
    "time beyond 2100": (line(ts=99999999999999999), "ts"),
    "time in seconds of a float": (raw("ts", "1.5e12"), "ts"),
    "length NaN": (raw("length", "NaN"), "length"),
    "length NaN as text": (line(length="NaN"), "length"),
    "length Infinity": (raw("length", "Infinity"), "length"),
    "length 1e400": (raw("length", "1e400"), "length"),
    "length negative": (line(length=-0.5), "length"),
    "length of letters": (line(length="long"), "length"),
    "length true": (line(length=True), "length"),
    "artist too long": (line(artist="x" * 1025), "artist"),
    "artist too long in bytes": (line(artist="ö" * 513), "artist"),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_validator_accepts_line(name: str) -> None:
    assert LineValidator(EVENTS).validate(ACCEPTED[name]) is None


@pytest.mark.parametrize("name", REJECTED)
def test_validator_rejects_line_and_names_column(name: str) -> None:
    violation = LineValidator(EVENTS).validate(REJECTED[name][0])
    assert violation is not None
    assert violation.column == REJECTED[name][1]


def is_suspect(line: bytes) -> bool:
    """Whether the spool has a file with this line validated, whatever the reader says."""
    counter = LineCounter()
    counter.feed(line)
    return counter.suspect


def read(path: Path, content: bytes) -> int | None:
    """How many rows DuckDB reads the fast way; None when it refuses."""
    path.write_bytes(content)
    with duckdb.connect() as connection:
        try:
            found = connection.execute(count_lines(EVENTS), [[str(path)]]).fetchone()
        except duckdb.Error:
            return None
    assert found is not None
    return int(found[0])


@pytest.mark.parametrize("name", ACCEPTED)
def test_reader_accepts_line(name: str, tmp_path: Path) -> None:
    assert read(tmp_path / "x.json", ACCEPTED[name] + b"\n") == 1


@pytest.mark.parametrize("name", REJECTED)
def test_reader_refuses_rejected_line_that_spool_does_not_suspect(name: str, tmp_path: Path) -> None:
    line, _ = REJECTED[name]
    assert is_suspect(line) or read(tmp_path / "x.json", line + b"\n") is None


def test_load_accounts_for_every_case_in_one_file(data: Data, warehouse: Warehouse) -> None:
    """Through the whole load: each line is loaded or kept as rejected, none is lost."""
    good = [
        ACCEPTED[name].replace(b'"itemInSession": 0', b'"itemInSession": %d' % number)
        for number, name in enumerate(ACCEPTED)
    ]
    bad = [content for content, _ in REJECTED.values()]
    lines = [bad[0], b"", *good, b"   ", *bad[1:]]
    # UTF-16 has newlines of its own making.
    lines = [content for content in lines if b"\n" not in content]
    (data.logs / "x.json").write_bytes(b"\n".join(lines))
    data.log("y.json", event(sessionId=2))
    with pytest.raises(RejectedLines) as refused:
        warehouse.load(only=["events"])
    rejected = len(lines) - 2 - len(good)
    assert len(refused.value.rejects) == rejected
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(0,)]
    report = warehouse.load(only=["events"], max_rejects=rejected)
    events = report.sources[0]
    assert (events.lines, events.loaded, events.rejected, events.blank) == (
        len(lines) + 1,
        len(good) + 1,
        rejected,
        2,
    )
    kept = warehouse.rejects()
    assert [reject.line for reject in kept] == [
        number for number, content in enumerate(lines, start=1) if content.strip() and content not in good
    ]
    assert {reject.uri for reject in kept} == {str(data.logs / "x.json")}
    assert kept[0].text == "hello"
    assert rows(warehouse, "SELECT lines, loaded, rejected, blank FROM loaded_files ORDER BY uri") == [
        (len(lines), len(good), rejected, 2),
        (1, 1, 0, 0),
    ]
    assert [str(check) for check in warehouse.check() if not check.ok] == []


def test_load_keeps_values_of_lines_beside_a_rejected_one(data: Data, warehouse: Warehouse) -> None:
    odd = [line(itemInSession=1, length="12.5"), GOOD[:-1].encode() + b",}", raw("song", '"a\\u0001b"')]
    odd[2] = odd[2].replace(b'"itemInSession": 0', b'"itemInSession": 2')
    (data.logs / "x.json").write_bytes(b"\xef\xbb\xbf" + b"\n".join([*odd, b"oops"]))
    warehouse.load(only=["events"], max_rejects=1)
    assert rows(
        warehouse,
        "SELECT item_in_session, title, duration FROM songplays JOIN song_matches USING (match_id) ORDER BY 1",
    ) == [(0, "Song", 200.5), (1, "Song", 12.5), (2, "a\x01b", 200.5)]


def test_load_rejects_song_without_id(data: Data, warehouse: Warehouse) -> None:
    assert LineValidator(SONGS).validate(json.dumps(song()).encode()) is None
    data.song("a.json", song())
    data.song("b.json", song(song_id=None))
    warehouse.load(only=["songs"], max_rejects=1)
    (reject,) = warehouse.rejects()
    assert (reject.uri, reject.line, reject.column, reject.source) == (
        str(data.songs / "b.json"),
        1,
        "song_id",
        "songs",
    )
    assert reject.reason == "song_id: is missing"


def test_load_rejects_line_longer_than_redshift_takes(data: Data, warehouse: Warehouse, tmp_path: Path) -> None:
    path = data.logs / "x.json"
    long = GOOD.replace("{", '{"pad":"' + "x" * MAX_LINE + '",', 1)
    path.write_text(f"{GOOD}\n{long}\n")
    warehouse.load(only=["events"], max_rejects=1)
    (reject,) = warehouse.rejects()
    assert (reject.line, reject.reason) == (2, "longer than 4,194,304 bytes")
    assert len(reject.text) == 65_535
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(1,)]
    with path.open("rb") as handle:
        assert [len(found) for found in split_lines(handle)] == [len(GOOD), MAX_LINE + 2]


def test_escape_replaces_control_characters() -> None:
    assert escape(b"a\x1b[31m\0\xff\tb") == "a\\x1b[31m\\x00\\xff\tb"


MUTATION = st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 3), st.binary(max_size=3))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations=st.lists(MUTATION, min_size=1, max_size=4))
def test_validator_and_reader_agree_on_damaged_lines(
    tmp_path: Path, mutations: list[tuple[int, int, bytes]]
) -> None:
    content = GOOD.encode()
    for place, removed, inserted in mutations:
        content = content[:place] + inserted + content[place + removed :]
    content = content.replace(b"\n", b"").replace(b"\r", b"")
    if not content.strip() or is_suspect(content):
        return
    violation = LineValidator(EVENTS).validate(content)
    assert (read(tmp_path / "x.json", content + b"\n") == 1) == (violation is None), (content, violation)
