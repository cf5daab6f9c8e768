"""What a listing of a source finds, and how its files are read: values alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from sparkify.etl.escaping import escape_controls

__all__ = ["MAX_UNPACKED", "AwsOptions", "Listing", "SourceFile", "fingerprint_of"]

MAX_UNPACKED = 16 * 1024 * 1024
"""Bytes that any gzipped file may become, unless it is said otherwise."""


class SourceFile(NamedTuple):
    """One file as the listing saw it. A tuple, which is made in a quarter of the time: there may be 100,000.

    :ivar uri: ``s3://bucket/key``, or the absolute path of a local file.
    :ivar size: bytes as stored.
    :ivar fingerprint: changes when the content does: the ETag of an object, size and mtime of a local file.
    :ivar modified: when it was last written, seconds since 1970; None where the listing does not say.
    """

    uri: str
    size: int
    fingerprint: str
    modified: float | None = None


@dataclass(frozen=True)
class Listing:
    """What lies below one uri.

    :ivar files: the data, in the order of their names.
    :ivar skipped: what is not data, or has a name that cannot be read, counted by the reason.
    :ivar unreadable: what has such a name, escaped so that it can be printed.
    """

    uri: str
    files: tuple[SourceFile, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()

    @classmethod
    def unlisted(cls, uri: str) -> Self:
        """What stands for a listing where nothing is listed: one file, whose name is none that is ever sent."""
        return cls(uri, (SourceFile(f"{escape_controls(uri.rstrip('/'))}/...", 0, ""),))


@dataclass(frozen=True, kw_only=True, eq=False)
class AwsOptions:
    """How files are read: S3 is reached so, where boto3's own chain does not say it all.

    One for each load: credentials that were found, and connections, are kept for as long as it is.

    :ivar endpoint: another server than Amazon's, such as one for tests.
    :ivar max_unpacked: bytes that a gzipped file, of S3 or not, may become however small it is.
    """

    region: str | None = None
    endpoint: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    max_unpacked: int = MAX_UNPACKED


def fingerprint_of(etag: str | None, size: int) -> str:
    """The fingerprint of an object: its ETag, or its size where the server has none."""
    return (etag or str(size)).strip('"')
