"""Executes Alembic's operations on Redshift, or refuses them.

A refusal is a ``CommandError``, which the ``alembic`` command prints as one line: what cannot be done and
what to do. Source: page ALTER TABLE (``r_ALTER_TABLE``) of the Amazon Redshift Database Developer Guide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, NoReturn

import sqlalchemy as sa
from alembic import op
from alembic.ddl.base import ColumnName, ColumnType, alter_table, format_column_name
from alembic.ddl.postgresql import PostgresqlImpl
from alembic.util import CommandError
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.compiler import compiles

# First: importing upstream's dialect registers upstream's implementation, which ours replaces below.
from sparkify.redshift import dialect as _dialect  # noqa: F401
from sparkify.redshift.literals import check_comment

_VARCHAR: Final = re.compile(r"VARCHAR\((\d+)\)")
#: The suffix of a new column's name until it replaces the old column.
TEMPORARY_SUFFIX: Final = "__new"
REBUILD: Final = (
    "create a new table with op.create_table, INSERT .. SELECT the rows, drop the old table, rename the new one"
)


@compiles(ColumnName, "redshift")
def _visit_column_name(element: ColumnName, compiler: Any, **kw: Any) -> str:
    # Alembic writes RENAME a TO b; the guide's grammar has RENAME COLUMN for a column.
    return (
        f"{alter_table(compiler, element.table_name, element.schema)} "
        f"RENAME COLUMN {format_column_name(compiler, element.column_name)} "
        f"TO {format_column_name(compiler, element.newname)}"
    )


class RedshiftImpl(PostgresqlImpl):
    """Replaces sqlalchemy-redshift's implementation, whose ``alter_column`` compiles for PostgreSQL only.

    DDL is transactional on Redshift, so a migration that fails leaves nothing behind. The exception is the
    size of a VARCHAR, which is altered outside any transaction: what the migration did before is committed by
    then, so give it a migration of its own.
    """

    __dialect__ = "redshift"
    transactional_ddl = True

    def _exec(
        self,
        construct: Any,
        execution_options: Mapping[str, Any] | None = None,
        multiparams: Any = None,
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return super()._exec(construct, execution_options, multiparams, params or {})
        except CompileError as exc:
            # A refusal of the dialect (indexes, CHECK, types) becomes a line, not a traceback.
            raise CommandError(str(exc)) from exc

    # Columns

    def alter_column(
        self,
        table_name: str,
        column_name: str,
        *,
        nullable: bool | None = None,
        server_default: Any = False,
        name: str | None = None,
        type_: Any = None,
        schema: str | None = None,
        autoincrement: bool | None = None,
        existing_type: Any = None,
        existing_server_default: Any = None,
        existing_nullable: bool | None = None,
        existing_autoincrement: bool | None = None,
        redshift_using: str | None = None,
        **kw: Any,
    ) -> None:
        """Change the size of a VARCHAR, the type, the name or the comment of a column.

        VARCHAR to VARCHAR is ``ALTER COLUMN .. TYPE``, outside a transaction. For any other type a new column
        is added, an UPDATE casts the old one into it (or uses ``redshift_using``, an SQL expression), and it
        replaces the old one. It is then the last column of its table, with the default encoding. The
        distribution key and columns of the sort key cannot be dropped, so alter the key first.

        :raises alembic.util.CommandError: for NOT NULL and defaults, which Redshift cannot alter; for a
            VARCHAR without ``transaction_per_migration``.
        """
        where = f"column {f'{schema}.' if schema else ''}{table_name}.{column_name}"
        if nullable is not None and nullable != existing_nullable:
            raise CommandError(f"{where}: Redshift cannot {'drop' if nullable else 'set'} NOT NULL; {REBUILD}")
        if server_default is not False:
            raise CommandError(f"{where}: Redshift cannot alter a default or an identity; {REBUILD}")
        if isinstance(comment := kw.get("comment"), str):
            try:
                check_comment(comment, where)
            except CompileError as exc:
                raise CommandError(str(exc)) from exc
        if type_ is not None:
            old, new = self._varchar_size(existing_type), self._varchar_size(type_)
            if new is not None and existing_type is None:
                raise CommandError(
                    f"{where}: say existing_type, to tell a change of size from a change of type"
                )
            if old is None or new is None or redshift_using is not None:
                self._replace_column(
                    table_name,
                    column_name,
                    sa.types.to_instance(type_),
                    schema=schema,
                    existing_type=existing_type,
                    server_default=existing_server_default or None,
                    nullable=existing_nullable is not False,
                    using=redshift_using,
                    where=where,
                )
            elif old != new:
                with self._outside_transaction(where):
                    self._exec(ColumnType(table_name, column_name, type_, schema=schema))
        super().alter_column(table_name, column_name, name=name, schema=schema, **kw)

    def _varchar_size(self, type_: Any) -> int | None:
        """The n of VARCHAR(n), in bytes; ``None`` for other types."""
        if type_ is None:
            return None
        text = self.dialect.type_compiler_instance.process(sa.types.to_instance(type_))
        match = _VARCHAR.fullmatch(text)
        return int(match[1]) if match else None

    def _outside_transaction(self, where: str) -> AbstractContextManager[None]:
        if not self.context_opts.get("transaction_per_migration"):
            raise CommandError(
                f"{where}: Redshift changes the size of a VARCHAR only outside a transaction; pass "
                "transaction_per_migration=True to context.configure() in env.py, and give it a migration "
                "of its own"
            )
        try:
            context = op.get_context()
        except (NameError, AttributeError):  # before the first, and after the last Operations.context()
            context = None
        if context is None or context.impl is not self or context._in_external_transaction:  # noqa: SLF001
            raise CommandError(
                f"{where}: Redshift changes the size of a VARCHAR only outside a transaction, and this one "
                "is not Alembic's to end; run the migration with a connection that has none"
            )
        return context.autocommit_block()

    def _replace_column(
        self,
        table_name: str,
        column_name: str,
        type_: Any,
        *,
        schema: str | None,
        existing_type: Any,
        server_default: Any,
        nullable: bool,
        using: str | None,
        where: str,
    ) -> None:
        temporary = f"{column_name}{TEMPORARY_SUFFIX}"
        if not nullable and server_default is None:
            raise CommandError(
                f"{where}: its type is changed by adding a column, and Redshift adds none that is NOT NULL "
                f"without a default; {REBUILD}"
            )
        table = sa.table(
            table_name, sa.column(column_name, existing_type), sa.column(temporary, type_), schema=schema
        )
        value: Any = sa.text(using) if using is not None else sa.cast(table.c[column_name], type_)
        self.add_column(
            table_name,
            sa.Column(temporary, type_, server_default=server_default, nullable=nullable),
            schema=schema,
        )
        self._exec(sa.update(table).values({temporary: value}))
        self.drop_column(table_name, sa.Column(column_name), schema=schema)
        self._exec(ColumnName(table_name, temporary, column_name, schema=schema))

    def add_column(
        self,
        table_name: str,
        column: sa.Column[Any],
        *,
        schema: str | None = None,
        if_not_exists: bool | None = None,
        inline_references: bool | None = None,
        inline_primary_key: bool | None = None,
    ) -> None:
        """``ALTER TABLE .. ADD COLUMN``.

        :raises alembic.util.CommandError: for what the page ALTER TABLE excludes: NOT NULL without a default,
            an identity, a primary key, a distribution or sort key.
        """
        where = f"column {f'{schema}.' if schema else ''}{table_name}.{column.name}"
        options = column.dialect_options["redshift"]
        if if_not_exists:
            raise CommandError(
                f"{where}: Redshift has no ADD COLUMN IF NOT EXISTS; look before, with sa.inspect()"
            )
        if column.identity is not None or options.get("identity") is not None:
            raise CommandError(f"{where}: Redshift cannot add an IDENTITY column; {REBUILD}")
        if column.primary_key or inline_primary_key:
            raise CommandError(f"{where}: Redshift cannot add a column as primary key; {REBUILD}")
        if options.get("distkey") or options.get("sortkey"):
            raise CommandError(
                f"{where}: Redshift cannot add a column as distribution or sort key; add it without, then "
                "op.alter_distkey or op.alter_sortkey"
            )
        if not column.nullable and column.server_default is None:
            raise CommandError(
                f"{where}: Redshift adds a NOT NULL column only with a default; give it a server_default, "
                "or make it nullable"
            )
        if inline_references:
            raise CommandError(f"{where}: Redshift adds no column with REFERENCES; use op.create_foreign_key")
        super().add_column(table_name, column, schema=schema)

    def drop_column(
        self,
        table_name: str,
        column: sa.Column[Any],
        *,
        schema: str | None = None,
        if_exists: bool | None = None,
        **kw: Any,
    ) -> None:
        """``ALTER TABLE .. DROP COLUMN``; :raises alembic.util.CommandError: for ``if_exists``."""
        if if_exists:
            raise CommandError(
                f"column {table_name}.{column.name}: Redshift has no DROP COLUMN IF EXISTS; look before, "
                "with sa.inspect()"
            )
        super().drop_column(table_name, column, schema=schema, **kw)

    # Indexes and constraints

    def create_table(self, table: sa.Table, **kw: Any) -> None:
        """CREATE TABLE; :raises alembic.util.CommandError: when the table has indexes, before anything is
        sent."""
        for index in table.indexes:
            self.create_index(index)
        super().create_table(table, **kw)

    def create_index(self, index: sa.Index, **kw: Any) -> NoReturn:
        raise CommandError(
            f"index {index.name}: Redshift has no indexes; use a sort key (op.alter_sortkey), or make the "
            "index only where op.get_bind().dialect.name is another"
        )

    def drop_index(self, index: sa.Index, **kw: Any) -> NoReturn:
        raise CommandError(f"index {index.name}: Redshift has no indexes, so there is none to drop")

    # Comparing

    def correct_for_autogen_constraints(
        self,
        conn_uniques: set[sa.UniqueConstraint],
        conn_indexes: set[sa.Index],
        metadata_unique_constraints: set[sa.UniqueConstraint],
        metadata_indexes: set[sa.Index],
    ) -> None:
        """Ignore the model's indexes, which are for other databases: comparing them would generate CREATE
        INDEX again and again."""
        metadata_indexes.clear()

    def compare_server_default(
        self,
        inspector_column: sa.Column[Any],
        metadata_column: sa.Column[Any],
        rendered_metadata_default: str | None,
        rendered_inspector_default: str | None,
    ) -> bool:
        """Whether the defaults differ as text; PostgreSQL's implementation asks the database
        ``SELECT a = b``."""
        model = metadata_column.server_default
        if isinstance(model, sa.DefaultClause) and isinstance(model.arg, str):
            wanted: str | None = model.arg  # the value itself, not SQL
        else:
            wanted = _value(rendered_metadata_default)
        return wanted != _value(rendered_inspector_default)


def _value(default: str | None) -> str | None:
    """The string value of ``default``, or else its SQL in upper case; without the catalogue's casts and
    parentheses."""
    if default is None:
        return None
    if re.search(r"'now'.*::\s*timestamp|^sysdate(\(\))?$", default.strip(), re.IGNORECASE):
        return (
            "SYSDATE"  # which a catalogue may keep as a call, or as PostgreSQL 8.0's 'now' cast to a timestamp
        )
    text = re.sub(r"::[a-z ]+(\(\d+(,\s*\d+)?\))?", "", default.strip(), flags=re.IGNORECASE)
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    if len(text) > 1 and text.startswith("'") and text.endswith("'"):
        return text[1:-1].replace("''", "'")
    return text.upper()
