"""The files of one load of Redshift: COPY, what it read, and what to do when it fails.

COPY reads the whole batch. What it read is compared with what was listed, file by file. When it fails, or the
rows violate a rule that a type cannot state, the files are fetched and validated line by line, so that
rejects are the same as those of the embedded database, and all of them: Redshift keeps a few errors a slice.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.exc import DBAPIError

from sparkify.databases.redshift.copy_results import by_file, lines_read, load_errors
from sparkify.databases.redshift.copying import CopyOptions, copy_of, refuse_local
from sparkify.databases.redshift.errors import is_load_error
from sparkify.databases.redshift.objects import ObjectNames, as_folder
from sparkify.databases.redshift.rules import violates_a_rule
from sparkify.etl.adapter import Batch, UnreadableBatch
from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError, RejectedLines, SparkifyError
from sparkify.etl.jsonpaths import columns_of, write_paths
from sparkify.etl.listing import AwsOptions, Listing, SourceFile
from sparkify.etl.observer import Observer
from sparkify.etl.results import Staged
from sparkify.etl.session import Session
from sparkify.etl.sources import file_chunks, open_bucket, reaching_s3, split_s3
from sparkify.etl.spool import spool
from sparkify.etl.validation import Validated, validate_file
from sparkify.redshift import Copy

__all__ = ["RedshiftBatch"]

_MAX_MAXERROR = 100_000


@dataclass
class _Known:
    """What is known of the files of a source, line by line.

    :ivar lines: of each file by its uri.
    """

    validated: Validated = field(default_factory=Validated)
    lines: dict[str, int] = field(default_factory=dict)


class RedshiftBatch(Batch):
    """The files of one load."""

    def __init__(
        self, options: CopyOptions, folder: Path, aws: AwsOptions, observer: Observer, max_rejects: int
    ) -> None:
        self._options = options
        self._folder = folder
        self._aws = aws
        self._observer = observer
        self._max_rejects = max_rejects
        self._load = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        self._written: dict[str, bytes] = {}
        self._columns: dict[str, list[str]] = {}
        self._known: dict[str, _Known] = {}
        self._files: dict[str, Sequence[SourceFile]] = {}

    # -- the fast way --------------------------------------------------------------------------------------

    def stage(self, session: Session, source: Source, files: Sequence[SourceFile], listing: Listing) -> Staged:
        refuse_local(source.name, listing.uri)
        self._files[source.name] = files
        self.unstage(session, source)
        copied, read = 0, dict[str, int]()
        for copy in self._copies(session, source, files, listing):
            try:
                session.run(copy)
            except DBAPIError as exc:
                if is_load_error(exc):
                    raise UnreadableBatch(source) from exc
                raise
            copied += int(session.run("SELECT pg_last_copy_count()").value)
            read |= lines_read(session)
        lines = by_file(read, files)
        known = self._known.get(source.name)
        if known is not None:
            return self._staged_as_validated(session, source, files, known)
        violating = violates_a_rule(source)
        wrong = session.run(select(func.count()).select_from(source.staging).where(violating)).value
        if copied and not read:
            self._observer.warning(
                f"Redshift does not tell what COPY read of each file of {source.name} (SYS_LOAD_DETAIL): "
                "they are read line by line, which takes much longer"
            )
        if wrong or lines is None or sum(read.values()) != copied:
            raise UnreadableBatch(source)
        self._observer.read(source.name, sum(file.size for file in files), copied)
        return Validated().staged(source, ((file, lines.get(file.uri, 0)) for file in files))

    def unstage(self, session: Session, source: Source) -> None:
        # DELETE, not TRUNCATE, which would commit the transaction.
        session.run(delete(source.staging))

    def _copies(
        self, session: Session, source: Source, files: Sequence[SourceFile], listing: Listing
    ) -> list[Copy]:
        """One COPY, or two where some of the files are compressed: COPY takes either, not both."""
        names = ObjectNames(self._options.manifest_prefix, ":load" if session.dry_run else self._load)
        jsonpaths, columns = self._paths(session, names, source)
        # Once it is known how many lines are right, COPY may refuse as many as it can: one line may be several
        # errors to it, and what it loads is compared with what was accepted.
        maxerror = _MAX_MAXERROR if source.name in self._known else None
        packed = [file for file in files if file.uri.endswith(".gz")]
        plain = [file for file in files if not file.uri.endswith(".gz")]
        parts = [(part, gzip) for part, gzip in ((plain, False), (packed, True)) if part]
        copies = []
        for part, gzip in parts:
            uri = names.manifest(source, gzip=gzip)
            if uri is None:
                self._refuse_other_objects(source, files, listing, mixed=len(parts) > 1)
                alone = [file.uri for file in listing.files] == [listing.uri]
                uri = listing.uri if alone else as_folder(listing.uri)
            else:
                entries = [{"url": file.uri, "mandatory": True} for file in part]
                if not session.dry_run:
                    self._write(uri, json.dumps({"entries": entries}))
            copies.append(
                copy_of(
                    source,
                    self._options,
                    uri,
                    columns=columns,
                    jsonpaths=jsonpaths,
                    gzip=gzip,
                    maxerror=maxerror,
                )
            )
        return copies

    def _refuse_other_objects(
        self, source: Source, files: Sequence[SourceFile], listing: Listing, *, mixed: bool
    ) -> None:
        """COPY by prefix reads every object below it: refuse where those are not just the files to read."""
        others = {reason: number for reason, number in listing.skipped.items() if reason != "directory marker"}
        known = len(listing.files) - len(files)
        if not (mixed or others or known):
            return
        why = (
            "some files are compressed and some are not"
            if mixed
            else f"{known:,} of the files there were loaded before"
            if known
            else f"{sum(others.values()):,} of the objects there are no data"
        )
        raise ConfigurationError(
            f"COPY by prefix would not read just the new files of {source.name}: {why}",
            where=listing.uri,
            hint="Give MANIFEST_PREFIX, an s3:// prefix where a list of the files may be written.",
        )

    def _paths(self, session: Session, names: ObjectNames, source: Source) -> tuple[str | None, list[str]]:
        """The JSONPaths file of the source, and its columns in the order of the file."""
        given = self._options.jsonpaths.get(source.name)
        columns = [column.name for column in source.fields]
        if given is not None:
            # A dry run connects to nothing: the columns are taken to be in the order of the model.
            if source.name not in self._columns and not session.dry_run:
                self._columns[source.name] = columns_of(self._read(given), source, given)
            return given, self._columns.get(source.name, columns)
        uri = names.jsonpaths(source)
        if uri is not None and not session.dry_run:
            self._write(uri, write_paths(source))
        return uri, columns

    # -- line by line ----------------------------------------------------------------------------------------

    def repair(self, session: Session, cause: UnreadableBatch) -> None:
        source = cause.source
        refused = load_errors(session) if cause.__cause__ is not None else []
        known = self._validate(source)
        rejects = known.validated.rejects
        if not rejects and refused:
            raise SparkifyError("COPY refused lines that seem right, and says", details=refused)
        if len(rejects) > self._max_rejects:
            raise RejectedLines(rejects, self._max_rejects)
        self._known[source.name] = known

    def _validate(self, source: Source) -> _Known:
        folder = self._folder / source.name
        folder.mkdir()
        known = _Known()
        for file in spool(self._files[source.name], folder, self._aws):
            known.validated.add(validate_file(source, file))
            known.lines.update({part.file.uri: part.lines for part in file.segments})
            file.path.unlink()
        folder.rmdir()
        return known

    def _staged_as_validated(
        self, session: Session, source: Source, files: Sequence[SourceFile], known: _Known
    ) -> Staged:
        """Take out the rows that COPY could not refuse, and see that what is left is what was accepted."""
        validated = known.validated
        session.run(delete(source.staging).where(violates_a_rule(source)))
        left = session.run(select(func.count()).select_from(source.staging)).value
        if left != validated.accepted:
            raise SparkifyError(
                f"COPY loaded {left:,} lines of {source.name} and {validated.accepted:,} of them can be loaded",
                details=[str(reject) for reject in validated.rejects[:10]],
                hint="A line that Redshift takes is one that sparkify rejects; correct these.",
            )
        self._observer.read(source.name, sum(file.size for file in files), left)
        return validated.staged(source, ((file, known.lines[file.uri]) for file in files))

    # -- objects of our own --------------------------------------------------------------------------------

    def _read(self, uri: str) -> str:
        bucket, key = split_s3(uri)
        with reaching_s3(uri):
            store = open_bucket(bucket, self._aws)
            meta = store.head(key)
            file = SourceFile(uri, meta["size"], (meta["e_tag"] or "").strip('"'))
            return b"".join(file_chunks(file, store)).decode()

    def _write(self, uri: str, content: str) -> None:
        """Write an object for this load, once."""
        if self._written.get(uri) != content.encode():
            bucket, key = split_s3(uri)
            with reaching_s3(uri):
                open_bucket(bucket, self._aws).put(key, content.encode())
            self._written[uri] = content.encode()

    def close(self) -> None:
        """Remove the objects that were written. Where that is not allowed they stay: they hold no data."""
        for uri in self._written:
            bucket, key = split_s3(uri)
            with suppress(SparkifyError), reaching_s3(uri):
                open_bucket(bucket, self._aws).delete(key)
