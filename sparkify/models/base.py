"""The declarative base of every model, and the declarations of keys that only Redshift is told of."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, MetaData, PrimaryKeyConstraint
from sqlalchemy.orm import DeclarativeBase

__all__ = ["Base", "foreign_key", "primary_key"]


class Base(DeclarativeBase):
    """The base of every model; its ``metadata`` is what migrations are compared with."""

    metadata = MetaData(
        naming_convention={"pk": "%(table_name)s_pkey", "fk": "%(table_name)s_%(column_0_name)s_fkey"}
    )


def primary_key(*columns: str) -> PrimaryKeyConstraint:
    """A primary key that is declared on Redshift alone.

    Redshift does not enforce it, and its planner uses it. On DuckDB it would be enforced at four times the
    cost of the insert, and would block ALTER TABLE; the loader and the checks hold the keys unique instead.
    """
    return PrimaryKeyConstraint(*columns).ddl_if(dialect="redshift")


def foreign_key(column: str, target: str) -> ForeignKeyConstraint:
    """A foreign key to ``table.column``, on Redshift alone, for the reason of :func:`primary_key`."""
    return ForeignKeyConstraint([column], [target]).ddl_if(dialect="redshift")
