"""Questions on the terminal, before something is made or removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

__all__ = ["ask", "confirm", "refuse"]


def confirm(question: str) -> None:
    """Ask a question, and return if the answer is yes.

    :raises ConfigurationError: if it is no, or there is no input.
    """
    with _answered():
        if not typer.confirm(question, err=True):
            refuse()


def ask(question: str) -> str:
    """Ask a question, and return the answer in lower case.

    :raises ConfigurationError: if there is no input.
    """
    with _answered():
        return str(typer.prompt(question, err=True)).strip().lower()


def refuse() -> NoReturn:
    """End the command, because the answer is no."""
    from sparkify.etl.errors import UNCHANGED, ConfigurationError

    raise ConfigurationError("not confirmed", state=UNCHANGED)


@contextmanager
def _answered() -> Iterator[None]:
    try:
        yield
    except typer.Abort as exc:
        # Ctrl-C is a signal here as everywhere else.
        if isinstance(exc.__context__, KeyboardInterrupt):
            raise exc.__context__ from None
        from sparkify.etl.errors import UNCHANGED, ConfigurationError

        raise ConfigurationError("no input", state=UNCHANGED, hint="In a script, give --yes.") from None
