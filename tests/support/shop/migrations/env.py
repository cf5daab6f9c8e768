"""Alembic's environment for the shop's warehouse."""

from sparkify.warehouse.environment import run_migrations
from tests.support.shop import SHOP

run_migrations(SHOP)
