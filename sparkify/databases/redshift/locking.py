"""The lock of a load on Redshift: takes it, waits for its holder, and says who that is."""

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
"""Seconds to wait for the lock before looking up its holder and warning."""
_LEAST = 1.0
"""Seconds that even a free lock may take on a busy server."""
_MOST = 2_147_483.0
"""The most seconds that statement_timeout takes: it is a 32-bit number of milliseconds."""


def quoted(name: str) -> str:
    """A name as an SQL identifier, quoted if necessary."""
    return str(RedshiftDialect().identifier_preparer.quote(name))


def limit(seconds: float) -> str:
    """The statement that limits how long each later statement may take, to 24 days at most."""
    return f"SET statement_timeout TO {max(round(min(seconds, _MOST) * 1000), 1)}"


def is_there(session: Session, lock: Table) -> bool:
    """Whether there is a table to lock. Leaves no transaction, whose snapshot would be older than the lock."""
    found = session.run(_number_of(lock)).rows
    session.rollback()
    return bool(found)


def take(session: Session, lock: Table, timeout: float, observer: Observer) -> None:
    """Lock the table, as the first statement of the transaction. Leaves statement_timeout changed.

    :raises TemporaryError: when another transaction still holds the lock after ``timeout`` seconds.
    """
    soon = max(min(timeout, _SOON), _LEAST)
    if _is_taken(session, lock, soon):
        return
    waited = soon
    who = _holder(session, lock)
    if who is None:
        # The holder may have ended in the meantime: then there is nothing to wait for.
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
    """Take the lock, waiting for so many seconds at most, and return whether it was taken."""
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
    """A SELECT of the table's oid: another schema may have a table of that name, with a load of its own."""
    return (
        select(_TABLES.c.oid)
        .join(_SCHEMAS, _SCHEMAS.c.oid == _TABLES.c.relnamespace)
        .where(_TABLES.c.relname == lock.name, _SCHEMAS.c.nspname == func.current_schema())
    )


def _holder(session: Session, lock: Table) -> str | None:
    """Who holds the lock; None if nobody does, or nobody whom this user may see (AWS: SVV_TRANSACTIONS)."""
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
