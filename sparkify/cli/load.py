"""``sparkify-etl load``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sparkify.cli import formatting
from sparkify.cli.command import command, echo, verbosity, warn
from sparkify.cli.options import AsJson, Database

if TYPE_CHECKING:
    from sparkify.etl.report import LoadReport, SourceReport
    from sparkify.warehouse.facade import Warehouse

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "load")(load)


def load(
    database: Database = None,
    log_data: Annotated[
        str | None, typer.Option("--log-data", help="The event logs: a folder, a file or s3://bucket/prefix.")
    ] = None,
    song_data: Annotated[
        str | None, typer.Option("--song-data", help="The songs: a folder, a file or s3://bucket/prefix.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="SOURCE", help="Look at one source: events or songs.")
    ] = None,
    max_rejects: Annotated[
        int,
        typer.Option("--max-rejects", min=0, metavar="N", help="Load even if up to N lines must be set aside."),
    ] = 0,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Rebuild the star from all files, in one transaction.")
    ] = False,
    reload_changed: Annotated[
        bool, typer.Option("--reload-changed", help="If a loaded file has changed, rebuild the star.")
    ] = False,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Rebuild although files that were loaded are gone.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the SQL of the load, and write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load what is new: one transaction, each play once, however often it is run."""
    from sparkify.cli.progress import TerminalObserver
    from sparkify.cli.warehouse import open_warehouse
    from sparkify.etl.errors import ConfigurationError

    if only not in (None, "events", "songs"):
        raise ConfigurationError(f"--only {only}: give events or songs")
    sources = None if only is None else [only]
    with open_warehouse(database, log_data=log_data, song_data=song_data) as warehouse:
        if dry_run:
            _explain(warehouse, sources, full_refresh, reload_changed, allow_missing, as_json)
            return
        with TerminalObserver(shown=verbosity.shows_progress) as observer:
            report = warehouse.load(
                only=sources,
                max_rejects=max_rejects,
                full_refresh=full_refresh,
                reload_changed=reload_changed,
                allow_missing=allow_missing,
                observer=observer,
            )
    if as_json:
        formatting.print_json(report)
    else:
        _print(report)


def _explain(
    warehouse: Warehouse,
    sources: list[str] | None,
    full_refresh: bool,
    reload_changed: bool,
    allow_missing: bool,
    as_json: bool,
) -> None:
    steps = warehouse.explain(
        only=sources,
        full_refresh=full_refresh,
        reload_changed=reload_changed,
        allow_missing=allow_missing,
    )
    if as_json:
        formatting.print_json(steps)
    elif not steps:
        echo("Nothing new: every file was loaded before.", always=True)
    else:
        for step in steps:
            typer.echo(f"-- {step.title}")
            for statement in step.statements:
                typer.echo(f"{statement};\n")


def _print(report: LoadReport) -> None:
    for source in report.sources:
        for reason, number in sorted(source.skipped.items()):
            if reason == "not JSON" or verbosity.verbose:
                warn(f"{source.uri}: skipped {formatting.count(number, 'file')} ({reason})")
    if report.nothing_new:
        known = " and ".join(
            f"{formatting.count(source.known, 'file')} of {source.name}" for source in report.sources
        )
        typer.echo(f"Nothing new: {known} were loaded before. {formatting.seconds(report.seconds)}")
        return
    if not verbosity.quiet:
        changes = {change.name: change for change in report.tables}
        rows = [
            [
                name,
                total,
                changes[name].inserted if name in changes else 0,
                changes[name].updated if name in changes else 0,
                changes[name].deleted if name in changes else 0,
            ]
            for name, total in report.rows.items()
        ]
        formatting.print_table(["table", "rows", "inserted", "updated", "deleted"], rows)
    for reject in report.rejects[:10]:
        warn(f"set aside {reject}")
    typer.echo(_summary(report))


def _summary(report: LoadReport) -> str:
    """The last line: what a person wants to know."""
    read = " and ".join(_read(source) for source in report.sources if source.files)
    rejected = sum(source.rejected for source in report.sources)
    aside = (
        f"{formatting.count(rejected, 'line')} set aside (see: sparkify-etl rejects {report.load_id})"
        if rejected
        else "no line rejected"
    )
    what = "Rebuilt from" if report.mode == "full refresh" else "Loaded"
    plays = formatting.count(report.rows.get("songplays", 0), "play")
    users = formatting.count(report.rows.get("users", 0), "user")
    return (
        f"{what} {read} in {formatting.seconds(report.seconds)}: load {report.load_id}, {aside}; "
        f"the warehouse has {plays} by {users}."
    )


def _read(source: SourceReport) -> str:
    return f"{source.loaded:,} {source.name} from {formatting.count(source.files, 'file')}"
