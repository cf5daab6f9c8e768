"""Compares files with what was loaded of them by their content: whatever their names and times say."""

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
    """What the ledger has of the content of a file.

    :ivar hash: None where the load did not read it.
    """

    size: int
    hash: str | None


@dataclass(frozen=True)
class Comparison:
    """What became of files that had to be compared, each with its source.

    :ivar same: files whose content is what was loaded, however they look.
    :ivar changed: files whose content is another, although they look the same.
    :ivar unknown: files that look the same, and of whose content the ledger has nothing.
    """

    same: tuple[tuple[str, SourceFile], ...] = ()
    changed: tuple[tuple[str, SourceFile], ...] = ()
    unknown: tuple[tuple[str, SourceFile], ...] = ()


def to_compare(
    listings: Mapping[str, Listing], known: Mapping[str, Mapping[str, str]], *, verify: bool
) -> list[tuple[str, SourceFile]]:
    """The files that were loaded and look different now, each with its source.

    :param verify: also those that look the same, unless they are of S3, where an ETag tells one content from
        another.
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
    """Which of the files have the content that was loaded. Reads those that are as large as they were.

    :param known: by source, the uri of each loaded file, and its fingerprint when it was loaded.
    :param loaded: by source and uri, what the ledger has of the content of each.
    :raises SourceError: when a file cannot be read.
    :raises TemporaryError: when S3 does not answer, or a file is not as it was listed.
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
    """What is said of files of whose content the ledger has nothing."""
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
