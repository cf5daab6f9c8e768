"""Sampling of files that COPY reads: the beginnings of some of them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from sparkify import DriftError, SourceError, Warehouse
from sparkify.databases.redshift import sampling
from sparkify.etl.profiling import ENOUGH
from tests.support.cloud import Cloud
from tests.support.data import Data, rows
from tests.support.making import event


@pytest.fixture
def empty(cloud: Cloud) -> Iterator[Warehouse]:
    """A warehouse on the stand-in with tables, and nothing in them."""
    with cloud.with_tables() as warehouse:
        yield warehouse


def told(warehouse: Warehouse) -> list[tuple[str, tuple[str, ...]]]:
    """The kinds and names of drift that a load of the events tells."""
    return [(one.kind, one.names) for one in warehouse.load(only=["events"]).drift]


def renamed(data: Data, count: int) -> bytes:
    """The content of a file in which the level is the plan."""
    path = data.log("a.json", *(event(itemInSession=number) for number in range(count)))
    content = path.read_bytes().replace(b'"level"', b'"plan"')
    path.write_bytes(content)
    return content


def test_of_a_large_file_new_keys_and_null_columns_are_told(
    cloud: Cloud, empty: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not said that no line has the key: not all were looked at."""
    monkeypatch.setattr(sampling, "_BYTES", 2000)
    renamed(data, ENOUGH)
    cloud.put(data.logs, "log_data")
    assert told(empty) == [("new key", ("plan",)), ("no value", ("level",))]
    assert rows(empty, "SELECT drift FROM loaded_files") == [('{"unknown":["plan"]}',)]


def test_compressed_file_is_looked_at(cloud: Cloud, empty: Warehouse, data: Data) -> None:
    content = renamed(data, 2)
    cloud.redshift.put_object("s3://plays/log_data/a.json.gz", gzip.compress(content))
    assert told(empty) == [("missing key", ("level",)), ("new key", ("plan",))]


def test_files_are_looked_at_again_beside_the_copy_that_ends_well(
    cloud: Cloud, empty: Warehouse, data: Data, hurried: None
) -> None:
    """The connection is lost in the first COPY, and what was begun beside it is given up."""
    renamed(data, 2)
    cloud.put(data.logs, "log_data")
    fault = cloud.redshift.inject("drop", "^COPY staging_events")
    with pytest.raises(DriftError) as stopped:
        empty.load(only=["events"], on_drift="stop")
    assert fault.fired == 1
    assert [(one.kind, one.names) for one in stopped.value.drift] == [
        ("missing key", ("level",)),
        ("new key", ("plan",)),
    ]


def test_files_beside_one_with_a_rejected_line_are_looked_at(
    cloud: Cloud, empty: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "_FILES", 100)
    renamed(data, 2)
    data.log("b.json", event(itemInSession=5), "no JSON")
    cloud.put(data.logs, "log_data")
    with pytest.raises(DriftError) as stopped:
        empty.load(only=["events"], on_drift="stop", max_rejects=1)
    assert [(one.kind, one.names) for one in stopped.value.drift] == [
        ("missing key", ("level",)),
        ("new key", ("plan",)),
    ]
    assert len(empty.load(only=["events"], max_rejects=1).rejects) == 1


def test_file_that_this_machine_may_not_read_is_loaded(
    cloud: Cloud, empty: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    """COPY reads it by another role; what the rows show is told even so."""

    def refuse(*_: object) -> bytes:
        raise SourceError("s3://plays/log_data/a.json", "S3 refused access")

    monkeypatch.setattr(sampling, "_beginning", refuse)
    renamed(data, ENOUGH)
    cloud.put(data.logs, "log_data")
    assert told(empty) == [("no value", ("level",))]
    assert rows(empty, "SELECT count(*) FROM songplays") == [(ENOUGH,)]


def test_some_of_many_files_are_looked_at(
    cloud: Cloud, empty: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    beginning = sampling._beginning

    def noting(file: object, store: object) -> bytes:
        looked_at.append(str(file))
        return beginning(file, store)  # type: ignore[arg-type]

    monkeypatch.setattr(sampling, "_beginning", noting)
    for number in range(40):
        data.log(f"{number}.json", event(itemInSession=number))
    cloud.put(data.logs, "log_data")
    assert told(empty) == []
    assert len(looked_at) == 14
