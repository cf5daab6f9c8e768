"""Parse COPY: read its options one by one, and refuse those that exclude each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .errors import RedshiftError, not_emulated, syntax_error
from .tokens import Cursor

if TYPE_CHECKING:
    from .session import Session


@dataclass
class Authorization:
    """Who reads the bucket: a role, or keys (which are never checked)."""

    role: str | None = None
    given: list[str] = field(default_factory=list)

    def read(self, cursor: Cursor) -> bool:
        """Read an authorization parameter, if one comes next."""
        if cursor.accept("IAM_ROLE"):
            self.given.append("IAM_ROLE")
            self.role = "default" if cursor.accept("DEFAULT") else cursor.string()
        elif cursor.sees("WITH", "CREDENTIALS") or cursor.sees("CREDENTIALS"):
            cursor.accept("WITH")
            cursor.expect("CREDENTIALS")
            cursor.accept("AS")
            self.given.append("CREDENTIALS")
            pairs = dict(part.partition("=")[::2] for part in cursor.string().split(";"))
            self.role = pairs.get("aws_iam_role")
        elif cursor.accept("ACCESS_KEY_ID"):
            self.given.append("ACCESS_KEY_ID")
            cursor.string()
        elif cursor.accept("SECRET_ACCESS_KEY") or cursor.accept("SESSION_TOKEN"):
            cursor.string()
        else:
            return False
        return True

    def check(self) -> None:
        """Check that there is exactly one.

        :raises RedshiftError: otherwise.
        """
        if not self.given:
            raise RedshiftError("42601", "CREDENTIALS argument is required but not provided")
        if len(self.given) > 1:
            raise RedshiftError("42601", f"conflicting or redundant options: {' and '.join(self.given)}")


@dataclass
class CopyCommand:
    """A COPY of JSON from S3."""

    table: tuple[str, ...]
    columns: list[str] | None
    source: str
    authorization: Authorization
    json: str = "auto"
    region: str | None = None
    manifest: bool = False
    gzip: bool = False
    maxerror: int = 0
    timeformat: str | None = None
    dateformat: str | None = None
    truncatecolumns: bool = False
    acceptinvchars: str | None = None
    emptyasnull: bool = False
    blanksasnull: bool = False
    trimblanks: bool = False
    roundec: bool = False
    acceptanydate: bool = False
    explicit_ids: bool = False
    noload: bool = False
    seen: set[str] = field(default_factory=set)

    def run(self, session: Session) -> str:
        """Load. Returns the command tag."""
        from .load import Load  # here, so that parsing a statement does not import what loading needs

        return Load(session, self).run()


_FLAGS = (
    *("MANIFEST", "GZIP", "TRUNCATECOLUMNS", "EMPTYASNULL", "BLANKSASNULL", "TRIMBLANKS", "ROUNDEC"),
    *("ACCEPTANYDATE", "EXPLICIT_IDS", "NOLOAD"),
)
_SWITCHES = ("ON", "OFF", "TRUE", "FALSE")
_NOT_WITH_JSON = (
    *("DELIMITER", "ESCAPE", "FILLRECORD", "IGNOREBLANKLINES", "NULL", "REMOVEQUOTES", "IGNOREHEADER", "QUOTE"),
    *("FIXEDWIDTH", "READRATIO"),
)
_OTHER_FORMATS = ("CSV", "AVRO", "PARQUET", "ORC", "SHAPEFILE", "DELIMITED")


def option_words(cursor: Cursor, authorization: Authorization, seen: set[str]) -> Iterator[str]:
    """The first word of each option of COPY or UNLOAD; authorization parameters are read here.

    :raises RedshiftError: for a repeated option.
    """
    while not cursor.done:
        token = cursor.peek()
        word = token.upper if token is not None else ""
        if authorization.read(cursor):
            continue
        if word in seen:
            raise RedshiftError("42601", f"conflicting or redundant options: {word}")
        seen.add(word)
        yield word


def copy(cursor: Cursor) -> CopyCommand:
    """Read COPY.

    :raises RedshiftError: for an option that COPY does not have, or that cannot be combined with JSON.
    """
    cursor.expect("COPY")
    table = cursor.qualified_name()
    columns = cursor.names() if cursor.sees("(") else None
    cursor.expect("FROM")
    if cursor.sees("STDIN"):
        raise cursor.unexpected()
    source = cursor.string()
    found = CopyCommand(table, columns, source, Authorization())
    formats: list[str] = []
    for word in option_words(cursor, found.authorization, found.seen):
        if word in _FLAGS:
            cursor.next()
            setattr(found, word.lower(), True)
        elif word == "FORMAT" or word == "JSON" or word in _OTHER_FORMATS:
            formats.append(_format(cursor, found))
        else:
            _option(cursor, found, word)
    found.authorization.check()
    if len(formats) > 1:
        raise RedshiftError("42601", f"conflicting or redundant options: {' and '.join(formats)}")
    if formats != ["JSON"]:
        raise not_emulated(f"COPY of {formats[0] if formats else 'delimited text'}")
    for word in _NOT_WITH_JSON:
        if word in found.seen:
            raise RedshiftError("42601", f"conflicting or redundant options: {word} is not supported with JSON")
    return found


def _format(cursor: Cursor, found: CopyCommand) -> str:
    """Read ``[FORMAT [AS]] JSON [AS] ['...']``."""
    if cursor.accept("FORMAT"):
        cursor.accept("AS")
    token = cursor.next()
    if token.upper == "JSON":
        cursor.accept("AS")
        following = cursor.peek()
        if following is not None and following.kind in ("string", "dollar"):
            found.json = cursor.string()
        return "JSON"
    if token.upper in _OTHER_FORMATS:
        return token.upper
    raise syntax_error(token.text)


def _option(cursor: Cursor, found: CopyCommand, word: str) -> None:
    """Read an option that has a value."""
    if word in ("REGION", "TIMEFORMAT", "DATEFORMAT", "ENCODING"):
        cursor.next()
        cursor.accept("AS")
        value = cursor.string()
        if word == "ENCODING":
            if value.upper() not in ("UTF8", "UTF-8"):
                raise not_emulated(f"ENCODING {value}")
        else:
            setattr(found, word.lower(), value)
    elif word == "MAXERROR":
        cursor.next()
        cursor.accept("AS")
        found.maxerror = cursor.integer()
        if not 0 <= found.maxerror <= 100_000:
            raise RedshiftError("22023", "MAXERROR must be between 0 and 100000")
    elif word == "ACCEPTINVCHARS":
        cursor.next()
        cursor.accept("AS")
        following = cursor.peek()
        found.acceptinvchars = cursor.string() if following is not None and following.kind == "string" else "?"
        if len(found.acceptinvchars) != 1 or ord(found.acceptinvchars) > 127:
            raise RedshiftError("22023", "ACCEPTINVCHARS takes a single ASCII character")
    elif word in ("COMPUPDATE", "STATUPDATE"):
        cursor.next()
        if not any(cursor.accept(switch) for switch in _SWITCHES) and word == "COMPUPDATE":
            cursor.accept("PRESET")
    elif word == "COMPROWS":
        cursor.next()
        cursor.integer()
    elif word in ("BZIP2", "LZOP", "ZSTD", "ENCRYPTED", "SSH", "IGNOREALLERRORS"):
        raise not_emulated(f"COPY ... {word}")
    elif word in _NOT_WITH_JSON:
        cursor.next()
        cursor.accept("AS")
        following = cursor.peek()
        if following is not None and following.kind in ("string", "number"):
            cursor.next()
    else:
        raise cursor.unexpected()
