"""The command ``sparkify-etl``: arguments, one call of the library, and what it returned, printed.

Data goes to stdout; progress, warnings and errors to stderr. Heavy imports happen inside the commands.
"""

from __future__ import annotations

from typing import Annotated

import typer

from sparkify.cli import cluster, config, doctor, generate, inspect, load, migrate, query, report, schema
from sparkify.cli.command import guarded

__all__ = ["app", "main"]

app = typer.Typer(
    name="sparkify-etl",
    help="Load Sparkify's logs and songs into a star schema, on Amazon Redshift or an embedded DuckDB.",
    epilog="Exit codes: 0 done; 1 the data is not right; 2 usage or configuration; 75 try again later.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        from sparkify._version import __version__

        typer.echo(f"sparkify {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


for _module in (load, inspect, query, report, schema, migrate, config, generate, doctor, cluster):
    _module.register(app)


def main() -> None:
    """Run the command with the arguments of the process, and exit."""
    guarded(app)
