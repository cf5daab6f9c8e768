"""Carries out a load: lists the sources, and repeats its transaction if it fails for a transient reason."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.exc import DBAPIError

from sparkify.etl import ledger
from sparkify.etl.adapter import Adapter, UnreadableBatch
from sparkify.etl.attempt import Attempt
from sparkify.etl.clock import utc_now
from sparkify.etl.context import Context
from sparkify.etl.declarations import Collect, Pipeline
from sparkify.etl.discovery import list_sources
from sparkify.etl.dry_run import DryRun, PlannedStep
from sparkify.etl.errors import (
    COMMITTED,
    IN_DOUBT,
    UNCHANGED,
    RejectedLines,
    SparkifyError,
    TemporaryError,
    leaving,
)
from sparkify.etl.journal import Journal
from sparkify.etl.listing import Listing
from sparkify.etl.observer import Observer
from sparkify.etl.recognition import recognize
from sparkify.etl.request import LoadRequest
from sparkify.etl.results import LoadReport, StepReport
from sparkify.etl.session import Session
from sparkify.etl.tidying import prepare, tidy, tidying

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["dry_run", "load"]

log = logging.getLogger("sparkify.etl")

_TRIES = 5
"""How often a transaction is tried before a transient error is reported as the failure of the load."""


def load(
    engine: Engine,
    adapter: Adapter,
    pipeline: Pipeline,
    request: LoadRequest,
    *,
    version: str,
    ensure_tables: Callable[[], None] | None = None,
    observer: Observer | None = None,
    listings: Mapping[str, Listing] | None = None,
    journal: Journal | None = None,
) -> LoadReport:
    """Load what is new, in one transaction: lock, ledger, staging, transforms, checks, record, commit.

    :param version: of the software, for the load history.
    :param ensure_tables: called after the sources are listed and before they are read: no embedded database is
        created for a load that has no files.
    :param listings: what each source has, if it is known; None: the sources are listed.
    :param journal: is told what becomes of the load, and which step it is in.
    :raises SparkifyError: for whatever stops the load; its ``state`` says whether anything may have changed.
    """
    clock = time.perf_counter()
    observer = observer or Observer()
    journal = journal or Journal()
    one: _Load | None = None
    with leaving(lambda: one.state if one else UNCHANGED):
        journal.step = "list the sources"
        listings = list_sources(request, observer) if listings is None else listings
        found = sum(len(listing.files) for listing in listings.values())
        listed = StepReport(title="list the sources", rows=found, seconds=time.perf_counter() - clock)
        log.info(
            "%s: %s, %.3f s",
            listed.title,
            ", ".join(f"{len(listing.files):,} files of {name}" for name, listing in listings.items()),
            listed.seconds,
            extra={"step": listed.title, "rows": listed.rows, "seconds": listed.seconds},
        )
        if ensure_tables is not None:
            journal.step = "create the tables"
            ensure_tables()
        with adapter.batch(request.aws, observer, request.max_rejects) as batch:
            now = utc_now()
            context = Context(
                adapter, pipeline.as_of(now), request, listings, batch, observer, journal, version, now
            )
            one = _Load(engine, context, listed)
            try:
                report = one.run()
            except RejectedLines as exc:
                formats = recognize(exc.rejects, pipeline.sources)
                raise RejectedLines(exc.rejects, exc.max_rejects, formats) from exc
            except SparkifyError:
                raise
            except BaseException as exc:
                # For the caller that reports a load stopped by a signal, or by an unexpected error.
                exc.add_note(one.state)
                if isinstance(exc, Exception) and (translated := one.translate(exc)):
                    raise translated from exc
                raise
    if report.nothing_new:
        journal.nothing_new()
    return replace(report, seconds=time.perf_counter() - clock)


def dry_run(
    adapter: Adapter,
    pipeline: Pipeline,
    request: LoadRequest,
    *,
    listings: Mapping[str, Listing] | None,
    connection: Connection | None,
) -> list[PlannedStep]:
    """The steps of a load and their SQL; empty if there is nothing new. Nothing is written.

    :param listings: what each source has; None: nothing is listed, and the plan is for all files there.
    :param connection: the connection to read the ledger over; None: plan as if nothing had been loaded.
    """
    if listings is None:
        listings = {name: Listing.unlisted(uri) for name, uri in request.uris.items()}
    session = DryRun(adapter, connection)
    with leaving(UNCHANGED), adapter.batch(request.aws, Observer(), request.max_rejects) as batch:
        now = utc_now()
        context = Context(
            adapter, pipeline.as_of(now), request, listings, batch, Observer(), Journal(), "", now
        )
        prepare(adapter, session)
        session.begin()
        attempt = Attempt(context, session)
        report = attempt.run()
        session.commit()
        written = (step.target.name for step in pipeline.transforms if not isinstance(step, Collect))
        tidy(
            context,
            session,
            list(dict.fromkeys(written)),
            attempt.collected,
            rebuilt=report.mode == "full refresh",
        )
    return [] if report.nothing_new else session.planned


class _Load:
    """One load, through all of its transactions, of which at most one commits.

    :ivar state: the state in which things are left if the load is stopped at this moment.
    """

    def __init__(self, engine: Engine, context: Context, listed: StepReport) -> None:
        self._engine = engine
        self._context = context
        self._listed = listed
        self._adapter = context.adapter
        # The report of a transaction whose COMMIT got no answer.
        self._unconfirmed: LoadReport | None = None
        self.state = UNCHANGED
        self._collected: tuple[Table, ...] = ()

    def run(self) -> LoadReport:
        """Load; after a transient error, repeat the whole transaction on a new connection."""
        try:
            return self._transaction()
        except Exception as exc:
            if not self._adapter.is_transient(exc):
                raise
            return self._again(exc)

    def _again(self, first: Exception) -> LoadReport:
        """Repeat the transaction after the first one has failed."""
        # Imported only here: most loads have nothing to repeat.
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

        failed = [first]
        for attempt in Retrying(
            retry=retry_if_exception(self._adapter.is_transient),
            stop=stop_after_attempt(_TRIES),
            wait=wait_random_exponential(multiplier=0.5, max=20),
            before_sleep=self._report_retry,
            reraise=True,
        ):
            with attempt:
                if failed:
                    raise failed.pop()
                return self._transaction()
        raise AssertionError

    def _transaction(self) -> LoadReport:
        journal = self._context.journal
        journal.attempts += 1
        journal.step = "connect"
        with self._engine.connect() as connection:
            session = Session(self._adapter, connection)
            session.steps.append(self._listed)
            try:
                if self._unconfirmed is not None:
                    journal.step = "commit"
                    if self._is_committed(session, self._unconfirmed):
                        self._set_committed()
                        return self._unconfirmed
                self._unconfirmed = None
                self.state = UNCHANGED
                prepare(self._adapter, session)
                report = self._once(session)
                self._tidy(session, report)
            finally:
                journal.step = session.last_step or journal.step
            return replace(report, steps=tuple(session.steps))

    def _set_committed(self) -> None:
        self.state = COMMITTED
        self._context.journal.committed()

    def translate(self, error: Exception) -> SparkifyError | None:
        """The error to report for the one that has ended the load; None if that is not known."""
        transient = self._adapter.is_transient(error)
        if transient and self._unconfirmed is not None:
            return TemporaryError("the connection was lost while the load was being committed", state=IN_DOUBT)
        translated = self._adapter.translate(error)
        if translated is not None:
            # While a commit is unconfirmed, an error such as a changed password would claim: nothing changed.
            translated.state = self.state if self._unconfirmed else translated.state or self.state
            if transient and self._context.journal.attempts > 1:
                translated.found += ", also when tried again"
        return translated

    def _report_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        translated = self._adapter.translate(error) if isinstance(error, Exception) else None
        self._context.observer.warning(f"trying again: {translated.found if translated else error}")

    def _once(self, session: Session) -> LoadReport:
        # Each source is read the fast way; if that fails, it is repaired and read again.
        while True:
            session.begin()
            try:
                attempt = Attempt(self._context, session)
                report = attempt.run()
                self._collected = attempt.collected
            except UnreadableBatch as exc:
                session.rollback()
                session.steps[:] = [self._listed]
                with session.step(f"validate {exc.source.name} line by line"):
                    self._context.batch.repair(session, exc)
                continue
            except BaseException:
                with suppress(DBAPIError):
                    session.rollback()
                raise
            if not attempt.has_written:
                # Nothing to write: the lock's update is undone as well, so no log is left to bring into a file.
                session.rollback()
                return report
            if attempt.recorded is not None:
                self._context.journal.committing(*attempt.recorded)
            self.state = f"the load was being committed, and {IN_DOUBT}"
            try:
                with session.step("commit"):
                    session.commit()
            except DBAPIError as exc:
                # If the connection was lost before COMMIT was answered, it may have been carried out or not.
                self._unconfirmed = report if self._adapter.is_in_doubt(exc) else None
                if self._unconfirmed is None:
                    self.state = UNCHANGED
                raise
            self._set_committed()
            return report

    def _is_committed(self, session: Session, report: LoadReport) -> bool:
        if report.load_id is None:
            return False
        history = self._context.pipeline.ledger.history
        found = ledger.is_recorded(session, history, report.load_id, self._context.started)
        session.rollback()
        return found

    def _tidy(self, session: Session, report: LoadReport) -> None:
        if report.nothing_new:
            return
        with tidying(session, self._adapter, self._context.observer, done="loaded"):
            tidy(
                self._context,
                session,
                [change.name for change in report.tables],
                self._collected,
                rebuilt=report.mode == "full refresh",
            )
