"""Where the data lies: lists the files below a local folder or an ``s3://`` prefix, and reads them.

Names are data, never patterns: a name with ``*`` or ``[`` in it is that file and no other.
"""

from __future__ import annotations

import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from operator import itemgetter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sparkify.etl.errors import EmptySource, SourceError, TemporaryError
from sparkify.etl.listing import AwsOptions, Listing, SourceFile
from sparkify.etl.locations import check_location, is_s3, local_path, split_s3

if TYPE_CHECKING:
    from obstore.store import S3Store

__all__ = ["file_chunks", "list_files", "open_bucket", "reaching_s3"]

_SUFFIXES = tuple(f"{ending}{gz}" for ending in (".json", ".jsonl", ".ndjson") for gz in ("", ".gz"))
_HIDDEN = (".", "_")
_HTTP_STATUS = re.compile(r"status code: (\d{3})")
_REFUSED = "S3 refused access"
_CHECK_ACCESS = "Check the credentials and the bucket policy."
CHUNK = 1 << 20
"""Bytes that are read at a time."""
GZIP_MAGIC = b"\x1f\x8b"


def list_files(uri: str, aws: AwsOptions | None = None) -> Listing:
    """The files below ``uri``, which is a local file or folder or an ``s3://`` prefix or object.

    Directory markers, hidden files (``.name``, ``_name``), links, and files of another suffix than
    ``.json``, ``.jsonl`` or ``.ndjson`` (each also with ``.gz``) are skipped and counted. A prefix is a
    folder: ``s3://bucket/log`` does not take ``s3://bucket/log2/a.json``.

    This is a read-only operation.

    :raises ConfigurationError: when it is a location of another kind.
    :raises EmptySource: when there is no such folder, or no data in it.
    :raises SourceError: when it cannot be listed.
    :raises TemporaryError: when S3 does not answer.
    """
    check_location(uri)
    found, skipped = _list_s3(uri, aws or AwsOptions()) if is_s3(uri) else _list_local(uri)
    if not found:
        passed_over = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
        also = f" (skipped: {passed_over})" if passed_over else ""
        raise EmptySource(
            uri,
            f"no .json, .jsonl or .ndjson file here{also}",
            # A prefix of S3 without an object is as good as a misspelt one; a folder is known to be there. What
            # is passed over was meant to be loaded, by all appearances.
            exists=not (is_s3(uri) or skipped.keys() - {"hidden"}),
        )
    return Listing(uri=uri, files=tuple(sorted(found, key=itemgetter(0))), skipped=dict(skipped))


def _why_skipped(name: str, *, hidden: bool) -> str | None:
    """The reason why a file of this name is not data, or None when it is.

    :param hidden: whether a folder that it is in is hidden.
    """
    if hidden or name.startswith(_HIDDEN):
        return "hidden"
    return None if name.endswith(_SUFFIXES) else "not JSON"


def _list_local(uri: str) -> tuple[list[SourceFile], Counter[str]]:
    root = local_path(uri)
    skipped: Counter[str] = Counter()
    if root.is_file():
        return [_local_file(str(root), root.stat())], skipped
    if not root.is_dir():
        raise EmptySource(uri, "there is no such file or folder")
    found: list[SourceFile] = []
    folders = [(str(root), False)]
    while folders:
        folder, hidden = folders.pop()
        try:
            folders += _list_folder(folder, hidden, found, skipped)
        except OSError as exc:
            raise SourceError(folder, f"cannot be listed: {exc.strerror}") from exc
    return found, skipped


def _list_folder(
    folder: str, hidden: bool, found: list[SourceFile], skipped: Counter[str]
) -> list[tuple[str, bool]]:
    """Add what a folder holds to what was found and skipped. Returns its folders, and whether each is hidden.

    scandir tells files from folders without asking for the status of each, and finds that of a file from the
    open folder, not by its whole path: half of the time of a listing.
    """
    above = folder if folder.endswith("/") else f"{folder}/"
    folders: list[tuple[str, bool]] = []
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.scandir(handle) as entries:
            for entry in entries:
                name = entry.name
                if entry.is_file(follow_symlinks=False):
                    reason = _why_skipped(name, hidden=hidden)
                    if reason is None:
                        status = entry.stat(follow_symlinks=False)
                        found.append(_local_file(above + name, status))
                        continue
                elif entry.is_dir(follow_symlinks=False):
                    folders.append((above + name, hidden or name.startswith(_HIDDEN)))
                    continue
                else:
                    reason = _why_skipped(name, hidden=hidden)
                    if entry.is_symlink():
                        # Links are not followed: they lead out of the folder, or to what is listed already.
                        reason = "link" if reason is None or entry.is_dir() else reason
                    elif reason is None:
                        reason = "not a regular file"
                skipped[reason] += 1
    finally:
        os.close(handle)
    return folders


def _local_file(path: str, status: os.stat_result) -> SourceFile:
    size = status.st_size
    return SourceFile(path, size, f"{size}-{status.st_mtime_ns}")


def _list_s3(uri: str, aws: AwsOptions) -> tuple[list[SourceFile], Counter[str]]:
    bucket, prefix = split_s3(uri)
    folder = prefix.rstrip("/")
    found: list[SourceFile] = []
    skipped: Counter[str] = Counter()
    with reaching_s3(uri):
        store = open_bucket(bucket, aws)
        # object_store lists by whole path segments; an object of just this name has its own request.
        for page in store.list(prefix=folder or None, chunk_size=1000):
            for meta in page:
                path = meta["path"]
                below = PurePosixPath(path).relative_to(folder) if folder else PurePosixPath(path)
                # What a console makes for an empty folder: the folder's own name, with nothing in it.
                marker = meta["size"] == 0 and (not below.parts or path.endswith("/"))
                hidden = any(part.startswith(_HIDDEN) for part in below.parts[:-1])
                reason = "directory marker" if marker else _why_skipped(below.name, hidden=hidden)
                if reason:
                    skipped[reason] += 1
                else:
                    found.append(_s3_file(bucket, path, meta["size"], meta["e_tag"]))
        if not found and folder and not prefix.endswith("/"):
            try:
                meta = store.head(folder)
            except FileNotFoundError:
                pass
            else:
                found.append(_s3_file(bucket, folder, meta["size"], meta["e_tag"]))
    return found, skipped


def _s3_file(bucket: str, key: str, size: int, etag: str | None) -> SourceFile:
    return SourceFile(uri=f"s3://{bucket}/{key}", size=size, fingerprint=(etag or str(size)).strip('"'))


def open_bucket(bucket: str, aws: AwsOptions) -> S3Store:
    """The bucket, with credentials of boto3's own chain, or unsigned where there are none."""
    import boto3
    from obstore.store import S3Store

    session = boto3.Session(
        aws_access_key_id=aws.access_key_id,
        aws_secret_access_key=aws.secret_access_key,
        region_name=aws.region,
    )
    client_options: dict[str, object] = {"timeout": "60s", "connect_timeout": "10s"}
    options: dict[str, object] = {"region": session.region_name or "us-west-2"}
    if aws.endpoint:
        options["endpoint"] = aws.endpoint
        options["virtual_hosted_style_request"] = False
        client_options["allow_http"] = aws.endpoint.startswith("http://")
    retry = {"max_retries": 8, "retry_timeout": timedelta(seconds=90)}
    common: dict[str, Any] = {**options, "client_options": client_options, "retry_config": retry}
    if session.get_credentials() is None:
        # A public bucket is readable by whoever asks without a name.
        return S3Store(bucket, skip_signature=True, **common)
    from obstore.auth.boto3 import Boto3CredentialProvider

    return S3Store(bucket, credential_provider=Boto3CredentialProvider(session), **common)


@contextmanager
def reaching_s3(uri: str) -> Iterator[None]:
    """Translate what the S3 client raises into one clear line. Nothing has been changed at that point."""
    from botocore.exceptions import BotoCoreError
    from obstore import exceptions as s3

    try:
        yield
    except (s3.PermissionDeniedError, s3.UnauthenticatedError, PermissionError) as exc:
        raise SourceError(uri, _REFUSED, hint=_CHECK_ACCESS) from exc
    except (s3.NotFoundError, FileNotFoundError) as exc:
        raise EmptySource(uri, "there is no such bucket or object") from exc
    except s3.PreconditionError as exc:
        raise TemporaryError("was replaced while it was read", where=uri) from exc
    except BotoCoreError as exc:
        raise SourceError(uri, f"no usable AWS credentials: {exc}") from exc
    except s3.BaseError as exc:
        status = _HTTP_STATUS.search(str(exc))
        match status and status[1]:
            case "404":
                raise EmptySource(uri, "there is no such bucket") from exc
            case "401" | "403":
                raise SourceError(uri, _REFUSED, hint=_CHECK_ACCESS) from exc
            case "301" | "307":
                raise SourceError(
                    uri, "the bucket is in another region", hint="Set AWS_DEFAULT_REGION."
                ) from exc
        first = str(exc).strip().splitlines()[0][:300]
        raise TemporaryError(f"S3 did not answer ({first})", where=uri) from exc


def file_chunks(file: SourceFile, store: S3Store | None = None) -> Iterator[bytes]:
    """The bytes of a file, decompressed when it is gzip, whatever its name says.

    :param store: the bucket that an ``s3://`` file lies in.
    :raises SourceError: when it cannot be read, is cut off, or fails gzip's own checksum.
    :raises TemporaryError: when S3 does not answer, or the object was replaced since it was listed.
    """
    raw = _s3_chunks(file, store) if store is not None else _local_chunks(file)
    first = next(raw, b"")
    # Also where the file is cut off after the first byte of it.
    if first and GZIP_MAGIC.startswith(first[:2]):
        yield from _gunzip(file.uri, chain([first], raw))
    elif first:
        yield first
        yield from raw


def _local_chunks(file: SourceFile) -> Iterator[bytes]:
    try:
        handle = os.open(file.uri, os.O_RDONLY)
    except OSError as exc:
        raise SourceError(file.uri, f"cannot be read: {exc.strerror}") from exc
    try:
        # A small buffer for a small file: allocating a megabyte costs more than reading 300 bytes.
        size = min(CHUNK, file.size + 1)
        while chunk := os.read(handle, size):
            yield chunk
    finally:
        os.close(handle)


def _s3_chunks(file: SourceFile, store: S3Store) -> Iterator[bytes]:
    _, key = split_s3(file.uri)
    with reaching_s3(file.uri):
        # If-Match: what is loaded is what was listed and what the ledger will remember.
        answer = store.get(key, options={"if_match": f'"{file.fingerprint}"'})
        read = 0
        for buffer in answer.stream(min_chunk_size=CHUNK):
            read += len(buffer)
            yield bytes(buffer)
    if read != file.size:
        raise TemporaryError(f"{read:,} of {file.size:,} bytes arrived", where=file.uri)


def _gunzip(uri: str, raw: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress every member; zlib checks the length and the CRC of each, which DuckDB does not."""
    member = zlib.decompressobj(wbits=31)
    try:
        for chunk in raw:
            data = chunk
            while data:
                if member.eof:
                    # Tapes and some tools fill up a block with zeros, which gzip itself reads over.
                    data = data.lstrip(b"\0")
                    if not data:
                        break
                    member = zlib.decompressobj(wbits=31)
                yield member.decompress(data, CHUNK)
                data = member.unconsumed_tail or member.unused_data
    except zlib.error as exc:
        raise SourceError(uri, f"is not sound gzip ({exc})") from exc
    if not member.eof:
        raise SourceError(uri, "ends in the middle of its gzip data")
