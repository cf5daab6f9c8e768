"""One load at a time of one file within this process: what DuckDB itself ends in a conflict."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from sparkify.etl.errors import UNCHANGED, TemporaryError
from sparkify.etl.observer import Observer

__all__ = ["one_at_a_time"]


class _Turn:
    """Whose turn it is.

    :ivar holder: the thread that loads; None where none does.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holder: int | None = None


_guard = threading.Lock()
_turns: WeakValueDictionary[Hashable, _Turn] = WeakValueDictionary()


@contextmanager
def one_at_a_time(key: Hashable, timeout: float, observer: Observer) -> Iterator[None]:
    """Keep other threads from entering a block of the same key, until this one is left.

    :param timeout: seconds to wait for them.
    :raises TemporaryError: when they take longer, and at once in the thread that is in such a block already.
    """
    thread = threading.get_ident()
    with _guard:
        # What a fork has copied of it nobody would ever release.
        turn = _turns.setdefault((os.getpid(), key), _Turn())
    if not turn.lock.acquire(blocking=False):
        # A thread would wait for itself.
        patience = 0 if turn.holder == thread else min(timeout, threading.TIMEOUT_MAX)
        if patience:
            observer.warning(f"waiting up to {timeout:g} s: another load is running in this process")
        if not patience or not turn.lock.acquire(timeout=patience):
            raise TemporaryError("another load is running in this process", state=UNCHANGED)
    turn.holder = thread
    try:
        yield
    finally:
        turn.holder = None
        turn.lock.release()
