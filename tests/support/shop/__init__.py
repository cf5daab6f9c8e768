"""A second pipeline: a shop with customers and orders, its own tables, migrations and questions."""

from __future__ import annotations

from tests.support.shop.pipeline import SHOP

__all__ = ["SHOP"]
