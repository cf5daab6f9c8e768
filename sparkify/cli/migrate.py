"""``sparkify-etl migrate``."""

from __future__ import annotations

from typing import Annotated

import typer

from sparkify.cli import completion, formatting
from sparkify.cli.asking import confirm
from sparkify.cli.command import command
from sparkify.cli.options import Database, LockTimeout

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "migrate")(migrate)


def migrate(
    revision: Annotated[
        str,
        typer.Argument(
            autocompletion=completion.revisions,
            help="A revision; base removes every table, and every row with them.",
        ),
    ] = "head",
    database: Database = None,
    lock_timeout: LockTimeout = 60,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL without connecting.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before tables are removed.")] = False,
) -> None:
    """Migrate the tables to a revision, by default the newest."""
    from sparkify.cli.progress import CommandObserver
    from sparkify.cli.warehouse import open_warehouse
    from sparkify.config.secrets import masked_url

    with open_warehouse(database) as warehouse:
        if sql:
            formatting.print_sql(warehouse.migration_sql(revision).removesuffix("\n"))
            return
        if revision == "base" and not yes:
            shown = masked_url(warehouse.url)
            confirm(f"This removes every table of {shown}, and every row with them. Go on?")
        reached = warehouse.migrate(revision, lock_timeout=lock_timeout, observer=CommandObserver())
    typer.echo(f"The warehouse is at revision {reached or 'base: it has no tables'}.")
