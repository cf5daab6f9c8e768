"""Finds whole numbers that occur twice among millions of different ones, without a group for each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, cast, func, literal_column, select

__all__ = ["bucket", "repeating"]

_BITS = 62
"""How many whole numbers share a bucket: one bit of a BIGINT each."""


def bucket(number: ColumnElement[int]) -> ColumnElement[int]:
    """The number with which the bucket of a whole number begins."""
    return number - func.mod(number, _BITS)


def repeating(number: ColumnElement[int], *group: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    """The groups, or without one the buckets, in which a whole number occurs twice.

    Powers of two that differ have the same sum as bitwise OR, and no others do. So 62 numbers need one group of
    the aggregate, and not 62. Where there are numbers of both signs it may name others as well.
    """
    bit = cast(literal_column("1"), BigInteger).bitwise_lshift(cast(func.abs(func.mod(number, _BITS)), Integer))
    buckets = select(*(group or [bucket(number)])).group_by(*group, bucket(number))
    return buckets.having(func.sum(bit) != func.bit_or(bit))
