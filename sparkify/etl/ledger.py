"""The ledger: which files were loaded by which load, and which lines were rejected.

Its rows commit with the data they speak of, so a file is known if and only if its rows are there.
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
"""By source, the uri of each loaded file with its fingerprint."""

InsertMany = Callable[[Session, Table, Sequence[Mapping[str, Any]]], None]

_FEW = 100
"""Files that are asked for one by one."""

KEPT_STEPS = 100
"""Loads of which the steps are kept."""


def take_token(session: Session, lock: Table) -> None:
    """Update the row of the lock, or make it where a rebuilt database has none."""
    if session.run(update(lock).values(taken=lock.c.taken + 1)).rowcount == 0 and not session.dry_run:
        session.run(insert(lock).values(token=1, taken=1))


@dataclass(frozen=True)
class Known:
    """What a load must know of those before it.

    :ivar files: by source, the uri of each loaded file with its fingerprint; of some that were not asked for,
        maybe.
    :ivar columns: the tables and columns of which it is written down since when they are filled.
    :ivar load_id: the number of this load: one more than the last that committed. Unique only while the lock
        is held.
    :ivar observed: what was seen of the sources so far, as text.
    """

    files: KnownFiles
    columns: frozenset[tuple[str, str]]
    load_id: int
    observed: str | None = None


def read_known(session: Session, ledger: Ledger, listed: Sequence[Listing] | None = None) -> Known:
    """What the ledger has, with one statement: each is a round trip, while others wait for the lock.

    :param listed: the files of these alone are asked for. None: all.
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
    """By source, the uri of each loaded file with its fingerprint."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for source, uri, fingerprint in session.fetch(select(files.c.source, files.c.uri, files.c.fingerprint)):
        found[source][uri] = fingerprint
    return found


def _among(uri: ColumnElement[str], listed: Sequence[Listing]) -> ColumnElement[bool]:
    """Whether a uri may be one that was listed: it is, where these are few; else it begins as they do."""
    if sum(len(listing.files) for listing in listed) <= _FEW:
        return uri.in_([file.uri for listing in listed for file in listing.files])
    # By position, which all databases have alike: what LIKE takes for a wildcard may stand in a name.
    return or_(*(func.strpos(uri, _beginning(listing)) == 1 for listing in listed if listing.files))


def _beginning(listing: Listing) -> str:
    """What all files of a listing begin with: as the first and the last do, in the order of their names."""
    first, last = listing.files[0].uri, listing.files[-1].uri
    return first[: next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def is_recorded(session: Session, history: Table, load_id: int, started_at: datetime) -> bool:
    """Whether this very load committed, and no other that was given the same number after it failed."""
    found = select(history.c.load_id).where(history.c.load_id == load_id, history.c.started_at == started_at)
    return bool(session.read(found))


def has_load(session: Session, history: Table, load_id: int) -> bool:
    """Whether a load of this number is in the history."""
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
    """Write down a load, its files and its rejects, in the caller's transaction.

    :param drift: how its files differ.
    :param observed: what was seen of the sources so far, this load included.
    :param insert_many: inserts rows of which there may be very many.
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
    """Write down what the steps of a load took."""
    session.insert(
        steps,
        [
            {"load_id": load_id, "number": number, "title": fit(step.title, 256)}
            | {"rows": step.rows, "seconds": step.seconds}
            for number, step in enumerate(done, start=1)
        ],
    )


def forget_steps(session: Session, steps: Table, load_id: int) -> None:
    """Delete the steps of loads long ago; the last one is that of the number."""
    if load_id > KEPT_STEPS:
        session.run(delete(steps).where(steps.c.load_id <= load_id - KEPT_STEPS))


def record_columns(
    session: Session,
    ledger: Ledger,
    tables: Iterable[Table],
    load_id: int,
    known: Collection[tuple[str, str]] | None,
) -> None:
    """Write down since when each column of the tables is filled.

    A column that is new in this load was not there for the rows of earlier ones. Where nothing was written
    down yet, all columns were there from the first load on.

    :param known: the tables and columns of which it is written down; None: every row is of this load.
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
    """The steps of a load, in order; none where they are no longer kept."""
    rows = session.read(
        select(steps.c.title, steps.c.rows, steps.c.seconds)
        .where(steps.c.load_id == load_id)
        .order_by(steps.c.number)
    )
    return [StepReport(*tuple(row)) for row in rows]


def read_column_history(session: Session, columns: Table) -> dict[tuple[str, str], int]:
    """Table and column, and the first load whose rows have it."""
    rows = session.read(select(columns.c.table_name, columns.c.column_name, columns.c.load_id))
    return {(row.table_name, row.column_name): row.load_id for row in rows}


def read_rejects(session: Session, rejects: Table, *, load_id: int | None, limit: int | None) -> list[Reject]:
    """Rejected lines by load, file and line; of one load, or of all that are in the warehouse."""
    c = rejects.c
    query = select(c.uri, c.line, c.source, c.column_name, c.reason, c.text, c.load_id)
    query = query.order_by(c.load_id, c.uri, c.line).limit(limit)
    if load_id is not None:
        query = query.where(c.load_id == load_id)
    return [Reject(*tuple(row)) for row in session.read(query)]


def fit(text: str, size: int) -> str:
    """The text, cut to ``size`` bytes of UTF-8, never through a character."""
    raw = text.encode()
    return text if len(raw) <= size else raw[:size].decode(errors="ignore")
