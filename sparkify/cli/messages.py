"""Output of a command on stderr: messages, warnings and errors, as text or JSON, and its verbosity."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import typer

from sparkify.cli.remedies import as_typed

__all__ = ["LogFormat", "Verbosity", "complain", "echo", "telling", "verbosity", "warn"]

LogFormat = Literal["text", "json"]


class Verbosity:
    """How much is written to stderr, and in which format. Set when a command begins."""

    quiet = False
    verbose = False
    debug = False
    log_format: LogFormat = "text"

    @property
    def shows_progress(self) -> bool:
        """Whether a bar may be drawn: not with ``-q``, nor among the lines of a log."""
        return not (self.quiet or self.verbose or self.debug or self.log_format == "json")


verbosity = Verbosity()


def complain(message: str, label: str = "error: ") -> None:
    """Write an error."""
    if verbosity.log_format == "text" and label and sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        from sparkify.cli.streams import raw

        raw(sys.stderr).write(typer.style(label, fg=typer.colors.RED, bold=True))
        label = ""
    _write("ERROR", message, label)


def warn(message: str) -> None:
    """Write a warning, which does not stop the command, to stderr, unless ``-q`` was given."""
    from sparkify.etl.escaping import escape_line

    if not verbosity.quiet:
        _write("WARNING", as_typed(escape_line(message)), "warning: ")


@contextmanager
def telling(done: str) -> Iterator[None]:
    """Only warn if the block cannot write to stdout, because what it reports has already happened.

    :param done: what has happened, such as ``the load was committed``.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as exc:
        from sparkify.cli.streams import discard_stdout

        discard_stdout()
        warn(f"stdout cannot be written: {exc.strerror}; {done}")


def echo(message: str, *, always: bool = False) -> None:
    """Write a line to stderr, unless ``-q`` was given."""
    from sparkify.etl.escaping import escape_line

    if always or not verbosity.quiet:
        _write("INFO", as_typed(escape_line(message)))


def _write(level: str, message: str, label: str = "") -> None:
    if verbosity.log_format == "json":
        from sparkify.cli import logs

        logs.write_record(level, message)
    else:
        typer.echo(f"{label}{message}", err=True)
