"""The lists of public names in docs/public-api.md, each compared with the code."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import typer

from sparkify.cli import app, load
from sparkify.databases.facts import Fact
from sparkify.doctor import Diagnosis
from sparkify.doctor.plans import Explained
from sparkify.etl import errors
from sparkify.etl.journal import FailedLoad
from sparkify.etl.profiles import Drift
from sparkify.etl.results import (
    CheckResult,
    LoadRecord,
    LoadReport,
    PruneReport,
    Reject,
    SourceReport,
    StepReport,
    TableChange,
)
from sparkify.pipeline import SPARKIFY
from sparkify.redshift.plans import CostlyJoin
from sparkify.warehouse.status import PendingFiles, Status
from tests.support.paths import CLONE

PAGE = (CLONE / "docs" / "public-api.md").read_text(encoding="utf-8")
MODULES = ("sparkify", "sparkify.analytics", "sparkify.models", "sparkify.redshift")


def rows(title: str) -> dict[str, list[str]]:
    """A table of the page: its first column, and the code words in its second."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert section is not None, title
    lines = [line.split("|")[1:-1] for line in section[1].splitlines() if line.startswith("| `")]
    return {first.strip().strip("`"): re.findall(r"`([^`]+)`", second) for first, second, *_ in lines}


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Each command that does something, by its words, and the command itself under an empty text."""
    if not hasattr(command, "commands"):
        yield " ".join(path), command
        return
    if not path:
        yield "", command
    for name, child in command.commands.items():
        # The options of load depend on the pipeline, those of a question on its function.
        if name != "query":
            yield from commands(load.make(SPARKIFY) if name == "load" else child, (*path, name))


def test_names_of_modules() -> None:
    listed = rows("Python")
    assert set(listed) == set(MODULES)
    for module in MODULES:
        assert listed[module] == sorted(importlib.import_module(module).__all__), module


def test_commands_and_their_options() -> None:
    found = {}
    for name, command in commands(typer.main.get_command(app)):
        options = {text for each in command.params for text in each.opts if text.startswith("--")}
        found[f"sparkify-etl {name}".strip()] = sorted(options - {"--install-completion", "--show-completion"})
    listed = rows("Commands")
    # It takes the name of a question, and the options of the function behind it.
    listed.pop("sparkify-etl query")
    assert listed == found


def test_exit_codes() -> None:
    raised = {
        one.exit_code
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.SparkifyError)
    }
    assert raised | {0, 130, 143} == {int(code) for code in rows("Exit codes")}


@pytest.mark.parametrize(
    ("output", "returned"),
    [
        ("load", LoadReport),
        ("load: sources", SourceReport),
        ("load: rejects", Reject),
        ("load: tables", TableChange),
        ("load: checks", CheckResult),
        ("load: steps", StepReport),
        ("load: drift", Drift),
        ("status", Status),
        ("status: loads", LoadRecord),
        ("status: steps", StepReport),
        ("status: drift", Drift),
        ("status: pending", PendingFiles),
        ("status: failures", FailedLoad),
        ("check", CheckResult),
        ("rejects", Reject),
        ("prune", PruneReport),
        ("doctor", Diagnosis),
        ("doctor --cluster-facts", Fact),
        ("doctor --explain", Explained),
        ("doctor --explain: joins", CostlyJoin),
    ],
)
def test_keys_of_json(output: str, returned: Any) -> None:
    assert rows("JSON")[output] == [field.name for field in fields(returned)]


def test_tables_and_their_columns() -> None:
    tables = (*SPARKIFY.tables, *(view.table for view in SPARKIFY.views), *SPARKIFY.ledger.tables)
    # The lock table is only for locking, and has no data.
    found = {table.name: list(table.columns.keys()) for table in tables if table is not SPARKIFY.ledger.lock}
    assert rows("Tables and columns") == found
