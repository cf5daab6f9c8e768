"""The files of one load of Redshift: COPY, what it tells of itself, and what to do when it fails.

COPY reads the whole batch. What it read is compared with what was listed, file by file. When it fails, or the
rows break a rule that a type cannot state, the files are fetched and looked through line by line, so that
rejects are the same as those of the embedded database, and all of them: Redshift keeps a few errors a slice.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, ColumnElement, Connection, String, and_, delete, false, func, or_, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.adapters.base import Batch, UnreadableBatch
from sparkify.etl.adapters.redshift_errors import is_load_error
from sparkify.etl.adapters.redshift_objects import ObjectNames, as_folder
from sparkify.etl.declarations import JsonField, Source, json_fields
from sparkify.etl.errors import ConfigurationError, RejectedLines, SourceError, SparkifyError
from sparkify.etl.jsonpaths import columns_of, write_paths
from sparkify.etl.judging import Judged, judge_file
from sparkify.etl.progress import Observer
from sparkify.etl.report import Staged
from sparkify.etl.sources import (
    AwsOptions,
    Listing,
    SourceFile,
    file_chunks,
    open_bucket,
    reaching_s3,
    split_s3,
)
from sparkify.etl.spool import spool

if TYPE_CHECKING:
    from sparkify.etl.adapters.redshift import RedshiftAdapter
    from sparkify.redshift import Copy

__all__ = ["RedshiftBatch", "breaks_a_rule"]

_MAX_MAXERROR = 100_000


@dataclass
class _Known:
    """What is known of the files of a source, line by line.

    :ivar lines: of each file by its uri.
    """

    judged: Judged = field(default_factory=Judged)
    lines: dict[str, int] = field(default_factory=dict)


class RedshiftBatch(Batch):
    """The files of one load."""

    def __init__(
        self, adapter: RedshiftAdapter, folder: Path, aws: AwsOptions, observer: Observer, max_rejects: int
    ) -> None:
        self._adapter = adapter
        self._folder = folder
        self._aws = aws
        self._observer = observer
        self._max_rejects = max_rejects
        load = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        self._names = ObjectNames(adapter.options.manifest_prefix, load)
        self._written: dict[str, bytes] = {}
        self._columns: dict[str, list[str]] = {}
        self._known: dict[str, _Known] = {}
        self._files: dict[str, Sequence[SourceFile]] = {}

    # -- the fast way --------------------------------------------------------------------------------------

    def stage(
        self, connection: Connection, source: Source, files: Sequence[SourceFile], listing: Listing
    ) -> Staged:
        self._adapter.refuse_local(source.name, listing.uri)
        self._files[source.name] = files
        self.unstage(connection, source)
        copied, read = 0, dict[str, int]()
        for copy in self._copies(source, files, listing):
            try:
                self._adapter.execute(connection, copy)
            except DBAPIError as exc:
                if is_load_error(exc):
                    raise UnreadableBatch(source) from exc
                raise
            copied += int(connection.exec_driver_sql("SELECT pg_last_copy_count()").scalar_one())
            read |= self._files_read(connection)
        if strangers := sorted(set(read) - {file.uri for file in files}):
            raise SourceError(
                strangers[0], "was read by COPY and is not among the files to load; nothing was changed"
            )
        known = self._known.get(source.name)
        if known is not None:
            return self._staged_as_judged(connection, source, files, known)
        broken = breaks_a_rule(source)
        wrong = self._adapter.fetch(connection, select(func.count()).select_from(source.staging).where(broken))
        if wrong[0][0] or sum(read.values()) != copied:
            raise UnreadableBatch(source)
        self._observer.read(source.name, sum(file.size for file in files), copied)
        return Judged().staged(source, ((file, read.get(file.uri, 0)) for file in files))

    def unstage(self, connection: Connection, source: Source) -> None:
        # DELETE, not TRUNCATE, which would commit the transaction.
        self._adapter.execute(connection, delete(source.staging))

    def _copies(self, source: Source, files: Sequence[SourceFile], listing: Listing) -> list[Copy]:
        """One COPY, or two where some of the files are compressed: COPY takes either, not both."""
        jsonpaths, columns = self._paths(source)
        # Once it is known how many lines are right, COPY may refuse as many as it can: one line may be several
        # errors to it, and what it loads is compared with what was accepted.
        maxerror = _MAX_MAXERROR if source.name in self._known else None
        packed = [file for file in files if file.uri.endswith(".gz")]
        plain = [file for file in files if not file.uri.endswith(".gz")]
        parts = [(part, gzip) for part, gzip in ((plain, False), (packed, True)) if part]
        copies = []
        for part, gzip in parts:
            uri = self._names.manifest(source, gzip=gzip)
            if uri is None:
                self._refuse_other_objects(source, files, listing, mixed=len(parts) > 1)
                alone = [file.uri for file in listing.files] == [listing.uri]
                uri = listing.uri if alone else as_folder(listing.uri)
            else:
                entries = [{"url": file.uri, "mandatory": True} for file in part]
                self._write(uri, json.dumps({"entries": entries}))
            copies.append(
                self._adapter.copy_of(
                    source, uri, columns=columns, jsonpaths=jsonpaths, gzip=gzip, maxerror=maxerror
                )
            )
        return copies

    def _refuse_other_objects(
        self, source: Source, files: Sequence[SourceFile], listing: Listing, *, mixed: bool
    ) -> None:
        """COPY by prefix reads whatever begins like it: allowed only where that is just what is to be read."""
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
            f"{listing.uri}: COPY by prefix would not read just the new files of {source.name}: {why}. Give "
            "MANIFEST_PREFIX, an s3:// prefix where a list of the files may be written; nothing was changed"
        )

    def _paths(self, source: Source) -> tuple[str | None, list[str]]:
        """The JSONPaths file of the source, and its columns in the order of the file."""
        given = self._adapter.options.jsonpaths.get(source.name)
        names = [column.name for column in json_fields(source.staging)]
        if given is not None:
            if source.name not in self._columns:
                self._columns[source.name] = columns_of(self._read(given), source, given)
            return given, self._columns[source.name]
        uri = self._names.jsonpaths(source)
        if uri is not None:
            self._write(uri, write_paths(source))
        return uri, names

    # -- what COPY tells of itself ---------------------------------------------------------------------------

    def _files_read(self, connection: Connection) -> dict[str, int]:
        """How many lines the last COPY read of each file."""
        rows = connection.exec_driver_sql(
            "SELECT trim(file_name) AS uri, sum(lines_scanned) AS lines FROM sys_load_detail "
            "WHERE query_id = pg_last_copy_id() GROUP BY 1"
        )
        return {row.uri: int(row.lines) for row in rows}

    def _load_errors(self, connection: Connection) -> list[str]:
        """What the system table says of the last COPY of this session that failed, each as file, line, column,
        reason.
        """
        rows = connection.exec_driver_sql(
            "SELECT trim(file_name) AS uri, line_number, trim(column_name) AS name, "
            "trim(error_message) AS reason FROM sys_load_error_detail WHERE query_id = "
            "(SELECT max(query_id) FROM sys_load_error_detail WHERE session_id = pg_backend_pid()) "
            "ORDER BY 1, 2 LIMIT 10"
        ).all()
        connection.rollback()
        return [f"{row.uri}:{row.line_number}: {row.name}: {row.reason}" for row in rows]

    # -- line by line ----------------------------------------------------------------------------------------

    def mend(self, connection: Connection, cause: UnreadableBatch) -> None:
        source = cause.source
        told = self._load_errors(connection) if cause.__cause__ is not None else []
        known = self._judge(source)
        rejects = known.judged.rejects
        if not rejects and told:
            raise SparkifyError(
                "COPY refused lines that seem right; nothing was changed. It says:\n  " + "\n  ".join(told)
            )
        if len(rejects) > self._max_rejects:
            raise RejectedLines(rejects, self._max_rejects)
        self._known[source.name] = known

    def _judge(self, source: Source) -> _Known:
        folder = self._folder / source.name
        folder.mkdir()
        known = _Known()
        for file in spool(self._files[source.name], folder, self._aws):
            known.judged.add(judge_file(source, file))
            known.lines.update({part.file.uri: part.lines for part in file.parts})
            file.path.unlink()
        folder.rmdir()
        return known

    def _staged_as_judged(
        self, connection: Connection, source: Source, files: Sequence[SourceFile], known: _Known
    ) -> Staged:
        """Take out the rows that COPY could not refuse, and see that what is left is what was accepted."""
        judged = known.judged
        self._adapter.execute(connection, delete(source.staging).where(breaks_a_rule(source)))
        left = self._adapter.fetch(connection, select(func.count()).select_from(source.staging))[0][0]
        if left != judged.accepted:
            raise SparkifyError(
                f"COPY loaded {left:,} lines of {source.name} and {judged.accepted:,} of them can be loaded; "
                "nothing was changed. A line that Redshift takes is one that sparkify rejects; mend these:\n  "
                + "\n  ".join(str(reject) for reject in judged.rejects[:10])
            )
        self._observer.read(source.name, sum(file.size for file in files), left)
        return judged.staged(source, ((file, known.lines[file.uri]) for file in files))

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


def breaks_a_rule(source: Source) -> ColumnElement[bool]:
    """Whether a row of the staging table is one that the judge of lines rejects, as far as a row can tell."""
    fields = json_fields(source.staging)
    wrong = [_wrong(column, one) for column, one in fields.items()]
    columns: Mapping[str, Column[Any]] = {column.name: column for column in fields}
    for required in source.required:
        missing = [_is_missing(columns[name]) for name in required.needs]
        wrong.append(and_(columns[required.column] == required.value, or_(*missing)))
    return or_(false(), *wrong)


def _wrong(column: Column[Any], one: JsonField) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [column.is_(None)] if one.required else []
    for limit, beyond in ((one.minimum, column.__lt__), (one.maximum, column.__gt__)):
        if limit is not None:
            parts.append(beyond(_moment(limit) if isinstance(column.type, TIMESTAMP) else limit))
    return or_(false(), *parts)


def _is_missing(column: Column[Any]) -> ColumnElement[bool]:
    if isinstance(column.type, String):
        return or_(column.is_(None), column == text("''"))
    return column.is_(None)


def _moment(milliseconds: float) -> datetime:
    return datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds)  # noqa: DTZ001 - UTC without zone
