"""UNLOAD of a query to S3 as Parquet or CSV, written by DuckDB."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from . import queries
from .copy_command import Authorization, option_words
from .errors import RedshiftError, internal, not_emulated, not_supported
from .objects import Location, location, other_region
from .tokens import Cursor, quote, tokenize

if TYPE_CHECKING:
    from .session import Session

_FLAGS = ("ALLOWOVERWRITE", "CLEANPATH", "HEADER")
_TYPES = {
    16: "BOOLEAN",
    20: "BIGINT",
    21: "SMALLINT",
    23: "INTEGER",
    700: "FLOAT",
    701: "DOUBLE",
    1082: "DATE",
    1083: "TIME",
    1114: "TIMESTAMP",
    1184: "TIMESTAMPTZ",
}


@dataclass
class Unload:
    """A parsed UNLOAD."""

    select: str
    target: Location
    authorization: Authorization
    format: str = ""
    region: str | None = None
    kms_key: str | None = None
    parallel: bool = True
    seen: set[str] = field(default_factory=set)

    def run(self, session: Session) -> str:
        """Run the query and write its rows. Returns the command tag.

        :raises RedshiftError: if the destination is not empty.
        """
        store, standin = session.standin.objects, session.standin
        role = self.authorization.role
        if role is not None and role in standin.refused_roles:
            raise internal(
                f"User {session.user} is not authorized to assume IAM Role {role}", context=f"IAM Role={role}"
            )
        if store.region(self.target.bucket) != (self.region or standin.region):
            raise other_region(self.target.bucket)
        found = store.keys(self.target)
        if found and "CLEANPATH" in self.seen:
            for key in found:
                store.delete(Location(self.target.bucket, key))
        elif found and "ALLOWOVERWRITE" not in self.seen:
            raise internal(
                "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, "
                "manually removing the target files in S3, or using the ALLOWOVERWRITE option.",
                context=str(self.target),
            )
        columns, rows, _tag = session.backend.fetch(queries.query(self.select).sql)
        suffix = ".parquet" if self.format == "PARQUET" else ""
        # Each slice writes its rows to its own file.
        files = max(min(standin.slices, len(rows)), 1) if self.parallel else 1
        for number in range(files):
            part = f"{number:04d}_part_00{suffix}" if self.parallel else f"000{suffix}"
            body = self._file(columns, rows[number::files])
            store.put(Location(self.target.bucket, self.target.key + part), body)
        session.remember(last_unload_count=len(rows))
        session.info(f"UNLOAD completed, {len(rows)} record(s) unloaded successfully.")
        return "UNLOAD"

    def _file(self, columns: list[tuple[str, int, int]], rows: list[list[str | None]]) -> bytes:
        """The rows as a file."""
        import duckdb  # a heavy import, needed only for UNLOAD

        with tempfile.TemporaryDirectory() as folder, duckdb.connect() as db:
            path = Path(folder) / "part"
            types = [_duckdb_type(oid, modifier) for _name, oid, modifier in columns]
            declared = ", ".join(f"{quote(c[0])} {t}" for c, t in zip(columns, types, strict=True))
            db.execute(f"CREATE TABLE part ({declared})")
            if rows:
                casts = ", ".join(f"CAST(? AS {kind})" for kind in types)
                db.executemany(f"INSERT INTO part VALUES ({casts})", rows)
            if self.format == "PARQUET":
                options = "(FORMAT parquet)"
            else:
                options = f"(FORMAT csv, HEADER {'true' if 'HEADER' in self.seen else 'false'})"
            db.execute(f"COPY part TO '{path}' {options}")
            return path.read_bytes()


def _duckdb_type(oid: int, modifier: int) -> str:
    if oid == 1700:
        return f"DECIMAL({(modifier - 4) >> 16},{(modifier - 4) & 0xFFFF})" if modifier > 4 else "DOUBLE"
    return _TYPES.get(oid, "VARCHAR")


def unload(cursor: Cursor) -> Unload:
    """Read UNLOAD."""
    cursor.expect("UNLOAD", "(")
    select = cursor.string()
    cursor.expect(")", "TO")
    found = Unload(select, location(cursor.string()), Authorization())
    for word in option_words(cursor, found.authorization, found.seen):
        if word in _FLAGS:
            cursor.next()
        elif word in ("FORMAT", "PARQUET", "CSV", "JSON"):
            if cursor.accept("FORMAT"):
                cursor.accept("AS")
            found.format = cursor.next().upper
            if found.format not in ("PARQUET", "CSV"):
                raise not_emulated(f"UNLOAD ... FORMAT {found.format}")
        elif word == "REGION":
            cursor.next()
            cursor.accept("AS")
            found.region = cursor.string()
        elif word in ("KMS_KEY_ID", "ENCRYPTED"):
            # By the guide, KMS_KEY_ID requires ENCRYPTED. The files are not encrypted here.
            cursor.next()
            if word == "KMS_KEY_ID":
                cursor.accept("AS")
                found.kms_key = cursor.string()
                cursor.expect("ENCRYPTED")
        elif word == "PARALLEL":
            cursor.next()
            found.parallel = cursor.accept("ON") or cursor.accept("TRUE")
            if not found.parallel and not (cursor.accept("OFF") or cursor.accept("FALSE")):
                raise cursor.unexpected()
        elif word == "MAXFILESIZE":
            cursor.next()
            cursor.accept("AS")
            cursor.next()
            if not cursor.accept("MB"):
                cursor.accept("GB")
        elif word in ("MANIFEST", "PARTITION", "GZIP", "BZIP2", "ZSTD", "DELIMITER", "ADDQUOTES"):
            raise not_emulated(f"UNLOAD ... {word}")
        else:
            raise cursor.unexpected()
    found.authorization.check()
    if {"ALLOWOVERWRITE", "CLEANPATH"} <= found.seen:
        raise RedshiftError("42601", "ALLOWOVERWRITE and CLEANPATH cannot be specified together")
    if not found.format:
        raise not_emulated("UNLOAD of delimited text")
    depth = 0
    for token in tokenize(select):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.is_word("LIMIT"):
            raise not_supported("Limit clause is not supported")
    queries.query(select)
    return found
