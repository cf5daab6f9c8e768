"""``sparkify-etl sql``: one SELECT of the user's own, read-only."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sparkify.cli.command import command
from sparkify.cli.options import AsJson, Database
from sparkify.cli.writing import AsCsv, CsvSafe, InFormat, Output, target

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "sql")(sql)


def sql(
    text: Annotated[
        str, typer.Argument(metavar="SQL", help="One SELECT, WITH, SHOW or EXPLAIN; - reads it from stdin.")
    ],
    database: Database = None,
    form: InFormat = None,
    output: Output = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    csv_safe: CsvSafe = None,
    external_access: Annotated[
        bool, typer.Option("--external-access", help="Let the SQL read files, such as FROM 'more.csv'.")
    ] = False,
) -> None:
    """Run SQL of your own, which can only read.

    In a READ ONLY transaction, which is rolled back; on DuckDB without access to files.
    """
    from sparkify.cli.results import plain_table
    from sparkify.cli.warehouse import open_warehouse

    to = target(form, output, as_json=as_json, as_csv=as_csv, csv_safe=csv_safe)
    if text == "-":
        text = _from_stdin()
    with open_warehouse(database, read_only=True) as warehouse:
        to.refuse_files_of(warehouse.database)
        asked = warehouse.sql(text, external_access=external_access)
        to.write(asked.open, table=plain_table, parquet=asked.to_parquet)


def _from_stdin() -> str:
    from sparkify.etl.errors import ConfigurationError

    if reconfigure := getattr(sys.stdin, "reconfigure", None):
        # Whatever the locale is; an editor may have put a byte order mark at the start.
        reconfigure(encoding="utf-8-sig")
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as exc:
        raise ConfigurationError("is not UTF-8", where="stdin") from exc
