"""``sparkify-etl snapshot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sparkify.cli import formatting
from sparkify.cli.command import command
from sparkify.cli.options import Database

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "snapshot")(snapshot)


def snapshot(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The copy; an older one is replaced.")],
    database: Database = None,
) -> None:
    """Copy a DuckDB warehouse to another file.

    It is for tools that keep a file open. During a load the copy has what was committed before. A tool that
    has the older copy open goes on reading that until it connects anew.
    """
    from sparkify.cli.warehouse import open_warehouse

    with open_warehouse(database, read_only=True) as warehouse:
        written = warehouse.snapshot(target)
    typer.echo(f"Wrote {written} ({formatting.size(written.stat().st_size)}).")
