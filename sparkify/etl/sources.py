"""Reads the files of a source from a local folder or S3: decompressed, and only if they are as listed."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

from sparkify.etl.buckets import open_bucket, reaching_s3
from sparkify.etl.errors import EmptySource, SourceError, TemporaryError
from sparkify.etl.listing import MAX_UNPACKED, AwsOptions, SourceFile, fingerprint_of
from sparkify.etl.locations import is_s3, split_s3
from sparkify.etl.retrying import persistently

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import S3Store

__all__ = ["file_chunks", "open_stores", "store_of", "stored_bytes", "unpacked"]

CHUNK = 1 << 20
"""Bytes to read at a time."""
GZIP_MAGIC = b"\x1f\x8b"
MAX_RATIO = 200
"""How many times its stored size a file may decompress to. For logs it is 10; zlib can reach 1,032."""
_SHORT = 16 * 1024


def open_stores(files: Iterable[SourceFile], aws: AwsOptions) -> dict[str, S3Store]:
    """The buckets of the files on S3, by name: opened once, instead of by each of the threads that read."""
    buckets = {split_s3(file.uri)[0] for file in files if is_s3(file.uri)}
    return {bucket: open_bucket(bucket, aws) for bucket in sorted(buckets)}


def store_of(file: SourceFile, stores: Mapping[str, S3Store]) -> S3Store | None:
    """The bucket that a file is in; None for a local file."""
    return stores[split_s3(file.uri)[0]] if is_s3(file.uri) else None


def file_chunks(
    file: SourceFile, store: S3Store | None = None, *, max_unpacked: int = MAX_UNPACKED
) -> Iterator[bytes]:
    """The bytes of a file, decompressed if it is gzip, whatever its name says.

    :param store: the bucket that an ``s3://`` file is in.
    :param max_unpacked: bytes that it may decompress to, however small it is; see :func:`unpacked`.
    :raises SourceError: when it cannot be read, is truncated, fails gzip's own checksum, or becomes too large.
    :raises TemporaryError: when S3 does not answer, or the file is not as it was listed: it is gone, it was
        replaced, or it is being written.
    """
    return unpacked(file, stored_bytes(file, store), max_unpacked)


def unpacked(file: SourceFile, raw: Iterator[bytes], max_unpacked: int) -> Iterator[bytes]:
    """The bytes of a file, given those that are stored, decompressed if they are gzip.

    :param max_unpacked: bytes beyond which it may not become more than 200 times its stored size.
    :raises SourceError: when it is truncated, fails gzip's own checksum, or becomes too large.
    """
    first = next(raw, b"")
    # Also if the file is truncated after the first byte of the magic number.
    if first and GZIP_MAGIC.startswith(first[:2]):
        yield from _gunzip(file.uri, chain([first], raw), max_unpacked)
    elif first:
        yield first
        yield from raw


def stored_bytes(file: SourceFile, store: S3Store | None = None) -> Iterator[bytes]:
    """The bytes of a file as they are stored; otherwise as :func:`file_chunks`."""
    return _s3_chunks(file, store) if store is not None else _local_chunks(file)


def _local_chunks(file: SourceFile) -> Iterator[bytes]:
    try:
        handle = os.open(file.uri, os.O_RDONLY)
    except FileNotFoundError as exc:
        raise TemporaryError("was removed after it was listed", where=file.uri) from exc
    except OSError as exc:
        raise SourceError(file.uri, f"cannot be read: {exc.strerror}") from exc
    try:
        # A small buffer for a small file: allocating a megabyte costs more than reading 300 bytes.
        size = min(CHUNK, file.size + 1)
        read = 0
        while chunk := _read(file.uri, handle, size):
            read += len(chunk)
            yield chunk
    finally:
        os.close(handle)
    if read != file.size:
        raise TemporaryError(
            f"has {read:,} bytes and had {file.size:,} when it was listed: it is being written",
            where=file.uri,
        )


def _read(uri: str, handle: int, size: int) -> bytes:
    try:
        return os.read(handle, size)
    except OSError as exc:
        # Translated here: code that writes the bytes elsewhere would take it for an error of its output.
        raise SourceError(uri, f"cannot be read: {exc.strerror}") from exc


@contextmanager
def _still_there(uri: str) -> Iterator[None]:
    """Report an object that was listed and is not found as removed: another listing will not have it."""
    try:
        yield
    except EmptySource as exc:
        raise TemporaryError("was removed after it was listed", where=uri) from exc


def _s3_chunks(file: SourceFile, store: S3Store) -> Iterator[bytes]:
    _, key = split_s3(file.uri)
    read = 0
    answer: Iterator[bytes] | None = None

    def ask() -> Iterator[bytes]:
        # If-Match: load exactly what was listed and what the ledger will record.
        options: GetOptions = {"if_match": f'"{file.fingerprint}"'}
        if read:
            options["range"] = {"offset": read}
        found = store.get(key, options=options)
        _refuse_replaced(file, found.meta["e_tag"])
        return map(bytes, found.stream(min_chunk_size=CHUNK))

    def receive() -> bytes:
        nonlocal answer
        if answer is None and 0 < file.size <= read:
            return b""
        with _still_there(file.uri), reaching_s3(file.uri):
            try:
                answer = answer or ask()
                return next(answer, b"")
            except BaseException:
                # The next response continues where this one ended.
                answer = None
                raise

    while chunk := persistently(file.uri, receive):
        read += len(chunk)
        yield chunk
    if read != file.size:
        raise TemporaryError(f"{read:,} of {file.size:,} bytes arrived", where=file.uri)


def _refuse_replaced(file: SourceFile, etag: str | None) -> None:
    """:raises TemporaryError: when the response is for another object, as a server may ignore If-Match."""
    if fingerprint_of(etag, file.size) != file.fingerprint:
        raise TemporaryError("was replaced while it was read", where=file.uri)


def _gunzip(uri: str, raw: Iterator[bytes], max_unpacked: int) -> Iterator[bytes]:
    """Decompress every member; zlib checks the length and the CRC of each, which DuckDB does not."""
    member = zlib.decompressobj(wbits=31)
    before = made = 0
    width = CHUNK
    try:
        for chunk in raw:
            data = b""
            end = 0
            while data or end < len(chunk):
                if not data:
                    data = chunk[end : end + width]
                    end += len(data)
                if member.eof:
                    # Tapes and some tools pad a block with zeros, which gzip itself ignores.
                    data = data.lstrip(b"\0")
                    if not data:
                        continue
                    member = zlib.decompressobj(wbits=31)
                found = member.decompress(data, CHUNK)
                data = member.unconsumed_tail
                if member.eof:
                    end -= len(member.unused_data)
                # zlib copies what follows a member: do not copy the whole chunk for each of many small ones.
                width = _SHORT if member.eof else min(4 * width, CHUNK)
                made += len(found)
                _refuse_bomb(uri, before + end - len(data), made, max_unpacked)
                if found:
                    yield found
            before += len(chunk)
    except zlib.error as exc:
        raise SourceError(uri, f"is not sound gzip ({exc})") from exc
    if not member.eof:
        raise SourceError(uri, "ends in the middle of its gzip data")


def _refuse_bomb(uri: str, read: int, made: int, max_unpacked: int) -> None:
    if made > max_unpacked and made > read * MAX_RATIO:
        raise SourceError(
            uri,
            f"its first {read:,} bytes decompress to more than {made:,}, over {MAX_RATIO} times as many",
            hint="If it is meant to, give MAX_UNPACKED, what any file may become, such as 2GB.",
        )
