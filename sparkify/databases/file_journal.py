"""Writes the history beside the file of an embedded database line by line, so that no kill corrupts it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sparkify.config.secrets import redact
from sparkify.databases import replacing
from sparkify.databases.sidecar import entries_of, parse_sidecar
from sparkify.etl.journal import FailedLoad, Journal, Origin
from sparkify.etl.observer import Observer
from sparkify.etl.results import FileCount, LoadRecord

__all__ = ["FileJournal", "compact"]

COMPACTED_ABOVE = 1_000_000
"""Bytes. A history is compacted when it is longer than this and than twice its last compacted size."""

KEPT_FAILURES = 100
"""Failed loads that a compaction keeps."""

_TIMEOUT = 1
"""Seconds to wait for another process that writes a line. Holding the lock never stops a load."""

_TAIL = 4_096
"""Bytes that are read at either end when those in between do not matter."""

_RUN = re.compile(rb'\{"event":"[a-z ]+","run":"(\w+)"')


class FileJournal(Journal):
    """Records one load in the history beside a database."""

    def __init__(self, path: Path, observer: Observer) -> None:
        super().__init__()
        self._path = path
        self._observer = observer
        self._run = secrets.token_hex(8)
        self._origin: Origin | None = None
        self._has_begun = False
        self._has_warned = False

    def open(self, origin: Origin) -> None:
        self._origin = origin

    def began(self) -> None:
        if self._origin is not None and not self._has_begun:
            self._has_begun = True
            # Not synced: it survives a kill, and after a power loss there is little to report.
            self._append("began", asdict(self._origin), sync=False)

    def committing(self, load: LoadRecord, files: Sequence[FileCount]) -> None:
        written = {
            "load_id": load.load_id,
            "mode": load.mode,
            "started_at": load.started_at,
            "finished_at": load.finished_at,
            "sources": list(dict.fromkeys(count.source for count in files)),
            "files": list(map(_file, files)),
        }
        self._append("committing", written)

    def committed(self) -> None:
        self._append("committed", {})
        self._compact()

    def nothing_new(self) -> None:
        # A load that found nothing new is not recorded, unless something before it did not end well.
        with suppress(OSError):
            if _ended_well(self._path):
                return
        self._append("nothing new", {}, sync=False)

    def failed(self, failure: FailedLoad) -> None:
        self._append("failed", asdict(replace(failure, error=redact(failure.error))))
        self._compact()

    def _append(self, event: str, values: Mapping[str, Any], *, sync: bool = True) -> None:
        if not self._path.parent.is_dir():
            return
        entry = {"event": event, "run": self._run, "at": datetime.now(UTC), **values}
        with self._warning():
            append(self._path, _line(entry), sync=sync)

    def _compact(self) -> None:
        with self._warning():
            compact(self._path)

    @contextmanager
    def _warning(self) -> Iterator[None]:
        """Warn once that the history cannot be written, and go on."""
        try:
            yield
        except OSError as exc:
            if not self._has_warned:
                self._has_warned = True
                self._observer.warning(f"{self._path}: the history cannot be written: {exc.strerror or exc}")


def append(path: Path, line: bytes, *, sync: bool = True) -> None:
    """Append one line with one write, after a newline if the last write was cut short.

    :param sync: return only when the line is on disk.
    :raises OSError: when it cannot be written in full.
    """
    with _locked(path) as handle:
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line
        if os.write(handle, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if sync:
            os.fsync(handle)
            if not size:
                replacing.sync(path.parent)


def compact(path: Path) -> None:
    """Drop what is no longer needed from a history that has become long: loads that a full refresh has
    replaced, and all but the last hundred that failed. It is rewritten and renamed, so it is always complete.

    :raises OSError: when that cannot be done.
    """
    try:
        if path.stat().st_size <= COMPACTED_ABOVE:
            return
    except FileNotFoundError:
        return
    with _locked(path) as handle:
        if not _lock(handle):
            return
        for left in path.parent.glob(f".{path.name}.new-*"):
            # Left by a process that was killed while it held the lock.
            left.unlink(missing_ok=True)
        size = os.fstat(handle).st_size
        start = os.pread(handle, _TAIL, 0).partition(b"\n")[0]
        first = next((entry for _, entry in entries_of(start)), {})
        if size <= max(COMPACTED_ABOVE, 2 * int(first.get("bytes") or 0)):
            return
        body = _needed(os.pread(handle, size, 0))
        head = _line({"event": "compacted", "at": datetime.now(UTC), "bytes": len(body)})
        new = replacing.name_beside(path)
        try:
            new.touch(mode=0o600)
            with new.open("wb") as file:
                file.write(head + body)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
            replacing.sync(path.parent)
        finally:
            new.unlink(missing_ok=True)


def _needed(text: bytes) -> bytes:
    """The lines of a history that may still be needed."""
    lines = [line for line in text.split(b"\n") if line.strip()]
    runs = {match and match[1] for match in map(_RUN.match, lines)}
    if len(runs) > 1 or None in runs:
        found = parse_sidecar(text)
        kept = {load.run for load in found.loads} | set(found.failed_runs[-KEPT_FAILURES:])
        # Without it, the failures before it would count again.
        kept |= {found.last_nothing_new or ""}
        lines = [line for line, entry in entries_of(text) if entry.get("run") in kept]
    # Otherwise it holds only the first load, which may have named very many files.
    return b"".join(line + b"\n" for line in lines)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The history, opened, while no other process compacts it. A new one is private to its owner."""
    until = time.monotonic() + _TIMEOUT
    while True:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _lock(handle) and time.monotonic() < until:
                time.sleep(0.01)
            # Otherwise it was compacted meanwhile, and is another file now.
            if path.stat().st_ino == os.fstat(handle).st_ino or time.monotonic() >= until:
                yield handle
                return
        finally:
            os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A file system without locks.
        return True
    return True


def _ended_well(path: Path) -> bool:
    """Whether the last line is of a load that ended well, or there is no line."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            tail = file.read()
    except FileNotFoundError:
        return True
    last = [entry for _, entry in entries_of(tail)][-1:]
    return not last or (tail.endswith(b"\n") and last[0].get("event") in ("committed", "nothing new"))


def _file(count: FileCount) -> dict[str, Any]:
    return {
        "source": count.source,
        "uri": count.file.uri,
        "bytes": count.file.size,
        "sha256": count.content,
        "lines": count.lines,
        "loaded": count.loaded,
        "rejected": count.rejected,
        "blank": count.blank,
    }


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, default=_moment, separators=(",", ":")).encode() + b"\n"


def _moment(value: datetime) -> str:
    return f"{value.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
