"""What a listing of a source finds, and how S3 is reached: values alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["AwsOptions", "Listing", "SourceFile"]


class SourceFile(NamedTuple):
    """One file as the listing saw it. A tuple, which is made in a quarter of the time: there may be 100,000.

    :ivar uri: ``s3://bucket/key``, or the absolute path of a local file.
    :ivar size: bytes as stored.
    :ivar fingerprint: changes when the content does: the ETag of an object, size and mtime of a local file.
    """

    uri: str
    size: int
    fingerprint: str


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


@dataclass(frozen=True, kw_only=True)
class AwsOptions:
    """How S3 is reached, where boto3's own chain does not say it all.

    :ivar endpoint: another server than Amazon's, such as one for tests.
    """

    region: str | None = None
    endpoint: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
