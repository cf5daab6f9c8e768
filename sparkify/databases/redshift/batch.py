"""The files of one load of Redshift: COPY, what it read, and what to do when it fails.

COPY reads the whole batch, and what it read is compared with the listing, file by file. If it fails, or rows
violate a rule that a type cannot state, the files with such lines are found, fetched and validated line by
line. Their rejects are the same as in the embedded database, and complete; their accepted lines are written
below MANIFEST_PREFIX and copied instead. Of other files only small ones, to be packed, and samples are fetched.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any

from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError

from sparkify.databases.redshift.accepted import Bundle
from sparkify.databases.redshift.copy_results import (
    Names,
    Refused,
    lines_read,
    refused_by_failed_copy,
    rows_loaded,
)
from sparkify.databases.redshift.copying import Copying, CopyOptions, check_source_uri
from sparkify.databases.redshift.errors import is_load_error, is_missing_object
from sparkify.databases.redshift.files import BatchFiles, refuse_removed
from sparkify.databases.redshift.finding import Faults, Finder
from sparkify.databases.redshift.inserting import ROWS_PER_INSERT
from sparkify.databases.redshift.objects import LoadObjects
from sparkify.databases.redshift.sampling import Sampling
from sparkify.databases.redshift.staging import count_staged, create_staging
from sparkify.etl.adapter import Batch, UnreadableBatch
from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError, RejectedLines, SparkifyError
from sparkify.etl.line_rules import escape
from sparkify.etl.listing import AwsOptions, Listing, SourceFile
from sparkify.etl.observer import Observer
from sparkify.etl.results import Reject, Staged
from sparkify.etl.session import Session
from sparkify.etl.spool import spool
from sparkify.etl.validation import ToValidate, validate_files

__all__ = ["RedshiftBatch"]


class RedshiftBatch(Batch):
    """The files of one load."""

    def __init__(
        self, options: CopyOptions, folder: Path, aws: AwsOptions, observer: Observer, max_rejects: int
    ) -> None:
        self._folder = folder
        self._aws = aws
        self._observer = observer
        self._max_rejects = max_rejects
        self._prefix = options.manifest_prefix
        self._pack_below = options.pack_below
        self._objects = LoadObjects(options.manifest_prefix, aws, observer)
        self._copying = Copying(options, self._objects)
        self._batch: dict[str, BatchFiles] = {}
        self._numbers = count(1)

    def close(self) -> None:
        """Remove the objects that were written."""
        self._objects.close()

    # -- the fast way --------------------------------------------------------------------------------------

    def stage(self, session: Session, source: Source, files: Sequence[SourceFile], listing: Listing) -> None:
        check_source_uri(source, listing.uri)
        batch = self._batch.get(source.name)
        # Another load may have loaded some of the files since the last attempt.
        if batch is None or batch.files != files:
            batch = self._batch[source.name] = BatchFiles(source, files, listing)
            if not session.dry_run:
                self._pack(batch)
        create_staging(session, source)
        # If COPY fails, the sampling that runs beside it is abandoned too.
        unseen = [] if session.dry_run or batch.is_sampled else batch.whole
        with Sampling(source, unseen, self._aws) as sampling:
            batch.read = self._copy(session, batch)
            batch.seen = {**sampling.found(), **batch.seen}
            batch.is_sampled = True
        self._observer.read(source.name, sum(file.size for file in files) - batch.fetched, 0)

    def count(self, session: Session, sources: Sequence[Source]) -> Mapping[str, Staged]:
        staged = dict[str, Staged]()
        for source, counted in zip(sources, count_staged(session, sources), strict=True):
            batch = self._batch[source.name]
            lines = self._judge(batch, counted.rows, batch.read, counted.more)
            self._observer.read(source.name, 0, counted.rows)
            files = ((file, lines.get(file.uri, 0)) for file in batch.files)
            one = batch.validated.staged(source, files, batch.seen)
            if not session.dry_run:
                one = replace(one, limits=counted.limits, totals=counted.totals)
            staged[source.name] = one
        return staged

    def unstage(self, session: Session, source: Source) -> Sequence[Table]:
        # Dropped after the commit, when no other load waits for this one.
        return (source.staging,)

    def insert(self, session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows of the ledger: few by INSERT, many by COPY (AWS: Use a multi-row insert)."""
        uri = self._objects.uri(f"{table.name}.json")
        if len(rows) <= ROWS_PER_INSERT or uri is None or session.dry_run:
            session.insert(table, rows)
            return
        self._objects.write(uri, "\n".join(json.dumps(row) for row in rows).encode())
        session.run(self._copying.rows(table, list(rows[0]), uri))
        if (loaded := rows_loaded(session)) != len(rows):
            raise SparkifyError(f"COPY loaded {loaded:,} of {len(rows):,} rows of {table.name}")

    def _pack(self, batch: BatchFiles) -> None:
        """Join small files into few objects (AWS: Loading data files, 1 MB to 1 GB each)."""
        small = [file for file in batch.files if file.size < self._pack_below]
        if self._prefix is None or len(small) < 2:
            return
        folder = self._folder / f"{batch.source.name}-packs"
        folder.mkdir(exist_ok=True)
        report = partial(self._observer.read, batch.source.name, lines=0)
        for pack in spool(small, folder, self._aws, report, source=batch.source):
            path = pack.path.rename(folder / f"packed-{next(self._numbers):06d}.json")
            uri = f"{self._objects.uri(batch.source.name)}-{path.name}"
            self._objects.upload(uri, path)
            batch.packs[uri] = replace(pack, path=path)
            batch.packed.update(part.file.uri for part in pack.segments)
            batch.seen.update((part.file.uri, part) for part in pack.segments)
        batch.fetched = sum(file.size for file in small)

    def _copy(self, session: Session, batch: BatchFiles) -> dict[str, int]:
        """Load the objects, and return how many lines COPY read of each."""
        source = batch.source
        name = source.name if not batch.lines else f"{source.name}-{next(self._numbers)}"
        read = dict[str, int]()
        try:
            # Without MAXERROR: a line that COPY refuses makes it fail instead of being dropped silently.
            for copy in self._copying.statements(
                source, batch.objects, batch.listing, name=name, dry_run=session.dry_run
            ):
                session.run(copy)
                read |= lines_read(session)
        except DBAPIError as exc:
            if is_missing_object(exc):
                refuse_removed(batch.whole, batch.listing, self._aws)
            if not is_load_error(exc):
                raise
            batch.faults = None
            raise UnreadableBatch(source) from exc
        return read

    def _judge(self, batch: BatchFiles, copied: int, read: Mapping[str, int], violating: int) -> dict[str, int]:
        """Check that every line is accounted for, and return how many lines each file has.

        :raises UnreadableBatch: when lines are or may be at fault, and some objects were not validated.
        :raises SparkifyError: when lines are at fault although all of them were validated.
        """
        names = Names(batch.objects)
        lines = names.lines(read)
        unknown = {file.uri for file in batch.unknown}
        # The number of lines of a pack is known without COPY. COPY reports nothing for an object without lines.
        untold = unknown - batch.packs.keys()
        batch.unclear = untold.intersection(names.alike) if read else untold if copied else set()
        if copied and not read and untold:
            self._observer.warning(
                f"Redshift does not tell what COPY read of each file of {batch.source.name} (SYS_LOAD_DETAIL): "
                "they are read line by line, which takes much longer"
            )
        expected = batch.expected(lines)
        batch.faults = Faults(expected - copied, violating)
        if unknown and (batch.faults or batch.unclear):
            raise UnreadableBatch(batch.source)
        if batch.faults:
            raise SparkifyError(
                f"COPY loaded {copied - violating:,} lines of {batch.source.name} and {expected:,} of them can "
                "be loaded",
                details=[str(reject) for reject in batch.validated.rejects[:10]],
                hint="A line that Redshift takes is one that sparkify rejects; correct these.",
            )
        return batch.counted(lines)

    # -- line by line ----------------------------------------------------------------------------------------

    def repair(self, session: Session, cause: UnreadableBatch) -> None:
        batch = self._batch[cause.source.name]
        refused = refused_by_failed_copy(session) if cause.__cause__ is not None else []
        before = batch.known
        names = Names(batch.objects)
        named = [(uri, one) for one in refused for uri in names.of(one.name)]
        if not self._take_out(batch, named):
            uris = {uri for uri, _ in named}
            files = self._at_fault(session, batch, uris)
            session.rollback()
            self._validate(batch, files, uris)
        rejects = batch.validated.rejects
        if len(rejects) > self._max_rejects:
            raise RejectedLines(rejects, self._max_rejects)
        if batch.known == before:
            raise SparkifyError(
                "COPY refused lines that seem right, and says", details=[str(one) for one in refused[:10]]
            )

    def _take_out(self, batch: BatchFiles, named: Sequence[tuple[str, Refused]]) -> bool:
        """Reject the accepted lines that COPY refused, and return whether there were any.

        :param named: the uris of objects, each with a line that was refused.
        """
        lines: dict[str, dict[int, Refused]] = defaultdict(dict)
        for uri, one in named:
            if uri in batch.bundles and 1 <= one.line <= batch.bundles[uri].rows:
                lines[uri][one.line] = one
        for uri, rows in lines.items():
            bundle = batch.bundles.pop(uri)
            texts = bundle.lines(rows)
            for row, (of, line) in bundle.places(rows).items():
                reason, column = f"COPY: {rows[row].reason}", rows[row].column or None
                batch.validated.rejects.append(
                    Reject(of, line, batch.source.name, column, reason, escape(texts[row]))
                )
            self._objects.remove(uri)
            self._add(batch, bundle.without(rows, *self._paths(batch)))
        return bool(lines)

    def _at_fault(self, session: Session, batch: BatchFiles, named: set[str]) -> list[SourceFile]:
        """The files that must be validated.

        :param named: the uris of objects with a line that COPY refused.
        """
        unknown = batch.unknown
        if self._prefix is None:
            # Without a manifest COPY reads all or nothing.
            return unknown
        if batch.unclear:
            return [file for file in unknown if file.uri in batch.unclear]
        # A file that was validated and had no rejects is no longer copied as it is if COPY refuses it.
        again = [file for file in batch.whole if file.uri in named and file.uri in batch.lines]
        finder = Finder(session, batch.source, batch.listing, self._copying)
        return again + (finder.find(unknown, batch.faults) if unknown else [])

    def _validate(self, batch: BatchFiles, files: Sequence[SourceFile], refused: set[str]) -> None:
        """Validate files, and keep the accepted lines of those that cannot be copied as they are.

        :param refused: the uris of objects that COPY refuses, even if validation rejects nothing in them.
        """
        folder = self._folder / batch.source.name
        folder.mkdir(exist_ok=True)
        taken = {file.uri: batch.packs.pop(file.uri) for file in files if file.uri in batch.packs}
        fetched = spool(
            [file for file in files if file.uri not in taken], folder, self._aws, source=batch.source
        )
        spooled = (ToValidate(file, *self._paths(batch)) for file in chain(taken.values(), fetched))
        for one, validated in validate_files(batch.source, spooled, sum(file.size for file in files)):
            file = one.file
            file.path.unlink()
            uris = {part.file.uri for part in file.segments}
            for uri in uris & batch.lines.keys():
                # Validated before, without rejects: only its blank lines were counted.
                del batch.validated.blank[uri]
            batch.validated.add(validated)
            batch.lines.update({part.file.uri: part.lines for part in file.segments})
            batch.seen.update((part.file.uri, part) for part in file.segments)
            bundle = Bundle.of(one, validated)
            apart = bool(validated.rejects or uris & batch.packed or uris & refused)
            if not apart or (self._prefix is None and not validated.rejects):
                bundle.remove()
                continue
            batch.packed |= uris
            # With more rejects than allowed nothing is loaded, but all of them are reported.
            if len(batch.validated.rejects) <= self._max_rejects:
                self._add(batch, bundle)
        for uri in taken:
            self._objects.remove(uri)

    def _paths(self, batch: BatchFiles) -> tuple[Path, Path]:
        """New paths for accepted lines and for their line numbers."""
        path = self._folder / batch.source.name / f"accepted-{next(self._numbers):06d}.json"
        return path, path.with_suffix(".numbers")

    def _add(self, batch: BatchFiles, bundle: Bundle) -> None:
        """Upload accepted lines, so that the next COPY reads them.

        :raises ConfigurationError: when there is no prefix to write them to.
        """
        uri = self._objects.uri(f"{batch.source.name}-{bundle.path.name}")
        if uri is None:
            raise ConfigurationError(
                f"the right lines of {batch.source.name} beside rejected ones can only be copied apart",
                where=batch.validated.rejects[0].uri if batch.validated.rejects else batch.listing.uri,
                hint="Give MANIFEST_PREFIX, an s3:// prefix where they may be written, or correct the lines.",
            )
        if bundle.rows:
            self._objects.upload(uri, bundle.path)
            batch.bundles[uri] = bundle
