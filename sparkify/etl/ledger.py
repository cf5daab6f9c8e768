"""The ledger: which files were loaded by which load, and which lines were rejected.

Its rows commit together with the data they describe, so a file is known if and only if its rows are loaded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    Table,
    cast,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
    union_all,
    update,
)

from sparkify.etl.column_types import MAX_TEXT
from sparkify.etl.declarations import Ledger
from sparkify.etl.drift import Observed, drift_of_file, encode, read_drift, write_drift
from sparkify.etl.listing import Listing
from sparkify.etl.profiles import Drift
from sparkify.etl.results import FileCount, LoadRecord, Reject, StepReport
from sparkify.etl.session import Session

__all__ = [
    "Known",
    "KnownFiles",
    "fit",
    "forget_steps",
    "has_load",
    "is_recorded",
    "known_files",
    "read_column_history",
    "read_drift_of",
    "read_history",
    "read_known",
    "read_rejects",
    "read_steps",
    "record",
    "record_columns",
    "record_steps",
    "take_token",
]

KnownFiles = Mapping[str, Mapping[str, str]]
"""The fingerprint of each loaded file, by source and uri."""

InsertMany = Callable[[Session, Table, Sequence[Mapping[str, Any]]], None]

_FEW = 100
"""The most files that a query names one by one."""

KEPT_STEPS = 100
"""How many of the latest loads keep their steps."""


def take_token(session: Session, lock: Table) -> None:
    """Update the row of the lock, or insert it if a rebuilt database has none."""
    if session.run(update(lock).values(taken=lock.c.taken + 1)).rowcount == 0 and not session.dry_run:
        session.run(insert(lock).values(token=1, taken=1))


@dataclass(frozen=True)
class Known:
    """What a load needs to know about earlier loads.

    :ivar files: the fingerprint of each loaded file, by source and uri; may include files that were not asked
        for.
    :ivar columns: the tables and columns for which the ledger records since when they are filled.
    :ivar load_id: the number of this load: one more than that of the last load that committed. Unique only
        while the lock is held.
    :ivar observed: what was seen of the sources so far, as text.
    """

    files: KnownFiles
    columns: frozenset[tuple[str, str]]
    load_id: int
    observed: str | None = None


def read_known(session: Session, ledger: Ledger, listed: Sequence[Listing] | None = None) -> Known:
    """Read what the ledger knows in one statement: each is a round trip, while others wait for the lock.

    :param listed: ask only for the files of these listings. None: ask for all.
    """
    kinds = [literal_column(f"'{kind}'", String()).label("kind") for kind in ("load", "column")]
    files, columns, history = ledger.files.c, ledger.columns.c, ledger.history.c
    last = select(func.max(history.load_id)).scalar_subquery()
    query = union_all(
        select(
            kinds[0], cast(history.load_id, String(20)).label("name"), history.observed.label("value")
        ).where(history.load_id == last),
        select(kinds[1], columns.table_name, columns.column_name),
        select(literal_column("'file:'", String()) + files.source, files.uri, files.fingerprint).where(
            true() if listed is None else _among(files.uri, listed)
        ),
    )
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for kind, name, value in session.fetch(query):
        found[kind].append((name, value))
    loads, filled = found.pop("load", []), found.pop("column", [])
    by_source = {kind.removeprefix("file:"): dict(rows) for kind, rows in found.items()}
    last_id, observed = (int(loads[0][0]), loads[0][1]) if loads else (0, None)
    return Known(by_source, frozenset(filled), last_id + 1, observed)


def known_files(session: Session, files: Table) -> KnownFiles:
    """The fingerprint of each loaded file, by source and uri."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for source, uri, fingerprint in session.fetch(select(files.c.source, files.c.uri, files.c.fingerprint)):
        found[source][uri] = fingerprint
    return found


def _among(uri: ColumnElement[str], listed: Sequence[Listing]) -> ColumnElement[bool]:
    """Whether a uri may be one that was listed: exact if these are few, otherwise by their common prefix."""
    if sum(len(listing.files) for listing in listed) <= _FEW:
        return uri.in_([file.uri for listing in listed for file in listing.files])
    # strpos() is the same on all databases, and a name may contain what LIKE takes for a wildcard.
    return or_(*(func.strpos(uri, _beginning(listing)) == 1 for listing in listed if listing.files))


def _beginning(listing: Listing) -> str:
    """The common prefix of all files of a listing: that of the first and the last, as they are sorted."""
    first, last = listing.files[0].uri, listing.files[-1].uri
    return first[: next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def is_recorded(session: Session, history: Table, load_id: int, started_at: datetime) -> bool:
    """Whether this very load committed, rather than another that got the same number after it failed."""
    found = select(history.c.load_id).where(history.c.load_id == load_id, history.c.started_at == started_at)
    return bool(session.read(found))


def has_load(session: Session, history: Table, load_id: int) -> bool:
    """Whether a load with this number is in the history."""
    return bool(session.read(select(history.c.load_id).where(history.c.load_id == load_id)))


def record(
    session: Session,
    ledger: Ledger,
    load: LoadRecord,
    files: Iterable[FileCount],
    rejects: Sequence[Reject],
    insert_many: InsertMany = Session.insert,
    *,
    drift: Sequence[Drift] = (),
    observed: Mapping[str, Observed] | None = None,
) -> None:
    """Record a load, its files and its rejects, in the caller's transaction.

    :param drift: how its files differ.
    :param observed: what was seen of the sources so far, including by this load.
    :param insert_many: inserts rows, possibly very many of them.
    """
    file_rows = [
        {
            "uri": count.file.uri,
            "source": count.source,
            "fingerprint": count.file.fingerprint,
            "bytes": count.file.size,
            "lines": count.lines,
            "loaded": count.loaded,
            "rejected": count.rejected,
            "blank": count.blank,
            "load_id": load.load_id,
            "content_hash": count.content,
            "drift": drift_of_file(count.profile),
        }
        for count in files
    ]
    reject_rows = [
        {
            "uri": reject.uri,
            "line": reject.line,
            "source": reject.source,
            "column_name": reject.column,
            "reason": fit(reject.reason, 512),
            "text": fit(reject.text, MAX_TEXT),
            "load_id": load.load_id,
        }
        for reject in rejects
    ]
    insert_many(session, ledger.files, file_rows)
    insert_many(session, ledger.rejects, reject_rows)
    seen = {"drift": write_drift(drift), "observed": encode(observed or {})}
    session.insert(ledger.history, [asdict(load) | seen])


def record_steps(session: Session, steps: Table, load_id: int, done: Sequence[StepReport]) -> None:
    """Record the rows and the seconds of each step of a load."""
    session.insert(
        steps,
        [
            {"load_id": load_id, "number": number, "title": fit(step.title, 256)}
            | {"rows": step.rows, "seconds": step.seconds}
            for number, step in enumerate(done, start=1)
        ],
    )


def forget_steps(session: Session, steps: Table, load_id: int) -> None:
    """Delete the steps of loads whose number is at least ``KEPT_STEPS`` below ``load_id``."""
    if load_id > KEPT_STEPS:
        session.run(delete(steps).where(steps.c.load_id <= load_id - KEPT_STEPS))


def record_columns(
    session: Session,
    ledger: Ledger,
    tables: Iterable[Table],
    load_id: int,
    known: Collection[tuple[str, str]] | None,
) -> None:
    """Record since which load each column of the tables is filled.

    A column that is new in this load did not exist for the rows of earlier loads. If nothing has been recorded
    yet, all columns have existed since the first load.

    :param known: the tables and columns already recorded; None: every row is of this load.
    """
    if known is None:
        session.run(delete(ledger.columns))
    since = load_id if known or known is None else 1
    session.insert(
        ledger.columns,
        [
            {"table_name": table.name, "column_name": column.name, "load_id": since}
            for table in tables
            for column in table.columns
            if (table.name, column.name) not in (known or ())
        ],
    )


def read_history(session: Session, history: Table, limit: int) -> list[LoadRecord]:
    """The last loads, newest first."""
    columns = [history.c[name] for name in LoadRecord.__dataclass_fields__]
    rows = session.read(select(*columns).order_by(history.c.load_id.desc()).limit(limit))
    return [LoadRecord(*tuple(row)) for row in rows]


def read_drift_of(session: Session, history: Table, load_id: int) -> tuple[Drift, ...]:
    """How the files of a load differed."""
    return read_drift(session.run(select(history.c.drift).where(history.c.load_id == load_id)).value or None)


def read_steps(session: Session, steps: Table, load_id: int) -> list[StepReport]:
    """The steps of a load, in order; empty if they are no longer kept."""
    rows = session.read(
        select(steps.c.title, steps.c.rows, steps.c.seconds)
        .where(steps.c.load_id == load_id)
        .order_by(steps.c.number)
    )
    return [StepReport(*tuple(row)) for row in rows]


def read_column_history(session: Session, columns: Table) -> dict[tuple[str, str], int]:
    """The first load whose rows have a column, by table and column."""
    rows = session.read(select(columns.c.table_name, columns.c.column_name, columns.c.load_id))
    return {(row.table_name, row.column_name): row.load_id for row in rows}


def read_rejects(session: Session, rejects: Table, *, load_id: int | None, limit: int | None) -> list[Reject]:
    """The rejected lines of one load, or of all in the warehouse, ordered by load, file and line."""
    c = rejects.c
    query = select(c.uri, c.line, c.source, c.column_name, c.reason, c.text, c.load_id)
    query = query.order_by(c.load_id, c.uri, c.line).limit(limit)
    if load_id is not None:
        query = query.where(c.load_id == load_id)
    return [Reject(*tuple(row)) for row in session.read(query)]


def fit(text: str, size: int) -> str:
    """The text, cut to ``size`` bytes of UTF-8, never in the middle of a character."""
    raw = text.encode()
    return text if len(raw) <= size else raw[:size].decode(errors="ignore")
