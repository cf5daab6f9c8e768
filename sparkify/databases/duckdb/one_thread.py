"""How many of DuckDB's threads a load takes: one as long as it has little to read, then all of them."""

from __future__ import annotations

from sqlalchemy import Connection

from sparkify.etl.session import Session

__all__ = ["OneThread"]

_LITTLE = 16 * 1024 * 1024
"""Bytes of files that one thread reads, and makes the star of. A load sends a hundred statements, most of which
take a few milliseconds, and a thread of DuckDB without work asks for some until the others are done. With one
thread a load of 5 MB took a sixth less processor time, and no longer.
"""
_SET_ONE = (
    "SET VARIABLE all_threads = current_setting('threads')",
    # One, unless the database was opened for more threads of the program's own, which it then must have.
    "SET threads = current_setting('external_threads')",
)
_SET_ALL = "SET threads = getvariable('all_threads')"
"""Over the same connection. RESET would give the database as many as the machine has, where others were set."""


class OneThread:
    """What a load has read, and whether the database has one thread for it. The setting is that of all its
    connections, in this process.
    """

    def __init__(self) -> None:
        self._bytes: dict[str, int] = {}
        self._is_set = False

    def begin(self, source: str) -> None:
        """The files of a source are read from the first one on, maybe not for the first time."""
        self._bytes[source] = 0

    def read(self, session: Session, source: str, size: int, reader: Connection | None) -> None:
        """Have one thread, or all of them, read what comes next.

        :param size: its bytes.
        :param reader: over which it is set: the same each time. None in a dry run.
        """
        self._bytes[source] += size
        if sum(self._bytes.values()) > _LITTLE:
            self.end(session, reader)
        elif not self._is_set:
            for statement in _SET_ONE:
                session.run(statement, apart=reader)
            self._is_set = True

    def end(self, session: Session, reader: Connection | None) -> None:
        """Give the database all its threads back."""
        if self._is_set:
            session.run(_SET_ALL, apart=reader)
            self._is_set = False

    def abandon(self, reader: Connection) -> None:
        """The same where the load has failed and has no session."""
        if self._is_set:
            reader.exec_driver_sql(_SET_ALL)
