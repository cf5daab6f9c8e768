"""ALTER TABLE for the distribution, sorting and compression of a table, as DDL elements.

``connection.execute(AlterDistKey(table, "song_id"))``. Redshift rewrites the table for a new key or style.
Source: page ALTER TABLE (``r_ALTER_TABLE``) of the Amazon Redshift Database Developer Guide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import ExecutableDDLElement

from sparkify.redshift.attributes import MAX_SORTKEY_COLUMNS, column_names, encoding

TableLike = sa.TableClause | str


class AlterTable(ExecutableDDLElement):
    """An ALTER TABLE of one table, given as a table or by its name (with ``schema``, if it has one)."""

    inherit_cache = False  # DDL is not cached

    def __init__(self, table: TableLike, *, schema: str | None = None) -> None:
        if isinstance(table, str):
            table = sa.table(table, schema=schema)
        elif schema is not None:
            raise CompileError(f"table {table.name} has its own schema; give schema only with a name")
        self.table = table

    @property
    def where(self) -> str:
        """The table, for messages."""
        return f"table {self.table.fullname}"


class AlterDistStyle(AlterTable):
    """``ALTER TABLE t ALTER DISTSTYLE ALL``; AUTO gives the choice back to Redshift."""

    def __init__(
        self, table: TableLike, style: Literal["ALL", "EVEN", "AUTO"], *, schema: str | None = None
    ) -> None:
        """:raises sqlalchemy.exc.CompileError: for another style; KEY is :class:`AlterDistKey`."""
        super().__init__(table, schema=schema)
        if style not in ("ALL", "EVEN", "AUTO"):
            raise CompileError(
                f"{self.where}: cannot alter DISTSTYLE to {style!r}; there are ALL, EVEN and AUTO, "
                "and for KEY there is AlterDistKey(table, column)"
            )
        self.style = style


class AlterDistKey(AlterTable):
    """``ALTER TABLE t ALTER DISTKEY c``; the style becomes KEY, whatever it was."""

    def __init__(
        self, table: TableLike, column: str | sa.ColumnElement[Any], *, schema: str | None = None
    ) -> None:
        """:raises sqlalchemy.exc.CompileError: when the table is known and has no such column."""
        super().__init__(table, schema=schema)
        (self.column,) = column_names(column)
        _check_columns(self, (self.column,))


class AlterSortKey(AlterTable):
    """``ALTER TABLE t ALTER SORTKEY (a, b)``, or ``AUTO``, or ``NONE``; always compound.

    A sort key cannot be made INTERLEAVED: Redshift changes an interleaved key to a compound one, never back.
    """

    def __init__(
        self,
        table: TableLike,
        columns: Sequence[str | sa.ColumnElement[Any]] | Literal["AUTO", "NONE"],
        *,
        schema: str | None = None,
    ) -> None:
        """:raises sqlalchemy.exc.CompileError: for no columns (say ``"NONE"``), too many, or one that is not
        there."""
        super().__init__(table, schema=schema)
        self.keyword: Literal["AUTO", "NONE"] | None = None
        self.columns: tuple[str, ...] = ()
        if isinstance(columns, str):
            if columns not in ("AUTO", "NONE"):
                raise CompileError(
                    f"{self.where}: the sort key is a list of columns, 'AUTO' or 'NONE', not {columns!r}"
                )
            self.keyword = "AUTO" if columns == "AUTO" else "NONE"
            return
        self.columns = column_names(columns)
        if not 1 <= len(self.columns) <= MAX_SORTKEY_COLUMNS:
            raise CompileError(
                f"{self.where}: a sort key of {len(self.columns)} columns; "
                f"Redshift allows 1 to {MAX_SORTKEY_COLUMNS}, for none say 'NONE'"
            )
        _check_columns(self, self.columns)


class AlterEncode(AlterTable):
    """``ALTER TABLE t ALTER COLUMN a ENCODE zstd, ALTER COLUMN b ENCODE raw``, or ``ALTER ENCODE AUTO``."""

    def __init__(
        self, table: TableLike, encodings: Mapping[str, str] | Literal["AUTO"], *, schema: str | None = None
    ) -> None:
        """:raises sqlalchemy.exc.CompileError: for an unknown encoding, no column, or one that is not
        there."""
        super().__init__(table, schema=schema)
        self.encodings: dict[str, str] | None = None
        if isinstance(encodings, str):
            if encodings != "AUTO":
                raise CompileError(
                    f"{self.where}: encodings are {{column: encoding}} or 'AUTO', not {encodings!r}"
                )
            return
        if not encodings:
            raise CompileError(f"{self.where}: no column to encode")
        _check_columns(self, tuple(encodings))
        self.encodings = {
            name: encoding(value, f"{self.where}, column {name}") for name, value in encodings.items()
        }


@compiles(AlterDistStyle, "redshift")
def _visit_dist_style(element: AlterDistStyle, compiler: Any, **kw: Any) -> str:
    return f"{_alter(element, compiler)} ALTER DISTSTYLE {element.style}"


@compiles(AlterDistKey, "redshift")
def _visit_dist_key(element: AlterDistKey, compiler: Any, **kw: Any) -> str:
    return f"{_alter(element, compiler)} ALTER DISTKEY {compiler.preparer.quote(element.column)}"


@compiles(AlterSortKey, "redshift")
def _visit_sort_key(element: AlterSortKey, compiler: Any, **kw: Any) -> str:
    if element.keyword:
        return f"{_alter(element, compiler)} ALTER SORTKEY {element.keyword}"
    columns = ", ".join(compiler.preparer.quote(name) for name in element.columns)
    return f"{_alter(element, compiler)} ALTER SORTKEY ({columns})"


@compiles(AlterEncode, "redshift")
def _visit_encode(element: AlterEncode, compiler: Any, **kw: Any) -> str:
    if element.encodings is None:
        return f"{_alter(element, compiler)} ALTER ENCODE AUTO"
    changes = (
        f"ALTER COLUMN {compiler.preparer.quote(name)} ENCODE {value}"
        for name, value in element.encodings.items()
    )
    return f"{_alter(element, compiler)} {', '.join(changes)}"


def _alter(element: AlterTable, compiler: Any) -> str:
    return f"ALTER TABLE {compiler.preparer.format_table(element.table)}"


def _check_columns(element: AlterTable, names: tuple[str, ...]) -> None:
    if len(set(names)) != len(names):
        raise CompileError(f"{element.where}: a column is named twice: {', '.join(names)}")
    known = {column.name for column in element.table.columns}
    missing = [name for name in names if name not in known]
    if known and missing:
        raise CompileError(f"{element.where}: no column named {', '.join(missing)}")


class SetSearchPath(ExecutableDDLElement):
    """``SET search_path TO "dev"``: names without a schema belong to this one, and to no other."""

    inherit_cache = False  # DDL is not cached

    def __init__(self, schema: str) -> None:
        self.schema = schema


@compiles(SetSearchPath, "redshift")
def _set_search_path(element: SetSearchPath, compiler: Any, **kw: Any) -> str:
    return f"SET search_path TO {compiler.preparer.quote_identifier(element.schema)}"
