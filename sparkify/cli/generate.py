"""``sparkify-etl generate``."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from sparkify.cli import formatting
from sparkify.cli.command import command
from sparkify.cli.messages import verbosity
from sparkify.cli.options import AsJson
from sparkify.cli.pipeline import chosen_pipeline, is_chosen

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "generate")(generate)


def generate(
    directory: Annotated[Path, typer.Argument(help="The folder to write log_data and song_data into.")] = Path(
        "data"
    ),
    events: Annotated[int, typer.Option("--events", min=1, metavar="N", help="How many events.")] = 10_000,
    songs: Annotated[int, typer.Option("--songs", min=1, metavar="N", help="How many songs.")] = 500,
    days: Annotated[int, typer.Option("--days", min=1, metavar="N", help="Over how many days.")] = 30,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same files.")] = 0,
    start: Annotated[
        datetime,
        typer.Option("--start", formats=["%Y-%m-%d"], show_default="2018-11-01", help="The first day."),
    ] = datetime(2018, 11, 1),  # noqa: DTZ001
    gzip: Annotated[bool, typer.Option("--gzip", help="Compress the logs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write simulated logs and songs of Sparkify to load.

    They have the defects of the real ones.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from sparkify.etl.disk import output_error
    from sparkify.etl.errors import ConfigurationError
    from sparkify.generate import generate as simulate

    _refuse_other_pipelines()

    shown = sys.stderr.isatty() and verbosity.shows_progress
    columns = (TextColumn("events"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not shown, transient=True) as progress:
        task = progress.add_task("events", total=events)
        try:
            made = simulate(
                directory,
                events=events,
                songs=songs,
                days=days,
                seed=seed,
                start=start.date(),
                compress=gzip,
                progress=lambda number: progress.advance(task, number),
            )
        except OSError as exc:
            if exc.errno is None:
                # Raised by the library with a message of its own: something is in the way.
                raise ConfigurationError(str(exc)) from exc
            raise output_error(exc, directory) from exc
        except ValueError as exc:
            raise ConfigurationError(str(exc)) from exc
    if as_json:
        formatting.print_json(made)
        return
    users, files = formatting.count(made.users, "user"), formatting.count(made.log_files, "file")
    typer.echo(
        f"Wrote {formatting.count(made.events, 'event')} of {users}, {made.plays:,} of them plays, in {files}, "
        f"and {formatting.count(made.songs, 'song')}: {formatting.size(made.bytes)} "
        f"in {formatting.seconds(made.seconds)}, below {directory}"
    )


def _refuse_other_pipelines() -> None:
    if not is_chosen():
        return
    from sparkify.etl.errors import ConfigurationError
    from sparkify.pipeline import SPARKIFY

    pipeline = chosen_pipeline()
    if pipeline is not SPARKIFY:
        raise ConfigurationError(
            f"this simulates the data of the pipeline {SPARKIFY.name}, and the pipeline is {pipeline.name}"
        )
