"""Opens the warehouse that the options and the settings name."""

from __future__ import annotations

from sparkify.cli.command import warn
from sparkify.cli.pipeline import chosen_pipeline
from sparkify.config.checks import readable_by_others
from sparkify.config.dwhcfg import config_file
from sparkify.config.settings import Settings
from sparkify.etl.declarations import Pipeline
from sparkify.warehouse.facade import Warehouse

__all__ = ["open_warehouse", "settings_of"]


def settings_of(pipeline: Pipeline, database: str | None) -> Settings:
    """The settings with the sources of a pipeline; warns of a file with secrets that others may read.

    :param database: the URL of the warehouse; None: as the settings have it.
    """
    settings = Settings.load(pipeline.sources, database_url=database)
    if readable_by_others():
        warn(f"{config_file()} holds a secret and others may read it; run: chmod 600 {config_file()}")
    return settings


def open_warehouse(database: str | None, *, read_only: bool = False) -> Warehouse:
    """The warehouse of the pipeline that was chosen; ``database`` as for :func:`settings_of`."""
    pipeline = chosen_pipeline()
    return Warehouse(settings_of(pipeline, database), pipeline, read_only=read_only)
