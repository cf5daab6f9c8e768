"""How Alembic reaches the warehouse: the models are what it is compared with, sparkify's settings say where."""

from __future__ import annotations

from sparkify.pipeline import SPARKIFY
from sparkify.warehouse.environment import run_migrations

run_migrations(SPARKIFY)
