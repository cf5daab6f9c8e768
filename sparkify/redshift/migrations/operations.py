"""``op.alter_distkey``, ``op.alter_diststyle``, ``op.alter_sortkey``, ``op.alter_encode``.

Each knows the previous state (``existing_*``), so that it can be reversed for the downgrade. Distribution,
sort keys and encodings are specific to Redshift: on another database the operations do nothing, so one script
runs on both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from alembic.util import CommandError
from sqlalchemy.schema import ExecutableDDLElement

from sparkify.redshift.ddl import AlterDistKey, AlterDistStyle, AlterEncode, AlterSortKey

Style = Literal["ALL", "EVEN", "AUTO"]
SortKey = tuple[str, ...] | Literal["AUTO", "NONE"]


class _AlterTableOp(MigrateOperation):
    """One ALTER TABLE of Redshift; a subclass defines its name, its arguments and its statement."""

    name: str

    def __init__(self, table_name: str, schema: str | None) -> None:
        self.table_name = table_name
        self.schema = schema

    def arguments(self) -> list[str]:
        """The arguments of the call in a migration script, after the table."""
        raise NotImplementedError

    def statement(self) -> ExecutableDDLElement:
        """The statement to execute."""
        raise NotImplementedError

    def call(self) -> str:
        """The call as it is written in a migration script, without ``op.``."""
        schema = [] if self.schema is None else [f"schema={str(self.schema)!r}"]
        return f"{self.name}({', '.join([repr(str(self.table_name)), *self.arguments(), *schema])})"

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """What ``alembic check`` and ``compare_metadata`` show."""
        return (self.name, self.schema, self.table_name, self.call())


class _DistributionOp(_AlterTableOp):
    """What the two operations on the distribution have in common: how they are reversed."""

    def __init__(
        self,
        table_name: str,
        schema: str | None,
        existing_diststyle: Style | None,
        existing_distkey: str | None,
    ) -> None:
        super().__init__(table_name, schema)
        self.existing_diststyle = existing_diststyle
        self.existing_distkey = existing_distkey

    def existing(self) -> list[str]:
        return [
            f"{name}={value!r}"
            for name, value in (
                ("existing_diststyle", self.existing_diststyle),
                ("existing_distkey", self.existing_distkey),
            )
            if value is not None
        ]

    def back(self, *, diststyle: Style | None, distkey: str | None) -> _DistributionOp:
        """The operation that restores the previous distribution, from the given one."""
        if self.existing_distkey is not None:
            return AlterDistKeyOp(
                self.table_name,
                self.existing_distkey,
                schema=self.schema,
                existing_diststyle=diststyle,
                existing_distkey=distkey,
            )
        if self.existing_diststyle is None:
            raise ValueError(
                f"{self.name} of {self.table_name} cannot be turned round: no existing_* was given"
            )
        return AlterDistStyleOp(
            self.table_name,
            self.existing_diststyle,
            schema=self.schema,
            existing_diststyle=diststyle,
            existing_distkey=distkey,
        )


@Operations.register_operation("alter_distkey")
class AlterDistKeyOp(_DistributionOp):
    """Distribute a table by a column."""

    name = "alter_distkey"

    def __init__(
        self,
        table_name: str,
        column: str,
        *,
        schema: str | None = None,
        existing_diststyle: Style | None = None,
        existing_distkey: str | None = None,
    ) -> None:
        super().__init__(table_name, schema, existing_diststyle, existing_distkey)
        self.column = column

    @classmethod
    def alter_distkey(
        cls,
        operations: Operations,
        table_name: str,
        column: str,
        *,
        schema: str | None = None,
        existing_diststyle: Style | None = None,
        existing_distkey: str | None = None,
    ) -> None:
        """Distribute the table by ``column``: DISTSTYLE KEY. Does nothing on a database other than
        Redshift."""
        operations.invoke(
            cls(
                table_name,
                column,
                schema=schema,
                existing_diststyle=existing_diststyle,
                existing_distkey=existing_distkey,
            )
        )

    def arguments(self) -> list[str]:
        return [repr(str(self.column)), *self.existing()]

    def statement(self) -> ExecutableDDLElement:
        return AlterDistKey(self.table_name, self.column, schema=self.schema)

    def reverse(self) -> _DistributionOp:
        return self.back(diststyle=None, distkey=self.column)


@Operations.register_operation("alter_diststyle")
class AlterDistStyleOp(_DistributionOp):
    """Distribute a table evenly, or in copies to all nodes, or as Redshift thinks best."""

    name = "alter_diststyle"

    def __init__(
        self,
        table_name: str,
        style: Style,
        *,
        schema: str | None = None,
        existing_diststyle: Style | None = None,
        existing_distkey: str | None = None,
    ) -> None:
        super().__init__(table_name, schema, existing_diststyle, existing_distkey)
        self.style: Style = style

    @classmethod
    def alter_diststyle(
        cls,
        operations: Operations,
        table_name: str,
        style: Style,
        *,
        schema: str | None = None,
        existing_diststyle: Style | None = None,
        existing_distkey: str | None = None,
    ) -> None:
        """Give the table the style ALL, EVEN or AUTO; for KEY use ``alter_distkey``. Does nothing on a database
        other than Redshift."""
        operations.invoke(
            cls(
                table_name,
                style,
                schema=schema,
                existing_diststyle=existing_diststyle,
                existing_distkey=existing_distkey,
            )
        )

    def arguments(self) -> list[str]:
        return [repr(self.style), *self.existing()]

    def statement(self) -> ExecutableDDLElement:
        return AlterDistStyle(self.table_name, self.style, schema=self.schema)

    def reverse(self) -> _DistributionOp:
        return self.back(diststyle=self.style, distkey=None)


@Operations.register_operation("alter_sortkey")
class AlterSortKeyOp(_AlterTableOp):
    """Sort a table by columns, or by none, or as Redshift thinks best."""

    name = "alter_sortkey"

    def __init__(
        self,
        table_name: str,
        columns: Sequence[str] | Literal["AUTO", "NONE"],
        *,
        interleaved: bool = False,
        schema: str | None = None,
        existing_sortkey: Sequence[str] | Literal["AUTO", "NONE"] | None = None,
        existing_interleaved: bool = False,
    ) -> None:
        super().__init__(table_name, schema)
        self.columns: SortKey = _sortkey(columns)
        self.interleaved = interleaved
        self.existing_sortkey: SortKey | None = None if existing_sortkey is None else _sortkey(existing_sortkey)
        self.existing_interleaved = existing_interleaved

    @classmethod
    def alter_sortkey(
        cls,
        operations: Operations,
        table_name: str,
        columns: Sequence[str] | Literal["AUTO", "NONE"],
        *,
        interleaved: bool = False,
        schema: str | None = None,
        existing_sortkey: Sequence[str] | Literal["AUTO", "NONE"] | None = None,
        existing_interleaved: bool = False,
    ) -> None:
        """Give the table a compound sort key, ``"AUTO"`` or ``"NONE"``. Does nothing on a database other than
        Redshift.

        :raises alembic.util.CommandError: for ``interleaved=True``, which Redshift supports only in CREATE
            TABLE.
        """
        operations.invoke(
            cls(
                table_name,
                columns,
                interleaved=interleaved,
                schema=schema,
                existing_sortkey=existing_sortkey,
                existing_interleaved=existing_interleaved,
            )
        )

    def arguments(self) -> list[str]:
        parts = [_shown(self.columns)]
        if self.interleaved:
            parts.append("interleaved=True")
        if self.existing_sortkey is not None:
            parts.append(f"existing_sortkey={_shown(self.existing_sortkey)}")
        if self.existing_interleaved:
            parts.append("existing_interleaved=True")
        return parts

    def statement(self) -> ExecutableDDLElement:
        if self.interleaved:
            raise CommandError(
                f"table {self.table_name}: Redshift cannot alter a sort key to INTERLEAVED; create a new table "
                "with redshift_interleaved_sortkey, INSERT .. SELECT the rows, drop the old one and rename"
            )
        return AlterSortKey(self.table_name, self.columns, schema=self.schema)

    def reverse(self) -> AlterSortKeyOp:
        if self.existing_sortkey is None:
            raise ValueError(
                f"{self.name} of {self.table_name} cannot be turned round: no existing_* was given"
            )
        return AlterSortKeyOp(
            self.table_name,
            self.existing_sortkey,
            interleaved=self.existing_interleaved,
            schema=self.schema,
            existing_sortkey=self.columns,
            existing_interleaved=self.interleaved,
        )


@Operations.register_operation("alter_encode")
class AlterEncodeOp(_AlterTableOp):
    """Change the compression of columns, or leave it to Redshift."""

    name = "alter_encode"

    def __init__(
        self,
        table_name: str,
        encodings: Mapping[str, str] | Literal["AUTO"],
        *,
        schema: str | None = None,
        existing_encodings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(table_name, schema)
        self.encodings = encodings
        self.existing_encodings = existing_encodings

    @classmethod
    def alter_encode(
        cls,
        operations: Operations,
        table_name: str,
        encodings: Mapping[str, str] | Literal["AUTO"],
        *,
        schema: str | None = None,
        existing_encodings: Mapping[str, str] | None = None,
    ) -> None:
        """Give columns these encodings, ``{column: encoding}``, or the table ``"AUTO"``. Only on Redshift."""
        operations.invoke(cls(table_name, encodings, schema=schema, existing_encodings=existing_encodings))

    def arguments(self) -> list[str]:
        encodings = self.encodings if isinstance(self.encodings, str) else dict(self.encodings)
        existing = self.existing_encodings
        return [repr(encodings)] + ([] if existing is None else [f"existing_encodings={dict(existing)!r}"])

    def statement(self) -> ExecutableDDLElement:
        return AlterEncode(self.table_name, self.encodings, schema=self.schema)

    def reverse(self) -> AlterEncodeOp:
        if self.existing_encodings is None:
            raise ValueError(
                f"{self.name} of {self.table_name} cannot be turned round: no existing_* was given"
            )
        now = None if isinstance(self.encodings, str) else self.encodings
        return AlterEncodeOp(
            self.table_name, self.existing_encodings, schema=self.schema, existing_encodings=now
        )


@Operations.implementation_for(AlterDistKeyOp)
@Operations.implementation_for(AlterDistStyleOp)
@Operations.implementation_for(AlterSortKeyOp)
@Operations.implementation_for(AlterEncodeOp)
def _execute(operations: Operations, operation: _AlterTableOp) -> None:
    if operations.get_context().dialect.name == "redshift":
        operations.execute(operation.statement())


@renderers.dispatch_for(AlterDistKeyOp)
@renderers.dispatch_for(AlterDistStyleOp)
@renderers.dispatch_for(AlterSortKeyOp)
@renderers.dispatch_for(AlterEncodeOp)
def _render(autogen_context: AutogenContext, operation: _AlterTableOp) -> str:
    return f"{autogen_context.opts.get('alembic_module_prefix') or ''}{operation.call()}"


def _sortkey(columns: Sequence[str]) -> SortKey:
    if columns == "AUTO" or columns == "NONE":  # "in" would lose the Literal
        return columns
    if isinstance(columns, str):
        raise CommandError(f"a sort key is a list of columns, 'AUTO' or 'NONE', not {columns!r}")
    return tuple(str(name) for name in columns)


def _shown(columns: SortKey) -> str:
    return repr(columns if isinstance(columns, str) else list(columns))
