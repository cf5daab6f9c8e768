"""The facade of the library: one warehouse and its operations."""

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
    """A warehouse: a database that holds the tables of a pipeline, and the sources it is loaded from.

    ::

        with Warehouse() as warehouse:
            report = warehouse.load()
            with warehouse.session() as session:
                ...

    :param target: a URL, the path of a DuckDB file, an engine, or settings; by default what
        :meth:`Settings.load` finds. No connection is made until a method needs one. The caller remains
        responsible for disposing of an engine passed in.
    :param pipeline: what is loaded, and how; by default Sparkify's own.
    :param read_only: for an embedded database, open the file so that other readers can open it too.
    :raises ConfigurationError: when the target cannot be understood or its database is not in the registry, and
        for a DuckDB engine with ``read_only``.
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
        """Load new files in one transaction. Loaded files are skipped, so a second load changes nothing.

        A missing embedded database is created, with its tables. An error leaves everything as it was.

        :param sources: where the files of each source are, by source name; overrides the settings.
        :param only: the name of the source to load, or several names; by default all.
        :param max_rejects: how many lines may be rejected and kept.
        :param full_refresh: rebuild the star from all files, in the same single transaction.
        :param reload_changed: rebuild it when a loaded file has changed, which otherwise stops the load.
        :param allow_missing: rebuild it even if loaded files are gone; their rows are then lost.
        :param on_drift: what to do when the files differ from earlier ones or from the models:
            ``warn`` loads them, and the report says how they differ; ``stop`` refuses the load.
        :param verify: read loaded files again, to find those where only the content has changed.
        :param lock_timeout: seconds to wait for another load, or for another user of the embedded database.
            There, a load started inside another one in the same thread is refused at once.
        :param locations: where the files of a source are, by the name of its setting, such as ``log_data``.
        :raises SparkifyError: for anything that stops the load; :mod:`sparkify.etl.errors` lists the kinds.
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
        """The steps of a load and their SQL, without running them. Nothing is written.

        On an embedded database the plan covers the new files. For a server that reads S3 itself, neither the
        database nor S3 is connected to: the plan is that of a first load.

        :param arguments: the other arguments of :meth:`load`, except ``observer``.
        :raises SparkifyError: if the load itself would be refused before it began.
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
        """Migrate the tables to a revision and return it. ``base`` removes the tables and all their rows.

        :param lock_timeout: seconds to wait for a load to end, or for another user of the embedded database.
        :raises TemporaryError: when the wait times out.
        """
        check_lock_timeout(lock_timeout)
        with translating(self.database.translate):
            return self._migrations.migrate(self.engine, revision, lock_timeout, observer or Observer())

    def migration_sql(self, revision: str = "head") -> str:
        """The SQL that would migrate an empty database to a revision, without connecting."""
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
        """Remove old rows of the ledger, in one transaction that keeps loads out. Files stay known as loaded.

        :param rejects_older_than: remove rejected lines of loads that ended longer ago than this: ``"90d"``.
        :param history_older_than: the same for loads, if a full refresh has replaced them.
        :param dry_run: count what would be removed, and remove nothing.
        :param lock_timeout: seconds to wait for a load to end, or for another user of the embedded database.
        :raises ConfigurationError: when neither age is given, and as for :meth:`check`.
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
        """The state of the warehouse, what it holds, and which files are pending. Read-only.

        :param late: the age beyond which a pending file counts as late, such as ``2h`` or ``1d``.
        :raises ConfigurationError: when ``late`` is not a valid age.
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
        """The results of every check of the whole warehouse: the quality checks of the pipeline, whether the
        tables match the models and are at rest, whether the current rules made all rows, and whether the views
        can be read. Read-only.

        :param deep: also reload the files that still exist into a temporary database as large as the warehouse,
            and compare. Only for an embedded database, otherwise a ConfigurationError.
        :raises ConfigurationError: when there is no warehouse yet, or its tables are of another version.
        """
        request = self._request() if deep else None
        with self._connection_at_head() as connection:
            return check_all(self.database, connection, self.pipeline, request)

    def rejects(self, load_id: int | None = None, *, limit: int | None = None) -> list[Reject]:
        """The lines that were rejected and kept, ordered by load, file and line. Read-only.

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
        """The rows of a SELECT, such as those of :mod:`sparkify.analytics`: to iterate over, or as data frames,
        Arrow or Parquet. Read-only. A time with a zone is compared with a ``TIMESTAMP``, which is UTC, as the
        same moment.

        The SELECT runs when its rows are requested, and then raises ConfigurationError as :meth:`check` does.
        """
        return Query(statement, self._connection_at_head, self.database)

    def sql(self, text: str, *, external_access: bool = True) -> SqlQuery:
        """The rows of a SQL statement, whatever the version of the tables. Read-only: it runs in a READ ONLY
        transaction, which is rolled back.

        :param external_access: whether the SQL may use files, as in ``FROM 'more.csv'``. For an embedded
            database, False turns that off until the warehouse is closed, for loads too.
        :raises ConfigurationError: when the text is not a single statement that only reads.
        :raises SparkifyError: when the database refuses it, with its message; some only when rows are fetched.
        """
        return SqlQuery(text, self._connection_if_there, self.database, external_access=external_access)

    def session(self) -> OrmSession:
        """An ORM session on this warehouse; close it, or use it in a ``with`` statement."""
        return OrmSession(self.engine)
