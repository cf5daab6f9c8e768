"""One transaction of a load: lock, ledger, staging, transforms, checks, record.

The session decides whether statements are sent or only recorded: a dry run executes this same code.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Table

from sparkify.etl import ledger
from sparkify.etl.checking import count_rows, run_checks_of_load
from sparkify.etl.clock import utc_now
from sparkify.etl.contents import compare, not_verified, to_compare
from sparkify.etl.context import Context
from sparkify.etl.declarations import Source
from sparkify.etl.drift import Observed, decode, find_drift, informed, settled
from sparkify.etl.errors import ChecksFailed, DriftError, RejectedLines
from sparkify.etl.known_contents import read_contents, refresh
from sparkify.etl.listing import Listing
from sparkify.etl.plan import Count, Plan, Record, Run, Selection, Stage, Unstage, Verify, build, choose
from sparkify.etl.profiles import Drift
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

__all__ = ["Attempt"]


class Attempt:
    """One transaction of a load.

    :ivar collected: the temporary tables that it leaves behind in the session after the commit.
    :ivar has_written: whether there is anything to commit.
    :ivar recorded: what the ledger has of this load after the commit; None if it has nothing.
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
        self.has_written = False
        self.recorded: tuple[LoadRecord, Sequence[FileCount]] | None = None
        self._rows: dict[str, int] | None = None
        self._observed: dict[str, Observed] = {}
        self._drift: list[Drift] = []

    def run(self) -> LoadReport:
        """Do everything between BEGIN and COMMIT, and return what was done."""
        session, tables = self._session, self._pipeline.ledger
        with session.step("take the lock"):
            self._context.adapter.lock(
                session, tables, timeout=self._request.lock_timeout, observer=self._context.observer
            )
        with session.step("read the ledger"):
            # To rebuild the star, the files that are gone must be known too.
            rebuilds = self._request.full_refresh or self._request.reload_changed
            listed = None if rebuilds else list(self._context.listings.values())
            known = ledger.read_known(session, tables, listed)
        load_id = known.load_id
        known = self._compared(known)
        selection = choose(
            self._context.listings,
            known.files,
            full_refresh=self._request.full_refresh,
            reload_changed=self._request.reload_changed,
            allow_missing=self._request.allow_missing,
        )
        if selection.nothing_new:
            return self._report(selection, None)
        self.has_written = True
        self._context.journal.began()
        session.load_id = load_id
        self._observed = decode(known.observed)
        plan = build(self._pipeline, selection)
        self.collected = plan.collected
        self._carry_out(plan, known)
        return self._report(selection, load_id)

    def _compared(self, known: ledger.Known) -> ledger.Known:
        """What is known after comparing the content of files that were loaded and may have changed since."""
        request, tables = self._request, self._pipeline.ledger
        wanted = to_compare(self._context.listings, known.files, verify=request.verify)
        if request.full_refresh or not wanted:
            return known
        with self._session.step("compare the content of files"):
            loaded = read_contents(self._session, tables.files, wanted)
            found = compare(wanted, known.files, loaded, request.aws)
            touched = [
                (name, file) for name, file in found.same if known.files[name][file.uri] != file.fingerprint
            ]
            refresh(self._session, tables.files, touched)
        self.has_written = bool(touched)
        if found.unknown:
            self._context.observer.warning(not_verified(len(found.unknown)))
        files = {name: dict(loaded) for name, loaded in known.files.items()}
        for name, file in touched:
            files[name][file.uri] = file.fingerprint
        for name, file in found.changed:
            # An empty fingerprint matches no listed file.
            files[name][file.uri] = ""
        return replace(known, files=files)

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
            drift=tuple(self._drift),
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
        context.batch.stage(self._session, self._informed(step.source), step.files, context.listings[name])

    def _count(self, step: Count) -> None:
        sources = [self._informed(source) for source in step.sources]
        counted = self._context.batch.count(self._session, sources)
        self._staged = {name: settled(staged) for name, staged in counted.items()}
        rejects = self._rejects()
        if len(rejects) > self._request.max_rejects:
            raise RejectedLines(rejects, self._request.max_rejects)
        for source in sources:
            name = source.name
            self._set_limits(source, self._staged[name].limits)
            found, self._observed[name] = find_drift(
                source, self._context.listings[name].uri, self._staged[name], self._before(name)
            )
            self._drift += found
        if self._drift and self._request.on_drift == "stop":
            raise DriftError(self._drift)

    def _before(self, name: str) -> Observed:
        """What was seen of a source up to the previous load."""
        return self._observed.get(name, Observed())

    def _informed(self, source: Source) -> Source:
        return informed(source, self._before(source.name))

    def _set_limits(self, source: Source, values: Sequence[Any] | None) -> None:
        """Render the limits of a batch as literals in later statements.

        :param values: of :func:`~sparkify.etl.ranges.select_limits`; None: nothing of the source is staged.
        """
        # A dry run stages nothing: its statements contain the SELECTs that return the limits.
        if not self._session.dry_run:
            self._session.limits = {**self._session.limits, **limits_of(source, values)}

    def _verify(self, step: Verify) -> None:
        lines = sum(count.lines for staged in self._staged.values() for count in staged.counts)
        self._checks, self._rows = run_checks_of_load(
            self._session,
            step.checks,
            step.shared,
            self._pipeline.tables,
            step.counting,
            at_once=self._context.adapter.counts_at_once(lines),
        )
        if failed := [result for result in self._checks if not result.ok]:
            raise ChecksFailed(failed)

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
        self.recorded = entry, counts
        ledger.record(
            self._session,
            self._pipeline.ledger,
            entry,
            counts,
            self._rejects(),
            self._context.batch.insert,
            drift=self._drift,
            observed=self._observed,
        )
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
                # A replaced row was deleted to be inserted again; if it was not inserted, it is gone.
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
