"""Lines that may be loaded, and lines that may not, through a whole load."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sparkify import RejectedLines, Warehouse
from sparkify.databases.duckdb.reading import attach, insert_files
from sparkify.etl.declarations import Source
from sparkify.etl.line_rules import MAX_LINE, LineValidator, split_lines
from sparkify.pipeline import SPARKIFY
from sparkify.pipeline.declaration import SONGS
from tests.support.data import Data, rows
from tests.support.making import event, song
from tests.unit.test_lines import ACCEPTED, GOOD, REJECTED, line, raw


def test_load_accounts_for_every_case_in_one_file(data: Data, warehouse: Warehouse) -> None:
    """Through the whole load: each line is loaded or kept as rejected, none is lost."""
    good = [
        ACCEPTED[name].replace(b'"itemInSession": 0', b'"itemInSession": %d' % number)
        for number, name in enumerate(ACCEPTED)
    ]
    bad = [content for content, _ in REJECTED.values()]
    lines = [bad[0], b"", *good, b"   ", *bad[1:]]
    # UTF-16 text may contain the byte of a newline.
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


def test_load_rejects_line_that_duckdb_cannot_quote(data: Data, warehouse: Warehouse) -> None:
    """The message of 1.5.6 has a part of the line, cut within a character, and is a UnicodeDecodeError."""
    twice = json.dumps(event(firstName="\N{GRINNING FACE}"), ensure_ascii=False, separators=(",", ":"))
    twice = twice.replace('"level"', '"song":0.1234567890123456789,"level"', 1)
    data.log("x.json", twice)
    data.log("y.json", event(itemInSession=1))
    report = warehouse.load(only=["events"], max_rejects=1)
    assert [(one.line, one.reason) for one in report.rejects] == [(1, "has the key 'song' twice")]
    assert rows(warehouse, "SELECT item_in_session FROM songplays") == [(1,)]


@pytest.mark.parametrize("source", SPARKIFY.sources, ids=lambda source: source.name)
def test_files_are_read_in_one_pass_without_a_join(source: Source, data: Data, warehouse: Warehouse) -> None:
    """DuckDB makes a join of an IN with many values: eleven of them took a fifth of the reading."""
    data.log("x.json", event())
    data.song("x.json", song())
    files = [str(path) for path in data.root.rglob("x.json")]
    with warehouse.engine.connect() as connection:
        connection.exec_driver_sql(attach(source, "batch"))
        statement = f"EXPLAIN {insert_files(source, 'batch')}"
        (_, plan), *_ = connection.exec_driver_sql(statement, (files,)).all()
    assert "READ_JSON" in plan
    assert "JOIN" not in plan
