"""What is done before a load and after its commit, which nothing that fails there can undo: it is warned of."""

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
    """Only warn when the database fails in the block, or a disk; nobody is then given the connection again.

    :param done: what was committed before, in one word.
    """
    try:
        yield
    except (DBAPIError, SparkifyError, OSError) as exc:
        observer.warning(f"{done}, but tidying up failed: {_found(exc, adapter)}")
        # Temporary tables that were not dropped are in the way of the next load over it.
        adapter.discard(session)


def _found(error: Exception, adapter: Adapter) -> object:
    if isinstance(error, DBAPIError):
        reason = adapter.translate(error)
        return reason.found if reason else error.orig
    return error.found if isinstance(error, SparkifyError) else error


def prepare(adapter: Adapter, session: Session) -> None:
    """Make the settings of the session, before a transaction begins."""
    with session.step("prepare the session"):
        adapter.prepare(session)


def tidy(
    context: Context, session: Session, changed: list[str], collected: Sequence[Table], *, rebuilt: bool
) -> None:
    """What need not be done while others wait for the lock."""
    done = tuple(session.steps)
    with session.step("tidy up"):
        if session.load_id is not None:
            # Nothing rests on them: they need not be in the transaction of the load.
            ledger.record_steps(session, context.pipeline.ledger.steps, session.load_id, done)
        if collected:
            # The session has them, from the transaction that has just committed: a table of the same name that
            # is here to stay is not meant.
            session.run(DropTables(*collected))
        if session.load_id is not None:
            ledger.forget_steps(session, context.pipeline.ledger.steps, session.load_id)
        if not session.dry_run:
            session.commit()
        context.batch.release(session)
        context.adapter.tidy(session, context.pipeline, changed, rebuilt=rebuilt)
