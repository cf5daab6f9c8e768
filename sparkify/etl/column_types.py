"""What the type of a staging column can hold, whatever the rules for its key: the same on every database."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from sqlalchemy import REAL, BigInteger, Column, Float, SmallInteger, String
from sqlalchemy.types import TIMESTAMP, TypeEngine

from sparkify.etl.lax_json import SMALLEST

__all__ = ["MAX_TEXT", "NumberLimits", "is_read_from_json", "number_limits", "text_limit"]

MAX_TEXT = 65_535
"""In bytes: the length of Redshift's longest VARCHAR, and of Text (AWS: Character types)."""

_READ = frozenset(
    (
        *("string", "VARCHAR", "NVARCHAR", "unicode", "text", "TEXT", "unicode_text"),
        *("small_integer", "SMALLINT", "integer", "INTEGER", "big_integer", "BIGINT"),
        *("float", "FLOAT", "REAL", "double", "DOUBLE", "DOUBLE_PRECISION"),
    )
)
"""Types by their SQLAlchemy visit names: a class that narrows one of them, such as Enum, has another name."""

_LARGEST = sys.float_info.max
_LARGEST_REAL = 3.4028235e38
"""Slightly above the largest real: every database reads the numbers in between as the largest real."""
_SMALLEST_REAL = 2.0**-126

_YEAR_1, _YEAR_10000 = -62_135_596_800_000, 253_402_300_800_000
"""In milliseconds since 1970. The databases support times beyond these, but ``datetime`` does not."""


@dataclass(frozen=True)
class NumberLimits:
    """Which numbers a type can hold.

    :ivar too_low: the message about a number below ``least``.
    :ivar too_high: the message about a number above ``greatest``.
    :ivar smallest: the smallest absolute value of a number other than 0.
    :ivar too_near: the message about a number nearer to 0.
    """

    least: float
    greatest: float
    too_low: str
    too_high: str
    smallest: float = 0
    too_near: str = ""

    def refuse(self, number: float) -> str | None:
        """Why the type cannot hold the number, or None."""
        if number < self.least:
            return f"{number} {self.too_low}"
        if number > self.greatest:
            return f"{number} {self.too_high}"
        return f"{number} {self.too_near}" if 0 < abs(number) < self.smallest else None

    def within(self, minimum: float | None, maximum: float | None) -> tuple[float, float]:
        """The least and the greatest number allowed by both the given limits and the type."""
        low = self.least if minimum is None else max(minimum, self.least)
        high = self.greatest if maximum is None else min(maximum, self.greatest)
        return low, high


def is_read_from_json(kind: TypeEngine[Any], *, is_epoch: bool) -> bool:
    """Whether a JSON value can be read into the type unchanged.

    :param is_epoch: whether the value is milliseconds since 1970-01-01 UTC, which become a timestamp.
    """
    if isinstance(kind, TIMESTAMP):
        return is_epoch
    return kind.__visit_name__ in _READ


def number_limits(column: Column[Any]) -> NumberLimits:
    """Which numbers a non-text column can hold; for a timestamp, as milliseconds since 1970-01-01 UTC."""
    kind = column.type
    if isinstance(kind, TIMESTAMP):
        return NumberLimits(_YEAR_1, _YEAR_10000 - 1, "is before year 1", "is after year 9999")
    if isinstance(kind, Float):
        is_real = isinstance(kind, REAL) or (kind.precision is not None and kind.precision <= 24)
        name = "a real" if is_real else "a double"
        largest, smallest = (_LARGEST_REAL, _SMALLEST_REAL) if is_real else (_LARGEST, SMALLEST)
        beyond = f"does not fit {name}"
        return NumberLimits(-largest, largest, beyond, beyond, smallest, f"is too near to 0 for {name}")
    bits = 16 if isinstance(kind, SmallInteger) else 64 if isinstance(kind, BigInteger) else 32
    beyond = f"does not fit {bits} bits"
    return NumberLimits(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, beyond, beyond)


def text_limit(kind: String) -> int:
    """How many bytes a text of this type may have, not counting trailing blanks."""
    return kind.length or MAX_TEXT
