"""The distribution, sorting and compression that a table declares, read from the model and checked, as plain
values.

Used by the DDL compiler (which writes it), by ``ddl`` (which changes it) and by the Alembic comparators
(which compare it with the database). The source of every rule is the page CREATE TABLE
(``r_CREATE_TABLE_NEW``) of the Amazon Redshift Database Developer Guide.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.exc import CompileError

#: Compression encodings of a column, lower case. ``AUTO`` is a property of the whole table, not of a column.
ENCODINGS: Final = frozenset(
    {
        "az64",
        "bytedict",
        "delta",
        "delta32k",
        "lzo",
        "mostly8",
        "mostly16",
        "mostly32",
        "raw",
        "runlength",
        "text255",
        "text32k",
        "zstd",
    }
)
DISTSTYLES: Final = frozenset({"AUTO", "EVEN", "KEY", "ALL"})
MAX_SORTKEY_COLUMNS: Final = 400
MAX_INTERLEAVED_COLUMNS: Final = 8

DistStyle = Literal["AUTO", "EVEN", "KEY", "ALL"]


@dataclass(frozen=True, slots=True)
class TableAttributes:
    """How a table is distributed, sorted and compressed. ``None`` or empty: the model does not declare it."""

    diststyle: DistStyle | None = None
    distkey: str | None = None
    sortkey: tuple[str, ...] = ()
    sortkey_auto: bool = False
    interleaved: bool = False
    encode_auto: bool = False
    backup: bool | None = None

    @classmethod
    def of(cls, table: sa.Table) -> TableAttributes:
        """What ``table`` declares, by ``redshift_*`` on the table and ``redshift_distkey``/``redshift_sortkey``
        on columns.

        A bare ``redshift_sortkey="AUTO"`` is SORTKEY AUTO; for a column of that name write ``["auto"]``.

        :raises sqlalchemy.exc.CompileError: when the declarations contradict each other, or name a column that
            does not exist.
        """
        options = table.dialect_options["redshift"]
        where = f"table {table.fullname}"
        flagged = {
            name: [c.name for c in table.columns if c.dialect_options["redshift"].get(name)]
            for name in ("distkey", "sortkey")
        }
        sortkey, interleaved = options.get("sortkey"), options.get("interleaved_sortkey")
        if _said(sortkey) + _said(interleaved) + bool(flagged["sortkey"]) > 1 or len(flagged["sortkey"]) > 1:
            raise CompileError(
                f"{where}: the sort key is declared more than once; "
                "keep one of redshift_sortkey and redshift_interleaved_sortkey, on the table"
            )
        distkeys = column_names(options.get("distkey")) + tuple(flagged["distkey"])
        if len(distkeys) > 1:
            raise CompileError(f"{where}: more than one distribution key ({', '.join(distkeys)}); keep one")
        sortkey_auto = isinstance(sortkey, str) and sortkey.upper() == "AUTO"
        attributes = cls(
            diststyle=_diststyle(options.get("diststyle"), where),
            distkey=distkeys[0] if distkeys else None,
            sortkey=()
            if sortkey_auto
            else column_names(sortkey) + column_names(interleaved) + tuple(flagged["sortkey"]),
            sortkey_auto=sortkey_auto,
            interleaved=_said(interleaved),
            encode_auto=_encode_auto(options.get("encode"), where),
            backup=options.get("backup"),
        )
        attributes.check(where)
        missing = [n for n in {*distkeys, *attributes.sortkey} if n not in {c.name for c in table.columns}]
        if missing:
            raise CompileError(
                f"{where}: no column named {', '.join(sorted(missing))} for its distribution or sort key"
            )
        return attributes

    def check(self, where: str) -> None:
        """Check the attributes; :raises sqlalchemy.exc.CompileError: when they contradict each other."""
        if self.distkey is not None and self.diststyle in ("AUTO", "EVEN", "ALL"):
            raise CompileError(
                f"{where}: DISTSTYLE {self.diststyle} cannot have a DISTKEY ({self.distkey}); "
                "drop one of the two, or say redshift_diststyle='KEY'"
            )
        if self.diststyle == "KEY" and self.distkey is None:
            raise CompileError(
                f"{where}: DISTSTYLE KEY needs a distribution key; add redshift_distkey='column'"
            )
        limit = MAX_INTERLEAVED_COLUMNS if self.interleaved else MAX_SORTKEY_COLUMNS
        if len(self.sortkey) > limit:
            raise CompileError(f"{where}: a sort key of {len(self.sortkey)} columns; Redshift allows {limit}")
        if len(set(self.sortkey)) != len(self.sortkey):
            raise CompileError(f"{where}: the sort key ({', '.join(self.sortkey)}) names a column twice")


def column_names(value: Any) -> tuple[str, ...]:
    """The column names in ``value``: a name, a column, an iterable of either, or ``None`` (no names)."""
    if value is None or value == ():
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, sa.ColumnElement) or not isinstance(value, Iterable):
        return (str(value.name),)
    return tuple(name for item in value for name in column_names(item))


def encoding(value: str, where: str) -> str:
    """``value`` unchanged, if it is a compression encoding of a column.

    :raises sqlalchemy.exc.CompileError: when it is not; ``where`` says which column or table it belongs to.
    """
    if value.lower() == "auto":
        raise CompileError(
            f"{where}: ENCODE AUTO is a property of the whole table; say redshift_encode='AUTO' on the table"
        )
    if value.lower() not in ENCODINGS:
        raise CompileError(f"{where}: unknown encoding {value!r}; Redshift has {', '.join(sorted(ENCODINGS))}")
    return value


def _said(value: Any) -> bool:
    # Not by truth value: SQLAlchemy refuses bool(column).
    return value is not None and not (isinstance(value, (str, tuple, list)) and len(value) == 0)


def _diststyle(value: Any, where: str) -> DistStyle | None:
    if value is None:
        return None
    style = str(value).upper()
    if style not in DISTSTYLES:
        raise CompileError(f"{where}: unknown DISTSTYLE {value!r}; Redshift has AUTO, EVEN, KEY and ALL")
    return style  # type: ignore[return-value]  # a member of DISTSTYLES


def _encode_auto(value: Any, where: str) -> bool:
    if value is None:
        return False
    if str(value).upper() != "AUTO":
        raise CompileError(
            f"{where}: redshift_encode={value!r} on the table; a table has only 'AUTO'; "
            "give encodings to columns"
        )
    return True
