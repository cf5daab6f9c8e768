"""Commands that a message says to run, with those options of the user's own that choose the warehouse.

The library names them as they are where the settings choose it: ``sparkify-etl migrate``. Typed so after
``sparkify-etl load --database own.duckdb``, that would make the tables of another file, and end with 0.
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
    # The options of a question follow its name.
    "config": re.compile("(?!query).*"),
}
"""The options that choose the warehouse, each with the commands that are told of it."""

_given: dict[str, Any] = {}
"""Those of the command that runs."""


def remember(arguments: Mapping[str, Any]) -> None:
    """Keep which warehouse the arguments of a command choose, for :func:`as_typed`."""
    _given.clear()
    _given.update((name, arguments[name]) for name in _OPTIONS if arguments.get(name))


def as_typed(text: str) -> str:
    """A text in which each command is about the warehouse of the command that runs.

    A database whose URL may hold a secret is not printed: the text ends by saying that it is to be given again.
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
    """An option as a shell takes it, in one line."""
    from sparkify.etl.escaping import escape_line

    yield f"--{name}"
    if value is not True:
        yield escape_line(shlex.quote(str(value)))


def _may_hold_secret(url: str) -> bool:
    from sparkify.config.secrets import masked

    return masked(url) != url
