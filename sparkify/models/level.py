"""Which of several levels counts: in a user's plays at one moment or in a session, or in lines of one play."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, case, func

__all__ = ["highest_level", "known_level", "level_rank"]

_LONGEST = 16
"""The maximum length of a level, in characters."""


def known_level(level: SQLColumnExpression[Any]) -> ColumnElement[Any]:
    """The level of a line as the star stores it: NULL if it is empty."""
    return func.nullif(level, "")


def level_rank(level: SQLColumnExpression[Any]) -> ColumnElement[Any]:
    """A text that sorts as levels rank: the empty level, then the others as they sort, then paid. The last one
    counts. The rank of NULL is NULL, which a caller has to sort before all others.

    Paid has a rank of its own because other names, such as ``trial``, may sort after it.
    """
    return case((level == "paid", "1"), else_="0").concat(level)


def highest_level(level: SQLColumnExpression[Any]) -> ColumnElement[Any]:
    """The level of a group that ranks last by :func:`level_rank`; NULL if all are NULL."""
    return func.substring(func.max(level_rank(level)), 2, _LONGEST)
