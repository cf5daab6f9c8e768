"""Expressions that the questions share; each runs unchanged on every database."""

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
    """A length of time, in whole seconds, that can be added to a TIMESTAMP."""
    # A literal: an interval takes no parameter on either database, and an integer needs no escaping.
    return literal_column(f"INTERVAL '{length // timedelta(seconds=1):d} seconds'")


def truncated(
    part: Literal["hour", "day", "week"], column: SQLColumnExpression[Any]
) -> ColumnElement[datetime]:
    """The beginning of the hour, the day, or the week (Monday) that a moment lies in."""
    # The part is a literal: as a parameter, it would not be the same expression in SELECT and GROUP BY.
    return func.date_trunc(literal_column(f"'{part}'"), column, type_=TIMESTAMP())


def ratio(number: SQLColumnExpression[Any], of: SQLColumnExpression[Any]) -> ColumnElement[float]:
    """One number divided by another, in floating point; NULL if the other is 0."""
    # The divisor is typed as floating point: otherwise SQLAlchemy makes it NUMERIC, which has no decimals on
    # Redshift and three on DuckDB.
    divisor: ColumnElement[float] = func.nullif(of, literal_column("0"), type_=Double())
    divided: ColumnElement[Any] = cast(number, Double) / divisor
    return divided


def count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """The number of rows that meet the condition; 0 if none does."""
    return cast(func.coalesce(func.sum(case((condition, 1), else_=0)), 0), BigInteger)
