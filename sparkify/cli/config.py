"""``sparkify-etl config``."""

from __future__ import annotations

from typing import Annotated

import typer

from sparkify.cli import formatting
from sparkify.cli.command import command
from sparkify.cli.messages import echo
from sparkify.cli.options import AsJson, Database
from sparkify.cli.pipeline import chosen_pipeline

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "config")(config)


def config(
    database: Database = None,
    init: Annotated[
        bool, typer.Option("--init", help="Write a dwh.cfg with every setting in it, commented out.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show each setting and its origin, secrets masked."""
    from sparkify.cli.warehouse import warn_of_settings
    from sparkify.config.checks import refuse_readable_secrets
    from sparkify.config.dwhcfg import config_file
    from sparkify.config.secrets import masked_url
    from sparkify.config.settings import Settings
    from sparkify.config.template import write_template

    pipeline = chosen_pipeline()
    if init:
        write_template(config_file(), pipeline.sources)
        echo(f"Wrote {config_file()}; its owner alone may read it. Every line in it is commented out.")
        return
    refuse_readable_secrets()
    settings = Settings.load(pipeline.sources, database_url=database)
    found = settings.describe()
    if as_json:
        formatting.print_json(found)
    else:
        formatting.print_table(
            ["setting", "value", "from"],
            [[setting.name, setting.value, setting.origin] for setting in found],
            indent="",
        )
        echo(f"The warehouse is {masked_url(settings.url)}")
    warn_of_settings(pipeline)
