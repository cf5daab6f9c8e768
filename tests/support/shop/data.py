"""Handmade orders and customers of the shop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.making import ms, write

__all__ = ["ShopData", "customer", "order"]


def order(**changed: Any) -> dict[str, Any]:
    """An order of customer 7, with some keys changed; ``at`` gives ``placedAt`` as text."""
    placed = ms(changed.pop("at", "2024-03-01 09:30:00.250"))
    plain = {"orderId": 1, "placedAt": placed, "customerId": 7, "channel": "web", "cents": 1250}
    return {**plain, **changed}


def customer(**changed: Any) -> dict[str, Any]:
    """Customer 7, with some keys changed; ``at`` gives ``changedAt`` as text."""
    when = ms(changed.pop("at", "2024-02-01 08:00:00"))
    return {"customerId": 7, "fullName": "Ada", "country": "GB", "changedAt": when, **changed}


class ShopData:
    """A folder with ``orders`` and ``customers``, both created at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.orders = root / "orders"
        self.customers = root / "customers"
        self.orders.mkdir(parents=True)
        self.customers.mkdir(parents=True)

    def month(self) -> None:
        """Three orders of two customers, one of whom has moved."""
        write(
            self.orders / "march.json", [order(), order(orderId=2, cents=300), order(orderId=3, customerId=8)]
        )
        write(
            self.customers / "march.json",
            [
                customer(at="2024-03-01 00:00:00", country="FR"),
                customer(),
                customer(customerId=8, fullName="Bob", country=None),
            ],
        )
