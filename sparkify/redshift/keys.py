"""Primary and foreign keys that are declared on Redshift alone."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint

# Models import their keys from here before they give options to their tables.
import sparkify.redshift.options  # noqa: F401

__all__ = ["foreign_key", "primary_key"]


def primary_key(*columns: str) -> PrimaryKeyConstraint:
    """A primary key that is declared on Redshift alone, for ``__table_args__``.

    Redshift does not enforce it, but its planner uses it. On DuckDB it would be enforced at four times the
    cost of the insert, and would block ALTER TABLE; the loader and the checks hold the keys unique instead.
    """
    return PrimaryKeyConstraint(*columns).ddl_if(dialect="redshift")


def foreign_key(column: str, target: str) -> ForeignKeyConstraint:
    """A foreign key to ``table.column``, on Redshift alone, for the reason of :func:`primary_key`."""
    return ForeignKeyConstraint([column], [target]).ddl_if(dialect="redshift")
