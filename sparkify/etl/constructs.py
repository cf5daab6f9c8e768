"""SQL that each database spells its own way: one construct, one text for each dialect.

The texts are defined with each database. There is no default: a dialect without a text raises
:exc:`sqlalchemy.exc.UnsupportedCompilationError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ClauseElement, ColumnElement, SelectBase, String, Table, func
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TIMESTAMP

__all__ = [
    "CommentOnView",
    "CreateTemporaryTable",
    "CreateView",
    "DropTables",
    "DropView",
    "differs",
    "elapsed_ms",
    "epoch_ms",
    "local_time",
    "match_key",
    "row_hash",
    "short_hash",
]


class CreateTemporaryTable(ClauseElement):
    """CREATE TEMPORARY TABLE ... AS SELECT.

    One statement rather than two, because Redshift then chooses encodings and collects statistics by itself
    (AWS: CREATE TABLE AS).
    """

    inherit_cache = False

    def __init__(self, table: Table, rows: SelectBase) -> None:
        self.table = table
        self.rows = rows


class DropTables(ClauseElement):
    """DROP TABLE for one table or several at once."""

    inherit_cache = False

    def __init__(self, *tables: Table) -> None:
        self.tables = tables


class CreateView(ExecutableDDLElement):
    """CREATE VIEW ... AS SELECT, without preventing anyone from altering or dropping the underlying tables.

    :param schema: the schema of the view and of the tables in its SELECT. Redshift requires it in the text for
        a view that does not bind its tables; elsewhere it is not needed.
    """

    inherit_cache = False

    def __init__(self, name: str, rows: SelectBase, *, schema: str | None = None) -> None:
        self.name = name
        self.rows = rows
        self.schema = schema


class DropView(ExecutableDDLElement):
    """DROP VIEW."""

    inherit_cache = False

    def __init__(self, name: str, *, schema: str | None = None) -> None:
        self.name = name
        self.schema = schema


class CommentOnView(ExecutableDDLElement):
    """The comment of a view, and the comments of its columns if the database stores them.

    :param columns: by column name, the comments of the columns that have one.
    """

    inherit_cache = False

    def __init__(
        self, name: str, comment: str, columns: Mapping[str, str], *, schema: str | None = None
    ) -> None:
        self.name = name
        self.comment = comment
        self.columns = columns
        self.schema = schema


ACCENTED = (
    *((0x80, 0x2AF), (0x2C6, 0x2C6), (0x2DC, 0x2DC), (0x300, 0x36F), (0x1E00, 0x1EFF)),
    *((0x2010, 0x2027), (0x2030, 0x203A), (0x20AC, 0x20AC), (0x2122, 0x2122), (0xFFFD, 0xFFFD)),
    # Upper and lower case letters whose counterpart is below U+02B0.
    *((0x2C62, 0x2C62), (0x2C64, 0x2C66), (0x2C6D, 0x2C70), (0x2C7E, 0x2C7F), (0xA78D, 0xA78D)),
    *((0xA7AA, 0xA7AE), (0xA7B0, 0xA7B2), (0xA7C5, 0xA7C5), (0xA7CB, 0xA7CB), (0xA7DC, 0xA7DC)),
    (0x212B, 0x212B),
)
"""What :class:`match_key` drops beyond ASCII, as ranges of code points: characters in which spellings of one
name differ. These are Latin letters outside ASCII, and accents on their own; what UTF-8 becomes when read as
Latin-1 or Windows-1252; dashes and quotation marks; and the replacement character for what could not be read.

It has both cases of each letter, or a name would not match itself in capitals. The exceptions are the micro
sign and the combining iota subscript: their capital is a Greek letter, which stays."""

FINAL_SIGMA, SIGMA = "\u03c2", "\u03c3"
"""The two lower case forms of the Greek sigma: the first ends a word. They share one capital, which always
becomes the second in lower case."""


class match_key(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it stands for
    """A text in lower case, without punctuation and without :data:`ACCENTED`; empty if nothing is left.

    Two spellings of a name have the same key if they differ only in case, punctuation, accents, or in how badly
    their encoding was broken on the way: ``Björk``, ``bjÖrk!`` and ``BjÃ¶rk`` are all ``bjrk``. Letters of
    other scripts stay, because they distinguish names: ``Кино`` is ``кино``, and ``夏 (Live)`` is ``夏live``.
    Punctuation used only in those scripts, such as U+FF08, stays too. The Greek final sigma becomes the regular
    one, as capitals have only one: ``ΤΕΛΟΣ`` and ``Τελος`` are equal. A precomposed accented letter is dropped
    as a whole, but of a letter with a combining accent only the accent: a name in NFC and in NFD has two keys.

    Both cases of a letter are dropped, so a name keeps its key in capitals: ``Ɛwɛ`` and ``ƐWƐ`` are ``w``. This
    fails if the other case of a letter is in ASCII, which stays. The Turkish letters U+0130 (capital i with a
    dot) and U+0131 (small i without one) are dropped, but ``I`` and ``i`` are not: ``Əli`` is ``li``, and
    ``ƏLİ`` is ``l``. The same holds for the long s (U+017F), whose capital is ``S``.
    """

    # Cached by its one argument: there is no other state.
    inherit_cache = True
    type = String()
    name = "match_key"


class epoch_ms(FunctionElement[datetime]):  # noqa: N801
    """Milliseconds since 1970-01-01 UTC, as a UTC timestamp without zone. The milliseconds are kept."""

    # Cached by its one argument: there is no other state.
    inherit_cache = True
    type = TIMESTAMP()
    name = "epoch_ms"


class elapsed_ms(FunctionElement[int]):  # noqa: N801
    """Milliseconds from one moment to another."""

    # Cached by its arguments: there is no other state.
    inherit_cache = True
    type = BigInteger()
    name = "elapsed_ms"


class local_time(FunctionElement[datetime]):  # noqa: N801
    """``local_time(tz, moment)``: the local time in a time zone at a moment in UTC, as TIMESTAMP."""

    # Cached by its arguments: there is no other state.
    inherit_cache = True
    type = TIMESTAMP()
    name = "local_time"


class row_hash(FunctionElement[int]):  # noqa: N801
    """An integer hash of the values of a row: NULL counts as a value, and so does where each value ends.

    Equal values have equal hashes while the database does not change how it hashes; other databases differ.
    """

    # Cached by its arguments: there is no other state.
    inherit_cache = True
    type = BigInteger()
    name = "row_hash"


def short_hash(text: ColumnElement[str]) -> ColumnElement[str]:
    """Sixteen hexadecimal digits, upper case, of the MD5 of a text: 64 bits, the same on every database."""
    return func.upper(func.substring(func.md5(text), 1, 16))


def differs(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether two values differ, with NULL as a value. Redshift has no IS DISTINCT FROM.

    Use it as a condition, but do not negate it: for two NULLs it is NULL. Use :func:`equal` instead.
    """
    return (left != right) | (left.is_(None) & right.is_not(None)) | (left.is_not(None) & right.is_(None))


def equal(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether two values are equal, with NULL as a value."""
    return (left == right) | (left.is_(None) & right.is_(None))
