"""Values that loads, checks and the ledger return: frozen, without a connection behind them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal

from sparkify.etl.html import html_table
from sparkify.etl.listing import SourceFile
from sparkify.etl.profiles import Drift, Profile, Totals

__all__ = [
    "CheckResult",
    "FileCount",
    "LoadRecord",
    "LoadReport",
    "OtherFormat",
    "Reject",
    "SourceReport",
    "Staged",
    "StepReport",
    "TableChange",
    "tally",
]

Mode = Literal["incremental", "full refresh"]


@dataclass(frozen=True)
class Reject:
    """One line that cannot be loaded, and why.

    :ivar line: counts from 1.
    :ivar column: the column that could not take its value; None if the line is rejected as a whole.
    :ivar load_id: the load that recorded it; None until that load has committed.
    """

    uri: str
    line: int
    source: str
    column: str | None
    reason: str
    text: str
    load_id: int | None = None

    def __str__(self) -> str:
        # repr: a line may contain anything, and must not be able to control a terminal.
        text = self.text if len(self.text) <= 120 else f"{self.text[:117]}..."
        where = f"{self.uri}:{self.line}"
        return f"{where}: {self.reason}: {text!r}"


@dataclass(frozen=True)
class OtherFormat:
    """The format of files that do not have what a source should: one JSON object on each line.

    :ivar name: what they are, as in "this file is ...".
    :ivar remedy: what to do about it.
    :ivar whole: whether no line of them can be valid.
    """

    name: str
    remedy: str
    whole: bool = True
    uris: tuple[str, ...] = ()

    def __str__(self) -> str:
        others = len(self.uris) - 1
        more = f" and {others:,} more {'file' if others == 1 else 'files'}" if others else ""
        return f"{self.uris[0]}{more}: {self.name}"


@dataclass(frozen=True)
class FileCount:
    """What became of the lines of one file: lines = loaded + rejected + blank.

    :ivar content: the hash of its bytes as stored; None if the database read it.
    :ivar profile: what it lacks, or has beyond its model; None if it was not profiled.
    """

    source: str
    file: SourceFile
    lines: int
    loaded: int
    rejected: int = 0
    blank: int = 0
    content: str | None = None
    profile: Profile | None = None


@dataclass(frozen=True)
class Staged:
    """What became of the lines of some files. Rejects have no load id yet.

    :ivar limits: the values of :func:`~sparkify.etl.ranges.select_limits`; none in a dry run.
    :ivar totals: what all files together show; None in a dry run, and if the database does not report it.
    """

    counts: tuple[FileCount, ...]
    rejects: tuple[Reject, ...] = ()
    limits: tuple[Any, ...] = ()
    totals: Totals | None = None


def tally(counts: Collection[FileCount]) -> dict[str, int]:
    """The sums over some files: bytes, lines, loaded, rejected, blank."""
    size = sum(count.file.size for count in counts)
    names = ("lines", "loaded", "rejected", "blank")
    return {"bytes": size} | {name: sum(map(attrgetter(name), counts)) for name in names}


@dataclass(frozen=True)
class SourceReport:
    """What one source had, and what was read from it.

    :ivar files: how many files were read by this load.
    :ivar known: how many files were loaded before and are unchanged.
    :ivar skipped: what is there but not read as data, counted by reason.
    :ivar bytes: size of the files read, as stored.
    """

    name: str
    uri: str
    files: int
    known: int
    skipped: Mapping[str, int]
    bytes: int
    lines: int
    loaded: int
    rejected: int
    blank: int


@dataclass(frozen=True)
class TableChange:
    """What a load did to one table, in rows."""

    name: str
    inserted: int = 0
    updated: int = 0
    deleted: int = 0


@dataclass(frozen=True)
class PruneReport:
    """What was removed from the ledger, or would be in a dry run.

    :ivar rejects: how many rejected lines.
    :ivar loads: how many loads of the history.
    :ivar rejects_before: rejected lines of loads that ended before this moment (UTC); None: none were to go.
    :ivar history_before: the same for loads.
    """

    rejects: int
    loads: int
    rejects_before: datetime | None
    history_before: datetime | None
    dry_run: bool


@dataclass(frozen=True)
class CheckResult:
    """What one check found.

    :ivar count: how many rows violate it.
    :ivar hint: what to do about them.
    :ivar rows: some of them, each a mapping of column to value.
    :ivar not_run: why it could not be run; None if it was.
    :ivar note: what it cannot tell about this warehouse; often None.
    """

    name: str
    count: int
    rows: tuple[Mapping[str, Any], ...] = ()
    hint: str | None = None
    not_run: str | None = None
    note: str | None = None

    @property
    def ok(self) -> bool:
        """Whether it was run and found nothing."""
        return self.count == 0 and self.not_run is None

    def __str__(self) -> str:
        if self.not_run:
            return f"{self.name}: not run: {self.not_run}"
        if self.ok:
            return f"{self.name}: ok"
        first = "; ".join(", ".join(f"{key}={value!r}" for key, value in row.items()) for row in self.rows[:3])
        return f"{self.name}: {self.count:,} {'row' if self.count == 1 else 'rows'}, such as {first}"


@dataclass(frozen=True)
class StepReport:
    """What one step of a load took.

    :ivar rows: how many rows its statements touched; for the listing, how many files it found.
    :ivar seconds: of wall time, from the first statement to the last.
    """

    title: str
    rows: int
    seconds: float


@dataclass(frozen=True)
class LoadRecord:
    """One row of the load history. Times are UTC, without zone.

    :ivar rules_version: the version of the rules that made its rows; see :class:`Pipeline`. None means 1.
    """

    load_id: int
    mode: str
    started_at: datetime
    finished_at: datetime
    files: int
    bytes: int
    lines: int
    loaded: int
    rejected: int
    blank: int
    version: str
    rules_version: int | None


@dataclass(frozen=True)
class LoadReport:
    """What a load did.

    :ivar load_id: the number of the load; None when there was nothing to load.
    :ivar rejects: the lines that were recorded in ``rejected_rows``.
    :ivar tables: the tables that changed.
    :ivar rows: how many rows each table of the star has now.
    :ivar steps: what the load did, in order, and how long each step took.
    :ivar seconds: from the listing of the sources to the end.
    :ivar drift: how the files differ from earlier ones, or from the models.
    """

    load_id: int | None
    mode: Mode
    sources: tuple[SourceReport, ...]
    rejects: tuple[Reject, ...] = ()
    tables: tuple[TableChange, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    steps: tuple[StepReport, ...] = ()
    seconds: float = 0.0
    drift: tuple[Drift, ...] = ()

    @property
    def nothing_new(self) -> bool:
        """Whether every file had been loaded before."""
        return self.load_id is None

    def _repr_html_(self) -> str:
        """What was read and what the tables have now, for notebooks, which ask for it by this name."""
        title = "Nothing new" if self.nothing_new else f"Load {self.load_id}, {self.mode}, {self.seconds:.1f} s"
        changes = {change.name: change for change in self.tables}
        none = TableChange("", 0, 0, 0)
        return html_table(
            ("source", "files", "known", "lines", "loaded", "rejected"),
            [(one.name, one.files, one.known, one.lines, one.loaded, one.rejected) for one in self.sources],
            title,
        ) + html_table(
            ("table", "rows", "inserted", "updated", "deleted"),
            [
                (name, rows, change.inserted, change.updated, change.deleted)
                for name, rows in self.rows.items()
                for change in (changes.get(name, none),)
            ],
        )
