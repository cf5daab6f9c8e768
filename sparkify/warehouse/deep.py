"""Compares the tables with what their files make now, by reloading the files into a temporary database."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import ColumnElement, SelectBase, Table, func, select, true

from sparkify._version import __version__
from sparkify.databases import Database
from sparkify.etl import runner
from sparkify.etl.checksums import REBUILD
from sparkify.etl.constructs import row_hash
from sparkify.etl.contents import compare, to_compare
from sparkify.etl.declarations import Ledger, Pipeline
from sparkify.etl.discovery import list_sources
from sparkify.etl.errors import ConfigurationError, EmptySource
from sparkify.etl.known_contents import read_contents
from sparkify.etl.ledger import known_files
from sparkify.etl.listing import Listing, SourceFile
from sparkify.etl.request import LoadRequest
from sparkify.etl.results import CheckResult
from sparkify.etl.session import Session
from sparkify.warehouse.migrations import Migrations

__all__ = ["check_deep", "refuse_deep"]

_BUCKETS = 4096
"""How many groups the rows are hashed into: only groups that differ are read."""
_BUCKETS_READ = 8
_ROWS_KEPT = 10


@dataclass(frozen=True)
class _Files:
    """The files that can be loaded again.

    :ivar loads: the loads whose files all exist unchanged.
    :ivar left_out: what is not compared, in words; None if everything is.
    """

    listings: Mapping[str, Listing]
    loads: tuple[int, ...]
    left_out: str | None


def check_deep(
    session: Session, database: Database, pipeline: Pipeline, request: LoadRequest
) -> tuple[CheckResult, ...]:
    """The differences between the tables and what the files of the loads make now. Read-only.

    If every loaded file exists unchanged, all tables of the pipeline are compared. Otherwise only
    the rows of each fact from the unchanged loads are, without what any catalogue file may change.

    :param request: where the files are. Files loaded from elsewhere count as gone.
    :raises ConfigurationError: for a database that is not embedded.
    :raises SparkifyError: when the files cannot be read or loaded.
    """
    refuse_deep(database)
    files = _files_as_loaded(session, pipeline.ledger, request)
    if not files.loads:
        name = "files: the loads can be made again"
        return (CheckResult(name, 0, (), REBUILD, not_run=files.left_out or "there is no load"),)
    with TemporaryDirectory(prefix="sparkify-check-") as folder:
        made = type(database)(
            database.url.set(database=str(Path(folder) / "again.duckdb")), database.settings, database.sources
        )
        engine = made.create_engine()
        try:
            Migrations(pipeline, made).ensure(engine)
            runner.load(
                engine,
                made,
                pipeline,
                replace(request, max_rejects=_MANY),
                version=__version__,
                listings=files.listings,
            )
            with engine.connect() as connection:
                again = Session(made, connection)
                return tuple(_compared(session, again, pipeline, files))
        finally:
            engine.dispose()


def refuse_deep(database: Database) -> None:
    """Refuse a deep check that cannot be run.

    :raises ConfigurationError: for a database that is not embedded.
    """
    if not database.is_embedded:
        raise ConfigurationError(
            f"a deep check is for the embedded database only, and this one is {database.title}",
            hint="Leave {option} out.",
            option=("deep", True),
        )


_MANY = 1_000_000_000
"""How many rejected lines the reload may have: the original loads accepted theirs."""


def _files_as_loaded(session: Session, ledger: Ledger, request: LoadRequest) -> _Files:
    known = known_files(session, ledger.files)
    listings = dict(_listed(request))
    wanted = to_compare(listings, known, verify=True)
    found = compare(wanted, known, read_contents(session, ledger.files, wanted), request.aws)
    looked_at = set(wanted)
    # A file of another size, or one that looks different and has no content in the ledger, is in neither.
    as_loaded = {*found.same, *found.unknown}
    same: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for name, listing in listings.items():
        for file in listing.files:
            looks_the_same = known.get(name, {}).get(file.uri) == file.fingerprint
            if (name, file) in as_loaded or (looks_the_same and (name, file) not in looked_at):
                same[name].append(file)
    there = {(name, file.uri) for name, files in same.items() for file in files}
    loads: defaultdict[int, list[bool]] = defaultdict(list)
    of_load = dict[tuple[str, str], int]()
    for load_id, source, uri in session.fetch(
        select(ledger.files.c.load_id, ledger.files.c.source, ledger.files.c.uri)
    ):
        loads[int(load_id)].append((source, uri) in there)
        of_load[source, uri] = int(load_id)
    whole = {load_id for load_id, present in loads.items() if all(present)}
    kept = {
        name: replace(listings[name], files=tuple(file for file in files if of_load[name, file.uri] in whole))
        for name, files in same.items()
    }
    kept = {name: listing for name, listing in kept.items() if listing.files}
    gone = sum(not one for present in loads.values() for one in present)
    left_out = (
        f"{gone:,} of {len(of_load):,} files are gone or changed: {len(loads) - len(whole):,} of "
        f"{len(loads):,} loads are not compared"
    )
    return _Files(kept, tuple(sorted(whole)), left_out if gone else None)


def _listed(request: LoadRequest) -> Iterator[tuple[str, Listing]]:
    for name, uri in request.uris.items():
        try:
            yield from list_sources(replace(request, uris={name: uri})).items()
        except EmptySource:
            continue


@dataclass(frozen=True)
class _Comparison:
    """What is compared in a table.

    :ivar columns: the values of each row.
    :ivar key: the columns among them that identify a row.
    :ivar condition: selects the rows of the warehouse that the files can make. Any other row with the key of a
        row that they make counts as that row, since a play that came in several files belongs to one load.
    """

    table: Table
    columns: Sequence[ColumnElement[Any]]
    key: Sequence[ColumnElement[Any]]
    condition: ColumnElement[bool] | None = None


def _compared(session: Session, again: Session, pipeline: Pipeline, files: _Files) -> Iterator[CheckResult]:
    for one in _to_compare(pipeline, files):
        found = _differences(session, again, one)
        yield CheckResult(
            f"{one.table.name}: as its files make it",
            len(found),
            tuple(found[:_ROWS_KEPT]),
            REBUILD,
            note=files.left_out,
        )


def _to_compare(pipeline: Pipeline, files: _Files) -> Iterator[_Comparison]:
    numbers = set(pipeline.numbers)
    if files.left_out is None:
        for table in pipeline.tables:
            columns = [column for column in table.columns if column.name != "load_id" and column not in numbers]
            yield _Comparison(table, columns, columns)
        return
    for one in pipeline.checksums:
        if one.load is not None:
            columns = [one.table.c[name] for name in one.columns if one.table.c[name] not in numbers]
            key = [one.table.c[name] for name in one.key] or columns
            yield _Comparison(one.table, columns, key, one.load.in_(files.loads))


def _differences(session: Session, again: Session, one: _Comparison) -> list[Mapping[str, Any]]:
    """Rows that only one of the two databases has, in the first groups that differ."""
    hashed, bucket = row_hash(*one.columns), func.mod(row_hash(*one.key), _BUCKETS)
    ours = true() if one.condition is None else one.condition

    def sums(of: Session, where: ColumnElement[bool]) -> dict[int, tuple[Any, ...]]:
        rows = select(bucket, func.count(), func.sum(hashed)).select_from(one.table)
        return {
            int(number): (count, total) for number, count, total in of.fetch(rows.where(where).group_by(bucket))
        }

    def rows_of(
        of: Session, columns: Sequence[ColumnElement[Any]], where: ColumnElement[bool], buckets: Sequence[int]
    ) -> Counter[tuple[Any, ...]]:
        rows: SelectBase = select(*columns).where(where, bucket.in_(buckets))
        return Counter(tuple(row) for row in of.fetch(rows))

    there, made = sums(session, ours), sums(again, true())
    unlike = sorted(number for number in {*there, *made} if there.get(number) != made.get(number))
    names = [column.name for column in one.columns]
    places = [names.index(column.name) for column in one.key]
    # Groups may differ only by rows of other loads. Those rows are few, so ever more groups are read at once.
    start, size = 0, _BUCKETS_READ
    while some := unlike[start : start + size]:
        here, there_again = (
            rows_of(session, one.columns, ours, some),
            rows_of(again, one.columns, true(), some),
        )
        only_made = there_again - here
        if only_made and one.condition is not None:
            others = rows_of(session, one.key, ~one.condition, some)
            only_made = Counter(
                {row: n for row, n in only_made.items() if tuple(row[at] for at in places) not in others}
            )
        found: list[Mapping[str, Any]] = [
            {"only_in": where, **dict(zip(names, row, strict=True))}
            for where, rows in (("the warehouse", here - there_again), ("the files", only_made))
            for row in rows.elements()
        ]
        if found:
            return found
        start, size = start + size, 4 * size
    return []
