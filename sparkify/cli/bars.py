"""Draws the progress of a load on a terminal: one bar from the first file to the last step.

Reading fills half of the bar, by bytes; the steps fill the other half, by number: no database reports how far
a step of SQL has got.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn
from rich.table import Column
from rich.text import Text

from sparkify.cli.progress import CommandObserver
from sparkify.cli.streams import raw

__all__ = ["TerminalObserver"]

_NARROW = 70
"""On a terminal with fewer columns the bar is short."""


class _Elapsed(ProgressColumn):
    """How long the load has taken so far: ``0:07``, ``1:02:03``."""

    def render(self, task: Task) -> Text:
        """The time, to the second."""
        minutes, seconds = divmod(int(task.elapsed or 0), 60)
        hours, minutes = divmod(minutes, 60)
        return Text(f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}")


class TerminalObserver(CommandObserver):
    """Draws the progress of a load on stderr, in one line that is never wider than the terminal.

    :param console: where to draw; by default stderr.
    """

    def __init__(self, console: Console | None = None) -> None:
        # The raw stream: the control sequences are ours. Other output still passes the guarded stream.
        console = console or Console(file=raw(sys.stderr))
        self._progress = Progress(
            BarColumn(bar_width=10 if console.width < _NARROW else 24),
            TaskProgressColumn(table_column=Column(no_wrap=True, min_width=4, justify="right")),
            _Elapsed(table_column=Column(no_wrap=True, min_width=4, justify="right")),
            TextColumn("{task.fields[rows]}", table_column=Column(no_wrap=True, min_width=8)),
            # Takes the rest of the line, and is truncated at the end.
            TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
            console=console,
            expand=True,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=1, rows="", start=False)
        self._sources = 1
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._sizes: dict[str, int] = {}
        self._bytes: dict[str, int] = {}
        self._lines = 0
        self._number, self._of = 1, 1
        self._last_read = 0
        self._done = 0.0

    def __enter__(self) -> Self:
        self._progress.start_task(self._task)
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def loading(self, sources: Mapping[str, str], warehouse: str) -> None:
        with self._aside():
            super().loading(sources, warehouse)
        self._sources = max(len(sources), 1)

    def reading(self, source: str, files: int, size: int) -> None:
        self._sizes[source], self._bytes[source] = size, 0
        self._last_read = self._number
        self._draw(f"reading {source} ({files:,} {'file' if files == 1 else 'files'})")

    def read(self, source: str, size: int, lines: int) -> None:
        self._bytes[source] += size
        self._lines += lines
        self._draw()

    def step(self, title: str, number: int, of: int) -> None:
        if number < self._number:
            # The whole transaction is being retried.
            self._begin_anew()
        self._number, self._of = number, of
        self._draw(f"step {number} of {of}: {title}")

    def warning(self, message: str) -> None:
        with self._aside():
            super().warning(message)

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Remove the bar while a line is written, which would otherwise end up behind the bar."""
        started = self._progress.live.is_started
        self._progress.stop()
        yield
        if started:
            self._progress.start()

    def _draw(self, description: str | None = None) -> None:
        # Never backwards within an attempt, even if something is read, and so counted, a second time.
        self._done = max(self._done, (self._read_share() + (self._number - 1) / self._of) / 2)
        rows = f"{self._lines:,} rows" if self._lines else ""
        self._progress.update(self._task, completed=self._done, rows=rows, description=description)

    def _read_share(self) -> float:
        if self._last_read and self._number > self._last_read + 1:
            # Sources without new files are not read.
            return 1
        shares = (min(self._bytes[name] / size, 1) if size else 1 for name, size in self._sizes.items())
        return min(sum(shares) / self._sources, 1)
