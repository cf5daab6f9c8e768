"""Carries out a plan: the only module that sends a load's statements to a database."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import cast

from sqlalchemy import BigInteger, Connection, Engine, SelectBase, Table, func, literal, select
from sqlalchemy.exc import DBAPIError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from sparkify.etl import ledger
from sparkify.etl.adapters.base import Adapter, Batch, UnreadableBatch
from sparkify.etl.declarations import Check, Pipeline
from sparkify.etl.errors import (
    ChecksFailed,
    EmptySource,
    RejectedLines,
    SparkifyError,
    TemporaryError,
)
from sparkify.etl.plan import Plan, Record, Run, Selection, Stage, Unstage, Verify, build, choose
from sparkify.etl.progress import Observer
from sparkify.etl.report import (
    CheckResult,
    FileCount,
    LoadRecord,
    LoadReport,
    Mode,
    Reject,
    SourceReport,
    Staged,
    TableChange,
    tally,
)
from sparkify.etl.sources import AwsOptions, Listing, list_files

__all__ = ["LoadRequest", "check", "list_sources", "load", "run_check"]

_ROWS_SHOWN = 10
_TRIES = 5
"""How often a transaction is begun before a passing fault is called one that stays."""


@dataclass(frozen=True, kw_only=True)
class LoadRequest:
    """What is asked of a load.

    :ivar uris: by source, where its files lie. A source that is left out is not looked at.
    :ivar max_rejects: how many lines may be rejected; with one more nothing is loaded.
    :ivar full_refresh: rebuild the star from all files, in the one transaction of the load.
    :ivar reload_changed: rebuild likewise when a loaded file has changed, which else is an error.
    :ivar allow_missing: rebuild although files that were loaded are not there any more.
    """

    uris: Mapping[str, str]
    aws: AwsOptions = field(default_factory=AwsOptions)
    max_rejects: int = 0
    full_refresh: bool = False
    reload_changed: bool = False
    allow_missing: bool = False


def list_sources(request: LoadRequest, observer: Observer | None = None) -> dict[str, Listing]:
    """What each source has now. This is a read-only operation.

    A folder that is there and has no file is told of, and left out while another source has files.

    :raises EmptySource: when a source is not there, or none has a file.
    """
    listings: dict[str, Listing] = {}
    empty: list[EmptySource] = []
    for name, uri in request.uris.items():
        try:
            listings[name] = list_files(uri, request.aws)
        except EmptySource as exc:
            if not exc.exists:
                raise
            empty.append(exc)
    if empty and not listings:
        raise empty[0]
    for nothing in empty:
        (observer or Observer()).warning(f"{nothing.uri}: no file here; only the other source is loaded")
    return listings


def load(
    engine: Engine,
    adapter: Adapter,
    pipeline: Pipeline,
    request: LoadRequest,
    *,
    version: str,
    observer: Observer | None = None,
) -> LoadReport:
    """Load what is new, in one transaction: lock, ledger, staging, transforms, checks, record, commit.

    :param version: of the software, for the load history.
    :raises SparkifyError: for whatever stops the load; then nothing has changed.
    """
    clock = time.perf_counter()
    observer = observer or Observer()
    listings = list_sources(request, observer)
    with adapter.batch(request.aws, observer, request.max_rejects) as batch:
        one = _Load(engine, adapter, pipeline, request, listings, batch, observer, version, _now())
        try:
            report = one.run()
        except SparkifyError:
            raise
        except Exception as exc:
            if translated := one.doubt(exc) or adapter.translate(exc):
                raise translated from exc
            raise
    return replace(report, seconds=time.perf_counter() - clock)


@dataclass
class _Load:
    """One load, through all of its transactions, of which at the most one commits."""

    engine: Engine
    adapter: Adapter
    pipeline: Pipeline
    request: LoadRequest
    listings: Mapping[str, Listing]
    batch: Batch
    observer: Observer
    version: str
    started: datetime
    unsure: LoadReport | None = None
    """What was loaded by a transaction of whose commit nobody told."""

    def run(self) -> LoadReport:
        """Load; where something passing was in the way, the whole transaction again on a new connection."""
        for attempt in Retrying(
            retry=retry_if_exception(self.adapter.is_passing),
            stop=stop_after_attempt(_TRIES),
            wait=wait_random_exponential(multiplier=0.5, max=20),
            before_sleep=self._tell,
            reraise=True,
        ):
            with attempt, self.engine.connect() as connection:
                if self.unsure is not None and self._committed(connection, self.unsure):
                    return self.unsure
                self.unsure = None
                self.adapter.begin(connection)
                report = self._once(connection)
                self._afterwards(connection, report)
                return report
        raise AssertionError

    def doubt(self, error: Exception) -> SparkifyError | None:
        """What to say of an error after which nobody knows whether the load was committed; else None."""
        if self.unsure is None or not self.adapter.is_passing(error):
            return None
        return TemporaryError(
            "the connection was lost while the load was being committed, and it is not known whether it was; "
            "to run the load again is safe"
        )

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        said = str((error and self.adapter.translate(cast("Exception", error))) or error)
        self.observer.warning(f"trying again: {said}")

    def _once(self, connection: Connection) -> LoadReport:
        # Each source is read the fast way, mended if that fails, and read again; each may fail once.
        for _ in range(len(self.pipeline.sources) + 1):
            transaction = connection.begin()
            try:
                report = _Attempt(self, connection).run()
            except UnreadableBatch as exc:
                transaction.rollback()
                self.batch.mend(connection, exc)
                continue
            except BaseException:
                with suppress(DBAPIError):
                    transaction.rollback()
                raise
            try:
                transaction.commit()
            except DBAPIError as exc:
                # Lost before the answer to COMMIT: nobody can tell whether it was carried out.
                self.unsure = report if exc.connection_invalidated else None
                raise
            return report
        raise SparkifyError(
            "a file that was looked through line by line could still not be read; nothing was changed. This "
            "is a defect of sparkify."
        )

    def _committed(self, connection: Connection, report: LoadReport) -> bool:
        if report.load_id is None:
            return False
        fetch = partial(self.adapter.fetch, connection)
        found = ledger.is_recorded(fetch, self.pipeline.ledger.history, report.load_id, self.started)
        connection.rollback()
        return found

    def _afterwards(self, connection: Connection, report: LoadReport) -> None:
        if report.nothing_new:
            return
        try:
            changed = [change.name for change in report.tables]
            self.adapter.after_commit(connection, self.pipeline, changed)
        except DBAPIError as exc:
            # What was loaded is loaded; the next load does this again.
            self.observer.warning(f"loaded, but tidying up failed: {self.adapter.translate(exc) or exc.orig}")


class _Attempt:
    """One transaction of a load."""

    def __init__(self, load: _Load, connection: Connection) -> None:
        self._load = load
        self._connection = connection
        self._adapter = load.adapter
        self._pipeline = load.pipeline
        self._request = load.request
        self._staged: dict[str, Staged] = {}
        self._touched: dict[str, Counter[str]] = defaultdict(Counter)
        self._checks: list[CheckResult] = []

    def run(self) -> LoadReport:
        """Everything between BEGIN and COMMIT."""
        books = self._pipeline.ledger
        self._adapter.lock(self._connection, books)
        fetch = partial(self._adapter.fetch, self._connection)
        selection = choose(
            self._load.listings,
            ledger.known_files(fetch, books.files),
            full_refresh=self._request.full_refresh,
            reload_changed=self._request.reload_changed,
            allow_missing=self._request.allow_missing,
        )
        if selection.nothing_new:
            return LoadReport(
                load_id=None, mode=selection.mode, sources=self._sources(selection), rows=self._rows()
            )
        load_id = ledger.next_load_id(fetch, books.history)
        plan = build(self._pipeline, selection, literal(load_id, BigInteger))
        self._carry_out(plan, load_id)
        self._refuse_failed_checks()
        return LoadReport(
            load_id=load_id,
            mode=plan.mode,
            sources=self._sources(selection),
            rejects=tuple(replace(reject, load_id=load_id) for reject in self._rejects()),
            tables=self._changes(),
            checks=tuple(self._checks),
            rows=self._rows(),
        )

    def _carry_out(self, plan: Plan, load_id: int) -> None:
        for number, step in enumerate(plan.steps, start=1):
            self._load.observer.step(step.title, number, len(plan.steps))
            match step:
                case Stage():
                    self._stage(step)
                case Run():
                    rows = self._adapter.execute(self._connection, step.statement)
                    self._touched[step.table.name][step.effect] += rows
                case Verify():
                    self._checks.append(run_check(self._adapter, self._connection, step.name, step.rows))
                case Unstage():
                    self._load.batch.unstage(self._connection, step.source)
                case Record():
                    self._record(plan.mode, load_id)

    def _stage(self, step: Stage) -> None:
        self._load.observer.reading(step.source.name, len(step.files), sum(file.size for file in step.files))
        self._staged[step.source.name] = self._load.batch.stage(
            self._connection, step.source, step.files, self._load.listings[step.source.name]
        )
        rejects = self._rejects()
        if len(rejects) > self._request.max_rejects:
            raise RejectedLines(rejects, self._request.max_rejects)

    def _refuse_failed_checks(self) -> None:
        if failed := [result for result in self._checks if not result.ok]:
            raise ChecksFailed(failed)

    def _record(self, mode: Mode, load_id: int) -> None:
        counts = [count for staged in self._staged.values() for count in staged.counts]
        entry = LoadRecord(
            load_id=load_id,
            mode=mode,
            started_at=self._load.started,
            finished_at=_now(),
            files=len(counts),
            version=self._load.version,
            **tally(counts),
        )
        ledger.record(
            partial(self._adapter.insert_rows, self._connection),
            self._pipeline.ledger,
            entry,
            counts,
            self._rejects(),
        )

    def _rows(self) -> dict[str, int]:
        return count_rows(self._adapter, self._connection, self._pipeline.rebuilt)

    def _rejects(self) -> list[Reject]:
        return [reject for staged in self._staged.values() for reject in staged.rejects]

    def _sources(self, selection: Selection) -> tuple[SourceReport, ...]:
        return tuple(
            _source_report(
                name,
                listing,
                selection.known[name],
                self._staged[name].counts if name in self._staged else (),
            )
            for name, listing in self._load.listings.items()
        )

    def _changes(self) -> tuple[TableChange, ...]:
        return tuple(
            TableChange(
                name=name,
                # A replaced row was deleted to be inserted again; one that was not, is gone.
                inserted=max(touched["inserted"] - touched["replaced"], 0),
                updated=touched["updated"] + min(touched["inserted"], touched["replaced"]),
                deleted=touched["deleted"] + max(touched["replaced"] - touched["inserted"], 0),
            )
            for name, touched in self._touched.items()
            if any(touched.values()) and name in {table.name for table in self._pipeline.rebuilt}
        )


def _source_report(name: str, listing: Listing, known: int, counts: Sequence[FileCount]) -> SourceReport:
    return SourceReport(
        name=name,
        uri=listing.uri,
        files=len(counts),
        known=known,
        skipped=listing.skipped,
        **tally(counts),
    )


def count_rows(adapter: Adapter, connection: Connection, tables: Iterable[Table]) -> dict[str, int]:
    """How many rows each table has. This is a read-only operation."""
    return {
        table.name: adapter.fetch(connection, select(func.count()).select_from(table))[0][0] for table in tables
    }


def run_check(adapter: Adapter, connection: Connection, name: str, rows: SelectBase) -> CheckResult:
    """What a check finds. This is a read-only operation."""
    offending = rows.subquery("offending")
    first = adapter.fetch(connection, select(offending).limit(_ROWS_SHOWN))
    found = [dict(row._mapping) for row in first]  # noqa: SLF001 - its public name, for all the underscore
    if len(found) < _ROWS_SHOWN:
        return CheckResult(name=name, count=len(found), rows=tuple(found))
    count = adapter.fetch(connection, select(func.count()).select_from(offending))[0][0]
    return CheckResult(name=name, count=count, rows=tuple(found))


def check(adapter: Adapter, connection: Connection, checks: Iterable[Check]) -> tuple[CheckResult, ...]:
    """What all checks find in the whole warehouse. This is a read-only operation."""
    return tuple(run_check(adapter, connection, one.name, one.rows(None)) for one in checks)


def _now() -> datetime:
    """UTC without zone, as every time in the warehouse is."""
    return datetime.now(UTC).replace(tzinfo=None)
