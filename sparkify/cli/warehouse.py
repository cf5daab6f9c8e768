"""Opens the warehouse that the options and the settings name."""

from __future__ import annotations

from sparkify.cli.messages import warn
from sparkify.cli.pipeline import chosen_pipeline
from sparkify.config.checks import refuse_readable_secrets, unknown_options, unknown_variables
from sparkify.config.dwhcfg import config_file
from sparkify.config.settings import Settings
from sparkify.etl.declarations import Pipeline
from sparkify.warehouse.facade import Warehouse

__all__ = ["open_warehouse", "warn_of_settings"]


def warn_of_settings(pipeline: Pipeline) -> None:
    """Warn of options and environment variables that are not settings.

    :raises ConfigurationError: if others than its owner may read a settings file that holds a secret.
    """
    refuse_readable_secrets()
    for problem in unknown_options(pipeline.sources):
        warn(f"{config_file()}: {problem}")
    for problem in unknown_variables(pipeline.sources):
        warn(f"environment: {problem}")


def open_warehouse(database: str | None, *, read_only: bool = False) -> Warehouse:
    """The warehouse of the chosen pipeline; warns as :func:`warn_of_settings` does.

    :param database: the URL of the warehouse; None: the one in the settings.
    :param read_only: for reading only; while a load holds an embedded database exclusively, a copy of it.
    """
    pipeline = chosen_pipeline()
    settings = Settings.load(pipeline.sources, database_url=database)
    warn_of_settings(pipeline)
    warehouse = Warehouse(settings, pipeline, read_only=read_only)
    warehouse.database.heed_signals()
    return warehouse
