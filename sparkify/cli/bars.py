"""Draws the progress of a load on a terminal: bytes, rows, time left."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from sparkify.cli.progress import CommandObserver

__all__ = ["TerminalObserver"]


class _OfReading(ProgressColumn):
    """A column of the bars of reading alone: the progress of a step of SQL is not known."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: Task) -> RenderableType:
        """The column, or nothing."""
        return Text() if task.total is None else self._column.render(task)


class TerminalObserver(CommandObserver):
    """Draws the progress of a load on stderr."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            *(
                _OfReading(column)
                for column in (BarColumn(bar_width=24), DownloadColumn(), TimeRemainingColumn())
            ),
            TextColumn("{task.fields[rows]}"),
            console=Console(stderr=True),
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
            self._reading[source] = self._progress.add_task(title, total=size, rows="")
            self._lines[source] = 0

    def read(self, source: str, size: int, lines: int) -> None:
        self._lines[source] += lines
        rows = f"{self._lines[source]:,} rows"
        self._progress.update(self._reading[source], advance=size, rows=rows)

    def step(self, title: str, number: int, of: int) -> None:
        if self._step is not None:
            self._progress.remove_task(self._step)
        self._step = self._progress.add_task(f"step {number} of {of}: {title}", total=None, rows="")
