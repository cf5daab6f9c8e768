"""Opens the warehouse that the options and the settings name."""

from __future__ import annotations

from typing import Any

from sparkify.cli.command import warn
from sparkify.config.checks import readable_by_others
from sparkify.config.dwhcfg import config_file
from sparkify.config.settings import Settings
from sparkify.pipeline import SPARKIFY
from sparkify.warehouse.facade import Warehouse

__all__ = ["open_warehouse"]


def open_warehouse(database: str | None, *, read_only: bool = False, **options: Any) -> Warehouse:
    """The warehouse; options that are None leave the setting as it is."""
    settings = Settings.load(SPARKIFY.sources, database_url=database, **options)
    if readable_by_others():
        warn(f"{config_file()} holds a secret and others may read it; run: chmod 600 {config_file()}")
    return Warehouse(settings, read_only=read_only)
