"""One load of a file at a time within this process: DuckDB itself would end two in a conflict."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from sparkify.etl.errors import UNCHANGED, TemporaryError
from sparkify.etl.observer import Observer

__all__ = ["one_at_a_time"]


_guard = threading.Lock()
_turns: WeakValueDictionary[Hashable, threading.RLock] = WeakValueDictionary()
"""Locks that a thread may take again: otherwise it would wait for itself."""


@contextmanager
def one_at_a_time(key: Hashable, timeout: float, observer: Observer) -> Iterator[None]:
    """Keep other threads from entering a block with the same key until this one is left.

    :param timeout: seconds to wait for them.
    :raises TemporaryError: when they take longer.
    """
    with _guard:
        # Nobody would ever release a lock that a fork has copied.
        turn = _turns.setdefault((os.getpid(), key), threading.RLock())
    if not turn.acquire(blocking=False):
        if timeout:
            observer.warning(f"waiting up to {timeout:g} s: another load is running in this process")
        if not turn.acquire(timeout=min(timeout, threading.TIMEOUT_MAX)):
            raise TemporaryError("another load is running in this process", state=UNCHANGED)
    try:
        yield
    finally:
        turn.release()
