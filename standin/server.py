"""The stand-in as a whole: PostgreSQL, S3, the listener, and the interface for tests."""

from __future__ import annotations

import itertools
import logging
import re
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from .errors import RedshiftError
from .faults import Fault, Faults, Kind, When
from .history import History, Statement
from .listener import Listener
from .objects import HttpStore, MotoStore, ObjectStore, location
from .postgres import Backend, Postgres
from .tls import Authority
from .tokens import quote

_LOG = logging.getLogger(__name__)
_TEMPLATE = "rs_template"
_NAMED = {"commit": r"^\s*(commit|end)\b", "connect": "^connect$"}

Tls = Literal["on", "refused"]
Certificate = Literal["good", "wrong-host", "expired", "not-yet-valid", "of-a-client", "untrusted"]


class Standin:
    """A server on loopback that a Redshift driver takes for Redshift.

    >>> with Standin.start(tmp_path) as rs:                                     # doctest: +SKIP
    ...     engine = sqlalchemy.create_engine(rs.url)
    """

    def __init__(
        self,
        directory: Path,
        *,
        password: str = "Standin-2026",
        region: str = "us-east-1",
        isolation: Literal["snapshot", "serializable"] = "snapshot",
        slices: int = 2,
        s3_endpoint: str | None = None,
        host: str = "localhost",
    ) -> None:
        self.host = host
        self.port = 0
        self.user = "awsuser"
        self.password = password
        self.database = "dev"
        self.region = region
        self.isolation = isolation
        self.slices = slices
        self.tls: Tls = "on"
        self.require_ssl = False
        self.certificate: Certificate = "good"
        self.users = {self.user: password}
        self.refused_roles: set[str] = set()
        self.idle_timeout: float | None = None
        """Seconds of silence after which a connection opened from now on is cut; None: never."""
        self.load_detail_is_late = False
        """Whether SYS_LOAD_DETAIL has no row yet, for sessions that begin from now on."""
        self.refused_text: str | None = None
        self.before_read: Callable[[str, str], None] | None = None
        """Called with bucket and key before COPY reads an object, so that a test can change or remove it."""
        self.history = History()
        self.faults = Faults()
        self.stopping = threading.Event()
        self.resets = 0
        self.touched = threading.Event()
        """Set by the first statement that is not just a query."""
        self.postgres = Postgres()
        self.s3_endpoint = s3_endpoint
        self.objects: ObjectStore
        self.authority = Authority(directory / "tls")
        self.databases: set[str] = set()
        self._saved: set[str] = set()
        self._listener: Listener | None = None
        self._numbers = itertools.count(1)
        self._moto: Any = None
        self._beside: dict[str, Backend] = {}
        self._beside_lock = threading.Lock()

    @classmethod
    @contextmanager
    def start(cls, directory: Path | str | None = None, **options: Any) -> Iterator[Standin]:
        """A stand-in that runs until the block ends."""
        with tempfile.TemporaryDirectory(prefix="standin-") as temporary:
            standin = cls(Path(directory if directory is not None else temporary), **options)
            with standin:
                yield standin

    def __enter__(self) -> Standin:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- where it is

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the default database."""
        return self.url_of(self.database)

    def url_of(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"redshift+redshift_connector://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority that signed the server's."""
        return self.authority.ca_file

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs in its environment: the CA for the driver, moto for boto3."""
        found = {"SSL_CERT_FILE": str(self.ca_file)}
        if self.s3_endpoint is not None:
            found |= {
                "AWS_ENDPOINT_URL": self.s3_endpoint,
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "AWS_DEFAULT_REGION": self.region,
            }
        return found

    def connect_args(self, database: str | None = None) -> dict[str, Any]:
        """Arguments for ``redshift_connector.connect``."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": database or self.database,
            "timeout": 60,
        }

    # ---- what happened

    @property
    def statements(self) -> list[Statement]:
        """Every statement that was executed or refused, in order, BEGIN and COMMIT included."""
        return self.history.all()

    def clear_statements(self) -> None:
        """Forget the statements so far."""
        self.history.clear()

    def query(self, sql: str, database: str | None = None) -> list[list[str | None]]:
        """Rows of a query as text, read on a separate connection and not logged.

        The SQL is plain PostgreSQL over the schema "rs". Use it to inspect what is stored, whatever the
        session under test does.
        """
        return self._fetch(sql, database)[1]

    def stl_load_errors(self, database: str | None = None) -> list[dict[str, str | None]]:
        """The rows of STL_LOAD_ERRORS, by column, without their padding blanks."""
        columns, rows = self._fetch(
            "SELECT * FROM rs.stl_load_errors ORDER BY query, filename, line_number", database
        )
        return [
            {
                name: value.rstrip() if value is not None else None
                for (name, _oid, _modifier), value in zip(columns, row, strict=True)
            }
            for row in rows
        ]

    def _fetch(
        self, sql: str, database: str | None
    ) -> tuple[list[tuple[str, int, int]], list[list[str | None]]]:
        """Columns and rows of a query on the stand-in's own connection, one per database."""
        name = database or self.database
        with self._beside_lock:
            backend = self._beside.get(name)
            if backend is None:
                backend = self._beside[name] = self.postgres.connect(name, user=self.user)
                backend.query("SET client_min_messages TO error; SET lock_timeout TO '20s'")
            columns, rows, _tag = backend.fetch(sql)
            return columns, rows

    # ---- S3

    def create_bucket(self, name: str, region: str | None = None) -> None:
        """Make a bucket in a region, by default the cluster's."""
        self.objects.create_bucket(name, region or self.region)

    def put_object(self, url: str, body: bytes | str) -> None:
        """Write an object to ``s3://bucket/key``."""
        self.objects.put(location(url), body.encode() if isinstance(body, str) else body)

    def delete_object(self, url: str) -> None:
        """Remove the object at ``s3://bucket/key``."""
        self.objects.delete(location(url))

    def objects_below(self, url: str) -> list[str]:
        """The URLs of the objects that begin with ``s3://bucket/prefix``."""
        place = location(url)
        return [f"s3://{place.bucket}/{key}" for key in self.objects.keys(place)]

    # ---- faults

    def inject(
        self,
        kind: Kind,
        at: str = "commit",
        *,
        when: When = "before",
        nth: int = 1,
        times: int | None = 1,
        seconds: float = 0.0,
        error: tuple[str, str] | None = None,
    ) -> Fault:
        """Inject a fault at the ``nth`` statement that matches ``at``.

        ``at`` is a regular expression (case does not matter), or ``"commit"``, or ``"connect"``. Kinds:
        ``serialization`` (error 1023), ``error`` (SQLSTATE and message in ``error``), ``cancel`` (57014),
        ``delay`` (``seconds``; ends early at statement_timeout) and ``drop``.
        """
        raised = RedshiftError(*error) if error is not None else None
        if kind == "error" and raised is None:
            raise ValueError("inject('error', ...) needs error=(sqlstate, message)")
        pattern = re.compile(_NAMED.get(at, at), re.IGNORECASE | re.DOTALL)
        return self.faults.add(Fault(kind, pattern, when, nth, times, seconds, raised))

    def cut_idle(self) -> int:
        """Cut the idle connections now. Returns their number.

        This is what ``idle_timeout`` does to connections that are silent for so long, without the wait.
        """
        return 0 if self._listener is None else self._listener.cut_idle()

    def clear_faults(self) -> None:
        """Remove the injected faults."""
        self.faults.clear()

    # ---- databases

    def create_database(self, name: str | None = None) -> str:
        """Make an empty database, in a few hundredths of a second. Returns its name."""
        name = name or f"db{next(self._numbers)}_{uuid.uuid4().hex[:6]}"
        self._create_database(name, _TEMPLATE)
        self.databases.add(name)
        return name

    def _create_database(self, name: str, template: str) -> None:
        with self.postgres.connect("postgres") as admin:
            admin.query(
                f"CREATE DATABASE {quote(name)} TEMPLATE {quote(template)} STRATEGY file_copy OWNER {self.user}"
            )

    def drop_database(self, name: str) -> None:
        """Remove a database and end its sessions."""
        with self._beside_lock:
            if (backend := self._beside.pop(name, None)) is not None:
                backend.close()
        with self.postgres.connect("postgres") as admin:
            admin.query(f"DROP DATABASE IF EXISTS {quote(name)} WITH (FORCE)")
        self.databases.discard(name)

    def save(self, name: str) -> None:
        """Keep the default database as it is now, for :meth:`restore`. Open sessions are ended."""
        self._end_sessions()
        with self.postgres.connect("postgres") as admin:
            admin.query(f"DROP DATABASE IF EXISTS {quote(name)}")
        self._create_database(name, self.database)
        self._saved.add(name)

    def restore(self, name: str) -> bool:
        """Reset the default database to the saved state. Open sessions are ended.

        Returns whether a state of that name was saved; if not, nothing is changed.
        """
        if name not in self._saved:
            return False
        self.drop_database(self.database)
        self._create_database(self.database, name)
        self.databases.add(self.database)
        self.touched.set()
        return True

    def _end_sessions(self) -> None:
        """End the sessions of the default database, including the stand-in's own."""
        with self._beside_lock:
            if (backend := self._beside.pop(self.database, None)) is not None:
                backend.close()
        with self.postgres.connect("postgres") as admin:
            admin.query(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                f"WHERE datname = '{self.database}' AND backend_type = 'client backend'"
            )

    def reset(self) -> None:
        """Return to the initial state: an empty default database, no statements, no faults, default settings.

        Open sessions are ended. Objects in S3 stay: they belong to the test that made them.
        """
        self.clear_faults()
        self.resets += 1
        for name in sorted(self.databases - {self.database}):
            self.drop_database(name)
        left = [] if self._listener is None else self._listener.hang_up()
        if self.touched.is_set() or left:
            self.touched.clear()
            self.query("SELECT rs.clean()")
        for thread in left:
            thread.join(5)
        self._drop_users()
        self.clear_statements()
        self.refused_roles.clear()
        self.load_detail_is_late = False
        self.refused_text = None
        self.before_read = None
        self.tls, self.certificate, self.require_ssl = "on", "good", False
        self.idle_timeout = None

    # ---- start and stop

    def _start(self) -> None:
        """Start everything."""
        self.postgres.start()
        self._prepare_databases()
        if self.s3_endpoint is None:
            self._start_moto()
            self.objects = MotoStore()
        else:
            self.objects = HttpStore(self.s3_endpoint)
        self._listener = Listener(self)
        self.port = self._listener.address[1]

    def _start_moto(self) -> None:
        """Start moto's server, so that clients of S3 see what COPY reads."""
        from moto.server import ThreadedMotoServer  # a heavy import, not needed with another S3 server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._moto.start()
        host, port = self._moto.get_host_and_port()
        self.s3_endpoint = f"http://{host}:{port}"

    def add_user(self, name: str, password: str) -> None:
        """Add a user who is not a superuser and has no privileges yet; the next :meth:`reset` removes it."""
        with self.postgres.connect("postgres") as admin:
            self._create_role(admin, quote(name), "LOGIN")
        self.users[name] = password

    def _drop_users(self) -> None:
        for name in sorted(set(self.users) - {self.user}):
            self.query(f"DROP OWNED BY {quote(name)}; DROP ROLE {quote(name)}")
            del self.users[name]

    def _create_role(self, admin: Backend, name: str, options: str) -> None:
        """Make a PostgreSQL role whose sessions begin with Redshift's settings."""
        level = "repeatable read" if self.isolation == "snapshot" else "serializable"
        settings = {
            "search_path": "public, rs, pg_catalog",
            "default_transaction_isolation": f"'{level}'",
            "standard_conforming_strings": "off",  # a backslash escapes in Redshift's strings
            "escape_string_warning": "off",
            "backslash_quote": "on",
            "timezone": "'UTC'",
            "datestyle": "'ISO, MDY'",
        }
        admin.query(f"CREATE ROLE {name} {options}")
        for setting, value in settings.items():
            admin.query(f"ALTER ROLE {name} SET {setting} TO {value}")

    def _prepare_databases(self) -> None:
        """Make the role, the template and the default database."""
        with self.postgres.connect("postgres") as admin:
            self._create_role(admin, self.user, "SUPERUSER LOGIN")
            admin.query(f"CREATE DATABASE {_TEMPLATE} OWNER {self.user}")
        with self.postgres.connect(
            _TEMPLATE, user=self.user, options={"options": "-c standard_conforming_strings=on"}
        ) as db:
            db.query(Path(__file__).with_name("catalog.sql").read_text(encoding="utf-8"))
        self.create_database(self.database)

    def stop(self) -> None:
        """End all sessions, the servers and the files."""
        self.stopping.set()
        if self._listener is not None:
            self._listener.stop()
        for backend in self._beside.values():
            backend.close()
        self.postgres.stop()
        if self._listener is not None:
            self._listener.join()
        if self._moto is not None:
            self._moto.stop()
            self._moto = None
