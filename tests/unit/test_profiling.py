"""The profile of a file's bytes: its keys, and which of them have values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sparkify.etl import profiling
from sparkify.etl.drift import (
    Observed,
    decode,
    drift_of_file,
    encode,
    find_drift,
    read_drift,
    settled,
    write_drift,
)
from sparkify.etl.listing import SourceFile
from sparkify.etl.profiles import AS_EXPECTED, Drift, Profile, Totals
from sparkify.etl.profiling import ENOUGH, FileProfiler, Profiler
from sparkify.etl.results import FileCount, Staged
from sparkify.pipeline.declaration import EVENTS, SONGS
from tests.support.making import event, song

KEYS = frozenset(event())


def lines(count: int, **changed: Any) -> bytes:
    """So many events, a line each."""
    return b"".join(json.dumps(event(itemInSession=n, **changed)).encode() + b"\n" for n in range(count))


def profiled(*parts: bytes, source: Any = EVENTS) -> Profile:
    """The profile of a file that comes in these parts."""
    one = FileProfiler(Profiler(source))
    for part in parts:
        one.feed(part)
    return one.profile(b"".join(parts).count(b"\n"))


def test_file_as_expected() -> None:
    assert profiled(lines(ENOUGH)) is AS_EXPECTED
    assert profiled(json.dumps(song()).encode(), source=SONGS) is AS_EXPECTED


def test_file_that_is_no_json_has_no_profile() -> None:
    assert profiled(b"a,b\n1,2\n") is AS_EXPECTED
    assert profiled() is AS_EXPECTED


def test_missing_and_unknown_keys() -> None:
    found = profiled(lines(1).replace(b'"level"', b'"plan"'))
    assert found == Profile(missing=frozenset({"level"}), unknown=frozenset({"plan"}))


def test_key_in_any_line_is_not_missing() -> None:
    without = lines(ENOUGH).replace(b'"level"', b'"plan"')
    assert profiled(without + lines(1)).missing == frozenset()
    assert profiled(without, without, lines(1)).missing == frozenset()


def test_key_across_two_parts_is_found() -> None:
    without = lines(ENOUGH).replace(b'"level"', b'"plan"')
    last = lines(1)
    cut = last.index(b'"level"') + 3
    assert profiled(without + last[:cut], last[cut:] + without).missing == frozenset()


def test_key_in_a_text_or_an_inner_object_is_no_key_of_the_line() -> None:
    line = event(song='a "level": b', location={"plan": 1})
    del line["level"]
    found = profiled(json.dumps(line).encode() + b"\n")
    assert found == Profile(missing=frozenset({"level"}))


def test_key_in_a_line_that_is_too_long_to_look_at_is_found() -> None:
    short = lines(1).replace(b'"level"', b'"plan"')
    assert profiled(short + lines(1, song="x" * 100_000)).missing == frozenset()
    # Control: the key is missing from the second line too.
    assert profiled(short + lines(1, song="x" * 100_000).replace(b'"level"', b'"plan"')).missing == {"level"}


@pytest.mark.parametrize("key", ["time zone", "x-id", "\u00e9t\u00e9", "", "level "])
def test_new_key_of_any_characters_is_seen_among_lines_of_a_known_shape(key: str) -> None:
    other = json.dumps(event() | {key: 1}, ensure_ascii=False).encode()
    for line in (other, other.replace(b'": ', b'" : '), other.replace(b'": ', b'":')):
        assert profiled(lines(1) + line + b"\n").unknown == {key}


def test_escaped_key_is_the_key() -> None:
    assert profiled(lines(1).replace(b'"level"', b'"l\\u0065vel"')) is AS_EXPECTED


def test_column_without_a_value() -> None:
    assert profiled(lines(ENOUGH, level=None)).empty == {"level"}
    assert profiled(lines(ENOUGH, level=None) + lines(1)).empty == frozenset()
    # An empty text is a value of a text column, but not a number.
    assert profiled(lines(ENOUGH, location="", userId="")).empty == {"userId"}


def test_short_file_is_not_said_to_have_no_value() -> None:
    assert profiled(lines(ENOUGH - 1, level=None, page="Home")) is AS_EXPECTED


def test_file_without_a_play() -> None:
    assert profiled(lines(ENOUGH, page="Home")) == Profile(nothing_kept=True)
    assert profiled(lines(ENOUGH, page="Home") + lines(1, page="NextSong  ")) is AS_EXPECTED


def test_what_was_not_searched_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "_SEARCHED", 1000)
    part = lines(ENOUGH, level=None, page="Home")
    assert profiled(part, part) is AS_EXPECTED
    # The first part is one long line, which is inspected rather than searched.
    long = lines(1, song="x" * 1000)
    assert profiled(long, part) is AS_EXPECTED


def test_settled_drops_what_the_staging_table_refutes() -> None:
    def staged(*profiles: Profile, level: int) -> Staged:
        counts = (FileCount("events", SourceFile("a", 1, "x"), 1, 1, profile=profile) for profile in profiles)
        return Staged(tuple(counts), totals=Totals(kept=1, filled={"level": level, "gender": 0}))

    both, one = Profile(missing=frozenset({"level", "gender"})), Profile(missing=frozenset({"level"}))
    assert [count.profile for count in settled(staged(both, one, level=1)).counts] == [
        Profile(missing=frozenset({"gender"})),
        AS_EXPECTED,
    ]
    # The staging table refutes none of these.
    for found in (staged(both, one, level=0), staged(both, AS_EXPECTED, level=1)):
        assert settled(found) == found


def test_no_value_is_told_of_all_files_together() -> None:
    """As on Redshift, where nobody has looked at the files."""
    counts = tuple(FileCount("events", SourceFile(name, 1, "x"), 60, 60) for name in ("a", "b"))
    filled = dict.fromkeys(KEYS, 100) | {"level": 0}
    staged = Staged(counts, totals=Totals(kept=100, filled=filled))
    found, after = find_drift(EVENTS, "s3://in", staged, Observed())
    assert found == [Drift("events", "no value", ("level",), "s3://in")]
    assert find_drift(EVENTS, "s3://in", staged, after)[0] == []


def test_what_is_kept_is_read_again_and_fits() -> None:
    names = frozenset(f"{'é' * 70}{number}" for number in range(5000))
    text = encode({"events": Observed(keys=names), "songs": Observed()})
    assert text is not None
    assert len(text) <= 65_535
    assert set(decode(text)) == {"events"}
    assert decode(text)["events"].keys <= names
    assert (encode({"songs": Observed()}), decode(None)) == (None, {})
    drift = [Drift("events", "new key", tuple(sorted(names)), "a", 2)]
    kept = write_drift(drift)
    assert kept is not None
    assert len(kept) <= 65_535
    assert read_drift(kept)[0].names == tuple(sorted(names))[:100]
    assert (write_drift([]), read_drift(None)) == (None, ())
    assert len(drift_of_file(Profile(unknown=names)) or "") <= 4096
