"""One transaction of a load: lock, ledger, staging, transforms, checks, record.

Whether its statements are sent or only recorded is the session's affair: a dry run is this same code.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Table, literal

from sparkify.etl import ledger
from sparkify.etl.adapter import Adapter, Batch
from sparkify.etl.checking import count_rows, run_checks_of_load
from sparkify.etl.declarations import Pipeline, Source
from sparkify.etl.errors import ChecksFailed, ConfigurationError, RejectedLines
from sparkify.etl.listing import AwsOptions, Listing
from sparkify.etl.observer import Observer
from sparkify.etl.plan import Count, Plan, Record, Run, Selection, Stage, Unstage, Verify, build, choose
from sparkify.etl.ranges import limits_of
from sparkify.etl.results import (
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
from sparkify.etl.session import Session

__all__ = ["Attempt", "Context", "LoadRequest", "utc_now"]


@dataclass(frozen=True, kw_only=True)
class LoadRequest:
    """What is asked of a load.

    :ivar uris: by source, where its files lie. A source that is left out is not listed.
    :ivar max_rejects: how many lines may be rejected; with one more nothing is loaded.
    :ivar full_refresh: rebuild the star from all files, in the one transaction of the load.
    :ivar reload_changed: rebuild likewise when a loaded file has changed, which is otherwise an error.
    :ivar allow_missing: rebuild although files that were loaded are not there any more.
    :ivar lock_timeout: seconds to wait for another load to end.
    :raises ConfigurationError: when ``max_rejects`` or ``lock_timeout`` is negative.
    """

    uris: Mapping[str, str]
    aws: AwsOptions = field(default_factory=AwsOptions)
    max_rejects: int = 0
    full_refresh: bool = False
    reload_changed: bool = False
    allow_missing: bool = False
    lock_timeout: float = 60

    def __post_init__(self) -> None:
        if self.lock_timeout < 0:
            raise ConfigurationError(
                f"a load cannot wait {self.lock_timeout:g} seconds for another",
                hint="Give {option} or more.",
                option=("lock_timeout", 0),
            )
        if self.max_rejects < 0:
            raise ConfigurationError(
                f"a load cannot allow {self.max_rejects} rejected lines",
                hint="Give {option} or more.",
                option=("max_rejects", 0),
            )


@dataclass(frozen=True)
class Context:
    """What all attempts of a load share.

    :ivar version: of the software, for the load history.
    :ivar started: when the load began, UTC without zone.
    """

    adapter: Adapter
    pipeline: Pipeline
    request: LoadRequest
    listings: Mapping[str, Listing]
    batch: Batch
    observer: Observer
    version: str
    started: datetime


class Attempt:
    """One transaction of a load.

    :ivar collected: the temporary tables that it leaves, which are in the session when it has committed.
    """

    def __init__(self, context: Context, session: Session) -> None:
        self._context = context
        self._session = session
        self._pipeline = context.pipeline
        self._request = context.request
        self._staged: dict[str, Staged] = {}
        self._touched: dict[str, Counter[str]] = defaultdict(Counter)
        self._checks: tuple[CheckResult, ...] = ()
        self.collected: tuple[Table, ...] = ()
        self._rows: dict[str, int] | None = None

    def run(self) -> LoadReport:
        """Do everything between BEGIN and COMMIT, and return what was done."""
        session, tables = self._session, self._pipeline.ledger
        with session.step("take the lock"):
            self._context.adapter.lock(
                session, tables, timeout=self._request.lock_timeout, observer=self._context.observer
            )
        with session.step("read the ledger"):
            # Where the star is rebuilt, the files that are gone are of interest too.
            rebuilds = self._request.full_refresh or self._request.reload_changed
            listed = None if rebuilds else list(self._context.listings.values())
            known = ledger.read_known(session, tables, listed)
        load_id = known.load_id
        selection = choose(
            self._context.listings,
            known.files,
            full_refresh=self._request.full_refresh,
            reload_changed=self._request.reload_changed,
            allow_missing=self._request.allow_missing,
        )
        if selection.nothing_new:
            return self._report(selection, None)
        session.load_id = load_id
        plan = build(self._pipeline, selection, literal(load_id, BigInteger))
        self.collected = plan.collected
        self._carry_out(plan, known)
        if failed := [result for result in self._checks if not result.ok]:
            raise ChecksFailed(failed)
        return self._report(selection, load_id)

    def _report(self, selection: Selection, load_id: int | None) -> LoadReport:
        rows = self._rows
        if rows is None:
            with self._session.step("count the rows"):
                rows = count_rows(self._session, self._pipeline.tables)
        return LoadReport(
            load_id=load_id,
            mode=selection.mode,
            sources=self._sources(selection),
            rejects=tuple(replace(reject, load_id=load_id) for reject in self._rejects()),
            tables=self._changes(),
            checks=self._checks,
            rows=rows,
        )

    def _carry_out(self, plan: Plan, known: ledger.Known) -> None:
        session = self._session
        for source in self._pipeline.sources:
            self._set_limits(source, None)
        for number, step in enumerate(plan.steps, start=1):
            self._context.observer.step(step.title, number, len(plan.steps))
            with session.step(step.title):
                match step:
                    case Stage():
                        self._stage(step)
                    case Count():
                        self._count(step)
                    case Run():
                        self._touched[step.table.name][step.effect] += session.run(step.statement).rowcount
                    case Verify():
                        self._verify(step)
                    case Unstage():
                        self.collected += tuple(self._context.batch.unstage(session, step.source))
                    case Record():
                        self._record(plan.mode, known)

    def _stage(self, step: Stage) -> None:
        context, name = self._context, step.source.name
        context.observer.reading(name, len(step.files), sum(file.size for file in step.files))
        context.batch.stage(self._session, step.source, step.files, context.listings[name])

    def _count(self, step: Count) -> None:
        self._staged = dict(self._context.batch.count(self._session, step.sources))
        rejects = self._rejects()
        if len(rejects) > self._request.max_rejects:
            raise RejectedLines(rejects, self._request.max_rejects)
        for source in step.sources:
            self._set_limits(source, self._staged[source.name].limits)

    def _set_limits(self, source: Source, values: Sequence[Any] | None) -> None:
        """Let later statements have the limits of a batch as literals.

        :param values: of :func:`~sparkify.etl.ranges.select_limits`; None: nothing of the source is staged.
        """
        # A dry run stages nothing: it has the SELECTs that give them.
        if not self._session.dry_run:
            self._session.limits = {**self._session.limits, **limits_of(source, values)}

    def _verify(self, step: Verify) -> None:
        lines = sum(count.lines for staged in self._staged.values() for count in staged.counts)
        self._checks, self._rows = run_checks_of_load(
            self._session,
            step.checks,
            step.shared,
            self._pipeline.tables,
            at_once=self._context.adapter.counts_at_once(lines),
        )

    def _record(self, mode: Mode, known: ledger.Known) -> None:
        load_id = known.load_id
        counts = [count for staged in self._staged.values() for count in staged.counts]
        entry = LoadRecord(
            load_id=load_id,
            mode=mode,
            started_at=self._context.started,
            finished_at=utc_now(),
            files=len(counts),
            version=self._context.version,
            rules_version=self._pipeline.rules_version,
            **tally(counts),
        )
        insert_many = self._context.batch.insert
        ledger.record(self._session, self._pipeline.ledger, entry, counts, self._rejects(), insert_many)
        ledger.record_columns(
            self._session,
            self._pipeline.ledger,
            self._pipeline.tables,
            load_id,
            None if mode == "full refresh" else known.columns,
        )

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
            for name, listing in self._context.listings.items()
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
            if any(touched.values()) and name in {table.name for table in self._pipeline.tables}
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


def utc_now() -> datetime:
    """UTC without zone, as every time in the warehouse is."""
    return datetime.now(UTC).replace(tzinfo=None)
