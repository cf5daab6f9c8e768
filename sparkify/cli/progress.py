"""Observes a load without drawing its progress: writes what is loaded, and the warnings."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from sparkify.cli.messages import echo, warn
from sparkify.etl.observer import Observer

__all__ = ["CommandObserver"]


class CommandObserver(Observer):
    """Writes what is loaded, and the warnings, to stderr. Use it in a ``with`` statement."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: there is nothing to close."""

    def loading(self, sources: Mapping[str, str], warehouse: str) -> None:
        echo(f"Loading {' and '.join(f'{name} from {uri}' for name, uri in sources.items())} into {warehouse}")

    def warning(self, message: str) -> None:
        warn(message)
