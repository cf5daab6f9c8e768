"""The questions of the shop."""

from __future__ import annotations

from sqlalchemy import Select, func, select

from sparkify.etl.questions import Question
from tests.support.shop.models import Customer, Order

__all__ = ["QUESTIONS", "turnover"]


def turnover(*, limit: int = 10) -> Select[str | None, int, int]:
    """What each country spends.

    :param limit: the most countries.
    """
    return (
        select(Customer.country, func.count().label("orders"), func.sum(Order.cents).label("cents"))
        .join(Order, Order.customer_id == Customer.customer_id)
        .group_by(Customer.country)
        .order_by(func.sum(Order.cents).desc(), Customer.country)
        .limit(limit)
    )


QUESTIONS = {"turnover": Question("turnover", turnover, "cents")}
