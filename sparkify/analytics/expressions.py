"""Expressions that the questions share, each with one text for Amazon Redshift and one for DuckDB."""

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
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TIMESTAMP

__all__ = ["count_if", "elapsed_ms", "interval", "local_time", "ratio", "truncated"]


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


class elapsed_ms(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it stands for
    """Milliseconds from one moment to another."""

    # Cached by its arguments: there is no other state.
    inherit_cache = True
    type = BigInteger()
    name = "elapsed_ms"


@compiles(elapsed_ms)
def _elapsed_ms(element: elapsed_ms, compiler: SQLCompiler, **kw: Any) -> str:
    return f"DATEDIFF(millisecond, {compiler.process(element.clauses, **kw)})"


@compiles(elapsed_ms, "duckdb")
def _elapsed_ms_duckdb(element: elapsed_ms, compiler: SQLCompiler, **kw: Any) -> str:
    return f"date_diff('millisecond', {compiler.process(element.clauses, **kw)})"


class local_time(FunctionElement[datetime]):  # noqa: N801
    """``local_time(tz, moment)``: what the clocks of a zone show at a moment of UTC, as TIMESTAMP."""

    # Cached by its arguments: there is no other state.
    inherit_cache = True
    type = TIMESTAMP()
    name = "local_time"


@compiles(local_time)
def _local_time(element: local_time, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CONVERT_TIMEZONE('UTC', {compiler.process(element.clauses, **kw)})"


@compiles(local_time, "duckdb")
def _local_time_duckdb(element: local_time, compiler: SQLCompiler, **kw: Any) -> str:
    zone, at = element.clauses
    return f"timezone({compiler.process(zone, **kw)}, timezone('UTC', {compiler.process(at, **kw)}))"
