"""What was executed: each statement with its transaction and its outcome."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["running", "ok", "error", "dropped"]


@dataclass
class Statement:
    """A statement that was executed, or refused by the parser."""

    sql: str
    xid: int
    session: int
    database: str
    parameters: tuple[str | bytes | None, ...] = ()
    outcome: Outcome = "running"
    code: str | None = None
    message: str | None = None
    tag: str | None = None
    ended: Literal["commit", "rollback"] | None = None
    """How the transaction ended, if this statement ended it."""
    started_at: float = 0.0
    seconds: float = 0.0

    def __str__(self) -> str:
        told = f"{self.code} {self.message}" if self.outcome == "error" else self.outcome
        return f"[{self.xid}] {' '.join(self.sql.split())} -> {told}"


class History:
    """The statements of all sessions, in the order in which they began."""

    def __init__(self) -> None:
        self._statements: list[Statement] = []
        self._lock = threading.Lock()
        self._xid = 1000
        self._query = 0

    def next_xid(self) -> int:
        """The id of a new transaction."""
        with self._lock:
            self._xid += 1
            return self._xid

    def next_query(self) -> int:
        """The id of a new query."""
        with self._lock:
            self._query += 1
            return self._query

    def begin(self, statement: Statement) -> Statement:
        """Add a statement that begins."""
        statement.started_at = time.monotonic()
        with self._lock:
            self._statements.append(statement)
        return statement

    def finish(self, statement: Statement, outcome: Outcome) -> None:
        """Record how it ended."""
        statement.seconds = time.monotonic() - statement.started_at
        statement.outcome = outcome

    def all(self) -> list[Statement]:
        """The statements so far."""
        with self._lock:
            return list(self._statements)

    def clear(self) -> None:
        """Remove all statements."""
        with self._lock:
            self._statements.clear()
