"""What the location of a source may be: a local file or folder, or an ``s3://`` prefix or object."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sparkify.etl.errors import ConfigurationError, SourceError

__all__ = ["bucket_and_key", "bucket_problem", "check_location", "is_s3", "local_path", "split_s3"]

_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://")
_S3_ALIASES = ("s3a", "s3n")
# As in redshift/s3.py for COPY: old buckets may have capitals, underscores and up to 255 characters.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_S3_HOST = re.compile(
    r"https?://(?:(?P<host_bucket>[^/]+)\.s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com/(?P<host_key>[^?#]*)"
    r"|s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com/(?P<bucket>[^/?#]+)/?(?P<key>[^?#]*))"
)


def is_s3(uri: str) -> bool:
    """Whether a uri is on S3. Its scheme must be in lower case."""
    return uri.startswith("s3://")


def bucket_problem(uri: str) -> str | None:
    """Why AWS cannot have the bucket of an ``s3://`` uri; None: it may have one."""
    bucket, _ = bucket_and_key(uri)
    if _BUCKET.fullmatch(bucket):
        return None
    return f"{bucket!r} is not a bucket: the name of one has 3 to 63 letters, digits, dots and hyphens"


def check_location(uri: str) -> None:
    """Refuse a location that is neither a local path nor on S3.

    :raises ConfigurationError: for such a location; with its ``s3://`` form if it is another spelling of one.
    """
    scheme = _SCHEME.match(uri)
    if is_s3(uri) or uri.startswith("file://") or scheme is None:
        return
    name = scheme["scheme"].lower()
    rest = uri[scheme.end() :]
    if name == "s3" or name in _S3_ALIASES:
        raise ConfigurationError("is another spelling of S3", where=uri, hint=f"Write it as s3://{rest}.")
    if found := _S3_HOST.match(uri):
        bucket, key = found["host_bucket"] or found["bucket"], found["host_key"] or found["key"] or ""
        raise ConfigurationError(
            "is read as S3, not over HTTP",
            where=uri.partition("?")[0],
            hint=f"Write it as s3://{bucket}/{key}.",
        )
    raise ConfigurationError(
        f"{name}:// cannot be read",
        where=uri.partition("?")[0],
        hint="Give a local folder or an s3:// prefix, and copy the files there first.",
    )


def local_path(uri: str) -> Path:
    """The path of a local location: the same however it is spelled, with links and ``..`` resolved."""
    # Not Path.resolve(), which may raise for a link that points to itself.
    return Path(os.path.realpath(Path(uri.removeprefix("file://")).expanduser()))


def bucket_and_key(uri: str) -> tuple[str, str]:
    """Bucket and key of an ``s3://`` uri; either may be empty."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def split_s3(uri: str) -> tuple[str, str]:
    """Bucket and key of an ``s3://`` uri that is about to be read.

    :raises SourceError: when it has no bucket.
    """
    bucket, key = bucket_and_key(uri)
    if not bucket:
        raise SourceError(uri, "has no bucket; write s3://bucket/prefix")
    return bucket, key
