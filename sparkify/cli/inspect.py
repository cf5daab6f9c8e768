"""``sparkify-etl status``, ``check`` and ``rejects``: read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sparkify.cli import formatting
from sparkify.cli.command import command
from sparkify.cli.messages import echo, verbosity, warn
from sparkify.cli.options import MOST, AsJson, Database
from sparkify.cli.remedies import as_typed
from sparkify.etl.escaping import escape_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparkify.etl.errors import SparkifyError
    from sparkify.etl.journal import FailedLoad
    from sparkify.warehouse.facade import Warehouse
    from sparkify.warehouse.status import PendingFiles, Status

__all__ = ["register"]


_FAILURES = 5
"""The maximum number of failed loads to show."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "status")(status)
    command(app, "check")(check)
    command(app, "rejects")(rejects)


def status(
    database: Database = None,
    late: Annotated[
        str | None,
        typer.Option("--late", metavar="AGE", help="Fail if a file has waited longer to be loaded: 12h, 2d."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the rows, the last loads and the pending files.

    With --late the exit code is 1 if a file has waited longer, or a source cannot be listed.
    """
    from sparkify.cli.warehouse import open_warehouse
    from sparkify.etl.errors import SparkifyError
    from sparkify.etl.retention import parse_age

    # Before anything is opened: an invalid age must not be hidden by a database that cannot be opened.
    age = None if late is None else parse_age(late)
    with open_warehouse(database, read_only=True) as warehouse:
        try:
            found = warehouse.status(late=age)
        except SparkifyError as error:
            if warehouse.database.file is not None:
                # The history beside the file may show why the file cannot be opened.
                _print_history(warehouse, error, as_json=as_json)
            raise
    if as_json:
        formatting.print_json(found)
    else:
        _print_status(found)
    if late is not None and any(one.late or (one.uri and one.problem) for one in found.pending):
        raise typer.Exit(1)


def _print_status(found: Status) -> None:
    typer.echo(f"warehouse  {found.url}")
    if not found.exists:
        typer.echo(as_typed("tables     none yet; run: sparkify-etl load"))
    elif not found.at_head:
        has = found.revision or "none"
        advice = as_typed(_lower(found.advice))
        typer.echo(f"tables     revision {has}, expected {found.head}; {advice}")
    else:
        typer.echo(f"tables     revision {found.revision}, as this version expects")
    if found.rows:
        typer.echo("\nrows")
        formatting.print_table(["table", "rows"], [[name, number] for name, number in found.rows.items()])
    if found.loads:
        typer.echo("\nlast loads")
        rows = [
            [load.load_id, formatting.when(load.finished_at), load.mode, load.files, load.loaded, load.rejected]
            for load in found.loads
        ]
        formatting.print_table(["load", "finished", "mode", "files", "loaded", "rejected"], rows)
    _print_failures(found.failures)
    if found.steps and verbosity.verbose:
        typer.echo(f"\nsteps of load {found.loads[0].load_id}")
        steps = [[step.title, step.rows, f"{step.seconds:.3f}"] for step in found.steps]
        formatting.print_table(["step", "rows", "seconds"], steps)
    typer.echo("\nfiles")
    width = max(len(pending.source) for pending in found.pending)
    for pending in found.pending:
        typer.echo(f"  {pending.source:<{width}}  {_pending(pending)}")
        for uri in pending.late_files:
            typer.echo(f"  {'':<{width}}  late: {escape_line(uri)}")
        if (more := pending.late - len(pending.late_files)) > 0:
            typer.echo(f"  {'':<{width}}  and {formatting.count(more, 'more late file')}")
    for drift in found.drift:
        typer.echo(f"\ndrift of load {found.loads[0].load_id}: {drift}")
    for notice in found.notices:
        typer.echo(f"\nnote: {as_typed(notice)}")


def _print_history(warehouse: Warehouse, error: SparkifyError, *, as_json: bool) -> None:
    """Print what is known of an embedded database whose file cannot be opened.

    :param error: the reason, which the command reports when it ends.
    """
    from sparkify.config.secrets import masked_url
    from sparkify.etl.errors import SparkifyError

    url = masked_url(warehouse.url)
    try:
        failures = warehouse.failures()
    except SparkifyError as exc:
        # The history, like the database, may be readable by its owner alone.
        failures = ()
        if str(exc) != str(error):
            warn(str(exc))
    if as_json:
        formatting.print_json({"url": url, "failures": failures})
    else:
        if failures:
            typer.echo(f"warehouse  {url}")
        _print_failures(failures)


def _print_failures(failures: Sequence[FailedLoad]) -> None:
    if not failures:
        return
    typer.echo("\nfailed since the last load that ended well")
    for failure in failures[:_FAILURES]:
        typer.echo(f"  {as_typed(_failed(failure))}")
    if len(failures) > _FAILURES:
        typer.echo(f"  and {formatting.count(len(failures) - _FAILURES, 'more load')} before")


def _failed(failure: FailedLoad) -> str:
    if failure.failed_at is None or failure.seconds is None:
        began = f"{formatting.when(failure.started_at)}: a load that began then"
        return f"{began} {failure.error} (process {failure.pid} on {failure.host})"
    step = "" if failure.step is None else f" in step '{failure.step}'"
    state = "" if failure.state is None else f"; {failure.state}"
    after = formatting.seconds(failure.seconds)
    return f"{formatting.when(failure.failed_at)}{step} after {after}: {failure.error}{state}"


def _lower(sentence: str | None) -> str:
    """A sentence, rewritten to follow a semicolon."""
    return "" if sentence is None else (sentence[:1].lower() + sentence[1:]).removesuffix(".")


def _pending(pending: PendingFiles) -> str:
    if pending.problem:
        return as_typed(pending.problem)
    parts = [f"{formatting.count(pending.files, 'file')} pending ({formatting.size(pending.bytes)})"]
    parts.append(f"{pending.known:,} loaded")
    if pending.changed:
        parts.append(f"{pending.changed:,} written since they were loaded")
    if pending.late:
        parts.append(f"{pending.late:,} late")
    return f"{pending.uri}: {', '.join(parts)}"


def check(
    database: Database = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also load the files again beside the warehouse, and compare.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the tables for rows that violate a check.

    The exit code is 1 if there are any.
    """
    from sparkify.cli.warehouse import open_warehouse

    with open_warehouse(database, read_only=True) as warehouse:
        results = warehouse.check(deep=deep)
    failed = [result for result in results if result.count]
    not_run = [result for result in results if result.not_run]
    if as_json:
        formatting.print_json(results)
    else:
        for result in results:
            if result.ok:
                if not verbosity.quiet:
                    typer.echo(f"ok      {result.name}{f' ({result.note})' if result.note else ''}")
                continue
            if result.not_run:
                typer.echo(f"not run {result.name}: {result.not_run}")
                continue
            typer.echo(f"FAILED  {result.name}: {formatting.count(result.count, 'row')}")
            for row in result.rows:
                typer.echo("          " + ", ".join(f"{key}={value!r}" for key, value in row.items()))
            if result.hint:
                typer.echo(f"          -> {as_typed(result.hint)}")
        outcome = f"{formatting.count(len(failed), 'check')} failed" if failed else "all is well"
        if not_run:
            outcome += f", {len(not_run):,} not run"
        typer.echo(f"{formatting.count(len(results), 'check')}: {outcome}.")
    if failed or not_run:
        raise typer.Exit(1)


def rejects(
    load: Annotated[
        int | None, typer.Argument(metavar="[LOAD]", help="The number of a load; by default all loads.")
    ] = None,
    database: Database = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MOST, metavar="N", help="Show at most N lines.")
    ] = 100,
    as_json: AsJson = False,
) -> None:
    """Show rejected lines: file, line, reason, text."""
    from sparkify.cli.warehouse import open_warehouse

    with open_warehouse(database, read_only=True) as warehouse:
        found = warehouse.rejects(load, limit=limit + 1)
    shown = found[:limit]
    if as_json:
        formatting.print_json(shown)
        return
    for reject in shown:
        typer.echo(f"{reject.uri}:{reject.line}: {reject.reason}")
        typer.echo(f"    {reject.text}")
    if not found:
        echo("No line was rejected.", always=True)
    elif len(found) > limit:
        echo(f"There are more than {limit:,}; see --limit.", always=True)
