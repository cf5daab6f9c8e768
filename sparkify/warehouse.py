"""The face of the library: one warehouse, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVarTuple

from sqlalchemy import CompoundSelect, Connection, Engine, Select, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

import sparkify
from sparkify import migrate
from sparkify.aws import aws_options
from sparkify.engines import database_file, make_adapter, make_engine
from sparkify.etl import ledger, runner
from sparkify.etl.errors import ConfigurationError, EmptySource, SparkifyError
from sparkify.etl.explain import ExplainedStep, explain
from sparkify.etl.progress import Observer
from sparkify.etl.report import CheckResult, LoadReport, Reject
from sparkify.pipeline import PIPELINE, STAR
from sparkify.query import Query
from sparkify.settings import Settings
from sparkify.status import Status, Waiting

__all__ = ["Warehouse"]

SourceName = Literal["events", "songs"]
Ts = TypeVarTuple("Ts")


class Warehouse:
    """A warehouse: a database with Sparkify's star in it, and the sources that it is loaded from.

    ::

        with Warehouse() as warehouse:
            report = warehouse.load()
            with warehouse.session() as session:
                ...

    :param target: a URL, an engine, or settings; by default what :meth:`Settings.load` finds. Nothing is
        connected to before a method needs it. An engine given stays the caller's to dispose of.
    :param read_only: on DuckDB, open the file so that other readers may have it open too.
    :raises ConfigurationError: when the target cannot be understood.
    """

    def __init__(self, target: str | URL | Engine | Settings | None = None, *, read_only: bool = False) -> None:
        self._given = target if isinstance(target, Engine) else None
        self._made: Engine | None = None
        self._read_only = read_only
        self.settings: Settings = target if isinstance(target, Settings) else Settings.load()
        if isinstance(target, Engine):
            self.url = target.url
        elif isinstance(target, str | URL):
            self.url = _parsed(target)
        else:
            self.url = self.settings.url
        self._adapter = make_adapter(self.url, self.settings)

    # -- life ----------------------------------------------------------------------------------------------

    @property
    def engine(self) -> Engine:
        """The engine, made at the first use."""
        if self._given is not None:
            return self._given
        if self._made is None:
            self._made = make_engine(self.url, self.settings, read_only=self._read_only)
        return self._made

    def close(self) -> None:
        """Close every connection, which on DuckDB lets other processes have the file."""
        if self._made is not None:
            self._made.dispose()
            self._made = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Warehouse({self.url.render_as_string(hide_password=True)!r})"

    # -- loading -------------------------------------------------------------------------------------------

    def load(
        self,
        *,
        log_data: str | Path | None = None,
        song_data: str | Path | None = None,
        only: Iterable[SourceName] | None = None,
        max_rejects: int = 0,
        full_refresh: bool = False,
        reload_changed: bool = False,
        allow_missing: bool = False,
        observer: Observer | None = None,
    ) -> LoadReport:
        """Load what is new, in one transaction. What was loaded before is left out, so twice is once.

        A DuckDB database that is not there is created, with its tables.

        :param log_data: where the event logs are, instead of where the settings say.
        :param song_data: where the songs are, likewise.
        :param only: the sources to look at, of ``events`` and ``songs``; by default both.
        :param max_rejects: how many lines may be rejected and kept in ``rejected_rows``.
        :param full_refresh: rebuild the star from all files, in the same one transaction.
        :param reload_changed: rebuild it when a loaded file has changed, which else stops the load.
        :param allow_missing: rebuild it although files that were loaded are gone, and with them their rows.
        :raises SparkifyError: for whatever stops the load; then nothing was changed. See
            :mod:`sparkify.etl.errors` for the kinds.
        """
        request = self._request(
            log_data=log_data,
            song_data=song_data,
            only=only,
            max_rejects=max_rejects,
            full_refresh=full_refresh,
            reload_changed=reload_changed,
            allow_missing=allow_missing,
        )
        self._make_ready()
        with self._translated():
            return runner.load(
                self.engine,
                self._adapter,
                PIPELINE,
                request,
                version=sparkify.__version__,
                observer=observer,
            )

    def explain(
        self,
        *,
        log_data: str | Path | None = None,
        song_data: str | Path | None = None,
        only: Iterable[SourceName] | None = None,
        full_refresh: bool = False,
        reload_changed: bool = False,
        allow_missing: bool = False,
    ) -> list[ExplainedStep]:
        """The steps of a load and their SQL, without carrying them out. Nothing is written.

        On DuckDB the plan is of the files that are new. On Redshift nothing is connected to, neither the
        database nor S3: the plan is of a first load.

        :raises SparkifyError: where the load itself would be refused before it began.
        """
        request = self._request(
            log_data=log_data,
            song_data=song_data,
            only=only,
            full_refresh=full_refresh,
            reload_changed=reload_changed,
            allow_missing=allow_missing,
        )
        if self.url.get_backend_name() == "redshift":
            return explain(self._adapter, PIPELINE, request, listings=None, known={})
        listings = runner.list_sources(request)
        return explain(self._adapter, PIPELINE, request, listings=listings, known=self._known())

    def migrate(self, revision: str = "head") -> str | None:
        """Bring the tables to a revision, and return it. ``base`` removes them, and every row with them."""
        with self._translated():
            if revision == "base":
                migrate.downgrade(self.engine, revision)
            else:
                migrate.create_file(self.url)
                migrate.upgrade(self.engine, revision)
            with self.engine.connect() as connection:
                return migrate.current(connection)

    def migration_sql(self, revision: str = "head") -> str:
        """The SQL that would bring an empty database to a revision. Nothing is connected to."""
        return migrate.sql(self.url, revision)

    # -- looking -------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """What the warehouse is and holds, and which files wait to be loaded. Read-only."""
        revision, rows, loads, exists = None, {}, [], self._exists()
        known: dict[str, str] = {}
        if exists:
            with self._connected() as connection:
                revision = migrate.current(connection)
                if revision == migrate.head():
                    rows = runner.count_rows(self._adapter, connection, STAR)
                    loads = ledger.read_history(self._fetch(connection), PIPELINE.ledger.history, 10)
                    known = ledger.known_files(self._fetch(connection), PIPELINE.ledger.files)
        return Status(
            url=self.url.render_as_string(hide_password=True),
            engine=self.url.get_backend_name(),
            exists=exists,
            revision=revision,
            head=migrate.head(),
            rows=rows,
            loads=tuple(loads),
            waiting=tuple(self._waiting(known)),
        )

    def check(self) -> tuple[CheckResult, ...]:
        """What every quality check finds in the whole warehouse. Read-only.

        :raises ConfigurationError: when there is no warehouse yet, or its tables are of another version.
        """
        with self._ready_to_read() as connection:
            return runner.check(self._adapter, connection, PIPELINE.checks)

    def rejects(self, load_id: int | None = None, *, limit: int | None = None) -> list[Reject]:
        """The lines that were rejected and kept, by load, file and line. Read-only.

        :raises ConfigurationError: as for :meth:`check`.
        """
        with self._ready_to_read() as connection:
            return ledger.read_rejects(
                self._fetch(connection), PIPELINE.ledger.rejects, load_id=load_id, limit=limit
            )

    def query(self, statement: Select[*Ts] | CompoundSelect[*Ts]) -> Query[*Ts]:
        """The rows of a SELECT, such as those of :mod:`sparkify.analytics`: to iterate over, or as frames,
        Arrow or Parquet. Read-only.

        It is run when its rows are asked for, and then raises ConfigurationError as :meth:`check` does.
        """
        return Query(
            statement,
            self._ready_to_read,
            iam_role=self.settings.iam_role_arn or "default",
            region=self.settings.region,
        )

    def session(self) -> Session:
        """A session of the ORM on this warehouse; close it, or use it in a ``with``."""
        return Session(self.engine)

    # -- within --------------------------------------------------------------------------------------------

    def _request(
        self,
        *,
        log_data: str | Path | None,
        song_data: str | Path | None,
        only: Iterable[SourceName] | None,
        **options: Any,
    ) -> runner.LoadRequest:
        uris = {
            "events": str(log_data or self.settings.log_data),
            "songs": str(song_data or self.settings.song_data),
        }
        wanted = set(only) if only is not None else set(uris)
        if not wanted or wanted - set(uris):
            raise ConfigurationError("only: give events, songs or both")
        return runner.LoadRequest(
            uris={name: uri for name, uri in uris.items() if name in wanted},
            aws=aws_options(self.settings),
            **options,
        )

    def _make_ready(self) -> None:
        """Create a DuckDB database that is not there; see that any other has the tables wanted."""
        with self._translated():
            migrate.create_file(self.url)
            embedded = self.url.get_backend_name() == "duckdb"
            with self.engine.connect() as connection:
                revision = migrate.current(connection)
                new = revision is None and embedded and migrate.is_empty(connection)
            if new:
                migrate.upgrade(self.engine)
            elif revision != migrate.head():
                raise self._not_at_head(revision)

    def _not_at_head(self, revision: str | None) -> ConfigurationError:
        has = "has no tables yet" if revision is None else f"is at revision {revision}"
        return ConfigurationError(
            f"{self.url.render_as_string(hide_password=True)} {has}, and this version needs revision "
            f"{migrate.head()}; nothing was changed. Run: sparkify-etl migrate"
        )

    def _exists(self) -> bool:
        path = database_file(self.url)
        return path is None or path.exists()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _ready_to_read(self) -> Iterator[Connection]:
        if not self._exists():
            raise ConfigurationError(f"{database_file(self.url)}: is not there yet. Run: sparkify-etl load")
        with self._connected() as connection:
            revision = migrate.current(connection)
            if revision != migrate.head():
                raise self._not_at_head(revision)
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SparkifyError:
            raise
        except Exception as exc:
            if translated := self._adapter.translate(exc):
                raise translated from exc
            raise

    def _fetch(self, connection: Connection) -> ledger.Fetch:
        return partial(self._adapter.fetch, connection)

    def _known(self) -> dict[str, str]:
        if not self._exists():
            return {}
        with self._connected() as connection:
            if migrate.current(connection) is None:
                return {}
            return ledger.known_files(self._fetch(connection), PIPELINE.ledger.files)

    def _waiting(self, known: Mapping[str, str]) -> Iterator[Waiting]:
        request = self._request(log_data=None, song_data=None, only=None)
        for name, uri in request.uris.items():
            try:
                listing = runner.list_sources(runner.LoadRequest(uris={name: uri}, aws=request.aws))[name]
            except EmptySource as exc:
                yield Waiting(source=name, uri=uri, problem=str(exc))
            else:
                yield Waiting.of(name, listing, known)


def _parsed(url: str | URL) -> URL:
    try:
        return make_url(url)
    except ArgumentError:
        raise ConfigurationError(
            "not a URL of SQLAlchemy; give one such as duckdb:///sparkify.duckdb or "
            "redshift+redshift_connector://user:password@host:5439/dev"
        ) from None
