"""What a listing includes and leaves out, locally and on S3, and how files are read."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from obstore.exceptions import GenericError

from sparkify import (
    ConfigurationError,
    EmptySource,
    SourceError,
    SparkifyError,
    TemporaryError,
    Warehouse,
)
from sparkify.etl import spool as spooling
from sparkify.etl.line_counter import LineCounter
from sparkify.etl.lister import list_files
from sparkify.etl.listing import AwsOptions
from sparkify.etl.spool import spool
from standin import Standin
from tests.support.data import Data, rows, star
from tests.support.making import event, song, write
from tests.support.observers import Warnings

# -- local -----------------------------------------------------------------------------------------------


def test_what_is_not_data_is_skipped_and_counted(tmp_path: Path) -> None:
    for name in (
        "b.json",
        "a.jsonl",
        "d/c.ndjson",
        "e.json.gz",
        ".hidden.json",
        "_SUCCESS",
        "notes.txt",
        ".git/x.json",
    ):
        write(tmp_path / "in" / name, ["{}"])
    (tmp_path / "in" / "link.json").symlink_to(tmp_path / "in" / "b.json")
    (tmp_path / "in" / "folder").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "in" / "pipe.json")
    listing = list_files(str(tmp_path / "in"))
    assert [Path(file.uri).name for file in listing.files] == ["a.jsonl", "b.json", "c.ndjson", "e.json.gz"]
    assert listing.skipped == {"hidden": 3, "not JSON": 1, "link": 2, "not a regular file": 1}


def test_one_file_is_a_source(tmp_path: Path) -> None:
    path = write(tmp_path / "odd name", ["{}"])
    assert [file.uri for file in list_files(str(path)).files] == [str(path)]


def test_no_folder_and_no_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(EmptySource, match="there is no such file or folder") as missing:
        list_files(str(tmp_path / "nowhere"))
    write(tmp_path / "in" / ".gitkeep", [])
    with pytest.raises(EmptySource, match=r"no .json.* file here \(skipped: 1 hidden\)") as empty:
        list_files(str(tmp_path / "in"))
    assert (missing.value.exists, empty.value.exists) == (False, True)


def test_folder_of_other_files_alone_is_no_empty_folder(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.csv", ["x"])
    with pytest.raises(EmptySource, match=r"no .json.* file here \(skipped: 1 not JSON\)") as empty:
        list_files(str(tmp_path / "in"))
    assert not empty.value.exists


@pytest.mark.parametrize(
    ("name", "skipped"),
    [
        ("a.JSON", "1 not named .json in small letters"),
        ("a.JSONL.gz", "1 not named .json in small letters"),
        ("a.JSON.GZ", "1 not named .json in small letters"),
        ("a.gz", "1 not named .json.gz"),
    ],
)
def test_file_that_lacks_only_the_name_is_told_how_names_end(name: str, skipped: str, tmp_path: Path) -> None:
    write(tmp_path / "in" / name, ["{}"])
    with pytest.raises(EmptySource) as empty:
        list_files(str(tmp_path / "in"))
    assert str(empty.value) == (
        f"{tmp_path}/in: no .json, .jsonl or .ndjson file here (skipped: {skipped}). "
        "Let names end in .json, .jsonl, .ndjson, or one of these with .gz behind it, in small letters."
    )


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (os.fsdecode(b"one\xff.json"), r"one\udcff.json: has a name that is not UTF-8. Give it another one."),
        ("n" * 300, f"{'n' * 300}: cannot be read: File name too long"),
        ("loop", "loop: cannot be read: Too many levels of symbolic links"),
    ],
)
def test_path_that_cannot_be_read_is_told_in_a_sentence(
    name: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if len(name) < 256:
        write(tmp_path / name, ["{}"])
    if name == "loop":
        Path(name).unlink()
        Path(name).symlink_to(name)
    with pytest.raises(SourceError) as refused:
        list_files(name)
    assert str(refused.value) == found


def test_source_that_cannot_be_read_is_named(warehouse: Warehouse) -> None:
    """And not the folder that it would be written to, decompressed. The memory of a process has no page 0."""
    with pytest.raises(SourceError) as stopped:
        warehouse.load(log_data="/proc/self/mem", only="events")
    assert str(stopped.value) == (
        f"/proc/{os.getpid()}/mem: cannot be read: Input/output error; nothing was changed"
    )


def test_load_stops_where_a_source_has_other_files_alone(data: Data, tmp_path: Path) -> None:
    write(tmp_path / "csv" / "a.csv", ["x"])
    data.song("s.json", song())
    database = tmp_path / "new.duckdb"
    with Warehouse(f"duckdb:///{database}") as new, pytest.raises(EmptySource, match="1 not JSON"):
        new.load(log_data=tmp_path / "csv", song_data=data.songs)
    assert not database.exists()


def test_database_is_not_created_where_a_source_is_missing(tmp_path: Path) -> None:
    database = tmp_path / "new.duckdb"
    with Warehouse(f"duckdb:///{database}") as new, pytest.raises(EmptySource):
        new.load(log_data=tmp_path / "nowhere", only=["events"])
    assert not database.exists()


def test_folder_is_one_however_it_is_spelt(data: Data, warehouse: Warehouse, tmp_path: Path) -> None:
    data.log("a.json", event())
    (tmp_path / "link").symlink_to(data.logs)
    warehouse.load(log_data=data.logs, only=["events"])
    for spelling in (tmp_path / "link", f"{data.logs}/../{data.logs.name}", f"file://{data.logs}"):
        assert warehouse.load(log_data=spelling, only=["events"]).nothing_new


def test_file_of_two_sources_is_refused(data: Data, warehouse: Warehouse, tmp_path: Path) -> None:
    data.log("a.json", event())
    data.log("b.json", event(itemInSession=2))
    (tmp_path / "link").symlink_to(data.logs)
    with pytest.raises(ConfigurationError) as refused:
        warehouse.load(log_data=data.logs, song_data=tmp_path / "link")
    assert refused.value.where == str(data.logs / "a.json")
    assert refused.value.found == "is a file of events and of songs (and 1 more)"


def test_a_name_is_never_a_pattern(data: Data, warehouse: Warehouse) -> None:
    data.log("[ab]*.json", event(itemInSession=1))
    data.log("a.json", event(itemInSession=2))
    data.log("it's; DROP TABLE songplays --.json", event(itemInSession=3))
    report = warehouse.load(log_data=data.logs / "[ab]*.json", only=["events"])
    assert report.sources[0].files == 1
    assert rows(warehouse, "SELECT item_in_session FROM songplays") == [(1,)]
    warehouse.load(only=["events"])
    assert rows(warehouse, "SELECT item_in_session FROM songplays ORDER BY 1") == [(1,), (2,), (3,)]


def test_large_files_with_such_names_too(
    data: Data, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling, "_SMALL", 1)
    data.log("[ab]*.json", event(itemInSession=1))
    data.log("b.json", event(itemInSession=2), event(itemInSession=3))
    with gzip.open(data.logs / "c.json", "wb") as out:
        out.write(b"\n".join(write(data.root / "x", [event(itemInSession=n)]).read_bytes() for n in (4, 5)))
    report = warehouse.load(only=["events"])
    assert (report.sources[0].lines, report.sources[0].loaded) == (5, 5)
    assert rows(warehouse, "SELECT item_in_session FROM songplays ORDER BY 1") == [(1,), (2,), (3,), (4,), (5,)]


def packed(*members: bytes) -> bytes:
    return b"".join(gzip.compress(member) for member in members)


LINE = json.dumps(event(), separators=(",", ":")).encode()


def test_gzip_is_told_by_its_content(data: Data, warehouse: Warehouse) -> None:
    (data.logs / "packed.json").write_bytes(
        packed(LINE + b"\n", LINE.replace(b'"itemInSession":0', b'"itemInSession":1'))
    )
    (data.logs / "plain.json.gz").write_bytes(LINE.replace(b'"itemInSession":0', b'"itemInSession":2'))
    warehouse.load(only=["events"])
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(3,)]


def test_gzip_padded_with_zeros_is_read(data: Data, warehouse: Warehouse) -> None:
    member = packed(data.log("a.json", event(itemInSession=1)).read_bytes() + b"\n")
    (data.logs / "a.json").write_bytes(member + bytes(512))
    second = packed(data.log("b.json", event(itemInSession=2)).read_bytes() + b"\n")
    # Also between members, and across the end of one read.
    (data.logs / "b.json").write_bytes(member + bytes(2 << 20) + second)
    warehouse.load(log_data=data.logs, only=["events"])
    assert rows(warehouse, "SELECT item_in_session FROM songplays ORDER BY 1") == [(1,), (2,)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (packed(LINE)[:-9], "ends in the middle of its gzip data"),
        (packed(LINE)[:1], "ends in the middle of its gzip data"),
        (packed(LINE)[:-8] + b"\0" * 8, "is not sound gzip"),
        (packed(LINE)[:20] + b"\xff" * 20, "is not sound gzip"),
    ],
    ids=["truncated", "one byte", "wrong checksum", "damaged"],
)
@pytest.mark.parametrize("small", [True, False])
def test_gzip_that_is_not_sound_stops_the_load(
    data: Data, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str, small: bool
) -> None:
    if not small:
        monkeypatch.setattr(spooling, "_SMALL", 1)
    data.log("a.json", event())
    (data.logs / "b.json.gz").write_bytes(content)
    with pytest.raises(SourceError, match=f"b.json.gz: {said}.*nothing was changed"):
        warehouse.load(only=["events"])
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(0,)]


def test_an_empty_file_is_loaded_as_empty(data: Data, warehouse: Warehouse) -> None:
    data.log("a.json")
    data.log("b.json", "", "", event(), "")
    report = warehouse.load(only=["events"])
    assert (report.sources[0].lines, report.sources[0].loaded, report.sources[0].blank) == (3, 1, 2)
    assert warehouse.load(only=["events"]).nothing_new


def test_an_empty_source_is_told_of_while_the_other_has_files(data: Data, warehouse: Warehouse) -> None:
    data.log("a.json", event())
    report = warehouse.load()
    assert [source.name for source in report.sources] == ["events"]


@pytest.mark.parametrize("size", [1, 2, 5, 6, 7, 1000])
def test_lines_are_counted_whatever_the_chunks(size: int) -> None:
    content = b"one\n\nthree \\u0000 here\nlast"
    counter = LineCounter()
    for start in range(0, len(content), size):
        counter.feed(content[start : start + size])
    assert (counter.lines, counter.suspect, counter.open_line) == (4, True, True)
    counter = LineCounter()
    counter.feed(b"one\ntwo\n")
    assert (counter.lines, counter.suspect, counter.open_line) == (2, False, False)


def test_many_small_files_become_few(tmp_path: Path) -> None:
    for number in range(300):
        write(tmp_path / "in" / f"{number:03}.json", [song(song_id=f"SO{number}")])
    out = tmp_path / "out"
    out.mkdir()
    (bundle,) = spool(list_files(str(tmp_path / "in")).files, out, AwsOptions())
    assert len(bundle.segments) == 300
    assert bundle.lines == 300
    assert bundle.path.read_bytes().count(b"\n") == 300


def test_name_that_is_not_utf8_is_named_and_skipped(warehouse: Warehouse, data: Data) -> None:
    """The ledger could not keep it; what has other names is loaded."""
    data.log("a.json", event())
    (data.logs / os.fsdecode(b"caf\xe9.json")).write_bytes(b"{}")
    folder = data.logs / os.fsdecode(b"d\xfc")
    folder.mkdir()
    (folder / "b.json").write_bytes(b"{}")
    listing = list_files(str(data.logs))
    assert [Path(file.uri).name for file in listing.files] == ["a.json"]
    assert listing.skipped == {"name that cannot be read": 2}
    told = Warnings()
    assert warehouse.load(only=["events"], observer=told).rows["songplays"] == 1
    (said,) = told.seen
    assert f"{data.logs}/caf\\udce9.json" in said
    assert f"{data.logs}/d\\udcfc/b.json" in said
    said.encode()


def test_name_of_any_script_is_read(warehouse: Warehouse, data: Data) -> None:
    """The control."""
    data.log("caf\u00e9 \u97f3\u4e50\t.json", event())
    assert warehouse.load(only=["events"]).rows["songplays"] == 1
    assert warehouse.load(only=["events"]).nothing_new


# -- S3 --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """The endpoint of an S3 on loopback."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A new bucket ``source-files``, and settings that lead to it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    client = boto3.client("s3")
    client.create_bucket(Bucket="source-files", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    yield client
    for found in client.list_objects_v2(Bucket="source-files").get("Contents", []):
        client.delete_object(Bucket="source-files", Key=found["Key"])
    client.delete_bucket(Bucket="source-files")


def put(client: Any, key: str, content: bytes) -> None:
    client.put_object(Bucket="source-files", Key=key, Body=content)


def test_a_prefix_is_a_folder(bucket: Standin, s3_server: str) -> None:
    for key in (
        "log/a.json",
        "log/2018/b.json.gz",
        "log/",
        "log/_SUCCESS",
        "log/x.txt",
        "log2/c.json",
        "log.json",
    ):
        put(bucket, key, b"" if key.endswith("/") else b"{}")
    aws = AwsOptions(endpoint=s3_server)
    for uri in ("s3://source-files/log", "s3://source-files/log/"):
        listing = list_files(uri, aws)
        assert [file.uri for file in listing.files] == [
            "s3://source-files/log/2018/b.json.gz",
            "s3://source-files/log/a.json",
        ]
        assert listing.skipped == {"hidden": 1, "not JSON": 1, "directory marker": 1}
    assert [file.uri for file in list_files("s3://source-files/log.json", aws).files] == [
        "s3://source-files/log.json"
    ]


ODD_KEYS = {
    "log/a//b.json": "s3://source-files/log/a//b.json",
    "log/./c.json": "s3://source-files/log/./c.json",
    "log/../d.json": "s3://source-files/log/../d.json",
    "log/e\tf.json": "s3://source-files/log/e\\tf.json",
}
"""Keys that S3 has and its client cannot read, and how each is named."""


def test_keys_that_cannot_be_read_are_named_and_skipped(
    bucket: Standin, s3_server: str, data: Data, tmp_path: Path
) -> None:
    line = data.log("a", event()).read_bytes()
    for key in (*ODD_KEYS, "log/a.json", "log/b c%20\u00fc.json", "log/x.txt", "log//_SUCCESS"):
        put(bucket, key, line)
    listing = list_files("s3://source-files/log", AwsOptions(endpoint=s3_server))
    readable = ["s3://source-files/log/a.json", "s3://source-files/log/b c%20\u00fc.json"]
    assert [file.uri for file in listing.files] == readable
    assert listing.unreadable == tuple(sorted(ODD_KEYS.values()))
    assert listing.skipped == {"hidden": 1, "not JSON": 1, "name that cannot be read": 4}
    told = Warnings()
    with Warehouse(f"duckdb:///{tmp_path}/s3.duckdb") as warehouse:
        report = warehouse.load(only=["events"], log_data="s3://source-files/log", observer=told)
        assert report.rows["songplays"] == 1
    (said,) = told.seen
    assert "4 files have names that cannot be read, and will not be loaded; rename: " in said
    assert [name for name in ODD_KEYS.values() if name not in said] == []


@pytest.mark.parametrize("odd", [False, True])
def test_listing_says_when_an_object_was_written(bucket: Standin, s3_server: str, odd: bool) -> None:
    for key in ("log/a.json", *(ODD_KEYS if odd else ())):
        put(bucket, key, b"{}")
    (file,) = list_files("s3://source-files/log", AwsOptions(endpoint=s3_server)).files
    assert file.modified is not None
    # The time is from the server's clock, in seconds.
    assert abs(time.time() - file.modified) < 3600


def test_prefix_below_which_no_key_can_be_read(bucket: Standin, s3_server: str) -> None:
    put(bucket, "log//a.json", b"{}")
    with pytest.raises(EmptySource, match=r"1 name that cannot be read\): s3://source-files/log//a.json"):
        list_files("s3://source-files/log", AwsOptions(endpoint=s3_server))


def test_error_of_another_kind_is_not_taken_for_a_key(
    bucket: Standin, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: S3 that does not answer is still temporary."""

    def fail(*_: object) -> object:
        raise GenericError("connection refused")

    monkeypatch.setattr("sparkify.etl.lister._objects", fail)
    monkeypatch.setattr("sparkify.etl.retrying._TRIES", 1)
    with pytest.raises(TemporaryError, match="connection refused"):
        list_files("s3://source-files/log", AwsOptions(endpoint=s3_server))


def test_a_prefix_or_a_bucket_that_is_not_there(bucket: Standin, s3_server: str) -> None:
    aws = AwsOptions(endpoint=s3_server)
    with pytest.raises(EmptySource, match="s3://source-files/nowhere: no .json"):
        list_files("s3://source-files/nowhere", aws)
    with pytest.raises(SourceError, match="s3://other/x: there is no such bucket"):
        list_files("s3://other/x", aws)


def test_the_same_rows_from_s3(bucket: Standin, real: Path, tmp_path: Path) -> None:
    for name in ("log_data", "song_data"):
        for path in (real / name).rglob("*.json"):
            put(bucket, f"{name}/{path.relative_to(real / name)}", path.read_bytes())
    with Warehouse(f"duckdb:///{tmp_path}/local.duckdb") as local:
        local.load(log_data=real / "log_data", song_data=real / "song_data")
        expected = star(local)
    with Warehouse(f"duckdb:///{tmp_path}/s3.duckdb") as warehouse:
        report = warehouse.load(log_data="s3://source-files/log_data", song_data="s3://source-files/song_data")
        assert [source.loaded for source in report.sources] == [8056, 71]
        assert star(warehouse) == expected
        assert rows(warehouse, "SELECT min(uri) FROM loaded_files") == [
            ("s3://source-files/log_data/2018/11/2018-11-01-events.json",)
        ]
        again = warehouse.load(log_data="s3://source-files/log_data", song_data="s3://source-files/song_data")
        assert again.nothing_new


def test_large_objects_are_streamed(
    bucket: Standin, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling, "_SMALL", 1)
    put(bucket, "log/a.json", data.log("a", event(), event(itemInSession=1)).read_bytes())
    put(bucket, "log/b.json.gz", gzip.compress(data.log("b", event(itemInSession=2)).read_bytes()))
    with Warehouse(f"duckdb:///{tmp_path}/s3.duckdb") as warehouse:
        warehouse.load(log_data="s3://source-files/log", only=["events"])
        assert rows(warehouse, "SELECT item_in_session FROM songplays ORDER BY 1") == [(0,), (1,), (2,)]


def test_an_object_that_changed_since_it_was_listed_is_not_loaded(
    bucket: Standin, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, "log/a.json", data.log("a", event()).read_bytes())
    real_spool = spooling.spool

    def replaced_meanwhile(*arguments: Any, **options: Any) -> Any:
        put(bucket, "log/a.json", data.log("a", event(song="Another")).read_bytes())
        return real_spool(*arguments, **options)

    monkeypatch.setattr("sparkify.databases.duckdb.batch.spool", replaced_meanwhile)
    with Warehouse(f"duckdb:///{tmp_path}/s3.duckdb") as warehouse:
        with pytest.raises(SparkifyError, match="was replaced while it was read") as stopped:
            warehouse.load(log_data="s3://source-files/log", only=["events"])
        assert stopped.value.exit_code == 75
        assert rows(warehouse, "SELECT count(*) FROM songplays") == [(0,)]


def test_credentials_are_found_once_for_each_load(
    bucket: Standin, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To find them takes 10 ms of processor; another load is to find those of its time."""
    asked: list[boto3.Session] = []
    find = boto3.Session.get_credentials

    def noted(session: boto3.Session) -> Any:
        if not any(session is one for one in asked):
            asked.append(session)
        return find(session)

    monkeypatch.setattr(boto3.Session, "get_credentials", noted)
    put(bucket, "log_data/a.json", data.log("a", event()).read_bytes())
    put(bucket, "song_data/a.json", data.song("a", song()).read_bytes())
    both = {"events": "s3://source-files/log_data", "songs": "s3://source-files/song_data"}
    with Warehouse(f"duckdb:///{tmp_path}/s3.duckdb") as warehouse:
        warehouse.load(sources=both)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "LATER")
        assert warehouse.load(sources=both).nothing_new
    keys = [find(session).access_key for session in asked]
    assert len(keys) == 2
    assert keys[0] != keys[1] == "LATER"
