"""Finds integers that occur twice among millions of distinct ones, without a group for each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, cast, func, literal_column, select

__all__ = ["bucket", "repeating"]

_BITS = 62
"""How many integers share a bucket: each is one bit of a BIGINT."""


def bucket(number: ColumnElement[int]) -> ColumnElement[int]:
    """The first number of the bucket of an integer."""
    return number - func.mod(number, _BITS)


def repeating(number: ColumnElement[int], *group: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    """The groups, or the buckets if no group is given, in which an integer occurs twice.

    The sum of powers of two equals their bitwise OR only if all are distinct. So 62 numbers need one group of
    the aggregate instead of 62. With numbers of both signs, it may return other groups as well.
    """
    bit = cast(literal_column("1"), BigInteger).bitwise_lshift(cast(func.abs(func.mod(number, _BITS)), Integer))
    buckets = select(*(group or [bucket(number)])).group_by(*group, bucket(number))
    return buckets.having(func.sum(bit) != func.bit_or(bit))
