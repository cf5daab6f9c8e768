"""What is done after the commit, which nothing that fails there can undo: it is warned of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from sparkify.etl.adapter import Adapter
from sparkify.etl.errors import SparkifyError
from sparkify.etl.observer import Observer
from sparkify.etl.session import Session

__all__ = ["tidying"]


@contextmanager
def tidying(session: Session, adapter: Adapter, observer: Observer, *, done: str) -> Iterator[None]:
    """Only warn when the database fails in the block, or a disk; nobody is then given the connection again.

    :param done: what was committed before, in one word.
    """
    try:
        yield
    except (DBAPIError, SparkifyError) as exc:
        reason = adapter.translate(exc) if isinstance(exc, DBAPIError) else exc
        found = reason.found if reason else exc.orig if isinstance(exc, DBAPIError) else exc
        observer.warning(f"{done}, but tidying up failed: {found}")
        # Temporary tables that were not dropped are in the way of the next load over it.
        adapter.discard(session)
