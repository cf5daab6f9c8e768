"""``sparkify-etl schema``."""

from __future__ import annotations

from typing import Annotated

import typer

from sparkify.cli import completion, formatting
from sparkify.cli.command import command
from sparkify.cli.options import AsJson
from sparkify.cli.pipeline import chosen_pipeline

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "schema")(schema)


def schema(
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TABLE]...", autocompletion=completion.tables, help="Some tables; by default all."
        ),
    ] = None,
    diagram: Annotated[
        bool, typer.Option("--mermaid", help="Print the entity-relationship diagram alone, in Mermaid.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Describe the tables and their columns in Markdown.

    Columns with type, unit, key and encoding, without connecting.
    """
    from sparkify.warehouse.dictionary import dictionary, markdown, mermaid

    entries = dictionary(chosen_pipeline(), tables or ())
    if as_json:
        formatting.print_json(entries)
    else:
        typer.echo(mermaid(entries) if diagram else markdown(entries))
