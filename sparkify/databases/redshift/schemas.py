"""Looks for schemas in the catalogue of Redshift."""

from __future__ import annotations

from sqlalchemy import Connection, String, column, literal, select, table

from sparkify.redshift import render

__all__ = ["has_schema"]

_SCHEMAS = table("pg_namespace", column("oid"), column("nspname", String))


def has_schema(connection: Connection, name: str) -> bool:
    """Whether there is a schema of this name, as the catalogue has it. Read-only."""
    found = select(literal(1)).select_from(_SCHEMAS).where(_SCHEMAS.c.nspname == name)
    return connection.exec_driver_sql(render(found)).first() is not None
