"""The files of one source in a DuckDB load, in a temporary folder."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sparkify.etl.declarations import Source
from sparkify.etl.listing import SourceFile
from sparkify.etl.spool import Segment, SpoolFile
from sparkify.etl.threads import CALL, next_of
from sparkify.etl.validation import Validated

__all__ = ["Readable", "Spooled", "ahead"]

_AHEAD = 64
"""Files that may be ready before the database gets to them."""
_GRACE = 1
"""Seconds to wait for the thread that makes them, if the load ends without them."""


@dataclass(frozen=True)
class Readable:
    """A local file, and how many rows the database must find in it.

    :ivar validated: whether the file was validated and holds accepted lines only.
    """

    file: SpoolFile
    rows: int
    validated: bool = False


@dataclass
class Spooled:
    """The files of one source, and what became of their lines.

    :ivar wanted: all files to load.
    :ivar complete: whether all of them are here.
    """

    source: Source
    wanted: Sequence[SourceFile]
    complete: bool = False
    files: list[Readable] = field(default_factory=list)
    validated: Validated = field(default_factory=Validated)

    @property
    def lines(self) -> list[tuple[SourceFile, int]]:
        """Each file and how many lines it has; 0 if, as in a dry run, not all files were read."""
        if not self.complete:
            return [(file, 0) for file in self.wanted]
        return [(part.file, part.lines) for one in self.files for part in one.file.segments]

    @property
    def seen(self) -> dict[str, Segment]:
        """What was seen of each file, by uri; nothing if they were not read."""
        return {part.file.uri: part for one in self.files for part in one.file.segments}


def ahead(files: Iterator[SpoolFile]) -> Iterator[SpoolFile]:
    """The same files; a thread makes the next ones ready while the database reads those before."""
    waiting: queue.Queue[SpoolFile | BaseException | None] = queue.Queue(maxsize=_AHEAD)
    stopped = threading.Event()

    def put(item: SpoolFile | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def fill() -> None:
        try:
            for file in files:
                put(file)
                if stopped.is_set():
                    return
            put(None)
        except BaseException as exc:
            put(exc)

    worker = threading.Thread(target=fill, name=CALL, daemon=True)
    worker.start()
    try:
        while (item := next_of(waiting)) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        # It may be in the middle of a large file, or waiting for S3; whatever it writes then is ignored.
        worker.join(_GRACE)
