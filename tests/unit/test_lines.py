"""Lines that may be loaded, and lines that may not: the validator and DuckDB's reader.

Both get the same table of cases. The reader must not accept a line that the validator rejects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkify import Warehouse
from sparkify.databases.duckdb.reading import count_lines
from sparkify.etl.lax_json import strict
from sparkify.etl.line_counter import LineCounter
from sparkify.etl.line_rules import LineValidator, escape
from sparkify.pipeline.declaration import EVENTS
from tests.support.data import Data, rows
from tests.support.making import event

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
    "length of a day": line(length=86400),
    "length 0": line(length=0),
    "length 0.0": raw("length", "0.0"),
    "length -0.0": raw("length", "-0.0"),
    "length 0.0 as text": line(length="0.0"),
    "length 0 with an exponent": raw("length", "0E-400"),
    "length 0 with an exponent as text": line(length="-0.0e-400"),
    "smallest length": raw("length", "2.2250738585072014e-308"),
    "text from a number too near to 0 for a double": raw("location", "1e-400"),
    "number too near to 0 in a key that is not read": GOOD.replace("{", '{"new":1e-400,', 1).encode(),
    "first moment of 2000": line(ts=946684800000, registration=946684800000.0),
    "text from a number": line(location=12),
    "comma before the bracket": GOOD[:-1].encode() + b",}",
    "comma before the bracket of a key that is not read": GOOD.replace("{", '{"new":[1 , ],', 1).encode(),
    "NaN in a key that is not read": GOOD.replace("{", '{"new":NaN,', 1).encode(),
    "nan in a key that is not read": GOOD.replace("{", '{"new":[nan, -inf, Infinity],', 1).encode(),
    "key that is not read twice": GOOD.replace("{", '{"new":1,"new":2,', 1).encode(),
    "nested key twice": GOOD.replace("{", '{"new":{"song":1,"song":2},', 1).encode(),
    "number of 5,000 digits in a key that is not read": GOOD.replace("{", f'{{"new":{"9" * 5000},', 1).encode(),
    "text from a number beyond a double": raw("location", "1e400"),
    "text from a number of 450 digits": raw("location", "9" * 450),
    "text from true": line(location=True),
    "text in brackets": line(song="[Untitled]", artist="{a: b}"),
    "text that begins as an array": line(song='["Heroes'),
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
    "half of a surrogate pair": (raw("song", '"\\ud83d"'), None),
    "half of a surrogate pair, not read": (GOOD.replace("{", '{"new":"\\udc00",', 1).encode(), None),
    "half of a surrogate pair in the first value of two": (
        GOOD.replace("{", '{"new":"\\ud83d","new":1,', 1).encode(),
        None,
    ),
    "half of a surrogate pair in the name of a key": (GOOD.replace("{", '{"\\ud83d":1,', 1).encode(), None),
    "comma alone in an array": (GOOD.replace("{", '{"new":[,],', 1).encode(), None),
    "comma alone in an object": (GOOD.replace("{", '{"new":{ , },', 1).encode(), None),
    "two commas before the bracket": (GOOD[:-1].encode() + b",,}", None),
    "song NaN": (raw("song", "NaN"), "song"),
    "location nan": (raw("location", "nan"), "location"),
    "level -Infinity": (raw("level", "-Infinity"), "level"),
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
    "time 0": (line(ts=0), "ts"),
    "time in seconds": (line(ts=1541105830), "ts"),
    "time at the end of 1999": (line(ts=946684799999), "ts"),
    "registration in seconds": (line(registration=1540919166.0), "registration"),
    "registration 0": (line(registration=0), "registration"),
    "time beyond 2100": (line(ts=99999999999999999), "ts"),
    "time in seconds of a float": (raw("ts", "1.5e12"), "ts"),
    "length NaN": (raw("length", "NaN"), "length"),
    "length NaN as text": (line(length="NaN"), "length"),
    "length Infinity": (raw("length", "Infinity"), "length"),
    "level a number of 5,000 digits": (raw("level", "9" * 5000), "level"),
    "level a number beyond a double": (raw("level", "1" * 400 + ".5"), "level"),
    "length 1e400": (raw("length", "1e400"), "length"),
    "length in milliseconds": (line(length=200500.0), "length"),
    "length of more than a day": (raw("length", "86400.001"), "length"),
    "length 1e306": (raw("length", "1e306"), "length"),
    "length 1e-400": (raw("length", "1e-400"), "length"),
    "length 1E-400 behind a space": (raw("length", " 1E-400 "), "length"),
    "length -1e-400": (raw("length", "-1e-400"), "length"),
    "length 1e-400 as text": (line(length="1e-400"), "length"),
    "length 1e-310": (raw("length", "1e-310"), "length"),
    "length with 400 zeros": (raw("length", f"0.{'0' * 400}1"), "length"),
    "length with 250 zeros and an exponent": (raw("length", f"0.{'0' * 250}1e-99"), "length"),
    "length negative": (line(length=-0.5), "length"),
    "length of letters": (line(length="long"), "length"),
    "length true": (line(length=True), "length"),
    "song an array": (line(song=["Song"]), "song"),
    "song an empty array": (raw("song", "[ ]"), "song"),
    "artist an object": (line(artist={"id": 1, "name": "Band"}), "artist"),
    "level an object": (line(level={"plan": "paid"}), "level"),
    "level an array, long by its spaces alone": (raw("level", "[1" + ", 1" * 6 + " " * 99 + "]"), "level"),
    "location an array with a comma before the bracket": (raw("location", "[1,]"), "location"),
    "song a text that reads as an array": (line(song='["Song"]'), "song"),
    "song a text that reads as an object, and a blank": (line(song='{"a": 1} '), "song"),
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


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD.replace('"sessionId"', '"session_id"'), "sessionId: is missing, but the line has 'session_id'"),
        (GOOD.replace('"sessionId"', '"SESSIONID"'), "sessionId: is missing, but the line has 'SESSIONID'"),
        (GOOD.replace('"sessionId"', '"session"'), "sessionId: is missing"),
        (raw("sessionId", 'null, "session_id": 1').decode(), "sessionId: is missing"),
    ],
)
def test_validator_names_key_that_may_be_meant(line: str, reason: str) -> None:
    violation = LineValidator(EVENTS).validate(line.encode())
    assert violation is not None
    assert violation.reason == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("86400.5", "length: 86400.5 is longer than a day: milliseconds, not seconds?"),
        ("1e306", "length: 1e+306 is longer than a day: milliseconds, not seconds?"),
        ("-1", "length: -1.0 is below 0"),
        ("1e-400", "length: 1e-400 is too near to 0 for a double"),
        ('"1e-400"', "length: 1e-400 is too near to 0 for a double"),
        ("2e-310", "length: 2e-310 is too near to 0 for a double"),
    ],
)
def test_validator_says_what_is_wrong_with_a_length(text: str, reason: str) -> None:
    violation = LineValidator(EVENTS).validate(raw("length", text))
    assert violation is not None
    assert violation.reason == reason


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
@pytest.mark.parametrize("number", ["1e-400", "1e-0000400", f"0.{'0' * 400}1"])
def test_number_too_near_to_0_is_seen_across_chunks(number: str, size: int) -> None:
    content = raw("length", number)
    counter = LineCounter()
    for place in range(0, len(content), size):
        counter.feed(content[place : place + size])
    assert counter.suspect


def test_names_and_ids_are_no_numbers_too_near_to_0() -> None:
    assert not is_suspect(line(song="Type-100", artist="1e-100-x", location="9ade-4123-8d5e-123456789012"))


def is_suspect(line: bytes) -> bool:
    """Whether the spool has a file with this line validated, whatever the reader says."""
    counter = LineCounter()
    counter.feed(line)
    return counter.suspect


Reader = Callable[[bytes], int | None]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """How many rows DuckDB reads the fast way of a file; None when it refuses."""
    path = tmp_path_factory.mktemp("lines") / "x.json"
    with duckdb.connect() as connection:

        def read(content: bytes) -> int | None:
            path.write_bytes(content)
            try:
                found = connection.execute(count_lines(EVENTS), [[str(path)]]).fetchone()
            except duckdb.Error:
                return None
            assert found is not None
            return int(found[0])

        yield read


@pytest.mark.parametrize("name", ACCEPTED)
def test_reader_accepts_line(name: str, read: Reader) -> None:
    assert read(ACCEPTED[name] + b"\n") == 1


@pytest.mark.parametrize("name", REJECTED)
def test_reader_refuses_rejected_line_that_spool_does_not_suspect(name: str, read: Reader) -> None:
    line, _ = REJECTED[name]
    assert is_suspect(line) or read(line + b"\n") is None


@pytest.mark.parametrize("text", ["NaN", "nan", "Inf", "-Infinity"])
def test_text_that_reads_as_a_constant_is_accepted_of_a_validated_file(text: str, tmp_path: Path) -> None:
    """DuckDB reads the string and the constant alike, so that the file is validated."""
    line = raw("location", f'"{text}"')
    assert LineValidator(EVENTS).validate(line) is None
    data = Data(tmp_path)
    data.log("a.json", line.decode(), event(itemInSession=1, location="Oslo"))
    with Warehouse(f"duckdb:///{tmp_path}/x.duckdb") as warehouse:
        report = warehouse.load(log_data=data.logs, only=["events"])
        assert (report.sources[0].loaded, report.rejects) == (2, ())
        assert rows(warehouse, "SELECT location FROM songplays ORDER BY item_in_session") == [
            (text,),
            ("Oslo",),
        ]


LAX = {
    b'{"a":[1 , ],"b":{"c":"x,}",},}': b'{"a":[1  ],"b":{"c":"x,}"}}',
    b'{"a":nan,"b":[-Infinity,"NaN, inf"],"c":"\\\\",}': b'{"a":null,"b":[null,"NaN, inf"],"c":"\\\\"}',
    b'{"infinite":"banana"}': b'{"infinite":"banana"}',
    '{"ü":NaN}'.encode(): '{"ü":null}'.encode(),
}


@pytest.mark.parametrize(("line", "written"), LAX.items())
def test_accepted_line_is_written_as_strict_json(line: bytes, written: bytes) -> None:
    assert strict(line) == written
    json.loads(written)


def test_escape_replaces_control_characters() -> None:
    assert escape(b"a\x1b[31m\0\xff\tb") == "a\\x1b[31m\\x00\\xff\tb"


MUTATION = st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 3), st.binary(max_size=3))


@given(mutations=st.lists(MUTATION, min_size=1, max_size=4))
def test_validator_and_reader_agree_on_damaged_lines(
    read: Reader, mutations: list[tuple[int, int, bytes]]
) -> None:
    content = GOOD.encode()
    for place, removed, inserted in mutations:
        content = content[:place] + inserted + content[place + removed :]
    content = content.replace(b"\n", b"").replace(b"\r", b"")
    if not content.strip() or is_suspect(content):
        return
    violation = LineValidator(EVENTS).validate(content)
    assert (read(content + b"\n") == 1) == (violation is None), (content, violation)
