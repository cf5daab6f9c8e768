"""Adds the options that choose the warehouse, as the user gave them, to the commands that a message names.

The library names commands as if the settings chose the warehouse: ``sparkify-etl migrate``. Run like that after
``sparkify-etl load --database own.duckdb``, it would create the tables in another file, and exit with 0.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from sparkify.cli.pipeline import option_given

__all__ = ["as_typed", "remember"]

_COMMAND = re.compile(r"\bsparkify-etl (?P<name>cluster [a-z]+|[a-z]+)\b")

_OPTIONS: Mapping[str, re.Pattern[str]] = {
    "database": re.compile("check|doctor|load|migrate|prune|rejects|report|snapshot|sql|status"),
    "cluster": re.compile("cluster .*"),
    "region": re.compile("cluster .*"),
    "serverless": re.compile("cluster (create|status|destroy)"),
    # Not query: the options of a question follow its name.
    "config": re.compile("(?!query).*"),
}
"""The options that choose the warehouse, each with the commands that it is added to."""

_given: dict[str, Any] = {}
"""The values of these options that the running command was given."""


def remember(arguments: Mapping[str, Any]) -> None:
    """Remember the arguments of a command that choose the warehouse, for :func:`as_typed`."""
    _given.clear()
    _given.update((name, arguments[name]) for name in _OPTIONS if arguments.get(name))


def as_typed(text: str) -> str:
    """The text, with each command in it completed to use the warehouse of the running command.

    A database URL that may hold a secret is not printed: the text ends by asking to give the same one again.
    """
    hidden = False

    def with_options(found: re.Match[str]) -> str:
        nonlocal hidden
        pipeline = option_given()
        parts = ["sparkify-etl", *(_written("pipeline", pipeline) if pipeline else ()), found["name"]]
        for name, commands in _OPTIONS.items():
            if name not in _given or not commands.fullmatch(found["name"]):
                continue
            if name == "database" and _may_hold_secret(_given[name]):
                hidden = True
            else:
                parts += _written(name, _given[name])
        return " ".join(parts)

    changed = _COMMAND.sub(with_options, text)
    return f"{changed}, with the same --database" if hidden else changed


def _written(name: str, value: str | bool) -> Iterator[str]:
    """The parts of an option, quoted for a shell and without line breaks."""
    from sparkify.etl.escaping import escape_line

    yield f"--{name}"
    if value is not True:
        yield escape_line(shlex.quote(str(value)))


def _may_hold_secret(url: str) -> bool:
    from sparkify.config.secrets import masked

    return masked(url) != url
