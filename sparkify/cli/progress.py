"""The progress of a load on a terminal: bytes, rows, time left. Nothing where there is no terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from sparkify.cli.run import warn
from sparkify.etl.progress import Observer

__all__ = ["TerminalObserver"]


class TerminalObserver(Observer):
    """Shows how a load goes on, on stderr."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown and sys.stderr.isatty()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TextColumn("{task.fields[lines]:>12,} rows"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not self._shown,
            transient=True,
        )
        self._reading: dict[str, TaskID] = {}
        self._lines: dict[str, int] = {}
        self._step: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def reading(self, source: str, files: int, size: int) -> None:
        if source not in self._reading:
            title = f"reading {source} ({files:,} files)"
            self._reading[source] = self._progress.add_task(title, total=size, lines=0)
            self._lines[source] = 0

    def read(self, source: str, size: int, lines: int) -> None:
        self._lines[source] += lines
        self._progress.update(self._reading[source], advance=size, lines=self._lines[source])

    def step(self, title: str, number: int, of: int) -> None:
        if not self._shown:
            return
        if self._step is not None:
            self._progress.remove_task(self._step)
        self._step = self._progress.add_task(f"step {number} of {of}: {title}", total=None, lines=0)

    def warning(self, message: str) -> None:
        warn(message)
