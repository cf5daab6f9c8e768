"""Values for what a listing of a source finds, and for how its files are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from sparkify.etl.escaping import escape_controls

__all__ = ["MAX_UNPACKED", "AwsOptions", "Listing", "SourceFile", "fingerprint_of"]

MAX_UNPACKED = 16 * 1024 * 1024
"""Bytes that any gzipped file may decompress to, unless configured otherwise."""


class SourceFile(NamedTuple):
    """One file as the listing saw it. A tuple takes a quarter of the time to create: there may be 100,000.

    :ivar uri: ``s3://bucket/key``, or the absolute path of a local file.
    :ivar size: bytes as stored.
    :ivar fingerprint: changes when the content does: the ETag of an object, size and mtime of a local file.
    :ivar modified: when it was last written, seconds since 1970; None if the listing does not say.
    """

    uri: str
    size: int
    fingerprint: str
    modified: float | None = None


@dataclass(frozen=True)
class Listing:
    """What there is below one uri.

    :ivar files: the data files, in the order of their names.
    :ivar skipped: what is not data, or has a name that cannot be read, counted by reason.
    :ivar unreadable: the names that cannot be read, escaped so that they can be printed.
    """

    uri: str
    files: tuple[SourceFile, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()

    @classmethod
    def unlisted(cls, uri: str) -> Self:
        """A placeholder for a listing when nothing is listed: one file, with a name that is never sent."""
        return cls(uri, (SourceFile(f"{escape_controls(uri.rstrip('/'))}/...", 0, ""),))


@dataclass(frozen=True, kw_only=True, eq=False)
class AwsOptions:
    """How files are read, and how S3 is reached where boto3's own chain does not define it.

    One for each load: the credentials found and the connections made are kept for its lifetime.

    :ivar endpoint: a server other than Amazon's, such as one for tests.
    :ivar max_unpacked: bytes that a gzipped file, on S3 or not, may decompress to however small it is.
    """

    region: str | None = None
    endpoint: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    max_unpacked: int = MAX_UNPACKED


def fingerprint_of(etag: str | None, size: int) -> str:
    """The fingerprint of an object: its ETag, or its size if the server has none."""
    return (etag or str(size)).strip('"')
