"""SQL that each database spells its own way: one construct, one text for each dialect.

The texts are with the databases. There is no default: a dialect without a text raises
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

    One statement rather than two: Redshift gives a table that is made so statistics and encodings of its own
    (AWS: CREATE TABLE AS).
    """

    inherit_cache = False

    def __init__(self, table: Table, rows: SelectBase) -> None:
        self.table = table
        self.rows = rows


class DropTables(ClauseElement):
    """DROP TABLE, of one table or of several at once."""

    inherit_cache = False

    def __init__(self, *tables: Table) -> None:
        self.tables = tables


class CreateView(ExecutableDDLElement):
    """CREATE VIEW ... AS SELECT, which keeps nobody from altering or dropping the tables below it.

    :param schema: that the view and the tables of its SELECT are in. Redshift wants it in the text, or a view
        could not do without binding its tables; elsewhere it is not needed.
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
    """The comment of a view, and those of its columns where the database keeps them.

    :param columns: the comment of each column that has one, by its name.
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
    # Capitals and small letters whose other half is before U+02B0.
    *((0x2C62, 0x2C62), (0x2C64, 0x2C66), (0x2C6D, 0x2C70), (0x2C7E, 0x2C7F), (0xA78D, 0xA78D)),
    *((0xA7AA, 0xA7AE), (0xA7B0, 0xA7B2), (0xA7C5, 0xA7C5), (0xA7CB, 0xA7CB), (0xA7DC, 0xA7DC)),
    (0x212B, 0x212B),
)
"""What :class:`match_key` drops beyond ASCII, as ranges of code points: what one spelling of a name has and
another lacks. Latin letters that ASCII lacks, and the accents alone; what UTF-8 becomes when it is read as
Latin-1 or Windows-1252; dashes and quotation marks; and the sign that stands for what could not be read.

It has the capital and the small letter of a pair, or a name would not match itself in capitals. Of the micro
sign and of the iota below a letter the capital is a Greek letter, which stays."""

FINAL_SIGMA, SIGMA = "\u03c2", "\u03c3"
"""The two that Greek has for one letter: the first ends a word. They have one capital, whose lower case is the
second wherever it stands."""


class match_key(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it stands for
    """A text in lower case, without punctuation and without :data:`ACCENTED`; empty where nothing is left.

    Two spellings of one name are equal under it when they differ in case, punctuation, accents, or in how
    badly their encoding was broken on the way: ``Björk``, ``bjÖrk!`` and ``BjÃ¶rk`` are all ``bjrk``. Letters
    of other scripts stay, for they tell names apart: ``Кино`` is ``кино``, and ``夏 (Live)`` is ``夏live``. So
    does punctuation that is theirs alone, such as U+FF08. Of the two sigmas of Greek the final one becomes the
    other, as in capitals: ``ΤΕΛΟΣ`` and ``Τελος`` are one. A letter with an accent is dropped as a whole, and a
    letter before an accent of its own is not: spelled in both ways (NFC and NFD) a name has two keys.

    Both letters of a pair are dropped, so a name is the same in capitals: ``Ɛwɛ`` and ``ƐWƐ`` are ``w``. Not so
    where the other letter of the pair is one of ASCII, which stays. Of the two i of Turkish those that ASCII
    lacks are dropped (U+0130, capital with dot, and U+0131, small without one) and ``I`` and ``i`` are not: so
    ``Əli`` is ``li``, and ``ƏLİ`` is ``l``. Likewise the long s (U+017F), whose capital is ``S``.
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
    """``local_time(tz, moment)``: what the clocks of a zone show at a moment of UTC, as TIMESTAMP."""

    # Cached by its arguments: there is no other state.
    inherit_cache = True
    type = TIMESTAMP()
    name = "local_time"


class row_hash(FunctionElement[int]):  # noqa: N801
    """A whole number made from the values of a row: NULL is a value, and it matters where one value ends.

    It is the same of the same values as long as the database hashes as it did, and not that of another one.
    """

    # Cached by its arguments: there is no other state.
    inherit_cache = True
    type = BigInteger()
    name = "row_hash"


def short_hash(text: ColumnElement[str]) -> ColumnElement[str]:
    """Sixteen hexadecimal digits, upper case, of the MD5 of a text: 64 bits, the same on every database."""
    return func.upper(func.substring(func.md5(text), 1, 16))


def differs(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether two values differ, NULL being a value. Redshift has no IS DISTINCT FROM.

    A condition to select by, and not to negate: it is NULL of two NULLs, which :func:`equal` takes for equal.
    """
    return (left != right) | (left.is_(None) & right.is_not(None)) | (left.is_not(None) & right.is_(None))


def equal(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether two values are equal, NULL being a value."""
    return (left == right) | (left.is_(None) & right.is_(None))
