"""Prepares the files of a source for a local reader: on disk, uncompressed, and not too many.

A large local file is read in place. Compressed files are decompressed, objects are fetched from S3, and
small files are joined into larger ones, because opening 15,000 files costs more than reading them. Every
line is counted along the way, independently of the database that reads it afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from sparkify.etl.declarations import Source
from sparkify.etl.errors import SourceError, TemporaryError
from sparkify.etl.line_counter import LineCounter
from sparkify.etl.line_rules import BOM, MAX_LINE
from sparkify.etl.listing import AwsOptions, SourceFile
from sparkify.etl.profiles import Profile
from sparkify.etl.profiling import FileProfiler, Profiler
from sparkify.etl.sources import CHUNK, GZIP_MAGIC, open_stores, store_of, stored_bytes, unpacked
from sparkify.etl.threads import Threads

if TYPE_CHECKING:
    from obstore.store import S3Store

__all__ = ["Segment", "SpoolFile", "spool"]

_SMALL = 4 * CHUNK
"""Bytes, as stored: a smaller file is joined with others."""
_BUNDLE = 64 * CHUNK
"""Bytes: a bundle of small files is closed once it has reached this size."""
_FETCHERS = 32
_WINDOW = 64 * CHUNK
"""Bytes, as stored, of objects that are held in memory until their turn comes."""
_MAX_OPEN_LINE = 16 * MAX_LINE
"""Bytes of a line after which no newline is expected any more: such a file has no lines."""

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Segment:
    """The lines of one source file within a spool file.

    :ivar lines: how many, including blank ones. The last line need not end in a newline.
    :ivar content: the hash of the bytes of the file as stored; empty if not all of them were read.
    :ivar profile: what the file lacks, or has beyond its model; None if that was not asked for.
    """

    file: SourceFile
    lines: int
    content: str = ""
    profile: Profile | None = None


@dataclass(frozen=True)
class SpoolFile:
    """A plain local file.

    :ivar path: a name of our own making, so that no foreign name ever reaches SQL.
    :ivar segments: the source files in it, in the order of their lines.
    :ivar suspect: whether it has something that a fast reader would not report: a line that is too long, an
        escaped NUL, a vertical tab or form feed, or what may be a number too close to 0 for a double.
    """

    path: Path
    segments: tuple[Segment, ...]
    suspect: bool

    @property
    def lines(self) -> int:
        """The number of lines in all segments, including blank ones."""
        return sum(segment.lines for segment in self.segments)


def spool(
    files: Sequence[SourceFile],
    folder: Path,
    aws: AwsOptions,
    progress: Progress | None = None,
    *,
    source: Source | None = None,
) -> Iterator[SpoolFile]:
    """Yield the files as plain local files below ``folder``, each when it is ready: small ones first.

    :param progress: called with the number of bytes, as stored, that were read since its last call.
    :param source: the source of the files, if they are to be profiled.
    :raises SourceError: when a file cannot be read.
    :raises TemporaryError: when S3 does not answer, or a file is not as it was listed.
    """
    profiler = None if source is None else Profiler(source)
    report = progress or (lambda _bytes: None)
    stores = open_stores(files, aws)
    small = [file for file in files if file.size < _SMALL]
    with _Bundler(folder) as bundle, Threads(_FETCHERS) as pool:
        for one in _contents(small, stores, pool, partial(_Reading, profiler=profiler, aws=aws)):
            file = one.file
            yield from bundle.add(one)
            report(file.size)
        yield from bundle.close()
    large = [file for file in files if file.size >= _SMALL]
    for number, file in enumerate(large):
        path = folder / f"file-{number:06d}.json"
        store = store_of(file, stores)
        reading = _Reading(file, store, profiler=profiler, aws=aws)
        if store is None and not _is_gzip(file):
            path.symlink_to(file.uri)
            counter = _counted(reading, None, report)
        else:
            with path.open("wb") as out:
                counter = _counted(reading, out, None)
            report(file.size)
        yield SpoolFile(path=path, segments=(reading.segment(counter.lines),), suspect=counter.suspect)


class _Reading:
    """One file as it is read: its content is hashed and profiled along the way."""

    def __init__(
        self, file: SourceFile, store: S3Store | None, *, profiler: Profiler | None, aws: AwsOptions
    ) -> None:
        self.file = file
        self._hash = hashlib.sha256()
        self._profiler = None if profiler is None else FileProfiler(profiler)
        self._max_unpacked = aws.max_unpacked
        self._stored: Iterable[bytes] = stored_bytes(file, store)

    def fetch(self) -> Self:
        """Read all of it now, as stored: many decompressed files would not fit into memory."""
        self._stored = list(self._stored)
        return self

    def _hashed(self) -> Iterator[bytes]:
        for chunk in self._stored:
            self._hash.update(chunk)
            yield chunk

    def __iter__(self) -> Iterator[bytes]:
        """The bytes, without the byte order mark that some editors put before them."""
        first = True
        for chunk in unpacked(self.file, self._hashed(), self._max_unpacked):
            data = chunk.removeprefix(BOM) if first else chunk
            first = False
            if self._profiler is not None:
                self._profiler.feed(data)
            yield data

    def segment(self, lines: int) -> Segment:
        """What was seen of the file, once all of its bytes have passed."""
        profile = None if self._profiler is None else self._profiler.profile(lines)
        return Segment(self.file, lines, self._hash.hexdigest(), profile)


def _counted(reading: _Reading, out: BinaryIO | None, report: Progress | None) -> LineCounter:
    counter = LineCounter()
    for chunk in reading:
        counter.feed(chunk)
        _refuse_endless(reading.file, counter)
        if out is not None:
            out.write(chunk)
        if report is not None:
            report(len(chunk))
    return counter


def _refuse_endless(file: SourceFile, counter: LineCounter) -> None:
    """:raises SourceError: when the line being read is so long that no newline is expected any more."""
    if counter.open_bytes > _MAX_OPEN_LINE:
        raise SourceError(
            file.uri,
            f"line {counter.lines:,} has more than {_MAX_OPEN_LINE:,} bytes",
            hint="Write one object on each line; of an array, as this does: jq -c '.[]' FILE > NEW",
        )


def _is_gzip(file: SourceFile) -> bool:
    try:
        with Path(file.uri).open("rb") as handle:
            return handle.read(2) == GZIP_MAGIC
    except FileNotFoundError as exc:
        raise TemporaryError("was removed after it was listed", where=file.uri) from exc
    except OSError as exc:
        raise SourceError(file.uri, f"cannot be read: {exc.strerror}") from exc


def _contents(
    files: Sequence[SourceFile],
    stores: dict[str, S3Store],
    pool: Threads,
    reading: Callable[[SourceFile, S3Store | None], _Reading],
) -> Iterator[_Reading]:
    """The content of each small file; those on S3 are fetched many at a time, but not far ahead."""
    if not stores:
        yield from (reading(file, None) for file in files)
        return
    for some in _windows(files):
        yield from pool.map(lambda file: reading(file, store_of(file, stores)).fetch(), some)


def _windows(files: Sequence[SourceFile]) -> Iterator[list[SourceFile]]:
    """The files in groups that are large enough to keep the threads busy and that fit into memory."""
    window: list[SourceFile] = []
    size = 0
    for file in files:
        if window and (len(window) == _FETCHERS * 8 or size + file.size > _WINDOW):
            yield window
            window, size = [], 0
        window.append(file)
        size += file.size
    if window:
        yield window


class _Bundler:
    """Joins small files into bundles."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._segments: list[Segment] = []
        self._out: BinaryIO | None = None
        self._path = folder
        self._written = 0
        self._suspect = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._out is not None:
            self._out.close()

    def add(self, reading: _Reading) -> Iterator[SpoolFile]:
        """Append a file, and yield the bundle once it is large enough."""
        if self._out is None:
            self._path = self._folder / f"bundle-{self._number:06d}.json"
            self._number += 1
            self._out = self._path.open("wb", buffering=CHUNK)
        counter = LineCounter()
        for data in reading:
            counter.feed(data)
            _refuse_endless(reading.file, counter)
            self._written += self._out.write(data)
        if counter.open_line:
            # No file of the real logs ends in a newline: without this one, two records would share a line.
            self._written += self._out.write(b"\n")
        self._segments.append(reading.segment(counter.lines))
        self._suspect = self._suspect or counter.suspect
        if self._written >= _BUNDLE:
            yield from self.close()

    def close(self) -> Iterator[SpoolFile]:
        """Yield the open bundle, if there is one."""
        if self._out is None:
            return
        self._out.close()
        yield SpoolFile(path=self._path, segments=tuple(self._segments), suspect=self._suspect)
        self._out, self._segments, self._written, self._suspect = None, [], 0, False
