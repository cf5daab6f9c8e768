"""What happens when a connection to a DuckDB file is opened, and when it is closed."""

from __future__ import annotations

import logging
import math
import os
import secrets
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import duckdb
from sqlalchemy import URL, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError

from sparkify.databases.duckdb import spilling
from sparkify.databases.duckdb.checkpoints import undoable
from sparkify.databases.duckdb.errors import who_uses
from sparkify.databases.duckdb.file import CONFIG
from sparkify.databases.duckdb.naming import NamedFile
from sparkify.databases.duckdb.rollback import METADATA_BLOCKS, journal_of, log_of, undo_checkpoint
from sparkify.databases.duckdb.snapshots import take_snapshot, tries
from sparkify.databases.duckdb.storage import refuse_other_file
from sparkify.etl.errors import ConfigurationError, SparkifyError
from sparkify.etl.scratch import scratch_folder

__all__ = ["keep_utc", "make_engine"]

log = logging.getLogger("sparkify.duckdb")

_LIFE = 60
"""Seconds for which a copy is read."""

_UNTIL = "sparkify.until"
"""The key under which a connection to a copy keeps its expiry time: infinite before its first use."""

_OWN_CHECKPOINTS = ("PRAGMA disable_checkpoint_on_shutdown", "SET checkpoint_threshold = '1TB'")
"""Keep DuckDB from starting a checkpoint itself, at a commit or at the end: it could not be undone."""


def make_engine(url: URL, named: NamedFile, *, read_only: bool) -> Engine:
    """An engine, with sessions in UTC, for the file that a URL names or for a database in memory.

    :raises ConfigurationError: when no engine can be made of the URL.
    """
    if named.absolute is None:
        # Nobody else reads a database in memory, and DuckDB opens one only for writing.
        read_only = False
        # With a name, all threads share one database.
        url = url.set(database=f":memory:{secrets.token_hex(8)}")
    else:
        url = url.set(database=str(named.absolute))
    try:
        engine = create_engine(
            url, hide_parameters=True, connect_args={"config": dict(CONFIG), "read_only": read_only}
        )
    except (ArgumentError, NoSuchModuleError) as exc:
        raise ConfigurationError(f"the database URL cannot be used: {exc}") from None
    if named.absolute is not None:
        (_read_beside if read_only else _protect)(engine, named.found)
    keep_utc(engine)
    return engine


def keep_utc(engine: Engine, *, at: Literal["connect", "checkout"] = "connect") -> None:
    """Set the sessions of an engine to UTC, as on Redshift: when a connection is made, or again each time it is
    taken from the pool.
    """
    if not event.contains(engine, at, _set_utc):
        event.listen(engine, at, _set_utc)


def _set_utc(connection: Any, *_others: Any) -> None:
    # By default, DuckDB casts a time without a zone, or compares it to one with a zone, by the zone of the
    # machine. Half a millisecond: ICU, which has the zones, is part of the library and is not searched for.
    connection.cursor().execute("SET TimeZone = 'UTC'")


def _protect(engine: Engine, named: Callable[[], Path]) -> Engine:
    """The engine, whose checkpoints can be undone if they are cut off: see
    :mod:`sparkify.databases.duckdb.rollback`. What was committed is written into the file when it is closed.

    :param named: returns a path that leads to its file, whatever the working folder is by then.
    """

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
        file = named()
        refuse_other_file(file)
        undo_checkpoint(file)
        with spilling.taken(file, record):
            return dialect.connect(*arguments, **_copied(parameters))

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        spilling.sweep(named(), record)
        for statement in _OWN_CHECKPOINTS:
            connection.execute(statement)

    @event.listens_for(engine, "commit")
    def commit(_connection: Any) -> None:
        _make_log(named())

    @event.listens_for(engine, "handle_error")
    def handle_error(context: ExceptionContext) -> None:
        # It has ended the database for every connection: there is nothing to roll back, and none is reused.
        if isinstance(context.original_exception, duckdb.FatalException):
            context.is_disconnect = True

    @event.listens_for(engine, "close")
    def close(connection: Any, record: Any) -> None:
        file = named()
        log = log_of(file)
        # This fails while another connection of this process writes, or after an error ended the database: the
        # log has it. If a journal is left, whoever opens the file next undoes what failed, maybe with the log.
        with suppress(duckdb.Error, OSError, SparkifyError):
            if not log.stat().st_size:
                log.unlink()
            elif not journal_of(file).exists():
                with undoable(file, connection.execute(METADATA_BLOCKS).fetchall()):
                    connection.execute("CHECKPOINT")
        spilling.give_back(file, record)

    return engine


def _read_beside(engine: Engine, named: Callable[[], Path]) -> Engine:
    """The engine, which reads a copy of the last committed state while another process has the file open.

    A connection to a copy is used for a minute at most: the next one is to the file, once that is free. A
    connection to the file is closed as soon as it is returned, so that an idle reader keeps no load waiting;
    reopening the file of ten million plays takes 0.03 s.

    :param named: as for :func:`_protect`.
    """

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, arguments: Any, parameters: dict[str, Any]) -> Any:
        file = named()
        refuse_other_file(file)
        undo_checkpoint(file)
        with spilling.taken(file, record):
            try:
                return dialect.connect(*arguments, **_copied(parameters))
            except duckdb.IOException as exc:
                who = who_uses(exc)
                if who is None:
                    raise
                connection = _connect_to_copy(dialect, file, arguments, parameters)
                if connection is None:
                    raise
        log.warning("the database is in use by %s: what is read is what was committed before", who)
        record.info[_UNTIL] = math.inf
        return connection

    @event.listens_for(engine, "checkout")
    def checkout(_connection: Any, record: Any, _proxy: Any) -> None:
        until = record.info.get(_UNTIL)
        if until == math.inf:
            record.info[_UNTIL] = time.monotonic() + _LIFE
        elif until is not None and time.monotonic() > until:
            raise DisconnectionError

    @event.listens_for(engine, "checkin")
    def checkin(_connection: Any, record: Any) -> None:
        if _UNTIL not in record.info:
            record.invalidate()

    @event.listens_for(engine, "close")
    def close(_connection: Any, record: Any) -> None:
        spilling.give_back(named(), record)

    return engine


def _make_log(file: Path) -> None:
    """Create the log of a file with the permissions of the file: DuckDB would let everybody read it."""
    # If it exists already, or cannot be created, that is left to DuckDB.
    with suppress(OSError):
        handle = os.open(log_of(file), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        os.fchmod(handle, stat.S_IMODE(file.stat().st_mode))
        os.close(handle)


def _connect_to_copy(dialect: Any, file: Path, arguments: Any, parameters: dict[str, Any]) -> Any:
    """A connection to a copy; None if checkpoints kept one from being made."""
    with scratch_folder() as folder:
        # With the same name, since SQL may refer to the database by it.
        copy = folder / file.name
        for _ in tries():
            if take_snapshot(file, copy):
                ours = _copied(parameters)
                ours["database"] = str(copy)
                # The copy and its folder are removed once it is open: nothing is left behind, whatever ends.
                ours["config"].setdefault("temp_directory", str(spilling.spill_folder(file)))
                # Other programs have no journal: a copy may catch them in the middle of a checkpoint.
                with suppress(duckdb.Error):
                    return dialect.connect(*arguments, **ours)
    return None


def _copied(parameters: dict[str, Any]) -> dict[str, Any]:
    """A copy for one connection, since the dialect adds to it."""
    return {**parameters, "config": dict(parameters["config"])}
