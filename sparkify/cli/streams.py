"""The streams of a command: no secret of the settings passes them, and nothing that would act on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from sparkify.config.secrets import protect_environment, redact
from sparkify.etl.escaping import escape_controls

__all__ = ["discard_stdout", "guarded_streams", "raw", "replace_closed"]


class _Guarded:
    """A stream of text that masks and escapes what is written to it.

    :ivar rich_proxied_file: where rich draws a bar, whose control sequences are its own.
    """

    def __init__(self, stream: TextIO) -> None:
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        """Write the text, without secrets and without control sequences. Returns how long it was."""
        if not isinstance(text, str):
            # As a text stream does: Typer uses this to detect the kind of a stream.
            raise TypeError("a stream of text takes text")
        self.rich_proxied_file.write(escape_controls(redact(text)))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of the texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


class _Messages(_Guarded):
    """The same for what is said beside the answer: where nobody can be told, the command goes on to its end."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Have the system take what was written."""
        with suppress(OSError):
            self.rich_proxied_file.flush()


def raw(stream: TextIO) -> TextIO:
    """The stream behind a guarded one: for rows that a program reads, and for control sequences of our own."""
    return cast("TextIO", getattr(stream, "rich_proxied_file", stream))


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Have stdout and stderr mask and escape what is written to them: tracebacks and warnings of Python too."""
    protect_environment()
    before = sys.stdout, sys.stderr
    sys.stdout = cast("TextIO", _Guarded(sys.stdout))
    sys.stderr = cast("TextIO", _Messages(sys.stderr))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def discard_stdout() -> None:
    """Have stdout lead nowhere from now on: what is in its buffer would fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def replace_closed() -> None:
    """Give this process the streams that whoever started it has closed: they lead nowhere.

    Else the database would be opened under the number of one, and get what a library writes there.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))
