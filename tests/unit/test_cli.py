"""Rules of the command line: short help texts, and no mention of Sparkify's data."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

import sparkify.cli
from sparkify.cli import command as running
from sparkify.cli.commands import COMMANDS
from sparkify.cli.load import make
from sparkify.pipeline import SPARKIFY
from tests.support.commands import run_here
from tests.support.shop import SHOP

PACKAGE = Path(sparkify.cli.__file__).parent
SPARKIFYS = re.compile(r"\b(songplays?|plays?|played|users|events|songs?|artists?|log_data|song_data)\b", re.I)


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its name; the questions of ``query`` are Sparkify's."""
    root: Any = typer.main.get_command(sparkify.cli.app)
    for name, command in root.commands.items():
        yield name, command
        for inner, found in getattr(command, "commands", {}).items():
            yield f"{name} {inner}", found


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_help_begins_with_a_short_sentence(name: str, command: Any) -> None:
    first = command.help.split("\n\n")[0]
    assert re.fullmatch(r"[A-Z][^.\n]{10,57}\.", first), (name, first)


def test_help_lists_the_first_sentence_of_each_command() -> None:
    root: Any = typer.main.get_command(sparkify.cli.app)
    listed = {name: sentence for name, (_, sentence) in COMMANDS.items()}
    assert {name: command.help.split("\n\n")[0] for name, command in root.commands.items()} == listed


@pytest.mark.parametrize("name", ["", *COMMANDS, "cluster create", "query top-songs"])
def test_help_fits_80_columns_and_cuts_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    # Typer itself writes dots after an argument that may be repeated.
    shown = run_here("sparkify", *name.split(), "-h").stdout.replace("[TABLE]...", "").replace("[ARGS]...", "")
    assert max(map(len, shown.splitlines())) <= 80
    assert re.findall(r"\.\.\.|…", shown) == ["..."] * shown.count("]...")
    if not name:
        for sentence in (text for _, text in COMMANDS.values()):
            assert f"  {sentence}\n" in shown


def test_modules_register_the_commands_that_are_listed() -> None:
    registered = set()
    for path in PACKAGE.glob("*.py"):
        module = importlib.import_module(f"sparkify.cli.{path.stem}")
        if path.stem != "__init__" and hasattr(module, "register"):
            app = typer.Typer(rich_markup_mode=None, add_completion=False)
            module.register(app)
            app.callback()(lambda: None)
            root: Any = typer.main.get_command(app)
            registered |= {(name, path.stem) for name in root.commands}
    assert registered == {(name, module) for name, (module, _) in COMMANDS.items()}


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_module_has_no_word_of_sparkifys_data(path: Path) -> None:
    # The simulator is Sparkify's and rejects other pipelines; its --help says so.
    found = SPARKIFYS.findall(path.read_text().replace(COMMANDS["generate"][1], ""))
    assert bool(found) == (path.name == "generate.py"), found


def test_load_has_an_option_for_each_source() -> None:
    def flags(command: Any) -> set[str]:
        return {flag for parameter in command.params for flag in parameter.opts}

    assert {"--log-data", "--song-data", "--source", "--only"} <= flags(make(SPARKIFY))
    shop = flags(make(SHOP))
    assert {"--source-orders", "--source-customers"} <= shop
    assert shop & {"--log-data", "--song-data"} == set()


def test_interrupt_of_duckdb_without_its_cause_is_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = RuntimeError("Query interrupted")
    lost.add_note("nothing was changed")
    monkeypatch.setattr(running, "_terminations", [])
    for terminations, code, word in (
        ([], 130, "interrupted"),
        ([running._Stopped(143, "terminated")], 143, "terminated"),
    ):
        monkeypatch.setattr(running, "_terminations", terminations)
        stopped = running._stopped_by(lost)
        assert stopped is not None
        assert (stopped.code, stopped.word, stopped.state) == (code, word, ("nothing was changed",))
    assert running._stopped_by(RuntimeError("another")) is None
