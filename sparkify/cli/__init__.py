"""The command ``sparkify-etl``: reads its arguments, calls the library once, and prints the result.

Data goes to stdout; progress, warnings and errors to stderr. Heavy imports happen inside the commands.
"""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from sparkify.cli.command import guarded
from sparkify.cli.commands import Commands
from sparkify.cli.pipeline import choose

__all__ = ["app", "main"]

_NEW_OBJECTS = 200_000
"""How many new objects make the garbage collector run."""

app = typer.Typer(
    cls=Commands,
    name="sparkify-etl",
    help="Load JSON files into a warehouse on Amazon Redshift or an embedded DuckDB.",
    epilog="Exit codes: 0 done; 1 the data is not right; 2 usage or configuration; 75 try again later.",
    no_args_is_help=True,
    # Otherwise Typer strips colour codes from piped output: those in a file name are to be escaped.
    context_settings={"help_option_names": ["-h", "--help"], "color": True},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        from sparkify._version import __version__

        typer.echo(f"sparkify {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    pipeline: Annotated[
        str | None,
        typer.Option(
            "--pipeline",
            metavar="MODULE:NAME",
            callback=choose,
            help="What to load, and how; else SPARKIFY_PIPELINE, pyproject.toml or Sparkify's own.",
        ),
    ] = None,
) -> None:
    pass


def main() -> None:
    """Run the command with the arguments of the process, and exit."""
    # Nearly every object of a command lives to its end or is freed by reference counting. Collecting cycles
    # after every 700 new objects, as Python does by default, takes a tenth of the time of a short command.
    gc.set_threshold(_NEW_OBJECTS)
    guarded(app)
