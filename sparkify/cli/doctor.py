"""``sparkify-etl doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from sparkify.cli import formatting
from sparkify.cli.command import command, verbosity
from sparkify.cli.options import AsJson, Database
from sparkify.cli.pipeline import chosen_pipeline

if TYPE_CHECKING:
    from sparkify.doctor import Diagnosis

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "doctor")(doctor)


def doctor(database: Database = None, as_json: AsJson = False) -> None:
    """Check that a load can run.

    The exit code is 1 if it cannot, and 2 if the configuration is wrong.
    """
    from sparkify.doctor import examine

    results = examine(database, chosen_pipeline())
    if as_json:
        formatting.print_json(results)
    else:
        _print(results)
    if code := max(result.exit_code for result in results):
        raise typer.Exit(code)


def _print(results: tuple[Diagnosis, ...]) -> None:
    width = max(len(result.check) for result in results)
    for result in results:
        if result.status == "ok" and verbosity.quiet:
            continue
        typer.echo(f"{result.status:<8} {result.check:<{width}}  {result.message}")
        if result.advice:
            typer.echo(f"{'':<8} {'':<{width}}  -> {result.advice}")
    problems = sum(result.status == "problem" for result in results)
    skipped = sum(result.status == "skipped" for result in results)
    if problems:
        also = f", {skipped} skipped" if skipped else ""
        typer.echo(f"{formatting.count(len(results), 'check')}: {formatting.count(problems, 'problem')}{also}.")
    else:
        typer.echo(f"{formatting.count(len(results), 'check')}: all is well.")
