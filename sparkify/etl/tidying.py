"""Prepares a session before a load, and tidies up after its commit, where a failure is only a warning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError

from sparkify.etl import ledger
from sparkify.etl.adapter import Adapter
from sparkify.etl.constructs import DropTables
from sparkify.etl.context import Context
from sparkify.etl.errors import SparkifyError
from sparkify.etl.observer import Observer
from sparkify.etl.session import Session

__all__ = ["prepare", "tidy", "tidying"]


@contextmanager
def tidying(session: Session, adapter: Adapter, observer: Observer, *, done: str) -> Iterator[None]:
    """Only warn if the database or a disk fails in the block; the adapter then discards the connection.

    :param done: what was committed before, in one word.
    """
    try:
        yield
    except (DBAPIError, SparkifyError, OSError) as exc:
        observer.warning(f"{done}, but tidying up failed: {_found(exc, adapter)}")
        # Temporary tables that were not dropped would be in the way of the next load on this connection.
        adapter.discard(session)


def _found(error: Exception, adapter: Adapter) -> object:
    if isinstance(error, DBAPIError):
        reason = adapter.translate(error)
        return reason.found if reason else error.orig
    return error.found if isinstance(error, SparkifyError) else error


def prepare(adapter: Adapter, session: Session) -> None:
    """Apply the settings of the session, before a transaction begins."""
    with session.step("prepare the session"):
        adapter.prepare(session)


def tidy(
    context: Context, session: Session, changed: list[str], collected: Sequence[Table], *, rebuilt: bool
) -> None:
    """Do what need not be done while other loads wait for the lock."""
    done = tuple(session.steps)
    with session.step("tidy up"):
        if session.load_id is not None:
            # Nothing depends on them: they need not be in the transaction of the load.
            ledger.record_steps(session, context.pipeline.ledger.steps, session.load_id, done)
        if collected:
            # These are temporary tables of the session, from the transaction that has just committed, and not
            # permanent tables of the same names.
            session.run(DropTables(*collected))
        if session.load_id is not None:
            ledger.forget_steps(session, context.pipeline.ledger.steps, session.load_id)
        if not session.dry_run:
            session.commit()
        context.batch.release(session)
        context.adapter.tidy(session, context.pipeline, changed, rebuilt=rebuilt)
