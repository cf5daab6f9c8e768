"""The facade of the library: one warehouse, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVarTuple

from sqlalchemy import CompoundSelect, Engine, Select
from sqlalchemy.orm import Session as OrmSession

from sparkify._version import __version__
from sparkify.databases import open_database
from sparkify.etl import ledger, runner
from sparkify.etl.declarations import Pipeline
from sparkify.etl.discovery import list_sources
from sparkify.etl.dry_run import PlannedStep
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.journal import remembering
from sparkify.etl.lock_timeout import LOCK_TIMEOUT, check_lock_timeout
from sparkify.etl.observer import Observer
from sparkify.etl.request import OnDrift
from sparkify.etl.results import CheckResult, LoadReport, PruneReport, Reject
from sparkify.etl.retention import parse_age, prune, prune_request
from sparkify.etl.session import Session
from sparkify.etl.translation import translating
from sparkify.pipeline import SPARKIFY
from sparkify.warehouse.checking import check_all
from sparkify.warehouse.connections import Connections
from sparkify.warehouse.query import Query
from sparkify.warehouse.requests import LOAD_OPTIONS, build_request
from sparkify.warehouse.sql import SqlQuery
from sparkify.warehouse.status import Contents, Status, pending_of, read_contents, status_of
from sparkify.warehouse.target import Target, resolve_target

__all__ = ["Warehouse"]

Ts = TypeVarTuple("Ts")


class Warehouse(Connections):
    """A warehouse: a database with the tables of a pipeline in it, and the sources that it is loaded from.

    ::

        with Warehouse() as warehouse:
            report = warehouse.load()
            with warehouse.session() as session:
                ...

    :param target: a URL, the path of a file of DuckDB, an engine, or settings; by default what
        :meth:`Settings.load` finds. Nothing is connected to before a method needs it. An engine given stays the
        caller's to dispose of.
    :param pipeline: what is loaded, and how; by default Sparkify's own.
    :param read_only: on an embedded database, open the file so that other readers may have it open too.
    :raises ConfigurationError: when the target cannot be understood, or is of no database in the registry, and
        for an engine of DuckDB with ``read_only``.
    """

    def __init__(
        self,
        target: Target = None,
        pipeline: Pipeline = SPARKIFY,
        *,
        read_only: bool = False,
    ) -> None:
        self.settings, url = resolve_target(target, pipeline.sources)
        database = open_database(url, self.settings, pipeline.sources)
        given = target if isinstance(target, Engine) else None
        if given is not None and read_only and database.is_embedded:
            raise ConfigurationError(
                "an engine is read-only or not when it is made", hint="Give its URL instead."
            )
        super().__init__(pipeline, database, given, read_only=read_only)
        self._request = partial(build_request, pipeline, self.settings)

    # -- loading -------------------------------------------------------------------------------------------

    def load(
        self,
        *,
        sources: Mapping[str, str | Path] | None = None,
        only: Iterable[str] | None = None,
        max_rejects: int = 0,
        full_refresh: bool = False,
        reload_changed: bool = False,
        allow_missing: bool = False,
        on_drift: OnDrift = "warn",
        verify: bool = False,
        lock_timeout: float = LOCK_TIMEOUT,
        observer: Observer | None = None,
        **locations: str | Path | None,
    ) -> LoadReport:
        """Load what is new, in one transaction. What was loaded before is left out, so twice is once.

        An embedded database that is not there is created, with its tables. Errors leave all as it was.

        :param sources: by the name of a source, where its files are, instead of where the settings say.
        :param only: the name of the source to load, or the names of several; by default all.
        :param max_rejects: how many lines may be rejected and kept.
        :param full_refresh: rebuild the star from all files, in the same one transaction.
        :param reload_changed: rebuild it when a loaded file has changed, which otherwise stops the load.
        :param allow_missing: rebuild it although files that were loaded are gone, and with them their rows.
        :param on_drift: what becomes of a load whose files differ from those before, or from the models:
            ``warn`` loads them, and the report says how they differ; ``stop`` refuses it.
        :param verify: read loaded files again, to find those of which the content alone has changed.
        :param lock_timeout: seconds to wait for another load, or for whoever uses the embedded database. A load
            of it that begins within another one, in the same thread, is refused at once.
        :param locations: where the files of a source are, by the name of its setting, such as ``log_data``.
        :raises SparkifyError: for whatever stops the load: see :mod:`sparkify.etl.errors` for the kinds.
        """
        request = self._request(
            sources,
            locations,
            only,
            max_rejects=max_rejects,
            full_refresh=full_refresh,
            reload_changed=reload_changed,
            allow_missing=allow_missing,
            on_drift=on_drift,
            verify=verify,
            lock_timeout=lock_timeout,
        )
        observer = observer or Observer()
        observer.loading(request.uris, self._masked_url)
        with translating(self.database.translate):
            journal = self.database.journal(self.engine, self.pipeline.ledger, observer)
        with (
            remembering(journal, __version__),
            translating(self.database.translate),
            self.database.one_at_a_time(self.engine, lock_timeout, observer),
        ):
            journal.step = "connect"
            wait = partial(self.database.wait_for_others, self.engine, lock_timeout, observer)
            ensure_tables = partial(self._migrations.ensure, self.engine, wait)
            exists = self.database.exists
            if exists:
                ensure_tables()
            return runner.load(
                self.engine,
                self.database,
                self.pipeline,
                request,
                version=__version__,
                ensure_tables=None if exists else ensure_tables,
                observer=observer,
                journal=journal,
            )

    def explain(
        self,
        *,
        sources: Mapping[str, str | Path] | None = None,
        only: Iterable[str] | None = None,
        **arguments: Any,
    ) -> list[PlannedStep]:
        """The steps of a load and their SQL, without carrying them out. Nothing is written.

        On an embedded database the plan is of the files that are new. For a server that reads S3 itself
        nothing is connected to, neither the database nor S3: the plan is of a first load.

        :param arguments: the other arguments of :meth:`load`, but for ``observer``.
        :raises SparkifyError: where the load itself would be refused before it began.
        """
        options = {name: arguments.pop(name) for name in LOAD_OPTIONS if name in arguments}
        request = self._request(sources, arguments, only, **options)
        if self.database.reads_s3_only:
            return runner.dry_run(self.database, self.pipeline, request, listings=None, connection=None)
        listings = list_sources(request)
        with self._connection_to_loads() as connection:
            return runner.dry_run(
                self.database, self.pipeline, request, listings=listings, connection=connection
            )

    def migrate(
        self, revision: str = "head", *, lock_timeout: float = LOCK_TIMEOUT, observer: Observer | None = None
    ) -> str | None:
        """Bring the tables to a revision, and return it. ``base`` removes them, and every row with them.

        :param lock_timeout: seconds to wait for a load to end, or for whoever uses the embedded database.
        :raises TemporaryError: when that took longer.
        """
        check_lock_timeout(lock_timeout)
        with translating(self.database.translate):
            return self._migrations.migrate(self.engine, revision, lock_timeout, observer or Observer())

    def migration_sql(self, revision: str = "head") -> str:
        """The SQL that would bring an empty database to a revision, without connecting."""
        return self._migrations.sql(revision)

    def prune(
        self,
        *,
        rejects_older_than: str | timedelta | None = None,
        history_older_than: str | timedelta | None = None,
        dry_run: bool = False,
        lock_timeout: float = LOCK_TIMEOUT,
        observer: Observer | None = None,
    ) -> PruneReport:
        """Remove old rows of the ledger, in one transaction that keeps loads out. Files stay known.

        :param rejects_older_than: remove rejected lines of loads that ended so long ago: ``"90d"``.
        :param history_older_than: remove loads that ended so long ago and that a full refresh has replaced.
        :param dry_run: count what would be removed, and remove nothing.
        :param lock_timeout: seconds to wait for a load to end, or for whoever uses the embedded database.
        :raises ConfigurationError: when neither is given, and as for :meth:`check`.
        """
        request = prune_request(
            rejects_older_than, history_older_than, dry_run=dry_run, lock_timeout=lock_timeout
        )
        observer = observer or Observer()
        with ExitStack() as held:
            if self.database.exists and not dry_run:
                held.enter_context(self.database.one_at_a_time(self.engine, lock_timeout, observer))
                with translating(self.database.translate):
                    self.database.wait_for_others(self.engine, lock_timeout, observer)
            session = Session(self.database, held.enter_context(self._connection_at_head()))
            return prune(session, self.database, self.pipeline, request, observer)

    # -- reading -------------------------------------------------------------------------------------------

    def status(self, *, late: str | timedelta | None = None) -> Status:
        """What the warehouse is and holds, and which files are pending. Read-only.

        :param late: how long a file may have been there before it is late, such as ``2h`` or ``1d``.
        :raises ConfigurationError: when that is no age.
        """
        late_before = None if late is None else datetime.now(UTC) - parse_age(late)
        contents = Contents(notices=tuple(filter(None, [self._lost()])))
        if self.database.exists:
            with self._connected() as connection:
                contents = read_contents(self.pipeline, self.database, connection)
        return status_of(
            self.database,
            contents,
            head=self._migrations.head(),
            failures=contents.failures if self.database.file is None else self.failures(),
            pending=pending_of(self.pipeline, self._request, contents.known, late_before),
            advice=self._migrations.advice(contents.revision) if self.database.exists else None,
        )

    def check(self, *, deep: bool = False) -> tuple[CheckResult, ...]:
        """What every quality check of the pipeline finds in the whole warehouse, whether its tables are those
        of the models and at rest, whether all its rows were made by the current rules, and whether its views
        can be read. Read-only.

        :param deep: also load the files that are still there again, into a temporary database as large as the
            warehouse, and compare. For an embedded database only, else a ConfigurationError.
        :raises ConfigurationError: when there is no warehouse yet, or its tables are of another version.
        """
        request = self._request() if deep else None
        with self._connection_at_head() as connection:
            return check_all(self.database, connection, self.pipeline, request)

    def rejects(self, load_id: int | None = None, *, limit: int | None = None) -> list[Reject]:
        """The lines that were rejected and kept, by load, file and line. Read-only.

        :raises ConfigurationError: as for :meth:`check`, and when there is no such load.
        """
        with self._connection_at_head() as connection:
            session, rejects = Session(self.database, connection), self.pipeline.ledger.rejects
            found = ledger.read_rejects(session, rejects, load_id=load_id, limit=limit)
            history = self.pipeline.ledger.history
            if not found and load_id is not None and not ledger.has_load(session, history, load_id):
                raise ConfigurationError(
                    f"there is no load {load_id}", hint="The last ones are in: sparkify-etl status"
                )
            return found

    def query(self, statement: Select[*Ts] | CompoundSelect[*Ts]) -> Query[*Ts]:
        """The rows of a SELECT, such as those of :mod:`sparkify.analytics`: to iterate over, or as frames,
        Arrow or Parquet. Read-only. A time with a zone is compared with a ``TIMESTAMP``, which is UTC, as the
        same moment.

        It is run when its rows are asked for, and then raises ConfigurationError as :meth:`check` does.
        """
        return Query(statement, self._connection_at_head, self.database)

    def sql(self, text: str, *, external_access: bool = True) -> SqlQuery:
        """The rows of a text of SQL, whatever version the tables are of. Read-only: it runs in a READ ONLY
        transaction, which is rolled back.

        :param external_access: whether the SQL may use files, as in ``FROM 'more.csv'``. False turns that off
            for an embedded database until the warehouse is closed, loads included.
        :raises ConfigurationError: when the text is not one statement that reads.
        :raises SparkifyError: when the database refuses it, with its words; some only when rows are asked for.
        """
        return SqlQuery(text, self._connection_if_there, self.database, external_access=external_access)

    def session(self) -> OrmSession:
        """A session of the ORM on this warehouse; close it, or use it in a ``with``."""
        return OrmSession(self.engine)
