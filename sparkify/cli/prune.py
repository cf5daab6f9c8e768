"""``sparkify-etl prune``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sparkify.cli import formatting
from sparkify.cli.command import command
from sparkify.cli.options import AsJson, Database, LockTimeout

if TYPE_CHECKING:
    from sparkify.etl.results import PruneReport

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "prune")(prune)


def prune(
    rejects_older_than: Annotated[
        str | None,
        typer.Option(
            "--rejects-older-than", metavar="AGE", help="Remove rejected lines of loads so old: 12h, 90d, 8w."
        ),
    ] = None,
    history_older_than: Annotated[
        str | None,
        typer.Option(
            "--history-older-than",
            metavar="AGE",
            help="Remove loads so old that a full refresh has replaced.",
        ),
    ] = None,
    database: Database = None,
    lock_timeout: LockTimeout = 60,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be removed, and remove nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove old rejected lines and loads from the ledger.

    Loaded files stay in it, so that none is loaded twice.
    """
    from sparkify.cli.progress import CommandObserver
    from sparkify.cli.warehouse import open_warehouse

    with open_warehouse(database, read_only=dry_run) as warehouse:
        report = warehouse.prune(
            rejects_older_than=rejects_older_than,
            history_older_than=history_older_than,
            dry_run=dry_run,
            lock_timeout=lock_timeout,
            observer=CommandObserver(),
        )
    if as_json:
        formatting.print_json(report)
    else:
        typer.echo(_sentence(report))


def _sentence(report: PruneReport) -> str:
    parts = [
        f"{formatting.count(number, what)} of loads before {formatting.when(before)}"
        if what != "load"
        else f"{formatting.count(number, what)} before {formatting.when(before)}"
        for number, what, before in (
            (report.rejects, "rejected line", report.rejects_before),
            (report.loads, "load", report.history_before),
        )
        if before is not None
    ]
    return f"{'Would remove' if report.dry_run else 'Removed'} {' and '.join(parts)}."
