"""``sparkify-etl load``, with the options of every load and one for each source of the pipeline."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sparkify.cli import completion, formatting
from sparkify.cli.command import build, command, option_parameter
from sparkify.cli.messages import echo, telling, verbosity, warn
from sparkify.cli.options import AsJson, Database
from sparkify.cli.remedies import as_typed

if TYPE_CHECKING:
    from sparkify.cli.progress import CommandObserver
    from sparkify.etl.declarations import Pipeline
    from sparkify.etl.dry_run import PlannedStep
    from sparkify.etl.results import LoadReport, SourceReport

__all__ = ["make", "register"]

_OPTIONS: Mapping[str, tuple[Any, Any]] = {
    # Without Typer's min: LoadRequest refuses a negative number, here as in a notebook.
    "max_rejects": (
        Annotated[
            int, typer.Option("--max-rejects", metavar="N", help="Load although up to N lines are rejected.")
        ],
        0,
    ),
    "full_refresh": (
        Annotated[bool, typer.Option("--full-refresh", help="Rebuild the tables from all files.")],
        False,
    ),
    "reload_changed": (
        Annotated[bool, typer.Option("--reload-changed", help="Rebuild them if a loaded file has changed.")],
        False,
    ),
    "allow_missing": (
        Annotated[bool, typer.Option("--allow-missing", help="Rebuild them although loaded files are gone.")],
        False,
    ),
    "on_drift": (
        Annotated[
            Literal["warn", "stop"],
            typer.Option("--on-drift", help="What to do if files differ from those before."),
        ],
        "warn",
    ),
    "verify": (
        Annotated[bool, typer.Option("--verify", help="Read loaded files again; stop if one has changed.")],
        False,
    ),
    "lock_timeout": (
        Annotated[
            float,
            typer.Option("--lock-timeout", metavar="SECONDS", help="How long to wait for another load to end."),
        ],
        60,
    ),
}
"""The options that :meth:`Warehouse.load` takes under the same names, each with its default."""


def register(app: typer.Typer) -> None:
    """Add the command without options for the sources; :func:`make` builds the one that runs."""
    command(app, "load")(load)


def make(pipeline: Pipeline) -> Any:
    """The command, with an option for each source of a pipeline."""

    def run(**arguments: Any) -> None:
        load(**arguments)

    fixed = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(load, eval_str=True).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    locations = [
        option_parameter(source.location.setting, _location_option(source.location), None)
        for source in pipeline.sources
    ]
    options = [option_parameter(name, annotation, default) for name, (annotation, default) in _OPTIONS.items()]
    run.__doc__ = load.__doc__
    run.__signature__ = inspect.Signature([*fixed[:1], *locations, *fixed[1:3], *options, *fixed[3:]])  # type: ignore[attr-defined]
    return build("load", run)


def load(
    database: Database = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="NAME=URI",
            autocompletion=completion.locations,
            help="Where the files of a source are; repeatable.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAME",
            autocompletion=completion.sources,
            help="Load this source alone; repeatable.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the SQL of the load, and write nothing.")
    ] = False,
    as_json: AsJson = False,
    **arguments: Any,
) -> None:
    """Load new files in one transaction."""
    from sparkify.cli.warehouse import open_warehouse
    from sparkify.etl.errors import COMMITTED, ConfigurationError

    options = {name: arguments.pop(name) for name in _OPTIONS}
    with open_warehouse(database) as warehouse:
        options["only"] = only or None
        options["sources"] = _locations(warehouse.pipeline, arguments, source or ())
        if dry_run:
            _print_plan(warehouse.explain(**options), as_json=as_json)
            return
        if warehouse.database.is_embedded and warehouse.database.file is None:
            raise ConfigurationError(
                "a database in memory is gone when the command ends",
                where=str(warehouse.url),
                hint="Name a file, such as duckdb:///sparkify.duckdb.",
            )
        with _observer() as observer:
            report = warehouse.load(observer=observer, **options)
        with telling(COMMITTED):
            if as_json:
                formatting.print_json(report)
            else:
                _print_report(report, warehouse.pipeline)


def _observer() -> CommandObserver:
    """An observer that draws a bar on a terminal. Elsewhere rich, which draws it, is not imported."""
    if verbosity.shows_progress and sys.stderr.isatty():
        from sparkify.cli.bars import TerminalObserver

        return TerminalObserver()
    from sparkify.cli.progress import CommandObserver

    return CommandObserver()


def _location_option(location: Any) -> Any:
    flag = f"--{location.setting.replace('_', '-')}"
    text = f"{location.description[:1].upper()}{location.description[1:]}."
    return Annotated[str | None, typer.Option(flag, metavar="URI", help=text)]


def _locations(pipeline: Pipeline, given: Mapping[str, str | None], pairs: Sequence[str]) -> dict[str, str]:
    """The locations of files, by the names of their sources.

    :param given: the locations by the setting of each source; None if not given.
    :param pairs: texts of the form NAME=URI.
    """
    from sparkify.etl.errors import ConfigurationError

    found = {
        source.name: uri
        for source in pipeline.sources
        if (uri := given.get(source.location.setting)) is not None
    }
    for pair in pairs:
        name, _, uri = pair.partition("=")
        if not name or not uri:
            example = f"{pipeline.sources[0].name}=s3://bucket/prefix"
            raise ConfigurationError(
                "is not NAME=URI", where=f"--source {pair}", hint=f"Write it like {example}."
            )
        if name in found:
            raise ConfigurationError(f"the source {name} is given twice", where=f"--source {pair}")
        found[name] = uri
    return found


# -- output ------------------------------------------------------------------------------------------------


def _print_plan(steps: Sequence[PlannedStep], *, as_json: bool) -> None:
    if as_json:
        formatting.print_json(steps)
    elif not steps:
        echo("Nothing new: every file was loaded before.", always=True)
    else:
        for step in steps:
            formatting.print_sql(f"-- {step.title}")
            for statement in step.statements:
                formatting.print_sql(f"{statement};\n")


def _print_report(report: LoadReport, pipeline: Pipeline) -> None:
    if passed_over := _passed_over(report):
        echo(passed_over)
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
        warn(f"rejected {reject}")
    for drift in report.drift:
        warn(str(drift))
    typer.echo(_summary(report, pipeline))


def _passed_over(report: LoadReport) -> str | None:
    """What is not read below the locations of the sources, counted by reason, in one line; None if nothing."""
    parts = []
    for source in report.sources:
        counts = [
            f"{number:,} {reason}"
            for reason, number in sorted(source.skipped.items())
            if reason != "directory marker" or verbosity.verbose
        ]
        if counts:
            parts.append(f"{', '.join(counts)} below {source.uri}")
    return f"Passed over: {'; '.join(parts)}." if parts else None


def _summary(report: LoadReport, pipeline: Pipeline) -> str:
    """The last line: what was read, what was rejected, and what the warehouse now contains."""
    read = " and ".join(_read(source) for source in report.sources if source.files)
    rejected = sum(source.rejected for source in report.sources)
    see = as_typed(f"sparkify-etl rejects {report.load_id}")
    rejects = f"{formatting.count(rejected, 'line')} rejected (see: {see})" if rejected else "no line rejected"
    what = "Rebuilt from" if report.mode == "full refresh" else "Loaded"
    has = (
        f"{formatting.count(sum(report.rows.values()), 'row')} in {formatting.count(len(report.rows), 'table')}"
        if pipeline.summary is None
        else pipeline.summary(report.rows)
    )
    return (
        f"{what} {read} in {formatting.seconds(report.seconds)}: load {report.load_id}, {rejects}; "
        f"the warehouse has {has}."
    )


def _read(source: SourceReport) -> str:
    # The name of a source may be a plural or any other word, so it has no singular.
    loaded = formatting.count(source.loaded, f"line of {source.name}", source.name)
    return f"{loaded} from {formatting.count(source.files, 'file')}"
