"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["MOST", "AsJson", "Database", "LockTimeout"]

MOST = 1_000_000_000
"""The largest number that an option for a count accepts."""

Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="The warehouse, as a SQLAlchemy URL; else dwh.cfg, SPARKIFY_DATABASE_URL or sparkify.duckdb.",
    ),
]
LockTimeout = Annotated[
    float, typer.Option("--lock-timeout", metavar="SECONDS", help="How long to wait for a load to end.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
