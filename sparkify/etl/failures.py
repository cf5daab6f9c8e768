"""The table of the loads that failed, each written in a transaction of its own, behind the rollback."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, String, Table, and_, delete, func, or_, select, update

from sparkify.etl.adapter import Adapter
from sparkify.etl.declarations import Ledger
from sparkify.etl.journal import FailedLoad
from sparkify.etl.ledger import fit
from sparkify.etl.session import Session

__all__ = ["read_failures", "record_failure", "settle_failures"]

_KEPT = timedelta(days=400)
"""How long a failure is kept: whoever asks in spring how the last one was, finds it."""

_MOST = 100
"""Failures that are read."""


def record_failure(session: Session, adapter: Adapter, failures: Table, failure: FailedLoad) -> None:
    """Write down a load that failed, and delete those of long ago, in one transaction.

    :raises Exception: what the driver raises.
    """
    adapter.prepare(session)
    session.begin()
    row = {
        name: fit(value, kind.length)
        if isinstance(value, str) and isinstance(kind := failures.c[name].type, String) and kind.length
        else value
        for name, value in asdict(failure).items()
    }
    session.insert(failures, [row])
    session.run(delete(failures).where(failures.c.failed_at < failure.started_at - _KEPT))
    session.commit()


def read_failures(session: Session, ledger: Ledger) -> tuple[FailedLoad, ...]:
    """The loads that failed since the last one that ended well, newest first, at most a hundred."""
    table = ledger.failures
    query = select(*(table.c[one.name] for one in fields(FailedLoad)))
    rows = session.read(query.where(_unsettled(ledger)).order_by(table.c.failed_at.desc()).limit(_MOST))
    return tuple(FailedLoad(*tuple(row)) for row in rows)


def settle_failures(session: Session, adapter: Adapter, ledger: Ledger, started_at: datetime) -> None:
    """Mark the loads that failed before one began that found nothing new, in one transaction. Most often there
    are none, and nothing is written.

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
    """Whether no load has ended well since one failed."""
    table = ledger.failures
    committed = select(func.max(ledger.history.c.finished_at)).scalar_subquery()
    return and_(table.c.settled_at.is_(None), or_(table.c.failed_at > committed, committed.is_(None)))
