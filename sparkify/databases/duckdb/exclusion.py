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


_guard = threading.Lock()
_turns: WeakValueDictionary[Hashable, threading.RLock] = WeakValueDictionary()
"""Locks that a thread may take again: it would wait for itself."""


@contextmanager
def one_at_a_time(key: Hashable, timeout: float, observer: Observer) -> Iterator[None]:
    """Keep other threads from entering a block of the same key, until this one is left.

    :param timeout: seconds to wait for them.
    :raises TemporaryError: when they take longer.
    """
    with _guard:
        # What a fork has copied of it nobody would ever release.
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
