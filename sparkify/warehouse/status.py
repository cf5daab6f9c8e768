"""The status of a warehouse: its tables, its loads, and its pending files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Self

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sparkify.config.secrets import masked_url
from sparkify.databases import Database
from sparkify.etl import ledger
from sparkify.etl.checking import count_rows
from sparkify.etl.declarations import Pipeline
from sparkify.etl.discovery import list_sources
from sparkify.etl.errors import ConfigurationError, EmptySource
from sparkify.etl.failures import read_failures
from sparkify.etl.journal import FailedLoad
from sparkify.etl.listing import Listing
from sparkify.etl.profiles import Drift
from sparkify.etl.request import LoadRequest
from sparkify.etl.results import LoadRecord, StepReport
from sparkify.etl.session import Session
from sparkify.warehouse.revisions import current, head_of
from sparkify.warehouse.rules import notices

__all__ = ["Contents", "PendingFiles", "Status", "pending_of", "read_contents", "status_of"]

_LAST_LOADS = 10
_LATE_FILES = 5
"""How many names of late files are kept for each source."""
_NOT_KNOWN = "the tables are of another version, in which it cannot be read which files were loaded"


@dataclass(frozen=True)
class PendingFiles:
    """The files of one source that the next load would read.

    :ivar uri: where the files of the source are; empty if no setting says.
    :ivar changed: files that look different from what was loaded. A load compares their content, and stops
        if that has changed too.
    :ivar problem: why the pending files are not known: the source could not be listed, or the ledger could not
        be read; None if they are known.
    :ivar late: how many of the pending files were written before the requested moment.
    :ivar late_files: the first few of these, oldest first.
    """

    source: str
    uri: str
    files: int = 0
    bytes: int = 0
    known: int = 0
    changed: int = 0
    problem: str | None = None
    late: int = 0
    late_files: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, source: str, listing: Listing, known: ledger.KnownFiles, late_before: datetime | None = None
    ) -> Self:
        """The pending files of a listing, given the fingerprints of the loaded files."""
        loaded = known.get(source, {})
        unlike = [file for file in listing.files if loaded.get(file.uri) != file.fingerprint]
        new = [file for file in unlike if file.uri not in loaded]
        changed = len(unlike) - len(new)
        moment = -inf if late_before is None else late_before.timestamp()
        late = sorted(
            (one.modified, one.uri) for one in new if one.modified is not None and one.modified < moment
        )
        return cls(
            source=source,
            uri=listing.uri,
            files=len(new),
            bytes=sum(file.size for file in new),
            known=len(listing.files) - len(new) - changed,
            changed=changed,
            late=len(late),
            late_files=tuple(uri for _, uri in late[:_LATE_FILES]),
        )


@dataclass(frozen=True)
class Status:
    """The state of a warehouse and what it holds.

    :ivar url: the URL of the database, with the password masked.
    :ivar exists: whether there is a database to connect to; a server is assumed to exist.
    :ivar revision: the migration revision of the database; None if no migration ever ran.
    :ivar head: the revision that the pipeline needs.
    :ivar rows: the number of rows of each table of the star; empty unless ``revision`` is ``head``.
    :ivar loads: the last loads, newest first.
    :ivar steps: the steps of the newest load, in order, and how long each took.
    :ivar drift: how the files of the newest load differed from earlier ones, or from the models.
    :ivar failures: the loads that failed since the last successful one, newest first.
    :ivar advice: what to do about tables of another revision; None if there is nothing to do.
    :ivar notices: what a user should know about the rows: made by older rules, or before a column was filled.
    """

    url: str
    engine: str
    exists: bool
    revision: str | None
    head: str | None
    rows: Mapping[str, int]
    loads: tuple[LoadRecord, ...]
    steps: tuple[StepReport, ...]
    notices: tuple[str, ...]
    pending: tuple[PendingFiles, ...]
    drift: tuple[Drift, ...] = ()
    advice: str | None = None
    failures: tuple[FailedLoad, ...] = ()

    @property
    def at_head(self) -> bool:
        """Whether the tables are at the revision that the pipeline needs."""
        return self.revision == self.head


@dataclass(frozen=True)
class Contents:
    """What the database of a warehouse holds; see :class:`Status`. Unless the revision is head, only
    ``revision`` and ``known`` are set.

    :ivar known: by source, the fingerprint of each loaded file, by its uri; None if they cannot be read.
    """

    revision: str | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    loads: tuple[LoadRecord, ...] = ()
    steps: tuple[StepReport, ...] = ()
    notices: tuple[str, ...] = ()
    known: ledger.KnownFiles | None = field(default_factory=dict)
    drift: tuple[Drift, ...] = ()
    failures: tuple[FailedLoad, ...] = ()


def read_contents(pipeline: Pipeline, database: Database, connection: Connection) -> Contents:
    """Read what the database of a pipeline's warehouse holds. Read-only."""
    revision = current(connection)
    if revision != head_of(pipeline):
        known = {} if revision is None else _known_of_another(pipeline, database, connection)
        return Contents(revision=revision, known=known)
    session, tables = Session(database, connection), pipeline.ledger
    loads = ledger.read_history(session, tables.history, _LAST_LOADS)
    return Contents(
        revision=revision,
        rows=count_rows(session, pipeline.tables),
        loads=tuple(loads),
        steps=tuple(ledger.read_steps(session, tables.steps, loads[0].load_id)) if loads else (),
        notices=tuple(notices(session, pipeline)),
        known=ledger.known_files(session, tables.files),
        drift=ledger.read_drift_of(session, tables.history, loads[0].load_id) if loads else (),
        failures=read_failures(session, tables),
    )


def _known_of_another(
    pipeline: Pipeline, database: Database, connection: Connection
) -> ledger.KnownFiles | None:
    """The loaded files in tables of another revision; None if that revision lacks the columns to read them."""
    try:
        # Every revision so far has these.
        return ledger.known_files(Session(database, connection), pipeline.ledger.files)
    except DBAPIError as exc:
        if exc.connection_invalidated:
            raise
        # On databases that abort the transaction, it is no longer usable.
        connection.rollback()
        return None


def status_of(
    database: Database,
    contents: Contents,
    *,
    head: str | None,
    failures: tuple[FailedLoad, ...],
    pending: Iterable[PendingFiles],
    advice: str | None,
) -> Status:
    """The status of a database, given its contents; see :class:`Status`."""
    return Status(
        url=masked_url(database.url),
        engine=database.name,
        exists=database.exists,
        revision=contents.revision,
        head=head,
        rows=contents.rows,
        loads=contents.loads,
        steps=contents.steps,
        notices=contents.notices,
        pending=tuple(pending),
        drift=contents.drift,
        advice=advice,
        failures=failures,
    )


def pending_of(
    pipeline: Pipeline,
    request_of: Callable[..., LoadRequest],
    known: ledger.KnownFiles | None,
    late_before: datetime | None = None,
) -> Iterator[PendingFiles]:
    """The files of each source that the next load would read, or why they are not known. Lists the sources.

    :param request_of: builds the request of a load of ``only`` some sources.
    :param known: by source, the fingerprint of each loaded file, by its uri; None if they cannot be read.
    :param late_before: files written before this moment are late; None means that no file is late.
    """
    for source in pipeline.sources:
        try:
            request = request_of(only=[source.name])
        except ConfigurationError as exc:
            # No setting says where its files are. What the warehouse holds is valid all the same.
            yield PendingFiles(source=source.name, uri="", problem=str(exc))
        else:
            yield from _pending_files(request, known, late_before)


def _pending_files(
    request: LoadRequest, known: ledger.KnownFiles | None, late_before: datetime | None
) -> Iterator[PendingFiles]:
    for name, uri in request.uris.items():
        if known is None:
            yield PendingFiles(source=name, uri=uri, problem=_NOT_KNOWN)
            continue
        try:
            listing = list_sources(LoadRequest(uris={name: uri}, aws=request.aws))[name]
        except (EmptySource, ConfigurationError) as exc:
            yield PendingFiles(source=name, uri=uri, problem=str(exc))
        else:
            yield PendingFiles.of(name, listing, known, late_before)
