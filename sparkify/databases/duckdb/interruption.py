"""Interrupts the running statements of DuckDB when a signal arrives.

DuckDB 1.5 checks for signals between the tasks of one thread, and waits for the other threads to finish theirs,
which may take as long as the statement; DuckDB 2 does not check for them at all.
"""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import duckdb
from sqlalchemy import Connection, Engine, ExceptionContext, event

__all__ = ["heed_signals", "watch"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_running: WeakSet[Any] = WeakSet()
_heeding: list[threading.Thread] = []


def watch(engine: Engine) -> Engine:
    """The same engine, whose statements a signal interrupts from now on."""

    # Only while they run: on an idle connection, the next statement would be interrupted, such as a ROLLBACK.
    @event.listens_for(engine, "before_cursor_execute")
    def begin(connection: Connection, *_others: Any) -> None:
        _running.add(connection.connection.dbapi_connection)

    @event.listens_for(engine, "after_cursor_execute")
    def end(connection: Connection, *_others: Any) -> None:
        _running.discard(connection.connection.dbapi_connection)

    @event.listens_for(engine, "handle_error")
    def fail(context: ExceptionContext) -> None:
        if context.connection is None or context.connection.invalidated:
            return
        connection: Any = context.connection.connection.dbapi_connection
        _running.discard(connection)
        if not isinstance(context.original_exception, duckdb.Error):
            # DuckDB 1.5 has seen the signal itself, and its other threads go on: ROLLBACK would wait for them.
            connection.interrupt()

    return engine


def heed_signals() -> None:
    """Make SIGINT and SIGTERM interrupt the statements of the watched engines.

    The handlers run as always, as soon as the statement has ended. Outside of the main thread, this does
    nothing: only the main thread may set it up.
    """
    if _heeding or threading.current_thread() is not threading.main_thread():
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=_interrupt, args=(reader, writer), name="sparkify-signals", daemon=True)
    _heeding.append(thread)
    thread.start()


def _interrupt(reader: socket.socket, _writer: socket.socket) -> None:
    # The other end is kept open here too: once collected and closed, its number could become another file's.
    while number := reader.recv(1):
        if number[0] in _SIGNALS:
            for connection in list(_running):
                with suppress(duckdb.Error):
                    connection.interrupt()
