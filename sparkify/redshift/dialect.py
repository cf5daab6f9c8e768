"""The Redshift dialect of this project: sqlalchemy-redshift's for redshift_connector, with its defects
repaired.

Each repair names its defect; ``tests/unit/redshift`` shows each without the repair, so a test fails when
upstream repairs it. Issue numbers are those of
https://github.com/sqlalchemy-redshift/sqlalchemy-redshift/issues (read with version 1.0.0).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from types import SimpleNamespace
from typing import Any, Final, NoReturn

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import CompileError, InvalidRequestError, NoSuchTableError
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.compiler import AggregateOrderByStyle
from sqlalchemy_redshift.dialect import RedshiftDialect_redshift_connector as UpstreamDialect

from sparkify.redshift.compilers import (
    IDENTITY_DEFAULT,
    RedshiftCompiler,
    RedshiftDDLCompiler,
    RedshiftPreparer,
    RedshiftTypeCompiler,
)
from sparkify.redshift.literals import LiteralDate, LiteralDateTime, LiteralTime

#: Messages of redshift_connector 2.2 for a lost connection, for which it has no attribute or class.
_DISCONNECTED: Final = ("connection is closed", "BrokenPipe", "server socket closed")


class RedshiftDialect(UpstreamDialect):  # type: ignore[misc]  # untyped upstream
    """``redshift+sparkify://`` for SQLAlchemy 2.1, with the driver redshift_connector.

    ``RedshiftDialect()`` alone compiles every statement: neither the driver nor a connection is needed.
    """

    # Statements are compiled anew each time: LIMIT is written as a literal number, and Copy has values that are
    # not parameters.
    supports_statement_cache = False

    statement_compiler = RedshiftCompiler
    ddl_compiler = RedshiftDDLCompiler
    type_compiler = type_compiler_cls = RedshiftTypeCompiler
    preparer = RedshiftPreparer
    colspecs = {  # noqa: RUF012  # SQLAlchemy's attribute
        **UpstreamDialect.colspecs,
        sa.DateTime: LiteralDateTime,
        sa.Date: LiteralDate,
        sa.Time: LiteralTime,
    }
    # Issues #281 and #330: upstream inherits True from PostgreSQL, so every INSERT of one row into a table
    # whose key the server generates, and Alembic's own INSERT INTO alembic_version, fails with: syntax error at
    # or near "RETURNING".
    insert_returning = False
    update_returning = False
    delete_returning = False
    update_returning_multifrom = False
    delete_returning_multifrom = False
    # Without RETURNING SQLAlchemy would select nextval('<table>_<column>_seq') first; Redshift has no
    # sequences.
    preexecute_autoincrement_sequences = False
    supports_sequences = False

    # INSERT INTO t (..) WITH q AS (..) SELECT ..: page INSERT has "{ query }" after the column list and no
    # WITH before it.
    cte_follows_insert = True

    # An enumeration is VARCHAR(longest): there is no CREATE TYPE.
    supports_native_enum = False
    # The driver returns a Decimal for NUMERIC. Upstream says that it does not, so SQLAlchemy converted each
    # value through a float, which kept 15 of 38 digits.
    supports_native_decimal = True
    supports_is_distinct_from = False
    aggregate_order_by_style = AggregateOrderByStyle.WITHIN_GROUP

    # create_engine() passes on only what the signature names, and no keyword-only arguments.
    def __init__(self, default_schema: str | None = None, **options: Any) -> None:
        """:param default_schema: the schema in the search_path of its connections, whether it exists or not."""
        super().__init__(**options)
        self._default_schema = default_schema

    def _get_default_schema_name(self, connection: Any) -> str | None:
        # If the schema does not exist, current_schema() is NULL, and upstream would look in all schemas.
        if self._default_schema is not None:
            return self._default_schema
        name: str | None = super()._get_default_schema_name(connection)
        return name

    # -- transactions

    def get_isolation_level_values(self, dbapi_conn: Any) -> tuple[str, ...]:
        """``DEFAULT`` (what the database has) and ``AUTOCOMMIT``.

        SERIALIZABLE or SNAPSHOT belongs to the database (``ALTER DATABASE .. ISOLATION LEVEL``, page
        "Isolation levels in Amazon Redshift"), not to a session; offering the names here would promise what
        cannot be kept.
        """
        return ("DEFAULT", "AUTOCOMMIT")

    def get_isolation_level(self, dbapi_connection: Any) -> str:
        """The level in force. Read from the driver: upstream's SHOW begins a transaction that nobody ends."""
        return "AUTOCOMMIT" if _driver_connection(dbapi_connection).autocommit else "DEFAULT"

    def set_isolation_level(self, dbapi_connection: Any, level: str) -> None:
        """Switch AUTOCOMMIT on or off; a transaction that the driver has open is rolled back first.

        redshift_connector begins a transaction before any statement, and ``autocommit = True`` does not end
        it: upstream then ran VACUUM, or ALTER COLUMN TYPE in Alembic's ``autocommit_block()``, inside that
        transaction (25001). Nothing is sent for DEFAULT: ``SET SESSION CHARACTERISTICS`` (PostgreSQL's, sent
        by upstream) is not in the guide.
        """
        connection = _driver_connection(dbapi_connection)
        connection.rollback()
        connection.autocommit = level == "AUTOCOMMIT"

    def do_savepoint(self, connection: Any, name: str) -> NoReturn:
        raise InvalidRequestError(
            "Redshift has no savepoints, so begin_nested() cannot work; use one transaction"
        )

    def is_disconnect(self, e: Exception, connection: Any, cursor: Any) -> bool:
        """Whether ``e`` means that the connection is gone, so that the pool replaces it; upstream never says
        so."""
        return any(text in str(e) for text in _DISCONNECTED)

    # The driver lets an OSError of its socket through, which SQLAlchemy neither wraps nor takes for a lost
    # connection: the dead connection went back to the pool.
    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        # Given parameters, even an empty sequence, the driver looks for placeholders character by character,
        # which takes ten milliseconds for a long statement. A text without a percent sign has none.
        given = parameters if parameters or "%" in statement else None
        with self._socket_errors():
            super().do_execute(cursor, statement, given, context)

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        with self._socket_errors():
            super().do_executemany(cursor, statement, parameters, context)

    def do_commit(self, dbapi_connection: Any) -> None:
        with self._socket_errors():
            super().do_commit(dbapi_connection)

    def do_rollback(self, dbapi_connection: Any) -> None:
        try:
            with self._socket_errors():
                super().do_rollback(dbapi_connection)
        except self.loaded_dbapi.Error as exc:
            # What was read before is still valid: the server itself rolls back a lost connection.
            if not self.is_disconnect(exc, None, None):
                raise

    def do_ping(self, dbapi_connection: Any) -> bool:
        with self._socket_errors():
            return bool(super().do_ping(dbapi_connection))

    # If the server is gone, the driver's own close() fails on the closing message that it cannot send, and the
    # socket stays open for as long as its buffer is referenced.
    def do_close(self, dbapi_connection: Any) -> None:
        buffer = getattr(dbapi_connection, "_sock", None)
        try:
            super().do_close(dbapi_connection)
        finally:
            if buffer is not None:
                with suppress(OSError, ValueError):
                    buffer.close()

    @contextmanager
    def _socket_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise self.loaded_dbapi.InterfaceError(f"connection is closed: {exc}") from exc

    # -- reflection

    def has_multi_table(
        self, connection: Any, table_names: Any, schema: str | None = None, **kw: Any
    ) -> Iterable[tuple[Any, bool]]:
        # New in SQLAlchemy 2.1 and not overridden upstream: PostgreSQL's form, with ANY (ARRAY[..]) and
        # pg_table_is_visible, comes from create_all(checkfirst=True) and from Alembic. Call has_table() for
        # each table instead.
        return DefaultDialect.has_multi_table(self, connection, table_names, schema, **kw)

    def get_multi_table_options(
        self,
        connection: Any,
        schema: str | None = None,
        filter_names: Any = None,
        scope: Any = None,
        kind: Any = None,
        **kw: Any,
    ) -> Any:
        # New in SQLAlchemy 2.1 as well: PostgreSQL's form reads relhasoids, pg_am and
        # default_table_access_method.
        return DefaultDialect.get_multi_table_options(  # type: ignore[no-untyped-call]
            self, connection, schema=schema, filter_names=filter_names, scope=scope, kind=kind, **kw
        )

    def _reflect_type(
        self,
        format_type: str | None,
        domains: Any,
        enums: Any = None,
        type_description: str = "",
        collation: str | None = None,
        collation_schema: str | None = None,
    ) -> Any:
        # Issue #329: SQLAlchemy 2.1 takes one loader where 2.0 took domains and enums, so upstream's call
        # fails with "got multiple values for argument 'type_description'", and no table can be reflected.
        # Redshift has neither.
        loader = SimpleNamespace(domains={}, enums={})
        return super()._reflect_type(format_type, loader, type_description, collation, collation_schema)

    def _get_column_info(self, *args: Any, **kw: Any) -> dict[str, Any]:
        """A column as upstream reflects it, with its encoding and identity as the options a model would have.

        Upstream leaves the encoding in ``info``, where CREATE TABLE of the reflected table does not find it,
        and the identity in ``default``, where Alembic compares it with the model's.
        """
        info: dict[str, Any] = super()._get_column_info(*args, **kw)
        options = info.setdefault("dialect_options", {})
        if kw.get("encode"):
            options["redshift_encode"] = "raw" if kw["encode"] == "none" else kw["encode"]
        if match := IDENTITY_DEFAULT.match(info["default"] or ""):
            pair = (int(match["seed"]), int(match["step"]))
            info["default"] = None
            info["autoincrement"] = True
            if match["by_default"]:
                info["identity"] = {"always": False, "start": pair[0], "increment": pair[1]}
            else:
                options["redshift_identity"] = pair
        elif not info.get("autoincrement"):
            # Upstream sets False, which a model never has: "auto" is SQLAlchemy's value for an integer key.
            info.pop("autoincrement", None)
        return info

    def get_table_options(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """The ``redshift_*`` options of a table as a model would declare them.

        DISTSTYLE AUTO has three forms in the catalogue (10, 11, 12), which upstream returns as ``None``, with
        the key that Redshift has chosen as if a user had set it.
        """
        options = dict(super().get_table_options(connection, table_name, schema, **kw))
        if options["redshift_diststyle"] is None:
            options["redshift_diststyle"] = "AUTO"
            options["redshift_distkey"] = None
        # An empty tuple would be written as SORTKEY ().
        options["redshift_sortkey"] = options["redshift_sortkey"] or None
        return options

    def get_pk_constraint(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """The primary key. Upstream leaves the catalogue's quotes around ``"time"``, so that no column has
        that name, and names a key that does not exist ``""``."""
        key = dict(super().get_pk_constraint(connection, table_name, schema, **kw))
        key["name"] = key["name"] or None
        self._require_if(not key["constrained_columns"], connection, table_name, schema, **kw)
        key["constrained_columns"] = [_unquoted(name) for name in key["constrained_columns"]]
        return key

    def get_foreign_keys(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """The foreign keys, without the quotes of the catalogue around names (see ``get_pk_constraint``)."""
        found = super().get_foreign_keys(connection, table_name, schema, **kw)
        self._require_if(not found, connection, table_name, schema, **kw)
        return [
            {
                **key,
                "constrained_columns": [_unquoted(name) for name in key["constrained_columns"]],
                "referred_schema": _unquoted(key["referred_schema"]),
                "referred_table": _unquoted(key["referred_table"]),
                "referred_columns": [_unquoted(name) for name in key["referred_columns"]],
            }
            for key in found
        ]

    def get_unique_constraints(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        """The unique constraints."""
        found = super().get_unique_constraints(connection, table_name, schema, **kw)
        self._require_if(not found, connection, table_name, schema, **kw)
        return found

    def get_view_definition(self, connection: Any, view_name: str, schema: str | None = None, **kw: Any) -> str:
        """The SELECT of a view. Upstream gives None for a table."""
        found: str | None = super().get_view_definition(connection, view_name, schema, **kw)
        if found is None:
            raise NoSuchTableError(view_name)
        return found

    def _require_if(self, needed: bool, connection: Any, name: str, schema: str | None, **kw: Any) -> None:
        """Raise NoSuchTableError if there is no such table: upstream says that it has no keys."""
        if needed:
            self._get_redshift_relation(connection, name, schema, **kw)

    def get_check_constraints(
        self, connection: Any, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[Any]:
        """Always empty: Redshift has no CHECK constraints, yet upstream queries them with
        ``'..'::regclass::oid``."""
        return []

    # Upstream does not override PostgreSQL's forms of these, which query relkind = ANY (ARRAY[..]), and
    # MetaData.reflect() asks for the temporary tables. Redshift keeps those in a schema of the session, has no
    # sequences, and has its materialized views in STV_MV_INFO.
    def get_temp_table_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        """Always empty: temporary tables are not reflected."""
        return []

    def get_temp_view_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        """Always empty: Redshift has no temporary views."""
        return []

    def get_materialized_view_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        """Always empty: materialized views are not reflected."""
        return []

    def get_sequence_names(self, connection: Any, schema: str | None = None, **kw: Any) -> list[str]:
        """Always empty: Redshift has no sequences."""
        return []

    def has_sequence(self, connection: Any, sequence_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Always false: Redshift has no sequences."""
        return False

    # Upstream writes names into the text of its catalogue queries unescaped; a quote in a name would end the
    # string.
    def _get_all_relation_info(self, connection: Any, **kw: Any) -> Any:
        return super()._get_all_relation_info(connection, **_quoted(kw))

    def _get_schema_column_info(self, connection: Any, **kw: Any) -> Any:
        return super()._get_schema_column_info(connection, **_quoted(kw))

    def _get_all_constraint_info(self, connection: Any, **kw: Any) -> Any:
        return super()._get_all_constraint_info(connection, **_quoted(kw))


def render(statement: sa.ClauseElement, **options: Any) -> str:
    """The text of ``statement`` as Redshift would run it, values as literals, percent signs single.

    For dry runs, and for what takes no bound parameters. The text for the driver is
    ``str(statement.compile(dialect=RedshiftDialect()))``: it has ``%s`` for values and, outside of quotes,
    ``%%`` for a percent sign. Not for keeping secrets: what is bound becomes visible.

    :param options: passed to the compilation of each part of the statement, for constructs of your own.
    :raises sqlalchemy.exc.CompileError: for a value without a literal form (bytes, NaN, NUL), for a parameter
        without a value, and for what Redshift does not have.
    """
    dialect = _rendering()
    if isinstance(statement, ExecutableDDLElement):
        return str(statement.compile(dialect=dialect)).strip()
    compiled = statement.compile(
        dialect=dialect, compile_kwargs={"literal_binds": True, "render_postcompile": True, **options}
    )
    if compiled.binds:  # type: ignore[attr-defined]  # SQLCompiler; Compiled has none
        names = ", ".join(sorted(compiled.binds))  # type: ignore[attr-defined]
        raise CompileError(f"cannot render the statement: no value for {names}")
    return str(compiled).strip()


@cache
def _rendering() -> RedshiftDialect:
    """One dialect for all statements: a new one for each would find out anew how each type is rendered."""
    # Any paramstyle without percent signs will do: no parameter is left.
    return RedshiftDialect(paramstyle="named")


def _driver_connection(connection: Any) -> Any:
    # The pool passes its proxy in some calls, and the driver's connection in others.
    return getattr(connection, "dbapi_connection", None) or connection


def _unquoted(name: str | None) -> str | None:
    if name is not None and len(name) > 1 and name.startswith('"') and name.endswith('"'):
        return name[1:-1].replace('""', '"')
    return name


def _quoted(kw: dict[str, Any]) -> dict[str, Any]:
    # The texts go through text(), for which a colon begins a parameter.
    return {
        key: value.replace("'", "''").replace(":", r"\:")
        if key in ("schema", "table_name") and isinstance(value, str)
        else value
        for key, value in kw.items()
    }
