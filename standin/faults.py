"""Injected faults: an error, a lost connection or a delay, at a chosen statement."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Literal

from .errors import RedshiftError

Kind = Literal["serialization", "error", "drop", "delay", "cancel"]
When = Literal["before", "after"]


@dataclass
class Fault:
    """A fault of the matching statements, from the ``nth`` on, ``times`` times.

    ``drop`` before a statement: the connection is gone and nothing was done. ``drop`` after it: it was done,
    but the client is not told: the difference between a COMMIT that failed and one whose answer was lost.
    """

    kind: Kind
    pattern: re.Pattern[str]
    when: When = "before"
    nth: int = 1
    times: int | None = 1
    seconds: float = 0.0
    error: RedshiftError | None = None
    seen: int = 0
    fired: int = 0

    def matches(self, sql: str, when: When) -> bool:
        """Count a statement. Returns whether the fault occurs at it."""
        if when != self.when or (self.times is not None and self.fired >= self.times):
            return False
        if not self.pattern.search(sql):
            return False
        self.seen += 1
        if self.seen < self.nth:
            return False
        self.fired += 1
        return True


@dataclass
class Faults:
    """The injected faults."""

    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> Fault:
        """Inject a fault."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def due(self, sql: str, when: When) -> list[Fault]:
        """The faults that occur at this statement."""
        with self._lock:
            return [fault for fault in self._faults if fault.matches(sql, when)]
