"""``sparkify-etl doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sparkify.cli import formatting
from sparkify.cli.command import command
from sparkify.cli.messages import verbosity
from sparkify.cli.options import AsJson, Database
from sparkify.cli.pipeline import chosen_pipeline
from sparkify.cli.remedies import as_typed

if TYPE_CHECKING:
    from sparkify.doctor import Diagnosis
    from sparkify.doctor.plans import Explained

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "doctor")(doctor)


def doctor(
    database: Database = None,
    plans: Annotated[
        bool,
        typer.Option("--explain", help="Name the joins of a load and of the questions that move whole tables."),
    ] = False,
    facts: Annotated[
        bool,
        typer.Option("--cluster-facts", help="Ask the cluster what AWS's guide leaves open."),
    ] = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Make a DuckDB file that does not open usable again; its log is kept beside it."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check that a load can run.

    The exit code is 1 if it cannot, and 2 if the configuration is wrong.
    """
    from sparkify.doctor import examine

    if facts:
        _ask_facts(database, as_json=as_json)
        return
    if plans:
        _explain(database, as_json=as_json)
        return
    results = examine(database, chosen_pipeline(), repair=repair)
    if as_json:
        formatting.print_json(results)
    else:
        _print(results)
    if code := max(result.exit_code for result in results):
        raise typer.Exit(code)


def _explain(database: str | None, *, as_json: bool) -> None:
    """Print what the plans show. A costly join is not an error: a small table may well be broadcast."""
    from sparkify.cli.warehouse import open_warehouse
    from sparkify.doctor.plans import explain

    with open_warehouse(database) as warehouse:
        results = explain(warehouse)
        if as_json:
            formatting.print_json(results)
        elif not warehouse.database.moves_rows:
            typer.echo(f"Nothing to explain: no join of {warehouse.database.title} moves rows between nodes.")
        else:
            _print_plans(results)
    if any(result.status == "problem" for result in results):
        raise typer.Exit(1)


def _ask_facts(database: str | None, *, as_json: bool) -> None:
    from sparkify.cli.progress import CommandObserver
    from sparkify.cli.warehouse import open_warehouse

    with open_warehouse(database) as warehouse, warehouse.engine.connect() as connection:
        results = tuple(warehouse.database.facts(connection, CommandObserver()))
        if as_json:
            formatting.print_json(results)
        elif not results:
            typer.echo(f"Nothing to ask: no question about {warehouse.database.title} is open.")
        for fact in () if as_json else results:
            typer.echo(f"{fact.question}\n  {fact.answer or f'no answer: {fact.problem}'}\n  {fact.changes}")


def _print_plans(results: tuple[Explained, ...]) -> None:
    for result in results:
        if result.status == "problem":
            typer.echo(f"{result.part}: {result.step}: no plan: {result.message}")
        for join in result.joins:
            of = f" of {', '.join(join.inner)}" if join.inner else ""
            about = f"{formatting.count(join.rows, 'row')}, {formatting.size(join.bytes)}"
            typer.echo(f"{result.part}: {result.step}: {join.join}{of} ({about}): {join.reason}")
    costly = sum(len(result.joins) for result in results)
    problems = sum(result.status == "problem" for result in results)
    also = f", {formatting.count(problems, 'statement')} without a plan" if problems else ""
    typer.echo(
        f"{formatting.count(len(results), 'statement')}: {formatting.count(costly, 'costly join')}{also}."
    )


def _print(results: tuple[Diagnosis, ...]) -> None:
    width = max(len(result.check) for result in results)
    for result in results:
        if result.status == "ok" and verbosity.quiet:
            continue
        typer.echo(f"{result.status:<8} {result.check:<{width}}  {result.message}")
        if result.advice:
            typer.echo(f"{'':<8} {'':<{width}}  -> {as_typed(result.advice)}")
    problems = sum(result.status == "problem" for result in results)
    skipped = sum(result.status == "skipped" for result in results)
    if problems:
        also = f", {skipped} skipped" if skipped else ""
        typer.echo(f"{formatting.count(len(results), 'check')}: {formatting.count(problems, 'problem')}{also}.")
    else:
        typer.echo(f"{formatting.count(len(results), 'check')}: all is well.")
