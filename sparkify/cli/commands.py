"""The commands by name: each is built, and its module imported, on first use.

``--help`` lists them without building them, which would take as long as everything else it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any

import typer
import typer.core
import typer.main

__all__ = ["COMMANDS", "Commands"]

COMMANDS: Mapping[str, tuple[str, str]] = {
    "load": ("load", "Load new files in one transaction."),
    "status": ("inspect", "Show the rows, the last loads and the pending files."),
    "check": ("inspect", "Check the tables for rows that violate a check."),
    "rejects": ("inspect", "Show rejected lines: file, line, reason, text."),
    "report": ("report", "Write the report, one page of HTML."),
    "schema": ("schema", "Describe the tables and their columns in Markdown."),
    "migrate": ("migrate", "Migrate the tables to a revision, by default the newest."),
    "prune": ("prune", "Remove old rejected lines and loads from the ledger."),
    "snapshot": ("snapshot", "Copy a DuckDB warehouse to another file."),
    "config": ("config", "Show each setting and its origin, secrets masked."),
    "generate": ("generate", "Write simulated logs and songs of Sparkify to load."),
    "doctor": ("doctor", "Check that a load can run."),
    "query": ("query", "Answer a question by its name."),
    "sql": ("sql", "Run SQL of your own, which can only read."),
    "cluster": ("cluster", "Create, inspect, pause or destroy a warehouse in AWS."),
}
"""In the order of ``--help``: for each command, the module here that registers it, and what it does."""


class _Built(MutableMapping[str, Any]):
    """Every command by name, built on first use."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            module, _ = COMMANDS[name]
            app = typer.Typer(rich_markup_mode=None, add_completion=False)
            import_module(f"sparkify.cli.{module}").register(app)
            # A callback makes it a group, even if it registers only one command.
            app.callback()(lambda: None)
            group: Any = typer.main.get_group(app)
            self._built |= group.commands
        return self._built[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        raise TypeError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Commands(typer.core.TyperGroup):
    """The group of all commands. ``load`` is built when run, because its options depend on the pipeline."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": _Built()})

    def list_commands(self, ctx: Any) -> list[str]:
        """The names."""
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The name of the command, the command, and the remaining arguments."""
        name, found, rest = super().resolve_command(ctx, args)
        if name == "load":
            from sparkify.cli.load import make
            from sparkify.cli.pipeline import chosen_pipeline
            from sparkify.etl.errors import SparkifyError

            try:
                found = make(chosen_pipeline())
            except SparkifyError:
                # During shell completion, nobody would see an error.
                if not ctx.resilient_parsing:
                    raise
        return name, found, rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the names, and what each command does."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in COMMANDS.items()])
