"""``sparkify-etl query``: the questions of the pipeline, each a command with the options of its function."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from sparkify.cli import completion, formatting
from sparkify.cli.command import build, option_parameter
from sparkify.cli.messages import echo
from sparkify.cli.options import MOST, AsJson, Database
from sparkify.cli.pipeline import chosen_pipeline
from sparkify.cli.times import parse_moment
from sparkify.cli.writing import AsCsv, CsvSafe, InFormat, Output, Target, target

if TYPE_CHECKING:
    from sparkify.databases.rows import Rows
    from sparkify.etl.questions import Question

__all__ = ["register"]

_HELP = {
    "since": "From this moment on (UTC): 2018-11-01 or 2018-11-01T12:00.",
    "until": "Before this moment (UTC), which is itself outside.",
    "tz": "The zone of hours, weekdays, days and weeks, such as America/Los_Angeles.",
}
_BEFORE = ("as_json", "as_csv", "form", "output", "sql", "dialect")
"""The options that may be given before the name of the question or after it; the one after it overrides."""

AsSql = Annotated[bool, typer.Option("--sql", help="Print the SQL without connecting.")]
InDialect = Annotated[
    str | None,
    typer.Option(
        "--dialect",
        metavar="NAME",
        autocompletion=completion.dialects,
        help="The database that --sql is for.",
    ),
]


class _Questions(typer.core.TyperGroup):
    """A group whose commands are built on demand, from the functions of the questions."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(_questions_for(ctx))

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        questions = _questions_for(ctx)
        if question := questions.get(cmd_name):
            return _command(question)
        if ctx.resilient_parsing:
            return None
        from sparkify.etl.errors import ConfigurationError
        from sparkify.etl.suggestions import did_you_mean

        hint = did_you_mean(cmd_name, questions) or "Run: sparkify-etl query --list"
        raise ConfigurationError(f"{cmd_name!r} is not a question", hint=hint)


def _questions_for(ctx: typer.Context) -> Mapping[str, Question]:
    """The questions; none if they cannot be loaded during shell completion."""
    from sparkify.etl.errors import SparkifyError

    try:
        return _questions()
    except SparkifyError:
        if ctx.resilient_parsing:
            return {}
        raise


def _questions() -> Mapping[str, Question]:
    """The questions of the pipeline, by name."""
    pipeline = chosen_pipeline()
    if pipeline.questions is None:
        from sparkify.etl.errors import ConfigurationError

        raise ConfigurationError(
            f"the pipeline {pipeline.name} has no questions", hint="Name their module in Pipeline.questions."
        )
    found: Mapping[str, Question] = import_module(pipeline.questions).QUESTIONS
    return found


def register(app: typer.Typer) -> None:
    """Add the command."""
    group = typer.Typer(
        cls=_Questions,
        invoke_without_command=True,
        subcommand_metavar="NAME [OPTIONS]",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    group.callback()(query)
    app.add_typer(group, name="query")


def query(
    context: typer.Context,
    as_list: Annotated[bool, typer.Option("--list", help="List the questions.")] = False,
    sql: AsSql = False,
    dialect: InDialect = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    form: InFormat = None,
    output: Output = None,
) -> None:
    """Answer a question by its name."""
    if context.invoked_subcommand is not None:
        if as_list:
            from sparkify.etl.errors import ConfigurationError

            raise ConfigurationError(
                "--list lists the questions: give it without the name of one",
                hint=f"Run: sparkify-etl query {context.invoked_subcommand} --help",
            )
        context.obj = {name: context.params[name] for name in _BEFORE}
        return
    if as_csv or form or output:
        from sparkify.etl.errors import ConfigurationError

        raise ConfigurationError(
            "the list of the questions is a table, or JSON with --json",
            hint="For --csv, --format and -o name a question.",
        )
    known = [
        {"name": question.name, "answer": _first_sentence(question.ask)} for question in _questions().values()
    ]
    if as_json:
        formatting.print_json(known)
    else:
        formatting.print_table(["name", "answer"], [list(row.values()) for row in known], indent="")


def _command(question: Question) -> Any:
    def run(**arguments: Any) -> None:
        context = arguments.pop("context")
        database = arguments.pop("database")
        before = context.obj or {}
        as_json, as_csv, form, output, sql, dialect = (
            arguments.pop(name) or before.get(name) for name in _BEFORE
        )
        csv_safe = arguments.pop("csv_safe")
        to = target(form, output, as_json=bool(as_json), as_csv=bool(as_csv), csv_safe=csv_safe)
        statement = question.ask(**arguments)
        if sql and (form or output):
            from sparkify.etl.errors import ConfigurationError

            raise ConfigurationError("--sql prints the SQL: give it without --format and -o")
        if sql:
            _print_sql(statement, database, dialect)
            return
        _answer(statement, database, to, question.measure)

    run.__doc__ = _help(question.ask)
    run.__signature__ = inspect.Signature([*_common()[:1], *_options(question.ask), *_common()[1:]])  # type: ignore[attr-defined]
    made = build(question.name, run)
    made.short_help = _first_sentence(question.ask)
    return made


def _answer(statement: Any, database: str | None, to: Target, measure: str) -> None:
    from sparkify.cli.results import answer_table
    from sparkify.cli.warehouse import open_warehouse
    from sparkify.databases import write_parquet

    def table(rows: Rows, terminal: bool) -> Iterator[str]:
        lines = list(answer_table(rows, terminal, measure))
        if not lines:
            echo("No row of that period.", always=True)
        return iter(lines)

    with open_warehouse(database, read_only=True) as warehouse:
        to.refuse_files_of(warehouse.database)
        asked = warehouse.query(statement)

        def parquet(file: Path) -> None:
            with asked.open() as rows:
                write_parquet(rows, file)

        # Every timestamp that a question returns is in UTC.
        to.write(asked.open, table=table, parquet=parquet, utc=True)


def _print_sql(statement: Any, database: str | None, dialect: str | None) -> None:
    from sparkify.cli.warehouse import open_warehouse
    from sparkify.warehouse.query import sql_text

    if dialect is None:
        with open_warehouse(database) as warehouse:
            dialect = warehouse.database.name
    formatting.print_sql(f"{sql_text(statement, dialect)};")


# -- options, from a signature and a docstring -------------------------------------------------------------


def _common() -> list[inspect.Parameter]:
    from sparkify.databases import names

    text = f"The database that --sql is for, else the warehouse's: {', '.join(names())}."
    dialect = typer.Option("--dialect", metavar="NAME", autocompletion=completion.dialects, help=text)
    annotations: dict[str, tuple[Any, Any]] = {
        "context": (typer.Context, inspect.Parameter.empty),
        "database": (Database, None),
        "as_json": (AsJson, False),
        "as_csv": (AsCsv, False),
        "csv_safe": (CsvSafe, None),
        "form": (InFormat, None),
        "output": (Output, None),
        "sql": (AsSql, False),
        "dialect": (Annotated[str | None, dialect], None),
    }
    return [option_parameter(name, annotation, default) for name, (annotation, default) in annotations.items()]


def _options(ask: Callable[..., Any]) -> list[inspect.Parameter]:
    described = _described(ask)
    return [
        _option(parameter, described.get(name) or _HELP.get(name, ""))
        for name, parameter in inspect.signature(ask, eval_str=True).parameters.items()
    ]


def _option(parameter: inspect.Parameter, text: str) -> inspect.Parameter:
    """A parameter of the function as an option, or as an argument if it has no default."""
    name, default = parameter.name, parameter.default
    flag = f"--{name.replace('_', '-')}"
    if default is inspect.Parameter.empty:
        return option_parameter(name, Annotated[parameter.annotation, typer.Argument(help=text)], default)
    if name in ("since", "until"):
        time = typer.Option(flag, parser=parse_moment, metavar="TIME", help=text)
        return option_parameter(name, Annotated[datetime | None, time], default)
    if name == "tz":
        zone = typer.Option(flag, metavar="ZONE", autocompletion=completion.zones, help=text)
        return option_parameter(name, Annotated[str, zone], default)
    kind = parameter.annotation
    if kind in (int, int | None):
        return option_parameter(
            name, Annotated[kind, typer.Option(flag, min=1, max=MOST, metavar="N", help=text)], default
        )
    if kind is bool:
        flag = f"{flag}/--no-{flag.removeprefix('--')}"
    return option_parameter(name, Annotated[kind, typer.Option(flag, help=text)], default)


def _documented(ask: Callable[..., Any]) -> str:
    text = inspect.getdoc(ask) or ""
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", lambda role: role[1].replace("_", "-"), text)
    return text.replace("``", "")


def _help(ask: Callable[..., Any]) -> str:
    return re.split(r"^:", _documented(ask), maxsplit=1, flags=re.MULTILINE)[0].strip()


def _first_sentence(ask: Callable[..., Any]) -> str:
    first = " ".join(_help(ask).split("\n\n")[0].split())
    return re.split(r"[:.](?: |$)", first)[0] + "."


def _described(ask: Callable[..., Any]) -> dict[str, str]:
    """The description of each parameter, from the docstring."""
    found = re.findall(r"^:param (\w+): (.+?)(?=^:|\Z)", _documented(ask), re.MULTILINE | re.DOTALL)
    return {name: _as_sentence(" ".join(text.split())) for name, text in found}


def _as_sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
