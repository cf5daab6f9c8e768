"""The listener: clients on loopback, TLS, passwords, and a session for each client that logs in."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from . import wire
from .errors import ConnectionDropped, PostgresError, RedshiftError
from .postgres import Backend
from .session import Session

if TYPE_CHECKING:
    from .server import Standin

_LOG = logging.getLogger(__name__)


class Listener:
    """Accepts clients on a port of 127.0.0.1 that the system chooses, with a thread for each."""

    def __init__(self, standin: Standin) -> None:
        self._standin = standin
        self._threads: dict[threading.Thread, socket.socket | None] = {}
        self._sessions: dict[int, Session] = {}
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(64)
        self.address: tuple[str, int] = self._socket.getsockname()
        self._spawn(self._listen, None)

    @property
    def idle(self) -> bool:
        """Whether no client is connected."""
        with self._lock:
            return not self._sessions

    def stop(self) -> None:
        """Stop accepting clients, and close the open connections."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with self._lock:
            open_sockets = [s for s in self._threads.values() if s is not None]
            for session in self._sessions.values():
                session.cancelled.set()
        for client in open_sockets:
            _shut(client)

    def hang_up(self) -> list[threading.Thread]:
        """Close the connections of all sessions. Returns the threads that served them, which end by themselves.

        A session that waits for PostgreSQL ends when its backend has ended: join the threads after that.
        """
        with self._lock:
            sessions = list(self._sessions.values())
            clients = [self._threads.get(session.thread) for session in sessions]
        for session, client in zip(sessions, clients, strict=True):
            session.cancelled.set()
            if client is not None:
                _shut(client)
        return [session.thread for session in sessions]

    def cut_idle(self) -> int:
        """Reset the connections of the sessions that wait for their client. Returns their number.

        A client notices only when it sends, as with gateways that drop a silent connection.
        """
        with self._lock:
            idle = [session.thread for session in self._sessions.values() if session.is_idle]
            clients = [client for thread in idle if (client := self._threads.get(thread)) is not None]
        for client in clients:
            # No TLS close_notify, and a reset in answer to whatever the client sends.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with suppress(OSError):
                socket.socket.shutdown(client, socket.SHUT_RD)
        for thread in idle:
            thread.join()
        return len(idle)

    def join(self) -> None:
        """Wait for the threads to end, once PostgreSQL has."""
        for thread in list(self._threads):
            thread.join(5)

    def _spawn(self, target: Callable[..., None], client: socket.socket | None) -> None:
        thread = threading.Thread(target=target, args=(client,) if client else (), name="standin", daemon=True)
        with self._lock:
            self._threads[thread] = client
        thread.start()

    def _listen(self) -> None:
        """Accept clients until the stand-in stops."""
        while not self._standin.stopping.is_set():
            try:
                client, _address = self._socket.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.settimeout(self._standin.idle_timeout)
            self._spawn(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        """Serve a client until it disconnects, or an error ends the connection."""
        stream: Any = None
        try:
            client, stream, parameters = self._negotiate(client)
            if parameters is not None:
                self._let_in(stream, parameters)
        except (ConnectionDropped, wire.Disconnected, OSError, ssl.SSLError):
            pass
        except Exception as error:
            _LOG.exception("the stand-in failed")
            if stream is not None:
                _fatal(stream, RedshiftError("XX000", f"the stand-in failed: {error!r}", severity="FATAL"))
        finally:
            if stream is not None:
                with suppress(OSError, ValueError):
                    stream.close()
            # The TLS socket, even if the client left before its startup message.
            with self._lock:
                wrapped = self._threads.pop(threading.current_thread(), None)
            for each in {client, wrapped or client}:
                _shut(each)
                each.close()

    def _negotiate(self, client: socket.socket) -> tuple[socket.socket, Any, dict[str, str] | None]:
        """Negotiate TLS. Returns the socket, its stream and the parameters of the session."""
        encrypted = False
        while True:
            raw = _receive(client, 8)
            length, code = struct.unpack("!II", raw)
            if code == wire.SSL_REQUEST:
                if self._standin.tls == "refused":
                    client.sendall(b"N")
                    continue
                client.sendall(b"S")
                context = self._standin.authority.context(self._standin.certificate)
                client = context.wrap_socket(client, server_side=True)
                with self._lock:
                    self._threads[threading.current_thread()] = client
                encrypted = True
            elif code == wire.GSS_REQUEST:
                client.sendall(b"N")
            elif code == wire.CANCEL_REQUEST:
                self._cancel(_receive(client, length - 8))
                return client, None, None
            else:
                body = _receive(client, length - 8)
                stream = client.makefile("rwb")
                if code != wire.PROTOCOL_3:
                    return client, stream, None
                if self._standin.require_ssl and not encrypted:
                    message = 'no pg_hba.conf entry for host "127.0.0.1", SSL off'
                    _fatal(stream, RedshiftError("28000", message, severity="FATAL"))
                    return client, stream, None
                return client, stream, wire.startup_parameters(body)

    def _cancel(self, key: bytes) -> None:
        """Forward a CancelRequest."""
        (pid,) = struct.unpack("!I", key[:4])
        with self._lock:
            session = self._sessions.get(pid)
        if session is None or session.backend.key != key:
            return
        session.cancelled.set()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as postgres:
            postgres.connect(str(self._standin.postgres.directory / ".s.PGSQL.5432"))
            postgres.sendall(struct.pack("!II", 16, wire.CANCEL_REQUEST) + key)

    def _let_in(self, stream: Any, parameters: dict[str, str]) -> None:
        """Check the password, open the session and run it."""
        user, database = parameters.get("user", ""), parameters.get("database", "")
        try:
            self._strike_connecting()
            self._authenticate(stream, user)
            self._check_database(database)
        except RedshiftError as error:
            error.severity = "FATAL"
            _fatal(stream, error)
            return
        options = {"application_name": parameters.get("application_name", "")[:60]}
        if self._standin.load_detail_is_late:
            options["rs.load_detail_is_late"] = "on"
        with self._standin.postgres.connect(database, user=user, options=options) as backend:
            session = Session(self._standin, stream, backend, user, database)
            # Before the client learns that it is logged in: it may count the sessions next.
            with self._lock:
                self._sessions[session.pid] = session
            try:
                self._greet(stream, backend, user)
                session.run()
            except PostgresError as error:  # PostgreSQL ended the session
                _fatal(stream, RedshiftError(error.code, error.fields.get("M", ""), severity="FATAL"))
            finally:
                with self._lock:
                    self._sessions.pop(session.pid, None)
                with suppress(OSError, ValueError):
                    backend.send(wire.message(b"X"))

    def _strike_connecting(self) -> None:
        """Apply the faults that were injected for connecting clients."""
        for fault in self._standin.faults.due("connect", "before"):
            if fault.kind == "drop":
                raise ConnectionDropped
            if fault.kind == "delay":
                self._standin.stopping.wait(fault.seconds)
            elif fault.error is not None:
                raise fault.error

    def _check_database(self, database: str) -> None:
        if database not in self._standin.databases:
            raise RedshiftError("3D000", f'database "{database}" does not exist')

    def _authenticate(self, stream: Any, user: str) -> None:
        """Ask for the password, by MD5.

        :raises RedshiftError: 28000 if it is wrong.
        """
        salt = os.urandom(4)
        stream.write(wire.message(b"R", struct.pack("!I", 5) + salt))
        stream.flush()
        kind, body = wire.read_message(stream)
        given = wire.take_cstring(body)[0] if kind == b"p" else ""
        password = self._standin.users.get(user)
        if password is not None:
            inner = hashlib.md5(f"{password}{user}".encode(), usedforsecurity=False).hexdigest()
            wanted = "md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest()
            if given == wanted:
                return
        raise RedshiftError("28000", f'password authentication failed for user "{user}"')

    def _greet(self, stream: Any, backend: Backend, user: str) -> None:
        """Tell the client that it is logged in, and the parameters of the server.

        server_protocol_version is not sent: the driver then uses the protocol whose types PostgreSQL has.
        """
        told = {
            "server_version": "8.0.2",
            "client_encoding": "UTF8",
            "server_encoding": "UTF8",
            "DateStyle": "ISO, MDY",
            "TimeZone": "UTC",
            "integer_datetimes": "on",
            "is_superuser": "on",
            "session_authorization": user,
        }
        stream.write(wire.message(b"R", struct.pack("!I", 0)))
        stream.write(b"".join(wire.parameter_status(k, v) for k, v in told.items()))
        stream.write(wire.message(b"K", backend.key) + wire.ready("I"))
        stream.flush()


def _receive(client: socket.socket, size: int) -> bytes:
    """Read exactly ``size`` bytes and not one more: TLS may begin after them."""
    data = b""
    while len(data) < size:
        part = client.recv(size - len(data))
        if not part:
            raise wire.Disconnected
        data += part
    return data


def _fatal(stream: Any, error: RedshiftError) -> None:
    """Tell the client why its connection ends."""
    try:
        stream.write(wire.report(b"E", error.fields()))
        stream.flush()
    except (OSError, ValueError):
        pass


def _shut(client: socket.socket) -> None:
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)
