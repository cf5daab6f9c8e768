"""Removes what the ledger need not keep forever: rejected lines, and loads that a full refresh has replaced.

A loaded file is never removed from the ledger. The next load would take it for a new one; and a full refresh,
which is refused if a loaded file is gone, would silently drop the rows of that file.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, and_, delete, false, func, select
from sqlalchemy.exc import DBAPIError

from sparkify.etl.adapter import Adapter
from sparkify.etl.checksums import forget
from sparkify.etl.clock import utc_now
from sparkify.etl.declarations import Ledger, Pipeline
from sparkify.etl.errors import UNCHANGED, ConfigurationError, leaving
from sparkify.etl.lock_timeout import LOCK_TIMEOUT, check_lock_timeout
from sparkify.etl.observer import Observer
from sparkify.etl.results import PruneReport
from sparkify.etl.session import Session
from sparkify.etl.tidying import tidying

__all__ = ["PruneRequest", "parse_age", "prune", "prune_request"]

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LONGEST = timedelta(days=365_000)
"""About 1,000 years: a period of more than 2,000 would reach back beyond the year 1."""


def parse_age(age: str | timedelta) -> timedelta:
    """The period that is given as such, or as a text such as ``12h``, ``90d`` or ``8w``.

    >>> parse_age("90d")
    datetime.timedelta(days=90)

    :raises ConfigurationError: for any other text, and for a period that is negative or over 365,000 days.
    """
    found = re.fullmatch(r"([0-9]{1,7})([hdw])", age) if isinstance(age, str) else None
    period = int(found[1]) * _UNITS[found[2]] if found else age
    if isinstance(period, str) or not timedelta() <= period <= _LONGEST:
        raise ConfigurationError(f"'{age}' is not an age", hint="Give hours, days or weeks: 12h, 90d or 8w.")
    return period


@dataclass(frozen=True, kw_only=True)
class PruneRequest:
    """What to remove.

    :ivar rejects_before: rejected lines of loads that ended before this moment (UTC); None: none.
    :ivar history_before: loads that ended before this moment (UTC); None: none.
    :ivar lock_timeout: seconds to wait for a load to end.
    :ivar dry_run: only count, and remove nothing.
    """

    rejects_before: datetime | None
    history_before: datetime | None
    lock_timeout: float = LOCK_TIMEOUT
    dry_run: bool = False


def prune_request(
    rejects_older_than: str | timedelta | None,
    history_older_than: str | timedelta | None,
    *,
    dry_run: bool,
    lock_timeout: float,
) -> PruneRequest:
    """The request with moments instead of ages.

    :raises ConfigurationError: when no age is given, or when an age or the lock timeout is invalid.
    """
    if rejects_older_than is None and history_older_than is None:
        raise ConfigurationError(
            "nothing is named that is to be removed",
            hint="Give {option}, or the same of the history.",
            option=("rejects_older_than", "90d"),
        )
    check_lock_timeout(lock_timeout)
    now = utc_now()
    rejects, history = (
        None if age is None else now - parse_age(age) for age in (rejects_older_than, history_older_than)
    )
    return PruneRequest(
        rejects_before=rejects, history_before=history, lock_timeout=lock_timeout, dry_run=dry_run
    )


def prune(
    session: Session, adapter: Adapter, pipeline: Pipeline, request: PruneRequest, observer: Observer
) -> PruneReport:
    """Remove what is requested, in one transaction that keeps loads out, and return how much it was.

    Loads from the last full refresh on stay in the history: the warehouse has their rows, and only the history
    tells which files and rules these came from.

    :raises TemporaryError: when a load still holds the lock. Then, as after any error, nothing has changed.
    """
    ledger = pipeline.ledger
    with leaving(UNCHANGED):
        # End the transaction of earlier reads: what it sees is older than the lock.
        session.rollback()
        if request.dry_run:
            rejects = _count(session, ledger.rejects, _old_rejects(ledger, request.rejects_before))
            loads = _count(session, ledger.history, _old_loads(ledger, request))
            return _report(request, rejects, loads)
        adapter.prepare(session)
        session.begin()
        try:
            adapter.lock(session, ledger, timeout=request.lock_timeout, observer=observer)
            rejects = _delete(session, ledger, ledger.rejects, _old_rejects(ledger, request.rejects_before))
            loads = _delete(session, ledger, ledger.history, _old_loads(ledger, request))
            session.commit()
        except BaseException:
            with suppress(DBAPIError):
                session.rollback()
            raise
    changed = [table.name for table, rows in ((ledger.rejects, rejects), (ledger.history, loads)) if rows]
    with tidying(session, adapter, observer, done="removed"):
        adapter.tidy(session, pipeline, changed, rebuilt=False)
    return _report(request, rejects, loads)


def _report(request: PruneRequest, rejects: int, loads: int) -> PruneReport:
    return PruneReport(
        rejects=rejects,
        loads=loads,
        rejects_before=request.rejects_before,
        history_before=request.history_before,
        dry_run=request.dry_run,
    )


def _count(session: Session, table: Table, removed: ColumnElement[bool]) -> int:
    return int(session.run(select(func.count()).select_from(table).where(removed)).value)


def _delete(session: Session, ledger: Ledger, table: Table, removed: ColumnElement[bool]) -> int:
    # Counted first: Redshift does not report how many rows a DELETE has touched.
    rows = _count(session, table, removed)
    if rows:
        # The condition holds for all rows of a load, or for none.
        session.run(forget(ledger, table, select(table.c.load_id).where(removed)))
        session.run(delete(table).where(removed))
    return rows


def _old_rejects(ledger: Ledger, before: datetime | None) -> ColumnElement[bool]:
    """Whether a rejected line is from a load that ended before this moment."""
    if before is None:
        return false()
    history = ledger.history
    return ledger.rejects.c.load_id.in_(select(history.c.load_id).where(history.c.finished_at < before))


def _old_loads(ledger: Ledger, request: PruneRequest) -> ColumnElement[bool]:
    """Whether a load ended before this moment and a full refresh has replaced everything that it loaded."""
    if request.history_before is None:
        return false()
    history, refreshes = ledger.history, ledger.history.alias("refreshes")
    last_refresh = select(func.coalesce(func.max(refreshes.c.load_id), 0)).where(
        refreshes.c.mode == "full refresh"
    )
    return and_(
        history.c.finished_at < request.history_before,
        history.c.load_id < last_refresh.scalar_subquery(),
    )
