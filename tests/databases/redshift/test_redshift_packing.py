"""Packing small files into a few objects before COPY reads them, on the stand-in."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator

import pytest

from sparkify import ConfigurationError, RejectedLines, Settings, Warehouse
from sparkify.etl.observer import Observer
from standin.objects import Location
from tests.databases.redshift.test_redshift_rejects import (
    BROKEN,
    INVALID,
    MISSING,
    NO_TITLE,
    UNFORESEEN,
    account,
    fetched,
    play,
    plays,
    put,
    rejects,
)
from tests.support.cloud import Cloud
from tests.support.data import rows

__all__ = ["fetched"]

SMALL = 10
"""Files that are joined: one has less than two kilobytes."""


@pytest.fixture
def packing(cloud: Cloud) -> Iterator[Warehouse]:
    """A warehouse on the stand-in that joins files below two kilobytes, and one larger file."""
    with cloud.with_tables():
        pass
    for number in range(SMALL):
        put(cloud, f"{number}.json", play(number))
    put(cloud, "large.json", *[play(number) for number in range(100, 110)])
    with cloud.warehouse(pack_below="2kB") as warehouse:
        yield warehouse


@pytest.fixture(autouse=True)
def copied(cloud: Cloud) -> Iterator[list[list[str]]]:
    """The names of the objects that each COPY of events is given, without numbers, from here on."""
    found: list[list[str]] = []

    def note(bucket: str, key: str) -> None:
        if key.endswith(".manifest") and "/events" in key:
            body = cloud.redshift.objects.get(Location(bucket, key)) or b""
            urls = [entry["url"] for entry in json.loads(body)["entries"]]
            found.append(sorted(re.sub(r".*(packed|accepted)-.*|.*/", r"\1", url) for url in urls))

    cloud.redshift.before_read = note
    yield found
    cloud.redshift.before_read = None


def test_small_files_are_copied_as_one_object(
    cloud: Cloud, packing: Warehouse, copied: list[list[str]]
) -> None:
    cloud.redshift.put_object("s3://plays/log_data/z.json.gz", gzip.compress(play(50).encode()))
    report = packing.load(only=["events"])
    assert copied == [["large.json", "packed"]]
    assert (report.sources[0].files, report.sources[0].loaded, plays(packing)) == (SMALL + 2, 21, 21)
    assert rows(packing, "SELECT split_part(uri, '/', 5), lines, loaded FROM loaded_files ORDER BY uri") == [
        *((f"{number}.json", 1, 1) for number in range(SMALL)),
        ("large.json", 10, 10),
        ("z.json.gz", 1, 1),
    ]
    assert cloud.redshift.objects_below("s3://plays/manifests/") == []
    assert packing.load(only=["events"]).nothing_new


def test_rejects_of_joined_files_are_those_of_the_files(
    cloud: Cloud, packing: Warehouse, fetched: list[str], copied: list[list[str]]
) -> None:
    cloud.redshift.refused_text = "unforeseen"
    put(cloud, "2.json", play(2), "", BROKEN, play(32))
    put(cloud, "5.json", UNFORESEEN, NO_TITLE, play(35))
    with pytest.raises(RejectedLines, match="2 lines cannot be loaded"):
        packing.load(only=["events"])
    fetched.clear()
    copied.clear()
    packing.load(only=["events"], max_rejects=3)
    assert rejects(packing) == [
        ("2.json", 3, None, INVALID),
        ("5.json", 1, None, "COPY: Invalid value."),
        ("5.json", 2, "song", MISSING),
    ]
    assert account(packing) == [
        ("2.json", 4, 2, 1, 1),
        ("5.json", 3, 1, 2, 0),
        ("large.json", 10, 10, 0, 0),
    ]
    assert plays(packing) == 8 + 2 + 1 + 10
    # Each file was fetched once: a pack is kept locally until it may need validation.
    assert sorted(fetched) == sorted(["large.json", *(f"{number}.json" for number in range(SMALL))])
    assert copied[0] == ["large.json", "packed"]
    assert copied[-1] == ["accepted", "large.json"]
    assert cloud.redshift.objects_below("s3://plays/manifests/") == []


def test_lines_of_joined_files_are_known_without_details_of_copy(cloud: Cloud, packing: Warehouse) -> None:
    cloud.redshift.delete_object("s3://plays/log_data/large.json")
    put(cloud, "3.json", play(3), play(33))
    warnings: list[str] = []

    class Told(Observer):
        def warning(self, message: str) -> None:
            warnings.append(message)

    cloud.redshift.load_detail_is_late = True
    try:
        with cloud.warehouse(pack_below="2kB") as late:
            late.load(only=["events"], observer=Told())
    finally:
        cloud.redshift.load_detail_is_late = False
    assert (account(packing), warnings) == ([("3.json", 2, 2, 0, 0)], [])


@pytest.mark.parametrize(
    ("text", "size"), [("1MB", 1_000_000), ("1MiB", 1_048_576), ("4096", 4096), ("0", 0), ("", 0)]
)
def test_size_of_files_to_join_is_a_number_of_bytes(text: str, size: int) -> None:
    assert Settings.load(pack_below=text).pack_below == size


@pytest.mark.parametrize("text", ["5MiB", "-1", "large"])
def test_size_of_files_to_join_has_bounds(text: str) -> None:
    with pytest.raises(ConfigurationError, match="pack_below"):
        Settings.load(pack_below=text)
