"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["TIMES", "AsJson", "Database"]

TIMES = [
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%MZ",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S%z",
]
"""How a moment may be written; UTC where it names no zone."""

Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="The warehouse, as a SQLAlchemy URL; else dwh.cfg, SPARKIFY_DATABASE_URL or sparkify.duckdb.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
