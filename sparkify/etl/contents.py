"""Compares files with what was loaded from them by content, whatever their names and times say."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparkify.etl.listing import AwsOptions, Listing, SourceFile
from sparkify.etl.locations import is_s3
from sparkify.etl.sources import open_stores, store_of, stored_bytes
from sparkify.etl.threads import Threads

if TYPE_CHECKING:
    from obstore.store import S3Store

__all__ = ["Comparison", "LoadedContent", "compare", "not_verified", "to_compare"]

_READERS = 8


@dataclass(frozen=True)
class LoadedContent:
    """What the ledger knows about the content of a file.

    :ivar hash: None if the load did not read the file itself.
    """

    size: int
    hash: str | None


@dataclass(frozen=True)
class Comparison:
    """The result of comparing files, each with its source.

    :ivar same: files with the content that was loaded, whether they look the same or not.
    :ivar changed: files as large as before with other content, whether they look the same or not.
    :ivar unknown: files that look the same, but whose content the ledger does not know.
    """

    same: tuple[tuple[str, SourceFile], ...] = ()
    changed: tuple[tuple[str, SourceFile], ...] = ()
    unknown: tuple[tuple[str, SourceFile], ...] = ()


def to_compare(
    listings: Mapping[str, Listing], known: Mapping[str, Mapping[str, str]], *, verify: bool
) -> list[tuple[str, SourceFile]]:
    """The files that were loaded and look different now, each with its source.

    :param verify: also return those that look the same, except files in S3, where the ETag already identifies
        the content.
    """
    found: list[tuple[str, SourceFile]] = []
    for name, listing in listings.items():
        loaded = known.get(name, {})
        found += [
            (name, file)
            for file in listing.files
            if (fingerprint := loaded.get(file.uri)) is not None
            and (fingerprint != file.fingerprint or (verify and not is_s3(file.uri)))
        ]
    return found


def compare(
    files: Sequence[tuple[str, SourceFile]],
    known: Mapping[str, Mapping[str, str]],
    loaded: Mapping[tuple[str, str], LoadedContent],
    aws: AwsOptions,
) -> Comparison:
    """Which of the files have the content that was loaded. Reads only files whose size is unchanged.

    :param known: by source, the uri of each loaded file, and its fingerprint when it was loaded.
    :param loaded: by source and uri, what the ledger knows about the content of each.
    :raises SourceError: when a file cannot be read.
    :raises TemporaryError: when S3 does not answer, or a file is no longer as it was listed.
    """
    same, changed, unknown, to_read = [], [], [], []
    for name, file in files:
        content = loaded.get((name, file.uri))
        looks_same = known[name][file.uri] == file.fingerprint
        if content is None or content.hash is None:
            unknown += [(name, file)] if looks_same else []
        elif content.size == file.size:
            to_read.append((name, file))
    hashes = _hashes([file for _, file in to_read], aws)
    for (name, file), found in zip(to_read, hashes, strict=True):
        if found == loaded[name, file.uri].hash:
            same.append((name, file))
        else:
            changed.append((name, file))
    return Comparison(tuple(same), tuple(changed), tuple(unknown))


def not_verified(count: int) -> str:
    """The warning about files whose content the ledger does not know."""
    files = "1 file was" if count == 1 else f"{count:,} files were"
    their, are = ("its", "is") if count == 1 else ("their", "are")
    return f"{files} loaded before {their} content was kept, and {are} not verified"


def _hashes(files: Sequence[SourceFile], aws: AwsOptions) -> Iterator[str]:
    stores = open_stores(files, aws)
    with Threads(_READERS) as pool:
        yield from pool.map(lambda file: _hash(file, stores), files)


def _hash(file: SourceFile, stores: Mapping[str, S3Store]) -> str:
    found = hashlib.sha256()
    for chunk in stored_bytes(file, store_of(file, stores)):
        found.update(chunk)
    return found.hexdigest()
