"""The table of failed loads, each written in a transaction of its own after the rollback."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, String, and_, delete, func, or_, select, update

from sparkify.etl.adapter import Adapter
from sparkify.etl.declarations import Ledger
from sparkify.etl.journal import FailedLoad
from sparkify.etl.ledger import fit
from sparkify.etl.session import Session

__all__ = ["read_failures", "record_failure", "settle_failures"]

_KEPT = timedelta(days=400)
"""How long a failure is kept: more than a year, so that last spring's can still be read this spring."""

_MOST = 100
"""How many failures are read."""


def record_failure(session: Session, adapter: Adapter, ledger: Ledger, failure: FailedLoad) -> None:
    """Record a failed load, with the newest committed load, and delete old failures, in one transaction.

    :raises Exception: what the driver raises.
    """
    failures = ledger.failures
    adapter.prepare(session)
    session.begin()
    ((newest,),) = session.read(select(_newest_load(ledger)))
    row = {
        name: fit(value, kind.length)
        if isinstance(value, str) and isinstance(kind := failures.c[name].type, String) and kind.length
        else value
        for name, value in asdict(failure).items()
    }
    session.insert(failures, [row | {"after_load": newest}])
    session.run(delete(failures).where(failures.c.failed_at < failure.started_at - _KEPT))
    session.commit()


def read_failures(session: Session, ledger: Ledger) -> tuple[FailedLoad, ...]:
    """The loads that failed since the last one that ended well, newest first, at most a hundred. They are
    ordered by the newest load that had committed before them, then by the clocks of their machines.
    """
    table = ledger.failures
    query = select(*(table.c[one.name] for one in fields(FailedLoad)))
    newest = (func.coalesce(table.c.after_load, 0).desc(), table.c.failed_at.desc())
    rows = session.read(query.where(_unsettled(ledger)).order_by(*newest).limit(_MOST))
    return tuple(FailedLoad(*tuple(row)) for row in rows)


def settle_failures(session: Session, adapter: Adapter, ledger: Ledger, started_at: datetime) -> None:
    """Mark as settled, in one transaction, the loads that failed before a load began that found nothing new.
    Usually there are none, and nothing is written.

    :raises Exception: what the driver raises.
    """
    table = ledger.failures
    settled = and_(_unsettled(ledger), table.c.failed_at <= started_at)
    adapter.prepare(session)
    session.begin()
    if not session.read(select(table.c.started_at).where(settled).limit(1)):
        session.rollback()
        return
    session.run(update(table).where(settled).values(settled_at=started_at))
    session.commit()


def _unsettled(ledger: Ledger) -> ColumnElement[bool]:
    """Whether no load has ended well since a failure."""
    table = ledger.failures
    # If clocks of machines differ, times do not tell which of two loads came first. The number of the newest
    # load does, except for failures written before that number was kept.
    committed = select(func.max(ledger.history.c.finished_at)).scalar_subquery()
    by_clock = and_(table.c.after_load.is_(None), or_(table.c.failed_at > committed, committed.is_(None)))
    is_last = table.c.after_load >= select(_newest_load(ledger)).scalar_subquery()
    return and_(table.c.settled_at.is_(None), or_(is_last, by_clock))


def _newest_load(ledger: Ledger) -> ColumnElement[int]:
    """The number of the newest load that has committed; 0 if none has."""
    return func.coalesce(func.max(ledger.history.c.load_id), 0).label("newest")
