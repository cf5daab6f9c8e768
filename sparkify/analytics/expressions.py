"""Expressions that the questions share; each runs as it is on every database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    SQLColumnExpression,
    case,
    cast,
    func,
    literal_column,
)
from sqlalchemy.types import TIMESTAMP

__all__ = ["EPOCH", "count_if", "interval", "ratio", "truncated"]

EPOCH: ColumnElement[datetime] = literal_column("TIMESTAMP '1970-01-01 00:00:00'", TIMESTAMP())
"""The beginning of 1970, UTC."""


def interval(length: timedelta) -> ColumnElement[timedelta]:
    """A length of time that can be added to a TIMESTAMP: whole seconds."""
    # Written out: an interval takes no parameter on either database, and this is a number of ours.
    return literal_column(f"INTERVAL '{length // timedelta(seconds=1):d} seconds'")


def truncated(
    part: Literal["hour", "day", "week"], column: SQLColumnExpression[Any]
) -> ColumnElement[datetime]:
    """The beginning of the hour, the day, or the week (Monday) that a moment lies in."""
    # The part is written out: as a parameter it would not be the same expression in SELECT and GROUP BY.
    return func.date_trunc(literal_column(f"'{part}'"), column, type_=TIMESTAMP())


def ratio(number: SQLColumnExpression[Any], of: SQLColumnExpression[Any]) -> ColumnElement[float]:
    """One number divided by another, in floating point; NULL where the other is 0."""
    # The divisor says that it is floating point: else SQLAlchemy makes it NUMERIC, which on Redshift has no
    # decimals and on DuckDB three.
    divisor: ColumnElement[float] = func.nullif(of, literal_column("0"), type_=Double())
    divided: ColumnElement[Any] = cast(number, Double) / divisor
    return divided


def count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """How many rows fulfil it; 0 where there is none."""
    return cast(func.coalesce(func.sum(case((condition, 1), else_=0)), 0), BigInteger)
