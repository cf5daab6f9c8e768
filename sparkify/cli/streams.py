"""Guards the streams of a command: masks the secrets of the settings, and escapes control sequences."""

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
    """A text stream that masks and escapes what is written to it.

    :ivar rich_proxied_file: the stream behind it. rich uses it by this name, and draws its bars unescaped.
    """

    def __init__(self, stream: TextIO) -> None:
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        """Write the text with secrets masked and control sequences escaped. Returns its length."""
        if not isinstance(text, str):
            # As a text stream does: Typer uses this to detect the kind of stream.
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
    """The same for stderr: if messages cannot be written, the command still runs to its end."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream, ignoring errors of the system."""
        with suppress(OSError):
            self.rich_proxied_file.flush()


def raw(stream: TextIO) -> TextIO:
    """The stream behind a guarded one: for rows that a program reads, and for our own control sequences."""
    return cast("TextIO", getattr(stream, "rich_proxied_file", stream))


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Mask and escape what is written to stdout and stderr, including Python's tracebacks and warnings."""
    protect_environment()
    before = sys.stdout, sys.stderr
    sys.stdout = cast("TextIO", _Guarded(sys.stdout))
    sys.stderr = cast("TextIO", _Messages(sys.stderr))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def discard_stdout() -> None:
    """Point stdout at the null device: what is in its buffer would otherwise fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def replace_closed() -> None:
    """Open the null device in place of each standard stream that the parent process has closed.

    Otherwise the database would be opened under the number of one, and receive what a library writes there.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))
