"""Valid locations of a source, and the messages for invalid ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkify import ConfigurationError
from sparkify.etl.locations import bucket_problem, check_location, local_path, split_s3
from sparkify.redshift.s3 import S3CommandError, s3_uri


@pytest.mark.parametrize("uri", ["data", "./a b", "/x://y", "~/data", "file:///data", "s3://b/a", "C:/data"])
def test_local_paths_and_s3_are_locations(uri: str) -> None:
    check_location(uri)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3a://b/x", "s3a://b/x: is another spelling of S3. Write it as s3://b/x."),
        ("s3n://b/x", "s3n://b/x: is another spelling of S3. Write it as s3://b/x."),
        ("S3://b/x", "S3://b/x: is another spelling of S3. Write it as s3://b/x."),
        (
            "https://b.s3.eu-west-1.amazonaws.com/log/x?X-Amz-Signature=secret",
            "https://b.s3.eu-west-1.amazonaws.com/log/x: is read as S3, not over HTTP. Write it as s3://b/log/x.",
        ),
        (
            "https://s3.amazonaws.com/b/log",
            "https://s3.amazonaws.com/b/log: is read as S3, not over HTTP. Write it as s3://b/log.",
        ),
        (
            "https://b.s3-us-west-2.amazonaws.com/",
            "https://b.s3-us-west-2.amazonaws.com/: is read as S3, not over HTTP. Write it as s3://b/.",
        ),
        (
            "gs://b/x",
            "gs://b/x: gs:// cannot be read. Give a local folder or an s3:// prefix, and copy the files there "
            "first.",
        ),
        (
            "https://example.com/a.json?token=secret",
            "https://example.com/a.json: https:// cannot be read. Give a local folder or an s3:// prefix, "
            "and copy the files there first.",
        ),
    ],
)
def test_other_locations_are_refused_with_a_way_out(uri: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_location(uri)
    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("bucket", "is_one"),
    [
        ("b", False),
        ("ab", False),
        ("abc", True),
        ("Old_Bucket", True),
        ("a.b-c", True),
        ("-ab", False),
        ("ab_", False),
    ],
)
def test_bucket_is_what_copy_takes_for_one(bucket: str, is_one: bool) -> None:
    uri = f"s3://{bucket}/log_data"
    assert (bucket_problem(uri) is None) is is_one
    try:
        taken = s3_uri(uri, "from_", S3CommandError) == uri
    except S3CommandError:
        taken = False
    assert taken is is_one


def test_local_path_resolves_links_and_dots(tmp_path: Path) -> None:
    real = tmp_path.resolve() / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    assert {
        local_path(text) for text in (f"{tmp_path}/link", f"{real}/../real", f"file://{real}", f"{real}/")
    } == {real}


def test_split_s3() -> None:
    assert [split_s3(uri) for uri in ("s3://b/k/x", "s3://b/", "s3://b")] == [
        ("b", "k/x"),
        ("b", ""),
        ("b", ""),
    ]
