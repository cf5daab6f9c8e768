"""Commands as a user runs them, each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def run_module(
    *arguments: str,
    cwd: Path | None = None,
    answers: str | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = 600,
) -> subprocess.CompletedProcess[str]:
    """``python -m ...``: what it printed and how it ended.

    :param answers: what a user types.
    :param environment: what is added to that of the tests, or stands instead of it.
    """
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONUTF8": "1", **(environment or {})},
        input=answers,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )


def heed_interrupts() -> None:
    """For ``preexec_fn``: whatever a shell runs in the background ignores SIGINT, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
