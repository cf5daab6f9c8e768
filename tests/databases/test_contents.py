"""A file is recognized by its content, whatever its time, its ETag or the spelling of its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from sparkify import ChangedFiles, TemporaryError, Warehouse
from sparkify.databases.duckdb import batch
from sparkify.etl import spool as spooling
from sparkify.etl.line_rules import BOM
from sparkify.etl.lister import list_files
from sparkify.etl.listing import AwsOptions
from sparkify.etl.observer import Observer
from sparkify.etl.spool import spool
from tests.support.cloud import Cloud
from tests.support.data import Data, rows, star
from tests.support.drivers import Driver
from tests.support.making import event, song

HASH_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""As FIPS 180-2 has it."""


@pytest.fixture
def both(driver: Driver) -> Iterator[Warehouse]:
    """Its tables, with nothing in them."""
    with driver.with_tables() as made:
        yield made


def later(path: Path) -> None:
    """Let a file look as if it had been written a second later."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))


def fingerprints(warehouse: Warehouse) -> dict[str, str]:
    """What the ledger has of each file, by its name."""
    found = rows(warehouse, "SELECT uri, fingerprint FROM loaded_files")
    return {Path(uri).name: fingerprint for uri, fingerprint in found}


# -- on both databases ----------------------------------------


def test_file_that_was_written_again_unchanged_is_known(driver: Driver, both: Warehouse) -> None:
    """The case mtime-only: on S3 the ETag is the same, and a local file has the same content."""
    driver.put("events", "a.json", event())
    driver.put("songs", "a.json", song())
    both.load()
    before = star(both)
    written = driver.put("events", "a.json", event())
    if "://" not in written:
        later(Path(written))
    assert both.load().nothing_new
    assert both.load(verify=True).nothing_new
    assert star(both) == before


def test_file_that_was_written_again_otherwise_is_refused(driver: Driver, both: Warehouse) -> None:
    driver.put("events", "a.json", event())
    driver.put("songs", "a.json", song())
    both.load()
    written = driver.put("events", "a.json", event(level="paid"))
    with pytest.raises(ChangedFiles) as stopped:
        both.load()
    assert stopped.value.uris == (written,)
    # The same size, but an ETag of different content.
    driver.put("events", "a.json", event(gender="M"))
    with pytest.raises(ChangedFiles):
        both.load(verify=True)


def test_file_is_known_by_its_source(driver: Driver, both: Warehouse) -> None:
    """What was loaded as one source is new to another."""
    written = driver.put("songs", "a.json", song())
    driver.put("events", "a.json", event())
    both.load(only=["songs"])
    with both.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE loaded_files SET source = 'events'")
    assert both.load(only=["songs"]).load_id == 2
    found = rows(both, "SELECT source, uri FROM loaded_files ORDER BY source")
    assert found == [("events", written), ("songs", written)]
    # The test itself has altered this table.
    altered = "loaded_files: the rows of each load that the ledger has"
    assert [result.name for result in both.check() if not result.ok] == [altered]


# -- of local files ----------------------------------------


def test_touched_file_is_known_and_kept_as_it_looks_now(warehouse: Warehouse, data: Data) -> None:
    """The case mtime-only."""
    path = data.log("a.json", event())
    data.song("a.json", song())
    warehouse.load()
    later(path)
    touched = list_files(str(data.logs)).files[0]
    assert warehouse.load().nothing_new
    # The file need not be read again.
    assert rows(warehouse, "SELECT fingerprint FROM loaded_files WHERE source = 'events'") == [
        (touched.fingerprint,)
    ]


def test_touched_file_is_known_beside_a_new_one(warehouse: Warehouse, data: Data) -> None:
    later_one = data.log("a.json", event())
    warehouse.load(only=["events"])
    later(later_one)
    data.log("b.json", event(itemInSession=1))
    report = warehouse.load(only=["events"])
    assert [(source.files, source.known) for source in report.sources] == [(1, 1)]
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(2,)]
    assert warehouse.status().pending[0].changed == 0


def test_touched_file_does_not_rebuild_the_star(warehouse: Warehouse, data: Data) -> None:
    path = data.log("a.json", event())
    warehouse.load(only=["events"])
    later(path)
    assert warehouse.load(only=["events"], reload_changed=True).nothing_new


def test_many_touched_files_are_known(
    warehouse: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sparkify.etl.known_contents._FEW", 2)
    paths = [data.log(f"{number}.json", event(itemInSession=number)) for number in range(5)]
    warehouse.load(only=["events"])
    for path in paths:
        later(path)
    assert warehouse.load(only=["events"]).nothing_new
    listed = {Path(file.uri).name: file.fingerprint for file in list_files(str(data.logs)).files}
    assert fingerprints(warehouse) == listed


def test_verify_finds_other_content_of_the_same_size_and_time(warehouse: Warehouse, data: Data) -> None:
    """The case mtime-only."""
    path = data.log("a.json", event(gender="F"))
    data.song("a.json", song())
    warehouse.load()
    status = path.stat()
    data.log("a.json", event(gender="M"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    # A change that size and time do not show does not cause a read on each load.
    assert warehouse.load().nothing_new
    with pytest.raises(ChangedFiles, match="changed since it was loaded") as stopped:
        warehouse.load(verify=True)
    assert stopped.value.exit_code == 1
    assert stopped.value.uris == (str(path),)
    assert warehouse.load(verify=True, reload_changed=True).mode == "full refresh"
    assert rows(warehouse, "SELECT gender FROM users") == [("M",)]


def test_verify_says_what_it_cannot_compare(warehouse: Warehouse, data: Data) -> None:
    class Told(Observer):
        def __init__(self) -> None:
            self.said: list[str] = []

        def warning(self, message: str) -> None:
            self.said.append(message)

    data.log("a.json", event())
    warehouse.load(only=["events"])
    with warehouse.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE loaded_files SET content_hash = NULL")
    told = Told()
    assert warehouse.load(only=["events"], verify=True, observer=told).nothing_new
    assert told.said == ["1 file was loaded before its content was kept, and is not verified"]


def test_folder_is_one_however_it_is_spelt(warehouse: Warehouse, data: Data, tmp_path: Path) -> None:
    """The case same-folder-two-spellings."""
    path = data.log("a.json", event())
    link = tmp_path / "link"
    link.symlink_to(data.root)
    warehouse.load(only=["events"])
    spellings = [f"{data.root}/../data/log_data", f"{link}/log_data", f"file://{data.logs}", f"{data.logs}/"]
    for spelling in spellings:
        assert warehouse.load(only=["events"], log_data=spelling).nothing_new, spelling
    data.log("a.json", event(level="paid"))
    for spelling in spellings:
        with pytest.raises(ChangedFiles) as stopped:
            warehouse.load(only=["events"], log_data=spelling)
        assert stopped.value.uris == (str(path),)


# -- the hash, and files that change while they are read ----------------------------------------


@pytest.mark.parametrize("size", [0, 5 * 1024 * 1024], ids=["bundled", "linked"])
def test_hash_is_that_of_the_bytes_as_stored(size: int, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    (folder / "a.json").write_bytes(b"abc" + b" " * size)
    (one,) = spool(list_files(str(folder)).files, out, AwsOptions())
    found = one.segments[0].content
    assert (found == HASH_OF_ABC) is (size == 0)
    assert len(found) == 64


def test_hash_is_that_of_all_bytes(tmp_path: Path) -> None:
    """A byte order mark is part of the content, though no part of the first line."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    (folder / "a.json").write_bytes(BOM + b"abc")
    (one,) = spool(list_files(str(folder)).files, out, AwsOptions())
    assert one.segments[0].content != HASH_OF_ABC


@pytest.mark.parametrize("size", [100, 5 * 1024 * 1024], ids=["bundled", "linked"])
@pytest.mark.parametrize("change", ["shrinks", "grows", "vanishes"])
def test_file_that_changes_after_it_was_listed(change: str, size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"{}\n" * size)
    (file,) = list_files(str(tmp_path)).files
    out = tmp_path / "out"
    out.mkdir()
    if change == "vanishes":
        path.unlink()
    else:
        path.write_bytes(b"{}\n" * (size + (1 if change == "grows" else -1)))
    said = "was removed after it was listed" if change == "vanishes" else "it is being written"
    with pytest.raises(TemporaryError, match=said) as stopped:
        list(spool([file], out, AwsOptions()))
    assert (stopped.value.where, stopped.value.exit_code) == (str(path), 75)


def test_load_of_a_file_that_vanishes_loses_nothing(
    warehouse: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.log("a.json", event())
    path = data.log("b.json", event(itemInSession=1))
    text = path.read_text()

    def vanish(*_: object) -> None:
        path.unlink()

    with monkeypatch.context() as patch:
        patch.setattr("sparkify.etl.observer.Observer.reading", vanish)
        with pytest.raises(TemporaryError, match="nothing was changed"):
            warehouse.load(only=["events"])
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(0,)]
    path.write_text(text)
    assert warehouse.load(only=["events"]).rows["songplays"] == 2


@pytest.mark.parametrize("said", ["was written while it was read", None], ids=["written", "control"])
def test_large_file_that_is_written_between_its_two_readings(
    said: str | None, warehouse: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read where it lies: first to count its lines, then by the database."""
    monkeypatch.setattr(spooling, "_SMALL", 1)
    path = data.log("a.json", event())
    insert = batch._insert_files

    def write_first(*arguments: Any) -> bool:
        if said is not None:
            data.log("a.json", event(gender="M"))
            later(path)
        return insert(*arguments)

    monkeypatch.setattr(batch, "_insert_files", write_first)
    if said is None:
        assert warehouse.load(only=["events"]).rows["songplays"] == 1
        return
    with pytest.raises(TemporaryError, match=said):
        warehouse.load(only=["events"])
    assert rows(warehouse, "SELECT count(*) FROM songplays") == [(0,)]


def put_in_parts(cloud: Cloud, key: str, body: bytes) -> None:
    """Upload an object in parts, which gives it another ETag."""
    client = boto3.client("s3", endpoint_url=cloud.redshift.s3_endpoint)
    upload = client.create_multipart_upload(Bucket="plays", Key=key)["UploadId"]
    part = {"Bucket": "plays", "Key": key, "UploadId": upload}
    done = client.upload_part(PartNumber=1, Body=body, **part)
    client.complete_multipart_upload(
        MultipartUpload={"Parts": [{"ETag": done["ETag"], "PartNumber": 1}]}, **part
    )


def test_object_that_was_uploaded_in_parts_is_known(
    cloud: Cloud, warehouse: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB has read it, and compares what it read."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(cloud.redshift.s3_endpoint))
    body = data.log("a.json", event()).read_bytes()
    cloud.put(data.logs, "log_data")
    load = partial(warehouse.load, only=["events"], log_data="s3://plays/log_data")
    load()
    before = fingerprints(warehouse)
    put_in_parts(cloud, "log_data/a.json", body)
    assert load().nothing_new
    assert fingerprints(warehouse) != before
    put_in_parts(cloud, "log_data/a.json", body.replace(b"Ada", b"Eve"))
    with pytest.raises(ChangedFiles):
        load()


def test_object_that_copy_read_is_known_by_its_etag(cloud: Cloud, data: Data) -> None:
    """Nobody but COPY has read it: with another ETag it counts as changed."""
    body = data.log("a.json", event()).read_bytes()
    cloud.put(data.logs, "log_data")
    with cloud.with_tables() as warehouse:
        warehouse.load(only=["events"])
        cloud.put(data.logs, "log_data")
        assert warehouse.load(only=["events"], verify=True).nothing_new
        put_in_parts(cloud, "log_data/a.json", body)
        with pytest.raises(ChangedFiles):
            warehouse.load(only=["events"])


def test_object_that_was_packed_is_known_by_its_content(cloud: Cloud, data: Data) -> None:
    bodies = [data.log(f"{n}.json", event(itemInSession=n)).read_bytes() for n in range(2)]
    cloud.put(data.logs, "log_data")
    with cloud.with_tables():
        pass
    with cloud.warehouse(pack_below="1MB") as warehouse:
        warehouse.load(only=["events"])
        put_in_parts(cloud, "log_data/1.json", bodies[1])
        assert warehouse.load(only=["events"]).nothing_new


@pytest.mark.parametrize("pack_below", [None, "1MB"], ids=["copied", "packed"])
def test_object_that_vanishes_after_it_was_listed(
    pack_below: str | None, cloud: Cloud, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(2):
        data.log(f"{n}.json", event(itemInSession=n))
    cloud.put(data.logs, "log_data")
    with cloud.with_tables():
        pass

    def vanish(*_: object) -> None:
        cloud.redshift.delete_object("s3://plays/log_data/1.json")

    changed = {} if pack_below is None else {"pack_below": pack_below}
    with cloud.warehouse(**changed) as warehouse:
        with monkeypatch.context() as patch:
            patch.setattr("sparkify.etl.observer.Observer.reading", vanish)
            with pytest.raises(TemporaryError, match=r"log_data/1\.json.*; nothing was changed") as stopped:
                warehouse.load(only=["events"])
        assert stopped.value.exit_code == 75
        assert rows(warehouse, "SELECT count(*) FROM songplays") == [(0,)]
        assert warehouse.load(only=["events"]).rows["songplays"] == 1
