"""Which of several levels counts: of a user's plays at one moment or in a session, and of lines of one play."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, case, func

__all__ = ["highest_level", "known_level", "level_rank"]

_LONGEST = 16
"""Characters of a level."""


def known_level(level: SQLColumnExpression[Any]) -> ColumnElement[Any]:
    """The level that a line tells, as the star has it: an empty one is none, NULL."""
    return func.nullif(level, "")


def level_rank(level: SQLColumnExpression[Any]) -> ColumnElement[Any]:
    """A text that sorts as levels rank, the last of which counts: paid, before it the others as they sort, and
    before these the empty one. NULL of NULL, which a caller has to sort before all.

    Paid has a rank of its own, for a name may sort after it, as ``trial`` does.
    """
    return case((level == "paid", "1"), else_="0").concat(level)


def highest_level(level: SQLColumnExpression[Any]) -> ColumnElement[Any]:
    """Of the levels of a group that which counts by :func:`level_rank`; NULL where each is NULL."""
    return func.substring(func.max(level_rank(level)), 2, _LONGEST)
