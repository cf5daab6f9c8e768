"""The lock of a load on Redshift: takes it, waits for whoever has it, and says who that is."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError

from sparkify.databases.redshift.errors import is_cancelled
from sparkify.etl.errors import UNCHANGED, TemporaryError
from sparkify.etl.observer import Observer
from sparkify.etl.session import Session
from sparkify.redshift import RedshiftDialect

__all__ = ["limit", "take"]

_SOON = 2.0
"""Seconds after which it is looked up who has the lock, and said."""
_LEAST = 1.0
"""Seconds that even a lock that is free may take on a busy server."""


def limit(seconds: float) -> str:
    """The statement that limits how long each later one may take."""
    return f"SET statement_timeout TO {max(round(seconds * 1000), 1)}"


def take(session: Session, lock: Table, timeout: float, observer: Observer) -> None:
    """Lock the table, as the first thing in the transaction. The limit of statements is another one afterwards.

    :raises TemporaryError: when another transaction still has the lock after ``timeout`` seconds.
    """
    soon = max(min(timeout, _SOON), _LEAST)
    if _is_taken(session, lock, soon):
        return
    who = _holder(session, lock)
    if timeout > soon:
        observer.warning(f"waiting up to {timeout:g} s for {who}")
        session.begin()
        if _is_taken(session, lock, timeout - soon):
            return
        session.rollback()
    raise TemporaryError(
        f"another load has the lock: {who}", where="Redshift", hint="Try again later.", state=UNCHANGED
    )


def _is_taken(session: Session, lock: Table, seconds: float) -> bool:
    """Whether the lock was taken within so many seconds."""
    session.run(limit(seconds))
    try:
        session.run(f"LOCK {RedshiftDialect().identifier_preparer.quote(lock.name)}")
    except DBAPIError as exc:
        if not is_cancelled(exc):
            raise
        session.rollback()
        return False
    return True


def _holder(session: Session, lock: Table) -> str:
    """Who has the lock, as far as this user may see it (AWS: SVV_TRANSACTIONS)."""
    found = session.run(
        "SELECT DISTINCT trim(txn_owner) AS owner, pid, txn_start FROM svv_transactions "
        "WHERE granted AND lock_mode = 'AccessExclusiveLock' "
        f"AND relation = (SELECT oid FROM pg_class WHERE relname = '{lock.name}') ORDER BY txn_start LIMIT 1"
    ).rows
    session.rollback()
    if not found:
        return "a transaction that this user may not see"
    owner, pid, since = found[0]
    return f"the transaction of {owner} (process {pid}), which began at {since:%Y-%m-%d %H:%M:%S} UTC"
