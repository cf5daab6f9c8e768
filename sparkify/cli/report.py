"""``sparkify-etl report``."""

from __future__ import annotations

import sys
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from sparkify.cli import completion, formatting
from sparkify.cli.command import command
from sparkify.cli.options import Database
from sparkify.cli.streams import raw
from sparkify.cli.times import parse_moment
from sparkify.cli.writing import whole_file

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "report")(report)


def report(
    database: Database = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The file to write; - is stdout.")
    ] = Path("report.html"),
    since: Annotated[
        datetime | None,
        typer.Option("--since", parser=parse_moment, metavar="TIME", help="From this moment on (UTC)."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--until", parser=parse_moment, metavar="TIME", help="Before this moment (UTC)."),
    ] = None,
    days: Annotated[
        int,
        typer.Option("--days", min=1, metavar="N", help="Without --since: the last N days that have data."),
    ] = 30,
    tz: Annotated[
        str,
        typer.Option(
            "--tz",
            metavar="ZONE",
            autocompletion=completion.zones,
            help="The zone of days and hours, such as America/Los_Angeles.",
        ),
    ] = "UTC",
    checks: Annotated[
        bool, typer.Option("--checks/--no-checks", help="Run the checks too; they read every table.")
    ] = True,
) -> None:
    """Write the report, one page of HTML."""
    from sparkify.cli.warehouse import open_warehouse
    from sparkify.etl.errors import ConfigurationError

    if str(output) != "-" and not output.absolute().parent.is_dir():
        raise ConfigurationError(f"{output.parent}: there is no such folder to write {output.name} in")
    with open_warehouse(database, read_only=True) as warehouse:
        pipeline = warehouse.pipeline
        if str(output) != "-":
            warehouse.database.refuse_as_output(output)
        if pipeline.report is None:
            raise ConfigurationError(
                f"the pipeline {pipeline.name} has no report", hint="Name its module in Pipeline.report."
            )
        build = import_module(pipeline.report).build
        page = build(warehouse, since=since, until=until, days=days, tz=tz, checks=checks)
    if str(output) == "-":
        # A program gets the names unchanged; a terminal gets them escaped.
        (sys.stdout if sys.stdout.isatty() else raw(sys.stdout)).write(f"{page}\n")
        return
    with whole_file(output) as new:
        new.write_text(page, encoding="utf-8")
    typer.echo(f"Wrote {output} ({formatting.size(len(page.encode()))}).")
