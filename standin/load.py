"""Run COPY: list and read objects, convert rows, count and record errors."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .copy_command import CopyCommand
from .errors import RedshiftError, internal, not_supported
from .json_rows import INVALID_VALUE, NOT_AN_OBJECT, Item, JsonError, Path, items, read_jsonpaths, resolve
from .objects import Location, location, other_region
from .tokens import literal, quote, quote_path
from .values import NOT_NULL, BadValue, LoadColumn, convert, copy_line, shown

if TYPE_CHECKING:
    from .session import Session

ERRORS_PER_SLICE = 20

_COLUMNS = """
SELECT a.attname, t.typname, a.atttypmod, a.attnotnull, a.atthasdef, m.identity IS NOT NULL,
       coalesce(m.by_default, false)
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN rs.columns m ON m.relid = a.attrelid AND m.attnum = a.attnum
WHERE a.attrelid = to_regclass({rel}) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


@dataclass
class File:
    """An object that was read, with what the system tables record about it."""

    url: str
    slice: int
    size: int
    lines: int = 0
    errors: int = 0


@dataclass
class Rejected:
    """A row that was not loaded."""

    file: File
    item: Item
    column: LoadColumn | None
    code: int
    reason: str
    field_value: str
    position: int
    loaded: list[tuple[LoadColumn, str | None]] = field(default_factory=list)


class TooManyErrors(Exception):
    """The load has MAXERROR errors, or one if MAXERROR is 0."""


class Load:
    """One COPY."""

    def __init__(self, session: Session, command: CopyCommand) -> None:
        self.session = session
        self.command = command
        self.store = session.standin.objects
        self.query = session.next_query()
        self.name = command.table[-1]
        self.started = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        self.columns: list[LoadColumn] = []
        self.absent_not_null: list[LoadColumn] = []
        self.files: list[File] = []
        self.rejected: list[Rejected] = []
        self.kept: dict[int, int] = {}
        self.rows: list[bytes] = []

    def run(self) -> str:
        """Load. Returns the command tag.

        :raises RedshiftError: if the load fails. After too many errors, the error tables survive the rollback.
        """
        self._describe_table()
        self._check_formats()
        self._check_access()
        paths = self._jsonpaths()
        places = self._manifest() if self.command.manifest else self._prefix()
        self.session.remember(last_copy_id=self.query, last_copy_count=0)
        try:
            for number, place in enumerate(places):
                self._file(number, place, paths)
        except TooManyErrors:
            self._record("aborted", 0, survives_only=True)
            raise RedshiftError(
                "XX000",
                f"Load into table '{self.name}' failed.  Check 'stl_load_errors' system table for details.",
                source=("../src/pg/src/backend/commands/commands_copy.c", 718, "CheckMaxRowError"),
            ) from None
        if not self.command.noload and self.rows:
            self._insert()
        count = len(self.rows)
        self._record("completed", count)
        self.session.remember(last_copy_count=0 if self.command.noload else count)
        self.session.info(f"Load into table '{self.name}' completed, {count} record(s) loaded successfully.")
        bad = sum(f.errors for f in self.files)
        if bad:
            self.session.info(
                f"Load into table '{self.name}' completed, {bad} record(s) could not be loaded.  "
                "Check 'stl_load_errors' system table for details."
            )
        return "COPY"

    def _describe_table(self) -> None:
        """Find the table and the columns that are loaded."""
        rel = literal(quote_path(self.command.table))
        rows = self.session.backend.query(_COLUMNS.format(rel=rel))
        if not rows:
            raise RedshiftError("XX000", f"Cannot COPY into nonexistent table {self.name}")
        known: dict[str, tuple[LoadColumn, bool, bool]] = {}
        for name, typname, modifier, not_null, has_default, identity, by_default in rows:
            column = _column(str(name), str(typname), int(modifier or -1), not_null == "t", has_default == "t")
            known[column.name] = (column, identity == "t", by_default == "t")
        listed = self.command.columns
        explicit = self.command.explicit_ids
        if listed is None:
            names = [n for n, (_c, identity, _d) in known.items() if explicit or not identity]
        else:
            names = listed
            for name in listed:
                if name not in known:
                    raise RedshiftError("42703", f'column "{name}" of relation "{self.name}" does not exist')
                if listed.count(name) > 1:
                    raise RedshiftError("42701", f'column "{name}" specified more than once')
            identities = [n for n, (_c, identity, by_default) in known.items() if identity and not by_default]
            if not explicit and any(n in listed for n in identities):
                raise not_supported("cannot load into an IDENTITY column without EXPLICIT_IDS")
            if explicit and not any(n in listed for n in identities):
                raise not_supported("EXPLICIT_IDS needs the IDENTITY column in the column list")
        self.columns = [known[n][0] for n in names]
        self.absent_not_null = [
            c for n, (c, _i, _d) in known.items() if n not in names and c.not_null and not c.has_default
        ]

    def _check_formats(self) -> None:
        """Check TIMEFORMAT, whose keywords are case-sensitive."""
        how = self.command.timeformat
        if how is not None and how not in ("auto", "epochsecs", "epochmillisecs") and "YY" not in how:
            raise RedshiftError("XX000", f"Invalid timeformat string '{how}'")

    def _check_access(self) -> None:
        """Refuse a role that may not be assumed or is no ARN, and a bucket outside the region."""
        role = self.command.authorization.role
        standin = self.session.standin
        if role is not None and role in standin.refused_roles:
            user = f"arn:aws:redshift:{standin.region}:123456789012:dbuser:standin/{self.session.user}"
            raise internal(
                f"User {user} is not authorized to assume IAM Role {role}",
                context=f"IAM Role={role}",
                query=self.query,
            )
        if role is not None and role != "default" and not role.startswith("arn:"):
            raise RedshiftError("22023", f"Invalid IAM role ARN: {role}")
        self._check_region(location(self.command.source).bucket)

    def _check_region(self, bucket: str) -> None:
        wanted = self.command.region or self.session.standin.region
        if self.store.region(bucket) != wanted:
            raise other_region(bucket)

    def _get(self, place: Location) -> bytes | None:
        """The body of an object, read after ``before_read`` was called."""
        watcher = self.session.standin.before_read
        if watcher is not None:
            watcher(place.bucket, place.key)
        return self.store.get(place)

    def _jsonpaths(self) -> list[Path] | None:
        """The paths, or None for 'auto' and 'auto ignorecase'."""
        how = self.command.json
        if how in ("auto", "auto ignorecase"):
            return None
        if how == "noshred":
            raise not_supported("the stand-in does not emulate JSON 'noshred'; see standin/README.md")
        if not how.startswith("s3://"):
            raise RedshiftError("22023", f"Invalid JSON option '{how}'")
        place = location(how)
        self._check_region(place.bucket)
        body = self._get(place)
        if body is None:
            raise _no_prefix(place.key, self.query)
        try:
            paths = read_jsonpaths(body)
        except (ValueError, TypeError):
            raise internal(
                "JSONPath file is not in the supported JSON format.", context=str(place), query=self.query
            ) from None
        if paths is not None and len(paths) != len(self.columns):
            raise internal(
                "Number of jsonpaths and the number of columns should match. "
                f"JSONPath size: {len(paths)}, Number of columns in table or column list: {len(self.columns)}",
                query=self.query,
            )
        return paths

    def _prefix(self) -> list[Location]:
        """Every object whose key begins with the prefix, intended or not."""
        place = location(self.command.source)
        keys = self.store.keys(place)
        if not keys:
            raise _no_prefix(place.key, self.query)
        return [Location(place.bucket, key) for key in keys]

    def _manifest(self) -> list[Location]:
        """The objects that the manifest lists; a mandatory one must exist."""
        place = location(self.command.source)
        body = self._get(place)
        if body is None:
            if self.store.keys(place):
                raise internal(
                    "COPY with MANIFEST parameter requires full path of an S3 object.",
                    context=str(place),
                    query=self.query,
                )
            raise _no_prefix(place.key, self.query)
        found: list[Location] = []
        try:
            entries = json.loads(body)["entries"]
            urls = [(str(entry["url"]), bool(entry.get("mandatory", False))) for entry in entries]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise internal(
                "Manifest file is not in correct json format.",
                context=f"Manifest file location = {place}",
                query=self.query,
            ) from None
        for url, mandatory in urls:
            entry = location(url)
            self._check_region(entry.bucket)
            if self.store.has(entry):
                found.append(entry)
            elif mandatory:
                raise internal(
                    "Mandatory url is not present in manifest file.", context=f"url = {url}", query=self.query
                )
        if not found:
            raise internal("No file of the manifest was found.", context=str(place), query=self.query)
        return found

    def _file(self, number: int, place: Location, paths: list[Path] | None) -> None:
        """Read an object and convert its rows."""
        body = self._get(place)
        if body is None:
            raise internal(
                "S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey,Rid 0,"
                "CanRetry 1",
                context=f"S3 key being read : {place}",
                query=self.query,
            )
        file = File(str(place), number % self.session.standin.slices, len(body))
        self.files.append(file)
        if self.command.gzip and body:
            try:
                body = gzip.decompress(body)
            except (OSError, EOFError, zlib.error) as error:
                raise internal(
                    f"failed to inflate input file {place}: {error}", context="zlib", query=self.query
                ) from None
        text = body.decode("utf-8", "surrogateescape")
        file.lines = text.count("\n") + (not text.endswith("\n") and bool(text))
        for item in items(text):
            self._row(file, item, paths)

    def _row(self, file: File, item: Item, paths: list[Path] | None) -> None:
        """Convert a row, or reject it."""
        done: list[tuple[LoadColumn, str | None]] = []
        refused = self.session.standin.refused_text
        if refused is not None and refused in item.raw:
            self._reject(Rejected(file, item, None, *INVALID_VALUE, "", 0, done))
            return
        if item.error is not None:
            self._reject(Rejected(file, item, None, *item.error, "", 0, done))
            return
        try:
            values = self._shred(item.value, paths)
        except JsonError as error:
            self._reject(Rejected(file, item, None, error.code, error.reason, "", 0, done))
            return
        for column, value in zip(self.columns, values, strict=True):
            try:
                done.append((column, convert(value, column, self.command)))
            except BadValue as bad:
                self._reject(Rejected(file, item, column, bad.code, bad.reason, bad.field, bad.position, done))
                return
        if self.absent_not_null:
            self._reject(Rejected(file, item, self.absent_not_null[0], *NOT_NULL, "", 0, done))
        else:
            self.rows.append(copy_line([text for _column, text in done]))

    def _shred(self, value: Any, paths: list[Path] | None) -> list[Any]:
        """The value of each column."""
        if paths is not None:
            return [resolve(value, path) for path in paths]
        if not isinstance(value, dict):
            raise JsonError(NOT_AN_OBJECT)
        if self.command.json == "auto ignorecase":
            value = {key.lower(): member for key, member in value.items()}
        return [value.get(column.name) for column in self.columns]

    def _reject(self, rejected: Rejected) -> None:
        """Count an error, and keep it if the slice has room.

        :raises TooManyErrors: if the limit is reached.
        """
        rejected.file.errors += 1
        where = rejected.file.slice
        if self.kept.get(where, 0) < ERRORS_PER_SLICE:
            self.kept[where] = self.kept.get(where, 0) + 1
            self.rejected.append(rejected)
        if sum(f.errors for f in self.files) >= max(1, self.command.maxerror):
            raise TooManyErrors

    def _insert(self) -> None:
        """Copy the rows into PostgreSQL."""
        names = ", ".join(quote(c.name) for c in self.columns)
        self.session.backend.copy_in(f"COPY {quote_path(self.command.table)} ({names}) FROM STDIN", self.rows)

    def _record(self, status: str, loaded: int, *, survives_only: bool = False) -> None:
        """Write the load to the system tables: outside the transaction, and inside so that it sees its own."""
        table = self.session.backend.query(
            f"SELECT to_regclass({literal(quote_path(self.command.table))})::oid"
        )
        oid = int(table[0][0] or 0)
        pid, xid = self.session.pid, self.session.xid
        script: list[str] = []

        def add(table: str, **row: object) -> None:
            values = ", ".join(literal(value) for value in row.values())
            script.append(f"INSERT INTO rs.{table}_log ({', '.join(map(quote, row))}) VALUES ({values})")

        now = dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat(sep=" ")
        started = self.started.isoformat(sep=" ")
        for bad in self.rejected:
            where = {
                "userid": 100,
                "slice": bad.file.slice,
                "session": pid,
                "query": self.query,
                "filename": bad.file.url,
                "line_number": bad.item.line,
            }
            column = bad.column or LoadColumn("", "")
            add(
                "load_errors",
                **where,
                tbl=oid,
                starttime=started,
                colname=column.name,
                type=column.type,
                col_length=column.shown_length if bad.column else "",
                position=bad.position,
                raw_line=shown(bad.item.raw),
                raw_field_value=shown(bad.field_value),
                err_code=bad.code,
                err_reason=bad.reason,
                start_offset=bad.item.offset,
                xid=xid,
                database=self.session.database,
            )
            values: list[tuple[LoadColumn, str | None]] = list(bad.loaded)
            if bad.column is not None:
                values.append((bad.column, bad.field_value))
            for number, (c, text) in enumerate(values):
                add(
                    "load_values",
                    **where,
                    field=number,
                    colname=c.name,
                    value=shown(text or ""),
                    is_null=int(text is None),
                    type=c.type,
                    col_length=c.shown_length,
                )
        for file in self.files:
            add(
                "load_files",
                userid=100,
                query=self.query,
                slice=file.slice,
                filename=file.url,
                lines_scanned=file.lines,
                errors=file.errors,
                curtime=now,
                status=1,
                bytes=file.size,
            )
        size = sum(f.size for f in self.files)
        add(
            "loads",
            user_id=100,
            query_id=self.query,
            transaction_id=xid,
            session_id=pid,
            database_name=self.session.database,
            status=status,
            table_name=self.name,
            start_time=started,
            end_time=now,
            data_source=self.command.source,
            file_format="JSON",
            loaded_rows=loaded,
            loaded_bytes=size,
            source_file_count=len(self.files),
            source_file_bytes=size,
            error_count=sum(f.errors for f in self.files),
        )
        text = ";\n".join(script)
        self.session.standin.query(text, self.session.database)
        if not survives_only:
            self.session.backend.query(
                re.sub(r"^(INSERT INTO rs\.\w+)_log ", r"\1_tx ", text, flags=re.MULTILINE)
            )


def _column(name: str, typname: str, modifier: int, not_null: bool, has_default: bool) -> LoadColumn:
    """A column from PostgreSQL's catalogue."""
    length = scale = 0
    kind = {"bpchar": "char", "jsonb": "super", "text": "varchar"}.get(typname, typname)
    if kind in ("varchar", "char"):
        length = modifier - 4 if modifier > 4 else 65535
    elif kind == "numeric":
        length, scale = ((modifier - 4) >> 16, (modifier - 4) & 0xFFFF) if modifier > 4 else (18, 0)
    return LoadColumn(name, kind, length, scale, not_null, has_default)


def _no_prefix(prefix: str, query: int) -> RedshiftError:
    return internal(f"The specified S3 prefix '{prefix}' does not exist", query=query)
