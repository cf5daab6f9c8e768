"""Samples the beginnings of some files while COPY reads them, as COPY does not tell what keys it finds."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sparkify.etl.buckets import open_bucket, reaching_s3
from sparkify.etl.declarations import Source
from sparkify.etl.errors import SparkifyError
from sparkify.etl.listing import AwsOptions, SourceFile
from sparkify.etl.locations import split_s3
from sparkify.etl.profiles import Profile
from sparkify.etl.profiling import FileProfiler, Profiler
from sparkify.etl.sources import GZIP_MAGIC
from sparkify.etl.spool import Segment
from sparkify.etl.threads import Threads

if TYPE_CHECKING:
    from obstore.store import S3Store

__all__ = ["Sampling"]

_FILES = 16
"""The most files of a source that are sampled, at even intervals."""
_BYTES = 64 * 1024


class Sampling:
    """Fetches the beginnings of some files, in threads, for as long as the block lasts.

    A file that cannot be fetched is left out: the loading user may be allowed only to list it, as COPY reads
    it with another role.
    """

    def __init__(self, source: Source, files: Sequence[SourceFile], aws: AwsOptions) -> None:
        step = -(-len(files) // _FILES) or 1
        self._files = files[::step]
        self._profiler = Profiler(source)
        self._aws = aws
        self._pool = Threads(8)
        self._fetched: list[tuple[SourceFile, Future[bytes]]] = []

    def __enter__(self) -> Self:
        for file in self._files:
            store = open_bucket(split_s3(file.uri)[0], self._aws)
            self._fetched.append((file, self._pool.submit(partial(_beginning, file, store))))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, trace)

    def found(self) -> Mapping[str, Segment]:
        """What was seen of the files that could be fetched, by uri. Waits for them."""
        found: dict[str, Segment] = {}
        for file, fetched in self._fetched:
            with suppress(SparkifyError, zlib.error):
                found[file.uri] = Segment(file, 0, "", self._profile(file, fetched.result()))
        return found

    def _profile(self, file: SourceFile, data: bytes) -> Profile:
        is_whole = len(data) == file.size
        if data.startswith(GZIP_MAGIC):
            member = zlib.decompressobj(wbits=31)
            data = member.decompress(data, _BYTES)
            is_whole = is_whole and member.eof and not member.unused_data
        if not is_whole:
            data = data[: data.rfind(b"\n") + 1]
        one = FileProfiler(self._profiler)
        one.feed(data)
        profile = one.profile(data.count(b"\n") + (not data.endswith(b"\n")))
        return profile if is_whole else Profile(unknown=profile.unknown)


def _beginning(file: SourceFile, store: S3Store) -> bytes:
    with reaching_s3(file.uri):
        _, key = split_s3(file.uri)
        return bytes(store.get_range(key, start=0, length=min(_BYTES, file.size))) if file.size else b""
