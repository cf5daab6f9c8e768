"""The history beside the file of an embedded database: which files its loads committed, and which loads failed.

It is a file of JSON lines, and holds what is needed when the database cannot be opened or is gone. Each line is
an object with ``event``, ``at`` and, unless it is ``compacted``, ``run`` (one for each load):

``began``
    a load has found files to load: ``started_at``, ``host``, ``pid``, ``version``
``committing``
    it is about to commit: ``load_id``, ``mode``, ``started_at``, ``finished_at``, ``sources``, and ``files``,
    each with ``source``, ``uri``, ``bytes``, ``sha256``, ``lines``, ``loaded``, ``rejected``, ``blank``
``committed``, ``nothing new``
    it has ended well
``failed``
    it has failed: the fields of a :class:`~sparkify.etl.journal.FailedLoad`
``compacted``
    lines that are no longer needed were dropped; ``bytes`` of those that stayed, which follow
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sparkify.etl.errors import IN_DOUBT
from sparkify.etl.journal import FailedLoad

__all__ = [
    "RecordedFile",
    "RecordedLoad",
    "Sidecar",
    "entries_of",
    "parse_sidecar",
    "read_failures",
    "read_sidecar",
    "sidecar_of",
]

_COMMITTING = b'{"event":"committing"'
"""How a line that names files begins."""

NOT_ENDED = "has not ended: it was killed, or is still under way"


@dataclass(frozen=True)
class RecordedFile:
    """A file whose lines a load has committed.

    :ivar bytes: its size as stored.
    :ivar sha256: of its bytes as stored; None if it is not known.
    """

    source: str
    uri: str
    bytes: int
    sha256: str | None
    lines: int
    loaded: int
    rejected: int
    blank: int


@dataclass(frozen=True)
class RecordedLoad:
    """A load that committed. Times are UTC, without zone.

    :ivar confirmed: False if it is not known whether it did: it was stopped in the middle of its commit.
    """

    run: str
    load_id: int
    mode: str
    started_at: datetime
    finished_at: datetime
    sources: tuple[str, ...]
    files: tuple[RecordedFile, ...]
    confirmed: bool = False


@dataclass(frozen=True)
class Sidecar:
    """What the history beside a database says.

    :ivar loads: those whose files the database holds, oldest first, from the last full refresh on.
    :ivar failures: the loads that failed since the last one that ended well, newest first.
    :ivar failed_runs: all that failed or did not end, as far as the history still has them.
    :ivar last_nothing_new: the last load that found nothing new after one that had failed.
    :ivar unreadable: how many lines cannot be read, such as one that a full disk cut short.
    """

    loads: tuple[RecordedLoad, ...] = ()
    failures: tuple[FailedLoad, ...] = ()
    failed_runs: tuple[str, ...] = ()
    last_nothing_new: str | None = None
    unreadable: int = 0

    @property
    def files(self) -> tuple[RecordedFile, ...]:
        """The files that the database holds, in the order in which they were loaded."""
        return tuple(file for load in self.loads for file in load.files)


def sidecar_of(database: Path) -> Path:
    """Where the history of a database is kept."""
    return database.with_name(f"{database.name}.history.jsonl")


def read_sidecar(path: Path) -> Sidecar:
    """What a history says; nothing if it does not exist. Read-only.

    :raises OSError: when it exists and cannot be read.
    """
    try:
        return parse_sidecar(path.read_bytes())
    except FileNotFoundError:
        return Sidecar()


def read_failures(path: Path) -> tuple[FailedLoad, ...]:
    """The loads that failed since the last one that ended well, newest first; see :func:`read_sidecar`.

    The names of the files, which may be very many, are skipped.
    """
    try:
        with path.open("rb") as lines:
            text = b"".join(line for line in lines if not line.startswith(_COMMITTING))
    except FileNotFoundError:
        return ()
    return parse_sidecar(text).failures


def parse_sidecar(text: bytes) -> Sidecar:
    """What the lines of a history say."""
    reading = _Reading()
    unreadable = 0
    for _, entry in entries_of(text):
        try:
            reading.take(entry)
        except (KeyError, TypeError, ValueError):
            unreadable += 1
    return Sidecar(
        loads=tuple(reading.all_loads()),
        failures=tuple(sorted(reading.failures.values(), key=lambda one: one.started_at, reverse=True)),
        failed_runs=(*reading.failed_runs, *reading.not_ended()),
        last_nothing_new=reading.last_nothing_new,
        unreadable=unreadable,
    )


def entries_of(text: bytes) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each line that is not blank, and the object in it; an empty one if it has none."""
    for line in text.split(b"\n"):
        if line.strip():
            try:
                entry = json.loads(line)
            except ValueError:
                entry = None
            yield line, entry if isinstance(entry, dict) else {}


@dataclass
class _Reading:
    """What has been read so far."""

    loads: list[RecordedLoad] = field(default_factory=list)
    committing: dict[str, RecordedLoad] = field(default_factory=dict)
    failures: dict[str, FailedLoad] = field(default_factory=dict)
    failed_runs: list[str] = field(default_factory=list)
    last_nothing_new: str | None = None

    def take(self, entry: dict[str, Any]) -> None:
        """Read one more line."""
        run = entry["run"] if entry["event"] != "compacted" else ""
        match entry["event"]:
            case "began":
                self.failures[run] = _not_ended(entry)
            case "committing":
                self.committing[run] = _load(entry)
            case "committed":
                # It began, and it has ended.
                self.failures.pop(run, None)
                self._commit(self.committing.pop(run, None))
            case "nothing new":
                self.last_nothing_new = run
                self._forgive()
            case "failed":
                self.failures[run] = _failure(entry)
                self.failed_runs.append(run)
                if (load := self.committing.pop(run, None)) and (entry["state"] or "").endswith(IN_DOUBT):
                    self.loads = _with(self.loads, load)

    def _commit(self, load: RecordedLoad | None) -> None:
        if load is not None:
            self.loads = _with(self.all_loads(), replace(load, confirmed=True))
            self.committing.clear()
        self._forgive()

    def _forgive(self) -> None:
        """Forget the failures before a load that ended well: they no longer matter."""
        self.failed_runs += self.not_ended()
        self.failures.clear()

    def not_ended(self) -> list[str]:
        """The runs that began and did not end, as far as the history says."""
        return [run for run, one in self.failures.items() if one.failed_at is None]

    def all_loads(self) -> list[RecordedLoad]:
        """The loads that committed, and those that may have committed."""
        loads = self.loads
        for load in self.committing.values():
            loads = _with(loads, load)
        return loads


def _with(loads: list[RecordedLoad], load: RecordedLoad) -> list[RecordedLoad]:
    """The loads whose files the database holds after one more load.

    The number of a load is one more than that of the last load that committed. So loads with the same number or
    a higher one are not in the database: they did not commit, or another file had the same name. And if it is
    confirmed, those before it are no longer in doubt.
    """
    before = [one for one in loads if one.load_id < load.load_id]
    if load.confirmed:
        before = [replace(one, confirmed=True) for one in before]
    found = [*before, load]
    refreshes = [place for place, one in enumerate(found) if one.mode == "full refresh" and one.confirmed]
    return found[refreshes[-1] :] if refreshes else found


def _load(entry: dict[str, Any]) -> RecordedLoad:
    return RecordedLoad(
        run=entry["run"],
        load_id=int(entry["load_id"]),
        mode=entry["mode"],
        started_at=_moment(entry["started_at"]),
        finished_at=_moment(entry["finished_at"]),
        sources=tuple(entry["sources"]),
        files=tuple(
            RecordedFile(**{one.name: file[one.name] for one in fields(RecordedFile)})
            for file in entry["files"]
        ),
    )


def _failure(entry: dict[str, Any]) -> FailedLoad:
    values = {one.name: entry[one.name] for one in fields(FailedLoad)}
    moments = {name: _moment(values[name]) for name in ("started_at", "failed_at")}
    return FailedLoad(**values | moments)


def _not_ended(entry: dict[str, Any]) -> FailedLoad:
    return FailedLoad(
        started_at=_moment(entry["started_at"]),
        failed_at=None,
        seconds=None,
        step=None,
        error=NOT_ENDED,
        exit_code=None,
        attempts=None,
        state=None,
        host=entry["host"],
        pid=entry["pid"],
        version=entry["version"],
    )


def _moment(text: str) -> datetime:
    """A moment in UTC, without zone."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
