"""Names that listeners would call the same, and which of their spellings to show.

Rows are compared by their columns whose names end in ``_key``, which are equal for what is the same.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CTE, ColumnElement, SQLColumnExpression, and_, func, select

from sparkify.etl.constructs import match_key

__all__ = ["leading", "name_key", "same", "spelled"]


def name_key(stored: SQLColumnExpression[str | None], name: SQLColumnExpression[str]) -> ColumnElement[str]:
    """A name in lower case, without punctuation and accented letters; the whole name if nothing is left.

    :param stored: the column that has this key, or NULL.
    """
    # Inferred songs and artists have no stored key.
    return func.coalesce(func.nullif(func.coalesce(stored, match_key(name)), ""), name)


def leading(counted: CTE, order: list[ColumnElement[Any]], limit: int) -> CTE:
    """The first rows in this order, and all that tie with the last of them: names break these ties later."""
    ranked = select(counted, func.rank().over(order_by=order).label("standing")).cte("ranked")
    return select(ranked).where(ranked.c.standing <= limit).cte("leading")


def spelled(counted: CTE, names: CTE, order: list[ColumnElement[Any]]) -> CTE:
    """The counted rows, one for each of their names; ``spelling`` is 1 for the name to show."""
    keys = _keys(names)
    spelling = func.row_number().over(partition_by=[names.c[key] for key in keys], order_by=order)
    return (
        select(
            *counted.c,
            *(column for column in names.c if column.key not in keys),
            spelling.label("spelling"),
        )
        .join_from(counted, names, same(counted, names))
        .cte("spelled")
    )


def _keys(rows: CTE) -> list[str]:
    return [column.key for column in rows.c if column.key.endswith("_key")]


def same(left: CTE, right: CTE) -> ColumnElement[bool]:
    """Whether two rows have the same keys: listeners would call them the same."""
    return and_(*(left.c[key] == right.c[key] for key in _keys(right)))
