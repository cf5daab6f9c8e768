"""Output of ``sparkify-etl cluster``: its plan, its progress, and its result."""

from __future__ import annotations

import dataclasses
import json
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from sparkify.cli import formatting
from sparkify.cli.messages import echo, verbosity, warn
from sparkify.cli.remedies import as_typed
from sparkify.cli.streams import raw

if TYPE_CHECKING:
    from sparkify.provision import Call, Created, ProvisionObserver, State

__all__ = ["as_dict", "observer", "print_created", "print_plan", "print_state"]


_CLEAR = "\r\x1b[K"
"""Moves to the beginning of the line of a terminal and clears it."""


def observer(begun: list[str]) -> ProvisionObserver:
    """An observer that writes to stderr.

    :param begun: receives the title of each call that is sent, and the name of what AWS is working on.
    """
    from sparkify.provision import ProvisionObserver

    class StderrObserver(ProvisionObserver):
        """Writes to stderr: each call, each change of state, and on a terminal the elapsed time."""

        def __init__(self) -> None:
            self._terminal = sys.stderr.isatty() and not verbosity.quiet
            self._last = ""

        def sending(self, call: Call) -> None:
            begun.append(call.title)
            self._line(call.title)

        def waiting(self, noun: str, state: str, seconds: float) -> None:
            begun.append(noun)
            if self._terminal:
                raw(sys.stderr).write(_CLEAR)
                typer.echo(f"{noun}: {state}, {formatting.seconds(seconds)}", err=True, nl=False)
            elif self._last != f"{noun} {state}":
                echo(f"{noun}: {state}")
            self._last = f"{noun} {state}"

        def settled(self, noun: str, state: str) -> None:
            self._line(f"{noun}: {state}")

        def warning(self, message: str) -> None:
            self._line("")
            warn(message)

        def _line(self, text: str) -> None:
            if self._terminal and self._last:
                raw(sys.stderr).write(_CLEAR)
            self._last = ""
            if text:
                echo(text)

    return StderrObserver()


def print_plan(calls: Sequence[Call], cost: Any, *, as_json: bool) -> None:
    """Print the calls that would be sent, secrets masked, and the cost."""
    if as_json:
        plan = [
            {"service": call.service, "operation": call.operation, "params": call.masked()} for call in calls
        ]
        formatting.print_json({"calls": plan, "estimate": cost})
        return
    for call in calls:
        typer.echo(f"# {call.title}")
        typer.echo(f"{call.service} {call.operation}")
        for name, value in call.masked().items():
            # Policies are what people read such a plan for, so they are indented.
            text = (
                value
                if isinstance(value, str)
                else json.dumps(value, indent=2 if isinstance(value, dict) else None)
            )
            typer.echo(textwrap.indent(f"{name} = {text}", "    "))
        typer.echo("")
    echo(
        f"{formatting.count(len(calls), 'call')}; nothing was sent, and AWS was not asked. "
        "What is done already is left out of the real run, and what is not ours is left as it is."
    )
    if cost is not None:
        typer.echo(f"Cost: {cost}")


def as_dict(value: Any) -> dict[str, Any]:
    """The fields of a result by name, so that others can be added."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def print_created(made: Created, wrote: dict[str, str]) -> None:
    """Print what exists now, and what was written into the settings file."""
    from sparkify.config.dwhcfg import config_file

    typer.echo(f"{made.kind} warehouse {made.identifier}: {made.state}")
    typer.echo(
        as_typed(f"host      {made.host or 'none while it is paused; run: sparkify-etl cluster resume'}")
    )
    typer.echo(f"role      {made.role_arn}")
    if made.secret_arn:
        typer.echo(f"password  kept by AWS Secrets Manager: {made.secret_arn}")
    typer.echo(f"wrote     {', '.join(wrote)} into {config_file()}")
    typer.echo(f"cost      {made.estimate}")
    echo("Next: sparkify-etl doctor, then sparkify-etl migrate and sparkify-etl load.")


def print_state(found: State) -> None:
    """Print what exists of the warehouse in AWS."""
    typer.echo(
        f"{found.kind} warehouse {found.identifier} in {found.region}, account {found.account}: {found.state}"
    )
    if found.host:
        typer.echo(f"host    {found.host}:{found.port}")
    if found.public is not None:
        yes_no = {True: "yes", False: "no", None: "unknown"}
        typer.echo(f"public  {yes_no[found.public]}; encrypted: {yes_no[found.encrypted]}")
    if found.estimate is not None:
        typer.echo(f"cost    {found.estimate}")
    if found.parts:
        rows = [[part.name, part.state, "yes" if part.ours else "NO", part.detail] for part in found.parts]
        formatting.print_table(["part", "state", "ours", ""], rows)
    if found.state == "absent":
        echo("Run sparkify-etl cluster create, or check DWH_CLUSTER_IDENTIFIER and REGION.")
