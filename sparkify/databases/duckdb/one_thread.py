"""How many of DuckDB's threads a load uses: one as long as it has little to read, then all of them."""

from __future__ import annotations

from sqlalchemy import Connection

from sparkify.etl.session import Session

__all__ = ["OneThread"]

_LITTLE = 16 * 1024 * 1024
"""Bytes of files that one thread reads and builds the star from. A load sends a hundred statements, most of
which take a few milliseconds, and an idle DuckDB thread keeps asking for work until the others are done. With
one thread, a load of 5 MB took a sixth less processor time, and was no slower.
"""
_SET_ONE = (
    "SET VARIABLE all_threads = current_setting('threads')",
    # One, unless the database was opened for more threads of the program's own, which it then has to keep.
    "SET threads = current_setting('external_threads')",
)
_SET_ALL = "SET threads = getvariable('all_threads')"
"""Sent over the same connection. RESET would set as many as the machine has, even if others were configured."""


class OneThread:
    """How much a load has read, and whether the database has one thread for it. The setting applies to all
    connections to the database in this process.
    """

    def __init__(self) -> None:
        self._bytes: dict[str, int] = {}
        self._is_set = False

    def begin(self, source: str) -> None:
        """Start over with the files of a source, which may have been read before."""
        self._bytes[source] = 0

    def read(self, session: Session, source: str, size: int, reader: Connection | None) -> None:
        """Let one thread, or all of them, read what comes next.

        :param size: its bytes.
        :param reader: the connection that sets this: the same each time. None in a dry run.
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
        """The same, if the load has failed and has no session."""
        if self._is_set:
            reader.exec_driver_sql(_SET_ALL)
