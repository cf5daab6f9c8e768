"""One client's connection: parse its messages, run them on PostgreSQL or in the stand-in, and answer."""

from __future__ import annotations

import contextlib
import logging
import re
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from . import wire
from .errors import (
    ConnectionDropped,
    PostgresError,
    RedshiftError,
    cancelled,
    check_size,
    not_supported,
    serialization_failure,
    translate,
)
from .faults import When
from .history import Statement
from .merge import check_source
from .postgres import Backend
from .queries import Insert, is_system, lock_statement
from .statements import Action, Pass, Plan, Transaction, plan
from .tokens import literal, quote_path, tokenize

if TYPE_CHECKING:
    from .server import Standin

_LOG = logging.getLogger(__name__)
_ABORTED = "current transaction is aborted, commands ignored until end of transaction block"
_ENDS = ("ROLLBACK", "ABORT", "COMMIT", "END")
_QUESTION = re.compile(
    r"\s*(select|show|begin|start|commit|end|rollback|abort)\b(?!.*\binto\b)", re.IGNORECASE | re.DOTALL
)
_FLUSH = wire.message(b"H")


@dataclass
class Prepared:
    """A prepared statement: its text, what to do with it, and its name on the PostgreSQL side."""

    sql: str
    plan: Plan
    name: str = ""


@dataclass
class Portal:
    """A statement with its parameters."""

    prepared: Prepared
    bind: wire.Bind
    begun: bool = False


class Session:
    """A session of a client that has logged in."""

    def __init__(self, standin: Standin, stream: BinaryIO, backend: Backend, user: str, database: str) -> None:
        self.standin = standin
        self.stream = stream
        self.backend = backend
        self.user = user
        self.database = database
        self.pid: int = struct.unpack("!I", backend.key[:4])[0]
        self.xid = 0
        self.cancelled = threading.Event()
        self.thread = threading.current_thread()
        self.is_idle = True
        """Whether the client has received every answer, and has sent nothing since."""
        self._out: list[bytes] = []
        self._statements: dict[str, Prepared] = {}
        self._portals: dict[str, Portal] = {}
        self._count = 0
        self._skip = False
        self._locked: set[tuple[str, ...]] = set()
        self._memory: dict[str, str] = {}
        self._unsaved = False
        self._timeout = 0.0
        self._query = 0
        backend.on_notice = self._notice

    # ---- what plans use

    def info(self, text: str) -> None:
        """Send a message of severity INFO."""
        self._out.append(wire.info(text))

    def next_query(self) -> int:
        """The id of the running query."""
        return self._query

    def remember(self, **numbers: int) -> None:
        """Keep numbers for the session, such as the id of the last COPY; a rollback does not affect them."""
        self._memory.update({name: str(number) for name, number in numbers.items()})
        self._unsaved = True
        if self.backend.status == "T":
            self._save_memory()
            self._unsaved = True

    def set_timeout(self, value: str) -> str:
        """Set statement_timeout, in milliseconds."""
        self.backend.query(f"SET statement_timeout TO {literal(value)}")
        self._timeout = int(value) / 1000 if value.isdigit() else 0.0
        return "SET"

    # ---- the conversation

    def run(self) -> None:
        """Answer the client until it disconnects."""
        handlers: dict[bytes, Callable[[bytes], None]] = {
            b"P": self._parse,
            b"B": self._bind,
            b"D": self._describe,
            b"E": self._execute,
            b"C": self._close,
        }
        while True:
            kind, body = wire.read_message(self.stream)
            self.is_idle = False
            if kind == b"X":
                return
            if kind == b"S":
                self._skip = False
                self._out.append(wire.ready(self.backend.status))
                self.is_idle = True
                self._flush()
            elif kind == b"H":
                self._flush()
            elif kind == b"Q":
                self._simple(wire.take_cstring(body)[0])
            elif self._skip:
                continue
            elif (handler := handlers.get(kind)) is not None:
                try:
                    handler(body)
                except (RedshiftError, PostgresError) as error:
                    self._report(error)
                    self._skip = True
            else:
                self._report(RedshiftError("08P01", f"invalid frontend message type {kind[0]}"))
                self._skip = True

    def _flush(self) -> None:
        """Send the buffered messages."""
        data = b"".join(self._out)
        self._out.clear()
        if data:
            self.stream.write(data)
            self.stream.flush()

    def _report(self, error: RedshiftError | PostgresError) -> None:
        """Send an error."""
        if isinstance(error, RedshiftError):
            for text in error.infos:
                self.info(text)
        self._out.append(wire.report(b"E", self._fields(error)))

    def _fields(self, error: RedshiftError | PostgresError) -> dict[str, str]:
        if isinstance(error, RedshiftError):
            return error.fields()
        table = next((".".join(path) for path in self._locked), "0")
        snapshot = self.standin.isolation == "snapshot"
        return translate(error, table=table, xid=self.xid, pid=self.pid, query=self._query, snapshot=snapshot)

    def _notice(self, fields: dict[str, str]) -> None:
        """Pass on a notice from PostgreSQL, in Redshift's words."""
        text = fields.get("M", "")
        match = re.match(r'(?:table|view|relation) "(.+)" does not exist, skipping', text)
        if match:
            text = f'Table "{match[1]}" does not exist and will be skipped'
        self._out.append(wire.report(b"N", {"S": "INFO", "C": "00000", "M": text}))

    # ---- prepared statements

    def _parse(self, body: bytes) -> None:
        """Parse: read the statement, and refuse it or pass it to PostgreSQL."""
        name, sql, oids = wire.read_parse(body)
        self._forget(name)
        try:
            self._statements[name] = self._prepare(sql, oids)
        except (RedshiftError, PostgresError) as error:
            statement = self._begin_statement(sql, ())
            before = self.backend.status
            self._spoil()
            self._end_statement(statement, before, error)
            raise
        self._out.append(wire.message(b"1"))

    def _prepare(self, sql: str, oids: list[int]) -> Prepared:
        if self.backend.status == "E":
            tokens = tokenize(sql)
            if not tokens or tokens[0].upper not in _ENDS:
                raise RedshiftError("25P02", _ABORTED)
        check_size(sql)
        prepared = Prepared(sql, plan(sql))
        if not isinstance(prepared.plan, Pass):
            return prepared
        if prepared.plan.target is not None and prepared.plan.insert is not None:
            self._check_identity(prepared.plan.target, prepared.plan.insert)
        if prepared.plan.source is not None:
            check_source(self, prepared.plan.source)
        self._count += 1
        prepared.name = f"s{self._count}"
        self.backend.send(wire.parse(prepared.name, prepared.plan.sql, oids), _FLUSH)
        kind, answer = self.backend.read()
        if kind == b"E":
            self.backend.sync()
            raise PostgresError(wire.fields_of(answer))
        if self.backend.status == "I":
            self.backend.sync()
        return prepared

    def _check_identity(self, target: tuple[str, ...], insert: Insert) -> None:
        """Check that an INSERT gives no value to an IDENTITY column.

        :raises RedshiftError: if it gives one.
        """
        rows = self.backend.query(
            "SELECT attname, place FROM (SELECT a.attrelid, a.attname, a.attnum, "
            "row_number() OVER (ORDER BY a.attnum) AS place FROM pg_catalog.pg_attribute a "
            f"WHERE a.attrelid = to_regclass({literal(quote_path(target))}) "
            "AND a.attnum > 0 AND NOT a.attisdropped) c "
            "JOIN rs.columns m ON m.relid = c.attrelid AND m.attnum = c.attnum "
            "WHERE m.identity IS NOT NULL AND NOT m.by_default"
        )
        for name, place in rows:
            if insert.columns is not None:
                at = insert.columns.index(name) if name in insert.columns else None
            else:
                at = int(place or 0) - 1
                if insert.width is None and at > 0:
                    at = None  # a SELECT of unknown width: only an identity in the first column surely has one
                if insert.width is not None and at is not None and at >= insert.width:
                    at = None
            if at is not None and at not in insert.defaults:
                raise not_supported("cannot set an identity column to a value")

    def _describe(self, body: bytes) -> None:
        """Describe a statement or a portal."""
        of_portal = body[:1] == b"P"
        name = wire.take_cstring(body, 1)[0]
        portal = self._portals.get(name) if of_portal else None
        prepared = portal.prepared if portal is not None else self._statements.get(name)
        if prepared is None:
            raise RedshiftError("26000", f'prepared statement "{name}" does not exist')
        parameters, row = self._description(prepared)
        if not of_portal:
            self._out.append(wire.message(b"t", parameters))
        if row is None:
            self._out.append(wire.message(b"n"))
        else:
            formats = portal.bind.result_formats if portal is not None else ()
            self._out.append(wire.message(b"T", wire.with_formats(row, formats)))

    def _description(self, prepared: Prepared) -> tuple[bytes, bytes | None]:
        """The bodies of ParameterDescription and RowDescription."""
        if not isinstance(prepared.plan, Pass):
            return struct.pack("!H", 0), None
        if self.backend.status == "E":
            raise RedshiftError("25P02", _ABORTED)
        self.backend.send(wire.message(b"D", b"S" + wire.cstring(prepared.name)), _FLUSH)
        parameters = b""
        row: bytes | None = None
        while True:
            kind, answer = self.backend.read()
            if kind == b"t":
                parameters = answer
                continue
            if kind == b"T":
                row = wire.as_redshift_types(answer)
            if self.backend.status == "I" or kind == b"E":
                self.backend.sync()
            if kind == b"E":
                raise PostgresError(wire.fields_of(answer))
            return parameters, row

    def _bind(self, body: bytes) -> None:
        """Bind: keep the parameters until the statement is executed."""
        bind = wire.read_bind(body)
        prepared = self._statements.get(bind.statement)
        if prepared is None:
            raise RedshiftError("26000", f'prepared statement "{bind.statement}" does not exist')
        self._portals[bind.portal] = Portal(prepared, bind)
        self._out.append(wire.message(b"2"))

    def _close(self, body: bytes) -> None:
        """Close a statement or a portal."""
        name = wire.take_cstring(body, 1)[0]
        if body[:1] == b"S":
            self._forget(name)
        else:
            self._portals.pop(name, None)
        self._out.append(wire.message(b"3"))

    def _forget(self, name: str) -> None:
        """Drop a prepared statement on both sides."""
        prepared = self._statements.pop(name, None)
        if prepared is not None and prepared.name:
            self.backend.send(wire.message(b"C", b"S" + wire.cstring(prepared.name)), _FLUSH)
            self.backend.read()
            if self.backend.status == "I":
                self.backend.sync()

    # ---- execution

    def _execute(self, body: bytes) -> None:
        """Execute a portal."""
        name, at = wire.take_cstring(body)
        (rows,) = struct.unpack_from("!I", body, at)
        portal = self._portals.get(name)
        if portal is None:
            raise RedshiftError("34000", f'portal "{name}" does not exist')
        self._perform(portal, rows)

    def _perform(self, portal: Portal, rows: int = 0) -> None:
        """Run a statement with its injected faults, and record its outcome."""
        prepared = portal.prepared
        statement = self._begin_statement(prepared.sql, portal.bind.values)
        before = self.backend.status
        self.cancelled.clear()
        try:
            self._strike(statement, "before")
            statement.tag = self._run_plan(portal, rows)
            self._strike(statement, "after")
        except (ConnectionDropped, OSError, wire.Disconnected):
            self.standin.history.finish(statement, "dropped")
            raise
        except Exception as error:
            told = error if isinstance(error, RedshiftError | PostgresError) else _failure(error)
            self._spoil(ends=isinstance(prepared.plan, Transaction) and prepared.plan.verb == "COMMIT")
            self._end_statement(statement, before, told)
            raise told from (None if told is error else error)
        self._end_statement(statement, before, None)

    def _run_plan(self, portal: Portal, rows: int) -> str:
        """Carry out the plan. Returns the command tag."""
        found = portal.prepared.plan
        if isinstance(found, Transaction):
            return self._transaction(found)
        if self.backend.status == "E":
            raise RedshiftError("25P02", _ABORTED)
        return self._pass(portal, rows, found) if isinstance(found, Pass) else self._action(found)

    def _begin_statement(self, sql: str, values: tuple[str | bytes | None, ...]) -> Statement:
        history = self.standin.history
        if self.backend.status == "I":
            self.xid = history.next_xid()
            self._locked.clear()
        self._query = history.next_query()
        if not _QUESTION.match(sql):
            self.standin.touched.set()
        return history.begin(Statement(sql, self.xid, self.pid, self.database, values))

    def _end_statement(
        self, statement: Statement, before: str, error: RedshiftError | PostgresError | None
    ) -> None:
        """Record the outcome, and how the transaction ended if it did."""
        after = self.backend.status
        if error is not None:
            fields = self._fields(error)
            statement.code, statement.message = fields.get("C"), fields.get("M")
        if after == "I":
            self._locked.clear()
            done = error is None and statement.tag != "ROLLBACK"
            statement.ended = "commit" if done else "rollback"
            if self._unsaved:
                self._save_memory()
        self.standin.history.finish(statement, "ok" if error is None else "error")

    def _spoil(self, *, ends: bool = False) -> None:
        """After an error that PostgreSQL has not seen, abort its transaction (or end it)."""
        if self.backend.status != "T":
            if ends and self.backend.status == "E":
                self.backend.query("ROLLBACK")
            return
        if ends:
            self.backend.query("ROLLBACK")
            return
        with contextlib.suppress(PostgresError):
            self.backend.query("SELECT 1 / 0")

    def _save_memory(self) -> None:
        self._unsaved = False
        calls = ", ".join(f"set_config('rs.{name}', '{value}', false)" for name, value in self._memory.items())
        self.backend.query(f"SELECT {calls}")

    def _strike(self, statement: Statement, when: When) -> None:
        """Apply the faults that are due."""
        for fault in self.standin.faults.due(statement.sql, when):
            if fault.kind == "drop":
                raise ConnectionDropped
            if fault.kind == "delay":
                self._delay(fault.seconds)
            elif fault.kind == "cancel":
                raise cancelled(self._query)
            elif fault.kind == "error" and fault.error is not None:
                raise fault.error
            else:
                raise serialization_failure(16384, self.xid, self.pid)

    def _delay(self, seconds: float) -> None:
        """Wait, but no longer than statement_timeout, and only until cancelled or the server stops."""
        limited = bool(self._timeout) and self._timeout <= seconds
        interrupted = self.cancelled.wait(self._timeout if limited else seconds)
        if self.standin.stopping.is_set():
            raise ConnectionDropped
        if limited or interrupted:
            raise cancelled(self._query)

    def _pass(self, portal: Portal, rows: int, found: Pass) -> str:
        """Run a statement on PostgreSQL with the extended protocol. Returns its command tag."""
        if found.target is not None and self.backend.status == "T":
            self._take_write_lock(found.target)
        backend = self.backend
        messages = [] if portal.begun else [wire.bind("", portal.prepared.name, portal.bind.rest)]
        backend.send(*messages, wire.execute("", rows), _FLUSH)
        portal.begun = True
        size = 0
        while True:
            kind, body = backend.read()
            if kind == b"D":
                self._out.append(wire.message(kind, body))
                size += len(body)
                if size > 1 << 20:
                    self._flush()
                    size = 0
            elif kind == b"E":
                backend.sync()
                raise PostgresError(wire.fields_of(body))
            elif kind == b"s":
                self._out.append(wire.message(b"s"))
                return "SUSPENDED"
            elif kind in (b"C", b"I"):
                portal.begun = False
                backend.sync()
                self._out.append(wire.message(kind, body))
                return wire.take_cstring(body)[0] if body else ""

    def _action(self, action: Action) -> str:
        """Run what the stand-in does itself, in the caller's transaction or in its own."""
        backend = self.backend
        inside = backend.status == "T"
        if inside and action.block == "refused":
            raise RedshiftError("25001", action.refusal)
        if inside:
            if action.target is not None:
                self._take_write_lock(action.target)
            tag = action.run(self)
            if action.block == "commits":
                backend.query("COMMIT")
        else:
            backend.query("BEGIN")
            try:
                if action.target is not None:
                    self._take_write_lock(action.target)
                tag = action.run(self)
                backend.query("COMMIT")
            except BaseException:
                if backend.status != "I":
                    backend.query("ROLLBACK")
                raise
        self._out.append(wire.complete(tag))
        return tag

    def _transaction(self, found: Transaction) -> str:
        tag = self.backend.fetch(found.verb)[2]
        self._out.append(wire.complete(tag))
        return tag

    def _take_write_lock(self, path: tuple[str, ...]) -> None:
        """Redshift has one writer per table. A first DML takes its snapshot and then waits for the lock."""
        if path in self._locked or is_system(path):
            return
        # this query takes the snapshot, if the transaction has none yet
        exists = self.backend.query(f"SELECT to_regclass({literal(quote_path(path))})")[0][0]
        if exists is not None:
            self.backend.query(lock_statement(path))
            self._locked.add(path)

    # ---- the simple protocol

    def _simple(self, text: str) -> None:
        """Run the statements of a text in order, each with its own outcome."""
        self._skip = False
        try:
            parts = _split(text)
            if not parts:
                self._out.append(wire.message(b"I"))
            for sql in parts:
                self._parse(wire.parse("", sql, [])[5:])
                self._out.pop()  # the simple protocol has no ParseComplete
                prepared = self._statements[""]
                row = self._description(prepared)[1]
                if row is not None:
                    self._out.append(wire.message(b"T", row))
                self._perform(Portal(prepared, wire.Bind("", "", wire.NO_BINDS, (), ())))
        except (RedshiftError, PostgresError) as error:
            self._report(error)
        self._out.append(wire.ready(self.backend.status))
        self.is_idle = True
        self._flush()


def _failure(error: Exception) -> RedshiftError:
    """A defect of the stand-in, or of a test's hook: logged and named as such, not as an error of Redshift."""
    _LOG.error("the stand-in failed", exc_info=error)
    return RedshiftError("XX000", f"the stand-in failed: {error!r}")


def _split(text: str) -> list[str]:
    """The statements between semicolons."""
    parts: list[str] = []
    start = 0
    tokens = tokenize(text)
    begun = False
    for token in tokens:
        if token.kind == "op" and token.text == ";":
            if begun:
                parts.append(text[start : token.start])
            start, begun = token.end, False
        else:
            begun = True
    if begun:
        parts.append(text[start:])
    return parts
