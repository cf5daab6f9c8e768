"""Lists the files below a local folder or an ``s3://`` prefix.

Names are data, never patterns: a name with ``*`` or ``[`` in it means that file and no other.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from sparkify.etl.buckets import is_end_of_listing, list_with_any_key, open_bucket, reaching_s3
from sparkify.etl.errors import EmptySource, SourceError
from sparkify.etl.listing import AwsOptions, Listing, SourceFile, fingerprint_of
from sparkify.etl.locations import check_location, is_s3, local_path, split_s3
from sparkify.etl.retrying import persistently

if TYPE_CHECKING:
    from obstore.store import S3Store

__all__ = ["is_as_listed", "list_files"]

_SUFFIXES = tuple(f"{ending}{gz}" for ending in (".json", ".jsonl", ".ndjson") for gz in ("", ".gz"))
_NAMES = "Let names end in .json, .jsonl, .ndjson, or one of these with .gz behind it, in small letters."
_HIDDEN = (".", "_")
_CAPITALS = "not named .json in small letters"
_GZIP = "not named .json.gz"
_UNREADABLE = "name that cannot be read"
_BAD_KEY = re.compile(r"(?:^|/)(?:\.{0,2})(?:/|$)|[\x00-\x1f\x7f]")
"""What the S3 client cannot have in a key: empty segments, ``.`` and ``..``, and control characters."""
_NO_PATH = re.compile("invalid path|empty path segment|illegal character")


@dataclass
class _Found:
    """What was found so far."""

    files: list[SourceFile] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)

    def refuse(self, name: str) -> None:
        """Skip a file whose name cannot be read."""
        self.skipped[_UNREADABLE] += 1
        self.unreadable.append(name if name.isprintable() else repr(name)[1:-1])


def list_files(uri: str, aws: AwsOptions | None = None) -> Listing:
    """The files below ``uri``, which is a local file or folder or an ``s3://`` prefix or object.

    Directory markers, hidden files (``.name``, ``_name``), links, and files with a suffix other than
    ``.json``, ``.jsonl`` or ``.ndjson`` (each also with ``.gz``) are skipped and counted. So are files whose
    name is not UTF-8 or not a key that the S3 client can read. A prefix is a folder: ``s3://bucket/log`` does
    not include ``s3://bucket/log2/a.json``.

    This is a read-only operation.

    :raises ConfigurationError: when it is a location of another kind.
    :raises EmptySource: when there is no such file or folder, or no data in it.
    :raises SourceError: when it cannot be listed.
    :raises TemporaryError: when S3 does not answer.
    """
    check_location(uri)
    found = _list_s3(uri, aws or AwsOptions()) if is_s3(uri) else _list_local(uri)
    if not found.files:
        passed_over = ", ".join(f"{count} {reason}" for reason, count in sorted(found.skipped.items()))
        also = f" (skipped: {passed_over})" if passed_over else ""
        names = f": {', '.join(found.unreadable[:3])}" if found.unreadable else ""
        raise EmptySource(
            uri,
            f"no .json, .jsonl or .ndjson file here{also}{names}",
            # An S3 prefix without objects cannot be told from a misspelled one; a folder is known to exist.
            # Skipped files, unless they are hidden, were apparently meant to be loaded.
            exists=not (is_s3(uri) or found.skipped.keys() - {"hidden"}),
            hint=_NAMES if found.skipped.keys() & {_CAPITALS, _GZIP} else None,
        )
    return Listing(
        uri=uri,
        files=tuple(sorted(found.files, key=itemgetter(0))),
        skipped=dict(found.skipped),
        unreadable=tuple(sorted(found.unreadable)),
    )


def _why_skipped(name: str, *, hidden: bool) -> str | None:
    """The reason why a file of this name is not data; None if it is.

    :param hidden: whether a folder that it is in is hidden.
    """
    if hidden or name.startswith(_HIDDEN):
        return "hidden"
    if name.endswith(_SUFFIXES):
        return None
    # Files that may well contain JSON get reasons of their own: only their name is wrong.
    small = name.lower()
    return _CAPITALS if small.endswith(_SUFFIXES) else _GZIP if small.endswith(".gz") else "not JSON"


# -- local folders ---------------------------------------------------------------------------------------


def _list_local(uri: str) -> _Found:
    root = local_path(uri)
    found = _Found()
    try:
        status = root.stat()
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise EmptySource(uri, "there is no such file or folder") from exc
    except OSError as exc:
        raise SourceError(uri, f"cannot be read: {exc.strerror}") from exc
    if stat.S_ISREG(status.st_mode):
        if not _is_utf8(str(root)):
            raise SourceError(ascii(uri)[1:-1], "has a name that is not UTF-8", hint="Give it another one.")
        found.files.append(_local_file(str(root), status))
        return found
    if not stat.S_ISDIR(status.st_mode):
        raise EmptySource(uri, "there is no such file or folder")
    folders = [(str(root), False)]
    while folders:
        folder, hidden = folders.pop()
        try:
            folders += _list_folder(folder, hidden, found)
        except OSError as exc:
            raise SourceError(folder, f"cannot be listed: {exc.strerror}") from exc
    return found


def _list_folder(folder: str, hidden: bool, found: _Found) -> list[tuple[str, bool]]:
    """Add the files of a folder to what was found and skipped. Returns its folders, and whether each is hidden.

    scandir tells files from folders without a stat() of each, and stats a file relative to the open folder
    instead of by its whole path, which halves the time of a listing.
    """
    above = folder if folder.endswith("/") else f"{folder}/"
    is_utf8 = _is_utf8(above)
    folders: list[tuple[str, bool]] = []
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.scandir(handle) as entries:
            for entry in entries:
                name = entry.name
                if entry.is_file(follow_symlinks=False):
                    reason = _why_skipped(name, hidden=hidden)
                    if reason is None:
                        if not (is_utf8 and _is_utf8(name)):
                            found.refuse(above + name)
                            continue
                        try:
                            status = entry.stat(follow_symlinks=False)
                        except FileNotFoundError:
                            # It was removed in the meantime.
                            continue
                        found.files.append(_local_file(above + name, status))
                        continue
                elif entry.is_dir(follow_symlinks=False):
                    folders.append((above + name, hidden or name.startswith(_HIDDEN)))
                    continue
                else:
                    reason = _why_skipped(name, hidden=hidden)
                    if entry.is_symlink():
                        # Links are not followed: they lead out of the folder, or to files listed anyway.
                        reason = "link" if reason is None or entry.is_dir() else reason
                    elif reason is None:
                        reason = "not a regular file"
                found.skipped[reason] += 1
    finally:
        os.close(handle)
    return folders


def _is_utf8(name: str) -> bool:
    """Whether a name is UTF-8: Python reads other bytes as surrogates, which no database accepts."""
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_as_listed(file: SourceFile) -> bool:
    """Whether a local file still looks as it did when it was listed."""
    try:
        return _local_file(file.uri, Path(file.uri).stat()) == file
    except FileNotFoundError:
        return False


def _local_file(path: str, status: os.stat_result) -> SourceFile:
    size = status.st_size
    return SourceFile(path, size, f"{size}-{status.st_mtime_ns}", status.st_mtime)


# -- S3 --------------------------------------------------------------------------------------------------


def _list_s3(uri: str, aws: AwsOptions) -> _Found:
    return persistently(uri, lambda: _list_s3_once(uri, aws))


def _list_s3_once(uri: str, aws: AwsOptions) -> _Found:
    from obstore.exceptions import BaseError

    bucket, prefix = split_s3(uri)
    folder = prefix.rstrip("/")
    with reaching_s3(uri):
        store = open_bucket(bucket, aws)
        try:
            listed = list(_objects(store, folder))
        except BaseError as exc:
            # obstore has no exception class for a key that it cannot read, and stops listing at the first.
            if not _NO_PATH.search(str(exc)):
                raise
            return _choose(bucket, folder, list_with_any_key(bucket, folder, aws))
        if not is_end_of_listing(bucket, folder, max((one["path"] for one in listed), default=None), aws):
            return _choose(bucket, folder, list_with_any_key(bucket, folder, aws))
        found = _choose(bucket, folder, listed)
        if not found.files and folder and not prefix.endswith("/"):
            with suppress(FileNotFoundError):
                meta = store.head(folder)
                found.files.append(_s3_file(bucket, folder, meta))
    return found


def _objects(store: S3Store, folder: str) -> Iterator[Mapping[str, Any]]:
    # object_store lists by whole path segments; an object with exactly this name needs a separate request.
    for page in store.list(prefix=folder or None, chunk_size=1000):
        yield from page


def _choose(bucket: str, folder: str, objects: Iterable[Mapping[str, Any]]) -> _Found:
    """Which of the objects are data, and why the others are skipped."""
    found = _Found()
    for meta in objects:
        path = meta["path"]
        below = PurePosixPath(path.removeprefix(folder).lstrip("/"))
        # What a console creates for an empty folder: an empty object with the folder's own name.
        marker = meta["size"] == 0 and (not below.parts or path.endswith("/"))
        hidden = any(part.startswith(_HIDDEN) and part != ".." for part in below.parts[:-1])
        reason = "directory marker" if marker else _why_skipped(below.name, hidden=hidden)
        if reason:
            found.skipped[reason] += 1
        elif _BAD_KEY.search(path):
            found.refuse(f"s3://{bucket}/{path}")
        else:
            found.files.append(_s3_file(bucket, path, meta))
    return found


def _s3_file(bucket: str, key: str, meta: Mapping[str, Any]) -> SourceFile:
    size = meta["size"]
    fingerprint = fingerprint_of(meta["e_tag"], size)
    return SourceFile(f"s3://{bucket}/{key}", size, fingerprint, meta["last_modified"].timestamp())
