"""``sparkify-etl doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from sparkify.cli import formatting
from sparkify.cli.command import command, verbosity
from sparkify.cli.options import AsJson, Database

if TYPE_CHECKING:
    from sparkify.doctor import Finding

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "doctor")(doctor)


def doctor(database: Database = None, as_json: AsJson = False) -> None:
    """Look whether everything is in place for a load; exit 1 if not, 2 if the configuration is wrong."""
    from sparkify.doctor import examine

    findings = examine(database)
    if as_json:
        formatting.print_json(findings)
    else:
        _print(findings)
    if code := max(finding.exit_code for finding in findings):
        raise typer.Exit(code)


def _print(findings: tuple[Finding, ...]) -> None:
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        if finding.status == "ok" and verbosity.quiet:
            continue
        typer.echo(f"{finding.status:<8} {finding.check:<{width}}  {finding.message}")
        if finding.advice:
            typer.echo(f"{'':<8} {'':<{width}}  -> {finding.advice}")
    problems = sum(finding.status == "problem" for finding in findings)
    skipped = sum(finding.status == "skipped" for finding in findings)
    result = formatting.count(problems, "problem") if problems else "all is well"
    also = f", {skipped} skipped" if problems and skipped else ""
    typer.echo(f"{formatting.count(len(findings), 'check')}: {result}{also}.")
