"""Measure commands: wall time, processor time and peak memory of one, or of several run in turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CommandFailed", "Measurement", "in_turns", "measure", "median"]

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""In bytes: macOS reports peak memory in bytes, Linux in KiB."""


class CommandFailed(Exception):
    """A measured command ended with an error; the text is the end of what it wrote to stderr."""


@dataclass(frozen=True)
class Measurement:
    """What one process and its children took.

    :ivar wall: seconds from start to end.
    :ivar processor: seconds of processor time, in user and system mode.
    :ivar memory: peak resident memory, in MB (10^6 bytes); for several processes, the largest peak.
    :ivar output: what it wrote to stdout.
    """

    wall: float
    processor: float
    memory: float
    output: str = ""


def measure(
    command: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Measurement:
    """Run the command. Returns what it took.

    Call it from a small process: Linux counts the memory that the caller holds at the fork as the child's.

    :raises CommandFailed: if it does not exit with 0.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        # wait4, not getrusage(RUSAGE_CHILDREN), whose peak memory is that of all children so far.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    if process.returncode:
        last = (texts[1].strip() or texts[0].strip()).splitlines()[-5:]
        raise CommandFailed(f"{Path(command[0]).name} exited with {process.returncode}: " + " / ".join(last))
    return Measurement(
        wall=wall,
        processor=usage.ru_utime + usage.ru_stime,
        memory=usage.ru_maxrss * _MAXRSS_UNIT / 1e6,
        output=texts[0],
    )


def in_turns(
    contestants: Mapping[str, Callable[[], Measurement]], rounds: int
) -> tuple[dict[str, list[Measurement]], dict[str, str]]:
    """The measurements of each contestant, and the reason for each that failed and was then left out.

    Each round runs all of them, beginning with a different one: other work of the machine affects all alike.
    """
    found: dict[str, list[Measurement]] = {name: [] for name in contestants}
    failed: dict[str, str] = {}
    names = list(contestants)
    for number in range(rounds):
        first = number % len(names) if names else 0
        for name in names[first:] + names[:first]:
            if name in failed:
                continue
            try:
                found[name].append(contestants[name]())
            except CommandFailed as exc:
                failed[name] = str(exc)
    return found, failed


def median(measurements: Sequence[Measurement]) -> Measurement:
    """The median of each part, independently of the others.

    >>> median([Measurement(3, 1, 100), Measurement(1, 2, 300), Measurement(2, 9, 200)])
    Measurement(wall=2, processor=2, memory=200, output='')
    """
    parts: dict[str, Any] = {
        name: statistics.median(getattr(each, name) for each in measurements)
        for name in ("wall", "processor", "memory")
    }
    return Measurement(**parts)
