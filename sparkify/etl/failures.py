"""The table of the loads that failed, each written in a transaction of its own, behind the rollback."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import timedelta

from sqlalchemy import String, Table, delete, func, select

from sparkify.etl.adapter import Adapter
from sparkify.etl.declarations import Ledger
from sparkify.etl.journal import FailedLoad
from sparkify.etl.ledger import fit
from sparkify.etl.session import Session

__all__ = ["read_failures", "record_failure"]

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
    """The loads that failed since the last one that committed, newest first, at most a hundred."""
    table, history = ledger.failures, ledger.history
    committed = select(func.max(history.c.finished_at)).scalar_subquery()
    newer = (table.c.failed_at > committed) | committed.is_(None)
    query = select(*(table.c[one.name] for one in fields(FailedLoad)))
    rows = session.read(query.where(newer).order_by(table.c.failed_at.desc()).limit(_MOST))
    return tuple(FailedLoad(*tuple(row)) for row in rows)
