"""Recognizing the format of files that are not JSON Lines by their rejected lines, and the error message."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Sequence

import pytest

from sparkify import Reject, RejectedLines
from sparkify.etl.line_rules import LineValidator, escape
from sparkify.etl.recognition import recognize
from sparkify.pipeline import SPARKIFY
from tests.support.making import event, song

EVENTS, SONGS = (next(one for one in SPARKIFY.sources if one.name == name) for name in ("events", "songs"))
LINES = [json.dumps(event(itemInSession=number)) for number in range(3)]
TEXT = "".join(f"{line}\n" for line in LINES)


def rejects(content: bytes | str, uri: str = "a.json") -> list[Reject]:
    """The rejected lines of a file of events."""
    validator = LineValidator(EVENTS)
    raw = content.encode() if isinstance(content, str) else content
    return [
        Reject(uri, number, "events", violation.column, violation.reason, escape(line))
        for number, line in enumerate(raw.split(b"\n"), start=1)
        if line.strip() and (violation := validator.validate(line))
    ]


def names(content: bytes | str) -> list[str]:
    return [one.name for one in recognize(rejects(content), SPARKIFY.sources)]


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.json", TEXT)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (zipped(), "a zip archive"),
        (bz2.compress(TEXT.encode()), "compressed by bzip2"),
        (lzma.compress(TEXT.encode()), "compressed by xz"),
        (gzip.compress(TEXT.encode()), "compressed by gzip twice"),
        (b"PAR1\x15\x04\x15\x08L\xff", "Parquet"),
        (TEXT.encode("utf-16"), "UTF-16"),
        (TEXT.encode("utf-16-le"), "UTF-16"),
        (TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("utf-32"), "UTF-32"),
        (json.dumps([json.loads(line) for line in LINES]), "an array of JSON"),
        ("[\n" + ",\n".join(LINES) + "\n]", "an array of JSON"),
        ("[]", "an array of JSON"),
        (json.dumps(json.loads(LINES[0]), indent=2), "JSON over several lines"),
        ("\n".join(json.dumps(json.loads(line), indent=0) for line in LINES), "JSON over several lines"),
        (" ".join(LINES), "JSON with several objects on a line"),
        ("".join(LINES), "JSON with several objects on a line"),
        ("\r".join(LINES), "JSON with several objects on a line"),
        ("artist,auth\nA,Logged In", "CSV, by its first line"),
        ("artist;auth\nA;Logged In", "CSV, by its first line"),
        ("artist\tauth\nA\tLogged In", "CSV, by its first line"),
        ("".join(f"\x1e{line}\n" for line in LINES), "a JSON text sequence"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9", "a pointer of Git LFS"),
        ("<?xml version='1.0'?><Error><Code>SlowDown</Code></Error>", "HTML or XML"),
        ("<!doctype html>\n<title>503</title>", "HTML or XML"),
        (str(event()), "written by Python's repr()"),
        (f"<<<<<<< HEAD\n{LINES[0]}\n=======\n{LINES[1]}\n>>>>>>> other", "in a merge conflict"),
        (json.dumps(event(artist="Björk"), ensure_ascii=False).encode("latin-1"), "not all UTF-8"),
        (
            "".join(f"{json.dumps(song(song_id=f'S{n}'))}\n" for n in range(3)),
            "of songs, by its keys, not of events",
        ),
    ],
)
def test_format_is_recognized(content: bytes | str, name: str) -> None:
    assert names(content) == [name]


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        f"{LINES[0]}\n[1]\n",
        f"{LINES[0]}\n<p>\n",
        f"{LINES[0]}\na,b\n",
        '{"page": "NextSong", "artist": "cut o',
        LINES[0][:-1] + ",\n",
        "garbage",
        "3",
        f"{json.dumps(event(userId='x'))}\n",
        '{"nested": {"page": "Home"}}',
        f"{LINES[0]}\n{json.dumps(song())}\n",
        f"{LINES[0]} x\n",
        TEXT[:-1] + '{"trunc',
        f"{LINES[0]}{{",
    ],
)
def test_line_that_is_wrong_says_nothing_of_its_file(content: str) -> None:
    assert names(content) == []


def test_files_of_one_format_are_named_together() -> None:
    found = recognize(
        [*rejects("[]", "a.json"), *rejects("x,y", "b.json"), *rejects("[1]", "c.json")], SPARKIFY.sources
    )
    assert [(one.name, one.uris) for one in found] == [
        ("an array of JSON", ("a.json", "c.json")),
        ("CSV, by its first line", ("b.json",)),
    ]
    assert [str(one) for one in found] == [
        "a.json and 1 more file: an array of JSON",
        "b.json: CSV, by its first line",
    ]


def error(lines: Sequence[Reject], allowed: int = 0) -> str:
    return str(RejectedLines(lines, allowed, recognize(lines, SPARKIFY.sources)))


def test_error_says_what_to_do_and_not_to_allow_lines_of_which_none_is_right() -> None:
    assert error(rejects(zipped())).splitlines()[1:] == ["  a.json: a zip archive", "Unpack it."]


def test_error_lists_lines_of_other_files_and_of_files_that_are_partly_right() -> None:
    several = f"{LINES[0]}{LINES[1]}\n{LINES[2]}"
    lines = [*rejects("[]", "a.json"), *rejects(several, "b.json")]
    text = error(lines).splitlines()
    assert text[0] == "2 lines cannot be loaded and 0 are allowed; nothing was changed:"
    assert text[1:3] == ["  a.json: an array of JSON", "  b.json: JSON with several objects on a line"]
    assert text[3].startswith("  b.json:1: not valid JSON: Extra data")
    assert text[4:] == [
        "Write one object on each line, as this does: jq -c '.[]' FILE > NEW",
        "Write one object on each line, as this does: jq -c . FILE > NEW",
        "Correct the files, or allow it with max_rejects=2: the rest is loaded and these lines are kept.",
    ]
