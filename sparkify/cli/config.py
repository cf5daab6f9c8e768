"""``sparkify-etl config``."""

from __future__ import annotations

from typing import Annotated

import typer

from sparkify.cli import formatting
from sparkify.cli.command import command, echo, warn
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
    from sparkify.config.checks import readable_by_others, unknown_options
    from sparkify.config.dwhcfg import config_file
    from sparkify.config.settings import Settings
    from sparkify.config.template import write_template

    sources = chosen_pipeline().sources
    if init:
        write_template(config_file(), sources)
        echo(f"Wrote {config_file()}; its owner alone may read it. Every line in it is commented out.")
        return
    settings = Settings.load(sources, database_url=database)
    found = settings.describe()
    if as_json:
        formatting.print_json(found)
    else:
        formatting.print_table(
            ["setting", "value", "from"],
            [[setting.name, setting.value, setting.origin] for setting in found],
            indent="",
        )
        echo(f"\nThe warehouse is {settings.url.render_as_string(hide_password=True)}")
    for problem in unknown_options(sources):
        warn(f"{config_file()}: {problem}")
    if readable_by_others():
        warn(f"{config_file()} holds a secret and others may read it; run: chmod 600 {config_file()}")
