"""Limits what is read from a large table to the range of a column in the batch: literals, once it is staged.

Databases skip the blocks of a table that have no value in a range. AWS's guide shows this for literals (Sort
keys), and says nothing about a range that comes from a subquery.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Column, ColumnElement, and_, func, literal, null, select
from sqlalchemy.sql.compiler import SQLCompiler

from sparkify.etl.staging import Source
from sparkify.etl.templates import Limits, Place

__all__ = ["Limits", "StagedLimit", "in_staged_range", "limit_key", "limit_text", "limits_of", "select_limits"]


class StagedLimit(ColumnElement[Any]):
    """The least or the greatest value of a column in the batch; NULL for an empty batch.

    A load sends it as a literal. If no batch is staged, as in a dry run, it is the SELECT that finds it.

    :param column: of a staging table, one of the ``ranges`` of its source.
    """

    # Its text depends on the load.
    inherit_cache = False

    def __init__(self, column: ColumnElement[Any], which: Literal["least", "greatest"]) -> None:
        self.column = column
        self.which = which
        self.type = column.type


def in_staged_range(value: ColumnElement[Any], column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a value lies between the least and the greatest value of a column in the batch, both included."""
    return and_(value >= StagedLimit(column, "least"), value <= StagedLimit(column, "greatest"))


def limit_text(element: StagedLimit, compiler: SQLCompiler, *, limits: Limits | None = None, **kw: Any) -> str:
    """The text of a limit, for every database: a literal if it is among ``limits``, which is an option of the
    compilation.
    """
    place = 0 if element.which == "least" else 1
    known = None if limits is None else limits.get(limit_key(element.column))
    if known is not None:
        value = known[place]
        if isinstance(value, Place):
            return value.take(element.type)
        return compiler.process(null() if value is None else literal(value, element.type), **kw)
    name = ("min", "max")[place]
    # The number in SQLAlchemy's own label depends on what was at the same place in memory before.
    limit = getattr(func, name)(element.column).label(f"{name}_1")
    return compiler.process(select(limit).scalar_subquery(), **kw)


def select_limits(source: Source) -> list[ColumnElement[Any]]:
    """The least and the greatest value of each column in the source's ``ranges``: aggregates of its batch."""
    columns = [source.staging.c[name] for name in source.ranges]
    return [function(column) for column in columns for function in (func.min, func.max)]


def limits_of(source: Source, values: Sequence[Any] | None) -> Limits:
    """The limits of a batch.

    :param values: the result of :func:`select_limits`; None: the source has no batch in this load.
    """
    keys = [limit_key(source.staging.c[name]) for name in source.ranges]
    found = [None] * (2 * len(keys)) if values is None else values
    return {key: (found[2 * place], found[2 * place + 1]) for place, key in enumerate(keys)}


def limit_key(column: ColumnElement[Any]) -> str:
    """The ``table.column`` of a column."""
    if not isinstance(column, Column):
        raise TypeError(f"a column of a staging table is wanted, not {column}")
    return str(column)
