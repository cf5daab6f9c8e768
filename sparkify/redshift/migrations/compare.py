"""Autogenerate: compares keys, styles, encodings and identities of the model with those of the database.

The rules, by which Redshift's own choices are not reported as differences:

* A table that declares no distribution or sort key has AUTO, which is Redshift's default. AUTO in the database
is AUTO, whatever Redshift has chosen (``AUTO(KEY(id))``).
* The catalogue shows a sort key but not who chose it. If there is one and the model leaves it to Redshift,
SVV_TABLE_INFO is queried; it is visible to superusers and to users whom they grant access.
* Encodings are compared column by column where the model declares one, unless it declares ENCODE AUTO; a column
without one has what Redshift chose.
* SORTKEY AUTO and ENCODE AUTO in the model are compared with SVV_TABLE_INFO, which alone tells them from
SORTKEY NONE and from encodings that a user chose. It does not show tables without rows, and nothing is assumed
about those.
"""

from __future__ import annotations

import logging
from typing import Any, Literal

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import AlterColumnOp, ModifyTableOps
from alembic.util import CommandError
from sqlalchemy.exc import CompileError, DBAPIError

from sparkify.redshift.attributes import TableAttributes
from sparkify.redshift.migrations.operations import (
    AlterDistKeyOp,
    AlterDistStyleOp,
    AlterEncodeOp,
    AlterSortKeyOp,
    Style,
)

log = logging.getLogger(__name__)

_info = sa.table(
    "svv_table_info",
    sa.column("schema"),
    sa.column("table"),
    sa.column("sortkey1", sa.String),
    sa.column("encoded", sa.String),
)


def compare_table(
    context: AutogenContext,
    changes: ModifyTableOps,
    schema: str | None,
    name: str,
    found: sa.Table | None,
    model: sa.Table | None,
) -> None:
    """Append to ``changes`` what makes the table ``found`` in the database match the ``model``."""
    if found is None or model is None:
        return  # a table to be created or dropped: that operation includes all of this
    try:
        wanted, there = TableAttributes.of(model), TableAttributes.of(found)
    except CompileError as exc:
        raise CommandError(str(exc)) from exc
    _compare_distribution(changes, schema, name, there, wanted)
    _compare_sort_key(context, changes, schema, name, there, wanted)
    # After the keys: a column that becomes part of the sort key is set to RAW by Redshift.
    if wanted.encode_auto:
        _compare_encode_auto(context, changes, schema, name, found)
    else:
        _compare_encodings(changes, schema, name, found, model)


def _distribution(attributes: TableAttributes) -> tuple[Style | None, str | None]:
    """Style and key; the style is ``None`` for KEY."""
    if attributes.distkey is not None:
        return None, attributes.distkey
    style = attributes.diststyle or "AUTO"
    return (None if style == "KEY" else style), None


def _compare_distribution(
    changes: ModifyTableOps, schema: str | None, name: str, there: TableAttributes, wanted: TableAttributes
) -> None:
    style, key = _distribution(wanted)
    existing_style, existing_key = _distribution(there)
    if (style, key) == (existing_style, existing_key):
        return
    log.info(
        "Detected changed distribution of %r: %s to %s", name, existing_key or existing_style, key or style
    )
    existing: dict[str, Any] = {
        "schema": schema,
        "existing_diststyle": existing_style,
        "existing_distkey": existing_key,
    }
    if key is not None:
        changes.ops.append(AlterDistKeyOp(name, key, **existing))
    elif style is not None:
        changes.ops.append(AlterDistStyleOp(name, style, **existing))


def _compare_sort_key(
    context: AutogenContext,
    changes: ModifyTableOps,
    schema: str | None,
    name: str,
    there: TableAttributes,
    wanted: TableAttributes,
) -> None:
    if (wanted.sortkey, wanted.interleaved) == (there.sortkey, there.interleaved):
        if wanted.sortkey_auto and _said_of(context, schema, name, _info.c.sortkey1) == "":
            log.info("Detected changed sort key of %r: none to AUTO", name)
            changes.ops.append(AlterSortKeyOp(name, "AUTO", schema=schema, existing_sortkey="NONE"))
        return
    if not wanted.sortkey and _chosen_by_redshift(context, schema, name):
        return
    columns: tuple[str, ...] | Literal["AUTO"] = wanted.sortkey or "AUTO"
    log.info("Detected changed sort key of %r: %s to %s", name, there.sortkey, columns)
    changes.ops.append(
        AlterSortKeyOp(
            name,
            columns,
            interleaved=wanted.interleaved,
            schema=schema,
            existing_sortkey=there.sortkey or "AUTO",
            existing_interleaved=there.interleaved,
        )
    )


def _chosen_by_redshift(context: AutogenContext, schema: str | None, name: str) -> bool:
    """Whether SVV_TABLE_INFO calls the sort key ``AUTO(SORTKEY(..))``. An empty table is not in it, and has
    no such key."""
    connection = context.connection
    if connection is None:
        raise CommandError("autogenerate needs a connection")
    where = schema or connection.dialect.default_schema_name
    info = _info.c
    try:
        found = connection.scalar(sa.select(info.sortkey1).where(info.schema == where, info.table == name))
    except DBAPIError as exc:
        raise CommandError(
            f"table {name} has a sort key and the model leaves it to Redshift: cannot read SVV_TABLE_INFO to "
            "see whether Redshift chose it; GRANT SELECT ON svv_table_info to this user, or say "
            "redshift_sortkey"
        ) from exc
    return str(found or "").upper().startswith("AUTO(SORTKEY")


def _said_of(
    context: AutogenContext, schema: str | None, name: str, column: sa.ColumnElement[str | None]
) -> str | None:
    """The value of a column in SVV_TABLE_INFO, empty for NULL; ``None`` if the view does not show the table.

    It does not show a table without rows, or anything to a user who may not read it.
    """
    connection = context.connection
    if connection is None:
        raise CommandError("autogenerate needs a connection")
    # Checked first: an error would end the transaction.
    if connection.scalar(sa.select(sa.func.has_table_privilege("svv_table_info", "SELECT"))) is False:
        log.warning("cannot compare AUTO of %r: GRANT SELECT ON svv_table_info to this user", name)
        return None
    where = schema or connection.dialect.default_schema_name
    row = connection.execute(sa.select(column).where(_info.c.schema == where, _info.c.table == name)).first()
    return None if row is None else str(row[0] or "").strip()


def _compare_encode_auto(
    context: AutogenContext, changes: ModifyTableOps, schema: str | None, name: str, found: sa.Table
) -> None:
    encoded = _said_of(context, schema, name, _info.c.encoded)
    if encoded is None or "AUTO(ENCODE)" in encoded.upper():
        return
    options = {column.name: column.dialect_options["redshift"].get("encode") for column in found.columns}
    existing = {column: encode.lower() for column, encode in options.items() if encode is not None}
    log.info("Detected changed encodings of %r: %s to AUTO", name, existing)
    changes.ops.append(AlterEncodeOp(name, "AUTO", schema=schema, existing_encodings=existing))


def _compare_encodings(
    changes: ModifyTableOps, schema: str | None, name: str, found: sa.Table, model: sa.Table
) -> None:
    new: dict[str, str] = {}
    old: dict[str, str] = {}
    for column in model.columns:
        wanted = column.dialect_options["redshift"].get("encode")
        if wanted is None or column.name not in found.columns:
            continue
        there = found.columns[column.name].dialect_options["redshift"].get("encode")
        if there is not None and there.lower() != wanted.lower():
            new[column.name], old[column.name] = wanted.lower(), there.lower()
    if new:
        log.info("Detected changed encodings of %r: %s to %s", name, old, new)
        changes.ops.append(AlterEncodeOp(name, new, schema=schema, existing_encodings=old))


def compare_identity(
    context: AutogenContext,
    change: AlterColumnOp,
    schema: str | None,
    table: str,
    column: str,
    found: sa.Column[Any],
    model: sa.Column[Any],
) -> bool:
    """Whether either column is an identity, which keeps Alembic from comparing it as a default.

    A difference is reported as a changed default; running that is refused, since Redshift cannot alter an
    identity.
    """
    there, wanted = _identity(found), _identity(model)
    if there is None and wanted is None:
        return False
    if there != wanted:
        log.info("Detected changed identity of '%s.%s': %s to %s", table, column, there, wanted)
        change.modify_server_default = model.server_default
        change.existing_server_default = found.server_default
    return True


def _identity(column: sa.Column[Any]) -> tuple[int, int, bool] | None:
    """Seed, step, and whether a value may be given; ``None`` for no identity. As the dialect writes it."""
    if column.identity is not None:
        start, step = column.identity.start, column.identity.increment
        return (1 if start is None else start, 1 if step is None else step, not column.identity.always)
    pair = column.dialect_options["redshift"].get("identity")
    return None if pair is None else (int(pair[0]), int(pair[1]), False)
