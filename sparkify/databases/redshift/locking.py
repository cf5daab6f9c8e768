"""The lock of a load on Redshift: takes it, waits for whoever has it, and says who that is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, String, Table, column, func, select, table
from sqlalchemy.exc import DBAPIError

from sparkify.databases.redshift.errors import is_cancelled
from sparkify.etl.errors import UNCHANGED, TemporaryError
from sparkify.etl.observer import Observer
from sparkify.etl.session import Session
from sparkify.redshift import RedshiftDialect

__all__ = ["is_there", "limit", "quoted", "take"]

_TRANSACTIONS = table(
    "svv_transactions",
    *map(column, ("txn_owner", "pid", "txn_start", "granted", "relation")),
    column("lock_mode", String),
)
_TABLES = table("pg_class", column("oid"), column("relname", String), column("relnamespace"))
_SCHEMAS = table("pg_namespace", column("oid"), column("nspname", String))

_SOON = 2.0
"""Seconds after which it is looked up who has the lock, and said."""
_LEAST = 1.0
"""Seconds that even a lock that is free may take on a busy server."""
_MOST = 2_147_483.0
"""Seconds that statement_timeout takes: it is a number of milliseconds in 32 bits."""


def quoted(name: str) -> str:
    """A name, as an identifier of SQL."""
    return str(RedshiftDialect().identifier_preparer.quote(name))


def limit(seconds: float) -> str:
    """The statement that limits how long each later one may take; to 24 days where it may take longer."""
    return f"SET statement_timeout TO {max(round(min(seconds, _MOST) * 1000), 1)}"


def is_there(session: Session, lock: Table) -> bool:
    """Whether there is a table to lock. No transaction is left, whose snapshot would be older than the lock."""
    found = session.run(_number_of(lock)).rows
    session.rollback()
    return bool(found)


def take(session: Session, lock: Table, timeout: float, observer: Observer) -> None:
    """Lock the table, as the first thing in the transaction. The limit of statements is another one afterwards.

    :raises TemporaryError: when another transaction still has the lock after ``timeout`` seconds.
    """
    soon = max(min(timeout, _SOON), _LEAST)
    if _is_taken(session, lock, soon):
        return
    waited = soon
    who = _holder(session, lock)
    if who is None:
        # It may have ended meanwhile: then there is nothing to wait for.
        session.begin()
        if _is_taken(session, lock, _LEAST):
            return
        waited += _LEAST
        who = _holder(session, lock) or "a transaction that this user may not see"
    if timeout > waited:
        observer.warning(f"waiting up to {timeout:g} s for {who}")
        while timeout > waited:
            session.begin()
            if _is_taken(session, lock, timeout - waited):
                return
            waited += _MOST
    raise TemporaryError(
        f"another load has the lock: {who}", where="Redshift", hint="Try again later.", state=UNCHANGED
    )


def _is_taken(session: Session, lock: Table, seconds: float) -> bool:
    """Whether the lock was taken within so many seconds."""
    session.run(limit(seconds))
    try:
        session.run(f"LOCK {quoted(lock.name)}")
    except DBAPIError as exc:
        if not is_cancelled(exc):
            raise
        session.rollback()
        return False
    return True


def _number_of(lock: Table) -> Select[Any]:
    """The number of the table: another schema may have one of that name, and a load of its own."""
    return (
        select(_TABLES.c.oid)
        .join(_SCHEMAS, _SCHEMAS.c.oid == _TABLES.c.relnamespace)
        .where(_TABLES.c.relname == lock.name, _SCHEMAS.c.nspname == func.current_schema())
    )


def _holder(session: Session, lock: Table) -> str | None:
    """Who has the lock; None where nobody has, or nobody whom this user may see (AWS: SVV_TRANSACTIONS)."""
    held = _TRANSACTIONS.c
    found = session.run(
        select(func.trim(held.txn_owner), held.pid, held.txn_start)
        .where(
            held.granted,
            held.lock_mode == "AccessExclusiveLock",
            held.relation.in_(_number_of(lock)),
        )
        .order_by(held.txn_start)
        .limit(1)
    ).rows
    session.rollback()
    if not found:
        return None
    owner, pid, since = found[0]
    return f"the transaction of {owner} (process {pid}), which began at {since:%Y-%m-%d %H:%M:%S} UTC"
