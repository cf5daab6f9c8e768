"""The objects that a load writes for COPY, in a bucket that does not respond."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sparkify import SourceError, SparkifyError
from sparkify.databases.redshift import objects
from sparkify.databases.redshift.objects import LoadObjects
from sparkify.etl.listing import AwsOptions
from sparkify.etl.retrying import Unanswered
from tests.support.observers import Warnings


class Bucket:
    """Keeps objects, and does not answer some requests, which it carries out all the same where it says so."""

    def __init__(self) -> None:
        self.kept: set[str] = set()
        self.asked: list[str] = []
        self.silent: dict[str, SparkifyError] = {}

    def put(self, key: str, content: bytes) -> None:
        self.asked.append(f"put {key[-1]}")
        if not isinstance(self.silent.get("put"), SourceError):
            self.kept.add(key)
        self._answer("put")

    def delete(self, key: str) -> None:
        self.asked.append(f"delete {key[-1]}")
        self._answer("delete")
        self.kept.discard(key)

    def _answer(self, request: str) -> None:
        if error := self.silent.get(request):
            raise error


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    def thrice(_uri: str, ask: Callable[[], Any]) -> Any:
        for _ in range(2):
            try:
                return ask()
            except Unanswered:
                pass
        return ask()

    made = Bucket()
    monkeypatch.setattr(objects, "open_bucket", lambda *_: made)
    monkeypatch.setattr(objects, "persistently", thrice)
    return made


@pytest.fixture
def warnings() -> Warnings:
    return Warnings()


@pytest.fixture
def written(bucket: Bucket, warnings: Warnings) -> LoadObjects:
    return LoadObjects("s3://b/m", AwsOptions(), warnings)


def uri_of(written: LoadObjects, name: str) -> str:
    uri = written.uri(name)
    assert uri is not None
    return uri


def test_object_is_removed_whose_writing_was_not_answered(
    bucket: Bucket, written: LoadObjects, warnings: Warnings
) -> None:
    bucket.silent = {"put": Unanswered("S3 did not answer")}
    with pytest.raises(Unanswered):
        written.write(uri_of(written, "a"), b"x")
    assert len(bucket.kept) == 1
    written.close()
    assert bucket.kept == set()
    assert bucket.asked == ["put a"] * 3 + ["delete a"]
    assert warnings.seen == []


def test_object_whose_writing_was_not_answered_is_written_again(bucket: Bucket, written: LoadObjects) -> None:
    bucket.silent = {"put": Unanswered("S3 did not answer")}
    with pytest.raises(Unanswered):
        written.write(uri_of(written, "a"), b"x")
    bucket.silent = {}
    for _ in range(2):
        written.write(uri_of(written, "a"), b"x")
    assert bucket.asked == ["put a"] * 4


def test_object_that_s3_refuses_is_not_removed(
    bucket: Bucket, written: LoadObjects, warnings: Warnings
) -> None:
    bucket.silent = {"put": SourceError("s3://b/m", "S3 refused access")}
    with pytest.raises(SourceError):
        written.write(uri_of(written, "a"), b"x")
    written.close()
    assert (bucket.asked, warnings.seen) == (["put a"], [])


def test_removal_that_is_not_answered_is_repeated_for_one_object_alone(
    bucket: Bucket, written: LoadObjects, warnings: Warnings
) -> None:
    for name in "abc":
        written.write(uri_of(written, name), b"x")
    bucket.silent = {"delete": Unanswered("S3 did not answer (SlowDown)")}
    bucket.asked.clear()
    written.close()
    assert bucket.asked == ["delete a"] * 3 + ["delete b", "delete c"]
    folder = uri_of(written, "")
    assert warnings.seen == [f"3 objects below {folder} are left behind: S3 did not answer (SlowDown)"]


def test_removal_that_is_not_answered_ends_in_time(
    bucket: Bucket, written: LoadObjects, warnings: Warnings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        written.write(uri_of(written, name), b"x")
    bucket.silent = {"delete": Unanswered("S3 did not answer (SlowDown)")}
    bucket.asked.clear()
    monkeypatch.setattr(objects, "_SECONDS", -1)
    written.close()
    assert bucket.asked == ["delete a"] * 3
    assert [found[:16] for found in warnings.seen] == ["3 objects below "]
