"""What a look at a warehouse returns: its tables, its loads, and the pending files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from sqlalchemy import ColumnElement, Table, func, select

from sparkify.etl.declarations import Pipeline
from sparkify.etl.ledger import read_column_history
from sparkify.etl.listing import Listing
from sparkify.etl.report import LoadRecord, StepReport
from sparkify.etl.session import Session

__all__ = ["PendingFiles", "Status", "notices"]


@dataclass(frozen=True)
class PendingFiles:
    """The files of one source that the next load would read.

    :ivar changed: files that differ from what was loaded, and would stop the load.
    :ivar problem: why the source could not be listed; None when it could.
    """

    source: str
    uri: str
    files: int = 0
    bytes: int = 0
    known: int = 0
    changed: int = 0
    problem: str | None = None

    @classmethod
    def of(cls, source: str, listing: Listing, known: Mapping[str, str]) -> Self:
        """What is pending of a listing, given the fingerprints of the files that were loaded."""
        new = [file for file in listing.files if file.uri not in known]
        changed = sum(known.get(file.uri, file.fingerprint) != file.fingerprint for file in listing.files)
        return cls(
            source=source,
            uri=listing.uri,
            files=len(new),
            bytes=sum(file.size for file in new),
            known=len(listing.files) - len(new) - changed,
            changed=changed,
        )


@dataclass(frozen=True)
class Status:
    """What a warehouse is and holds.

    :ivar url: where it is, with the password masked.
    :ivar exists: whether there is a database with tables in it.
    :ivar revision: of the migrations, as the database has it; None where none ever ran.
    :ivar head: the revision that this version of the library wants.
    :ivar rows: of each table of the star; empty unless ``revision`` is ``head``.
    :ivar loads: the last loads, newest first.
    :ivar steps: what the newest load did, in order, and how long each step took.
    :ivar notices: what should be known of the rows: made by older rules, or before a column was filled.
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

    @property
    def at_head(self) -> bool:
        """Whether the tables are as this version of the library wants them."""
        return self.revision == self.head


def notices(session: Session, pipeline: Pipeline) -> list[str]:
    """What should be known of the rows of a warehouse, each with what to do. Only reads."""
    history = pipeline.ledger.history
    since = _last_rebuild(session, history)
    older = session.run(
        select(func.count()).select_from(history).where(history.c.load_id >= since, other_rules(pipeline))
    ).value
    found = []
    if older:
        found.append(
            f"the rows of {older:,} {'load' if older == 1 else 'loads'} were made by other rules than version "
            f"{pipeline.rules_version}, which is this one's; {_REBUILD}"
        )
    filled = read_column_history(session, pipeline.ledger.columns)
    first = session.run(select(func.min(history.c.load_id)).where(history.c.load_id >= since)).value or 0
    late = sorted(name for name, load_id in filled.items() if load_id > first)
    found += [
        f"{table}.{column} is filled since load {filled[table, column]}, and NULL in the rows of earlier "
        f"loads; {_REBUILD}"
        for table, column in late
    ]
    return found


_REBUILD = "to make them anew: sparkify-etl load --full-refresh"


def other_rules(pipeline: Pipeline) -> ColumnElement[bool]:
    """Whether a load of the history was made by another version of the rules than the pipeline's."""
    return func.coalesce(pipeline.ledger.history.c.rules_version, 1) != pipeline.rules_version


def _last_rebuild(session: Session, history: Table) -> int:
    """The last load that made all rows anew; 0 where there is none."""
    rebuilds = select(func.max(history.c.load_id)).where(history.c.mode == "full refresh")
    return session.run(rebuilds).value or 0
