"""Bad lines on Redshift: only the affected files are read locally, and the rest is loaded."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from sparkify import ConfigurationError, RejectedLines, SourceError, SparkifyError, Warehouse
from sparkify.etl.buckets import open_bucket
from sparkify.etl.listing import SourceFile
from sparkify.etl.observer import Observer
from sparkify.etl.spool import spool
from tests.support.cloud import Cloud
from tests.support.data import rows
from tests.support.making import event, song

FILES = 100
"""More than are validated without asking COPY about them."""

BROKEN = '{"oops'
NO_TITLE = json.dumps(event(song="  ", sessionId=8))
"""COPY takes it; a play needs a title."""


@pytest.fixture
def empty(cloud: Cloud) -> Iterator[Warehouse]:
    """A warehouse on the stand-in with tables, and nothing in them."""
    with cloud.with_tables() as warehouse:
        yield warehouse


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read here, from here on."""
    names: list[str] = []

    def noting(files: Sequence[SourceFile], *arguments: Any, **options: Any) -> Any:
        names.extend(file.uri.rpartition("/")[2] for file in files)
        return spool(files, *arguments, **options)

    monkeypatch.setattr("sparkify.databases.redshift.batch.spool", noting)
    return names


def put(cloud: Cloud, name: str, *lines: str) -> None:
    body = "\n".join(lines).encode()
    cloud.redshift.put_object(f"s3://plays/log_data/{name}", gzip.compress(body) if ".gz" in name else body)


def play(session: int) -> str:
    """A line that can be loaded."""
    return json.dumps(event(sessionId=session))


def many(cloud: Cloud, **others: Sequence[str]) -> None:
    """A play in each of some files, from session 1000 on, and what else some files hold; and one song."""
    for number in range(FILES):
        put(cloud, f"{number:03d}.json", play(1000 + number), *others.get(f"f{number:03d}", ()))
    cloud.redshift.put_object("s3://plays/song_data/a.json", json.dumps(song()).encode())


def account(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    """The lines of the files that are not just a play."""
    return rows(
        warehouse,
        "SELECT split_part(uri, '/', 5), lines, loaded, rejected, blank FROM loaded_files "
        "WHERE source = 'events' AND lines <> 1 ORDER BY uri",
    )


def rejects(warehouse: Warehouse) -> list[tuple[str, int, str | None, str]]:
    """Of each line that is kept: file, line, column, reason."""
    kept = warehouse.rejects()
    return sorted((one.uri.rpartition("/")[2], one.line, one.column, one.reason) for one in kept)


def plays(warehouse: Warehouse) -> int:
    found: int = rows(warehouse, "SELECT count(*) FROM songplays")[0][0]
    return found


INVALID = "not valid JSON: Unterminated string starting at: line 1 column 2 (char 1)"
MISSING = "song: is missing, and NextSong needs it"


def test_broken_lines_cost_their_files(cloud: Cloud, empty: Warehouse, fetched: list[str]) -> None:
    many(cloud, f007=[BROKEN, play(7)], f050=["", BROKEN])
    with pytest.raises(RejectedLines, match="2 lines cannot be loaded and 1 are allowed"):
        empty.load(max_rejects=1)
    assert (sorted(fetched), plays(empty)) == (["007.json", "050.json"], 0)
    fetched.clear()
    cloud.redshift.clear_statements()
    report = empty.load(max_rejects=2)
    assert sorted(fetched) == ["007.json", "050.json"]
    assert rejects(empty) == [("007.json", 2, None, INVALID), ("050.json", 3, None, INVALID)]
    assert account(empty) == [("007.json", 3, 2, 1, 0), ("050.json", 3, 1, 1, 1)]
    assert (report.sources[0].lines, report.sources[0].loaded, plays(empty)) == (104, 101, 101)
    # COPY skips lines only when it checks files, never when it loads them.
    asked = [one.sql for one in cloud.redshift.statements if "MAXERROR" in one.sql]
    assert [one.split("\n")[1].rpartition("/")[2] for one in asked] == ["events-asked-1.manifest'"]
    assert cloud.redshift.objects_below("s3://plays/manifests/") == []
    assert empty.load(max_rejects=2).nothing_new
    assert [str(result) for result in empty.check() if not result.ok] == []


def test_one_broken_line_among_many_files_costs_few_statements(
    cloud: Cloud, empty: Warehouse, fetched: list[str], scale: int
) -> None:
    """``--scale 1000`` makes 100,000 files of it."""
    for number in range(FILES * scale):
        put(cloud, f"{number:06d}.json", play(number), *[BROKEN][: number == 7])
    cloud.redshift.clear_statements()
    report = empty.load(only=["events"], max_rejects=1)
    assert (report.sources[0].loaded, fetched) == (FILES * scale, ["000007.json"])
    kinds = [one.sql.split()[0].upper() for one in cloud.redshift.statements]
    sent = [kind for kind in kinds if kind not in ("BEGIN", "COMMIT", "ROLLBACK")]
    # One attempt and one check; then the load itself.
    before = sent[: len(sent) - sent[::-1].index("LOCK") - 1]
    assert (before.count("COPY"), len(before) <= 22) == (2, True)
    assert len(sent) <= 62, sent


def test_lines_that_violate_a_rule_are_found_by_halves(
    cloud: Cloud, empty: Warehouse, fetched: list[str]
) -> None:
    """COPY loads them, and nothing says of which file they are."""
    many(cloud, f099=[NO_TITLE, play(7)])
    empty.load(max_rejects=1)
    assert rejects(empty) == [("099.json", 2, "song", MISSING)]
    assert account(empty) == [("099.json", 3, 2, 1, 0)]
    assert (len(fetched), "099.json" in fetched, "000.json" in fetched) == (49, True, False)
    assert plays(empty) == 101


def test_blank_line_among_many_files_is_counted(cloud: Cloud, empty: Warehouse, fetched: list[str]) -> None:
    many(cloud, f003=["   ", play(7)])
    assert empty.load().sources[0].blank == 1
    assert account(empty) == [("003.json", 3, 2, 0, 1)]
    assert len(fetched) <= 64


def test_faults_of_every_kind_at_once(cloud: Cloud, empty: Warehouse, fetched: list[str]) -> None:
    many(cloud, f001=[BROKEN], f002=[NO_TITLE], f003=["", play(3)], f098=[play(7), NO_TITLE, BROKEN])
    put(cloud, "packed.json.gz", play(20), BROKEN, NO_TITLE)
    report = empty.load(max_rejects=6)
    assert rejects(empty) == [
        ("001.json", 2, None, INVALID),
        ("002.json", 2, "song", MISSING),
        ("098.json", 3, "song", MISSING),
        ("098.json", 4, None, INVALID),
        ("packed.json.gz", 2, None, INVALID),
        ("packed.json.gz", 3, "song", MISSING),
    ]
    assert account(empty) == [
        ("001.json", 2, 1, 1, 0),
        ("002.json", 2, 1, 1, 0),
        ("003.json", 3, 2, 0, 1),
        ("098.json", 4, 2, 2, 0),
        ("packed.json.gz", 3, 1, 2, 0),
    ]
    assert (report.sources[0].rejected, report.sources[0].loaded, plays(empty)) == (6, 103, 103)


def test_more_errors_than_redshift_keeps(cloud: Cloud, empty: Warehouse, fetched: list[str]) -> None:
    """Twenty of a slice; here are two slices, and a line in each of 80 files."""
    many(cloud, **{f"f{number:03d}": [BROKEN] for number in range(80)})
    empty.load(max_rejects=80)
    assert rejects(empty) == [(f"{number:03d}.json", 2, None, INVALID) for number in range(80)]
    assert plays(empty) == 100


UNFORESEEN = json.dumps(event(sessionId=30, location="unforeseen"))
"""A line that is right, and that COPY refuses where a test says so."""


@pytest.mark.parametrize("files", [1, FILES])
def test_line_that_copy_alone_refuses_is_rejected_in_its_words(
    cloud: Cloud, empty: Warehouse, files: int
) -> None:
    cloud.redshift.refused_text = "unforeseen"
    if files > 1:
        many(cloud)
    put(cloud, "x.json", play(28), UNFORESEEN, play(29))
    with pytest.raises(RejectedLines, match=r"x\.json:2: COPY: Invalid value\."):
        empty.load(only=["events"])
    assert plays(empty) == 0
    empty.load(only=["events"], max_rejects=1)
    assert [(one.uri, one.line, one.text) for one in empty.rejects()] == [
        ("s3://plays/log_data/x.json", 2, UNFORESEEN)
    ]
    assert account(empty) == [("x.json", 3, 2, 1, 0)]
    assert plays(empty) == (2 if files == 1 else FILES + 2)


def test_lines_of_another_kind_in_a_file_with_one_that_copy_alone_refuses(
    cloud: Cloud, empty: Warehouse
) -> None:
    cloud.redshift.refused_text = "unforeseen"
    put(cloud, "a.json", play(28), BROKEN, UNFORESEEN, UNFORESEEN.replace("30", "31"), "", play(29))
    put(cloud, "b.json", UNFORESEEN.replace("30", "32"), play(33))
    empty.load(only=["events"], max_rejects=4)
    assert rejects(empty) == [
        ("a.json", 2, None, INVALID),
        ("a.json", 3, None, "COPY: Invalid value."),
        ("a.json", 4, None, "COPY: Invalid value."),
        ("b.json", 1, None, "COPY: Invalid value."),
    ]
    assert account(empty) == [("a.json", 6, 2, 3, 1), ("b.json", 2, 1, 1, 0)]
    assert rows(empty, "SELECT session_id FROM songplays ORDER BY 1") == [(28,), (29,), (33,)]


@pytest.mark.parametrize(
    "line", [f"{play(30)[:-1]},}}", f'{play(30)[:-1]},"new":[nan, -Infinity]}}'], ids=["comma", "NaN"]
)
def test_line_that_duckdb_reads_and_copy_refuses_is_loaded(
    cloud: Cloud, empty: Warehouse, fetched: list[str], line: str
) -> None:
    """Its file is copied as strict JSON: the verdict on a line is the same on every database."""
    many(cloud, f001=[line])
    assert empty.load(only=["events"]).rejects == ()
    assert (fetched, plays(empty)) == (["001.json"], FILES + 1)
    assert account(empty) == [("001.json", 2, 2, 0, 0)]


@pytest.mark.parametrize("text", ["%s%s", "%s %s"])
def test_several_objects_on_a_line_are_no_line(cloud: Cloud, empty: Warehouse, text: str) -> None:
    """COPY takes them (AWS: COPY from JSON format); a line is one object here, on every database."""
    put(cloud, "a.json", text % (play(1), play(2)), play(3))
    with pytest.raises(RejectedLines, match=r"a\.json:1: not valid JSON: Extra data"):
        empty.load(only=["events"])
    empty.load(only=["events"], max_rejects=1)
    assert rows(empty, "SELECT session_id FROM songplays") == [(3,)]


def test_object_over_several_lines_is_no_line(cloud: Cloud, empty: Warehouse) -> None:
    pretty = json.dumps(event(sessionId=1), indent=1)
    put(cloud, "a.json", pretty, play(3))
    lines = pretty.count("\n") + 1
    with pytest.raises(RejectedLines, match=f"{lines} lines cannot be loaded"):
        empty.load(only=["events"])
    empty.load(only=["events"], max_rejects=lines)
    assert rows(empty, "SELECT session_id FROM songplays") == [(3,)]


def test_rejects_without_a_prefix_are_refused_with_what_to_do(
    cloud: Cloud, empty: Warehouse, fetched: list[str]
) -> None:
    put(cloud, "a.json", play(1), BROKEN)
    put(cloud, "b.json", play(2))
    with cloud.warehouse(manifest_prefix=None) as warehouse:
        with pytest.raises(RejectedLines, match=r"a\.json:2: not valid JSON"):
            warehouse.load(only=["events"])
        with pytest.raises(ConfigurationError, match="can only be copied apart") as stopped:
            warehouse.load(only=["events"], max_rejects=1)
    assert "Give MANIFEST_PREFIX" in str(stopped.value)
    assert plays(empty) == 0


def test_broken_line_where_details_of_copy_are_late(cloud: Cloud, empty: Warehouse, fetched: list[str]) -> None:
    many(cloud, f007=[BROKEN, play(7)], f008=["", play(8)])
    cloud.redshift.load_detail_is_late = True
    try:
        with cloud.warehouse() as warehouse:
            warehouse.load(max_rejects=1)
    finally:
        cloud.redshift.load_detail_is_late = False
    assert rejects(empty) == [("007.json", 2, None, INVALID)]
    assert account(empty) == [("007.json", 3, 2, 1, 0), ("008.json", 3, 2, 0, 1)]
    assert plays(empty) == 102


def test_broken_line_in_a_file_whose_name_is_cut(cloud: Cloud, empty: Warehouse, fetched: list[str]) -> None:
    """Redshift keeps 256 bytes of a name; here two files have these alike, and a third has others."""
    long = "x" * 260
    many(cloud)
    put(cloud, f"{long}-1.json", play(1))
    put(cloud, f"{long}-2.json", BROKEN, play(2))
    put(cloud, f"y{long}.json", play(3))
    empty.load(max_rejects=1)
    assert rejects(empty) == [(f"{long}-2.json", 1, None, INVALID)]
    assert sorted(fetched) == [f"{long}-1.json", f"{long}-2.json"]
    assert account(empty) == [(f"{long}-2.json", 2, 1, 1, 0)]
    assert plays(empty) == 103


def test_file_with_no_line_that_can_be_loaded(cloud: Cloud, empty: Warehouse) -> None:
    put(cloud, "a.json", BROKEN, NO_TITLE)
    put(cloud, "b.json", play(2))
    empty.load(only=["events"], max_rejects=2)
    assert account(empty) == [("a.json", 2, 0, 2, 0)]
    assert plays(empty) == 1
    put(cloud, "c.json", BROKEN)
    report = empty.load(only=["events"], max_rejects=2)
    assert (report.sources[0].loaded, report.sources[0].rejected, plays(empty)) == (0, 1, 1)


def test_object_that_cannot_be_removed_is_told_of(
    cloud: Cloud, empty: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cloud, "a.json", play(1))
    warnings: list[str] = []

    class Told(Observer):
        def warning(self, message: str) -> None:
            warnings.append(message)

    class Keeping:
        """A bucket of which nothing may be deleted."""

        def __init__(self, *arguments: Any) -> None:
            self._store = open_bucket(*arguments)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        def delete(self, key: str) -> None:
            raise SourceError(key, "S3 refused access")

    monkeypatch.setattr("sparkify.databases.redshift.objects.open_bucket", Keeping)
    assert empty.load(only=["events"], observer=Told()).load_id == 1
    (left,) = cloud.redshift.objects_below("s3://plays/manifests/")
    assert warnings == [f"{left} is left behind: S3 refused access"]


# -- what COPY does not tell ------------------------------------------------------------------------------

UNSEEN = {
    "key twice": [f'{play(1)[:-1]}, "level": "paid"}}'],
    "integer with a fraction of zero": [json.dumps(event(sessionId=1.0))],
    "integer with an exponent": [json.dumps(event(sessionId=1)).replace('"sessionId": 1', '"sessionId": 1e0')],
    "sign and blank before an integer": [
        json.dumps(event(sessionId="+1")),
        json.dumps(event(sessionId=" 1", itemInSession=1)),
    ],
    "half of a surrogate pair that is not read": [f'{play(1)[:-1]}, "x": "\\ud83d"}}'],
    "two objects on a line, and a blank line": [play(1) + play(2), "", play(3)],
}
"""Lines that DuckDB rejects, in files in which COPY finds nothing wrong (docs/copy.md)."""


@pytest.mark.parametrize("lines", UNSEEN.values(), ids=UNSEEN)
def test_line_that_copy_does_not_tell_of_is_loaded(
    cloud: Cloud, empty: Warehouse, fetched: list[str], lines: list[str]
) -> None:
    put(cloud, "a.json", *lines)
    report = empty.load(only=["events"])
    assert (report.sources[0].loaded, report.sources[0].rejected, plays(empty)) == (len(lines), 0, len(lines))
    assert fetched == []


@pytest.mark.parametrize("lines", UNSEEN.values(), ids=UNSEEN)
def test_line_that_copy_does_not_tell_of_is_rejected_beside_a_broken_one(
    cloud: Cloud, empty: Warehouse, lines: list[str]
) -> None:
    put(cloud, "a.json", BROKEN, *lines)
    empty.load(only=["events"], max_rejects=3)
    wrong = len(lines) if len(lines) < 3 else 1
    assert len(rejects(empty)) == 1 + wrong


# -- the ledger ------------------------------------------------------------------------------------------

HOSTILE = "100% %s ' \\ \\' \t\x00 \u20ac \U0001f600 \" {oops"


def test_many_rows_of_the_ledger_are_copied(
    cloud: Cloud, empty: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cloud, "a.json", *[HOSTILE] * 3, play(1))
    put(cloud, "it's 100% %s \\.json", play(2))
    put(cloud, "c.json", play(3))
    with cloud.warehouse() as warehouse:
        monkeypatch.setattr("sparkify.databases.redshift.batch.ROWS_PER_INSERT", 2)
        warehouse.load(only=["events"], max_rejects=3)
    sent = [one.sql.split("\n")[0] for one in cloud.redshift.statements]
    assert [sql.split("(")[0] for sql in sent if "loaded_files" in sql and "SELECT" not in sql] == [
        "COPY loaded_files "
    ]
    assert [sql.split("(")[0] for sql in sent if "rejected_rows" in sql and "SELECT" not in sql] == [
        "COPY rejected_rows "
    ]
    bytes_ = 3 * len(f"{HOSTILE}\n".encode()) + len(play(1))
    assert rows(empty, "SELECT uri, bytes, lines, loaded, rejected, blank, load_id FROM loaded_files") == [
        ("s3://plays/log_data/a.json", bytes_, 4, 1, 3, 0, 1),
        ("s3://plays/log_data/c.json", len(play(3)), 1, 1, 0, 0, 1),
        ("s3://plays/log_data/it's 100% %s \\.json", len(play(2)), 1, 1, 0, 0, 1),
    ]
    said = "not valid JSON: Extra data: line 1 column 4 (char 3)"
    text = HOSTILE.replace("\0", "\\x00")
    assert [(one.line, one.column, one.reason, one.text, one.load_id) for one in empty.rejects()] == [
        (number, None, said, text, 1) for number in (1, 2, 3)
    ]
    assert empty.load(only=["events"]).nothing_new
    assert cloud.redshift.objects_below("s3://plays/manifests/") == []


@pytest.mark.parametrize("content", [b"\x1f", play(1).encode()], ids=["one byte", "plain"])
def test_file_named_gz_that_is_not_gzip_stops_the_load(cloud: Cloud, empty: Warehouse, content: bytes) -> None:
    cloud.redshift.put_object("s3://plays/log_data/a.json.gz", content)
    with pytest.raises(SparkifyError, match=r"a\.json\.gz: Not a gzipped file.*nothing was changed"):
        empty.load(only=["events"], max_rejects=10)
    assert rows(empty, "SELECT count(*) FROM loaded_files") == [(0,)]
