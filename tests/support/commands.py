"""Runs commands: in a process of their own as users do, or in this one, which is quicker."""

from __future__ import annotations

import io
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.support.paths import CLONE

__all__ = ["heed_interrupts", "holding", "kept_logging", "run_here", "run_module", "run_without_privileges"]

_HOLD = "import duckdb, sys; kept = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


@contextmanager
def holding(file: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that keeps a DuckDB file to itself, as a load does, until its stdin or the block ends."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


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


def run_without_privileges(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The same of ``sparkify`` as of a user whom the modes of files bind, as they do not bind root."""
    privileges = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*privileges, sys.executable, "-m", "sparkify", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONUTF8": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def run_here(
    module: str,
    *arguments: str,
    cwd: Path | None = None,
    answers: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """The same of ``sparkify`` and ``alembic`` in this process, where everything is imported already.

    Not for what only a process has: signals, a terminal, what is imported when, another version of the modules.
    Each kind of command is run in a process of its own too, by tests that call :func:`run_module`.
    """
    folder = Path.cwd() if cwd is None else cwd
    out, err = _stream(), _stream()
    with (
        chdir(folder),
        # What the command itself sets is undone too.
        patch.dict(os.environ, environment or {}),
        patch.object(sys, "argv", [module, *arguments]),
        patch.object(sys, "stdin", io.StringIO(answers or "")),
        # A call that a test before has left behind would have the command end this process.
        patch("sparkify.cli.command._calls_are_left", lambda: False),
        _kept_modules(folder),
        kept_logging(),
        _kept_terminate(),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = _exit_code(_ENTRIES[module]())
    return subprocess.CompletedProcess([module, *arguments], code, _text(out), _text(err))


def heed_interrupts() -> None:
    """For ``preexec_fn``: whatever a shell runs in the background ignores SIGINT, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _entry_of_sparkify() -> Callable[[], Any]:
    from sparkify.cli import main

    return main


def _entry_of_alembic() -> Callable[[], Any]:
    from alembic import config

    def main() -> None:
        # Its default is the stdout of the moment when it was imported.
        with patch.object(config, "Config", partial(config.Config, stdout=sys.stdout)):
            config.main()

    return main


_ENTRIES = {"sparkify": _entry_of_sparkify, "alembic": _entry_of_alembic}


def _exit_code(main: Callable[[], Any]) -> int:
    """The code with which a process ends that runs this."""
    try:
        main()
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return (ended.code or 0) & 0xFF
        print(ended.code, file=sys.stderr)
        return 1
    return 0


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    # What _stream has made; to typeshed it may be any binary stream.
    written: io.BytesIO = stream.buffer  # type: ignore[assignment]
    return written.getvalue().decode()


@contextmanager
def _kept_modules(folder: Path) -> Iterator[None]:
    """Forget afterwards the modules imported from the folder of a test, and where they were sought."""
    path, known = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - known:
            found = getattr(sys.modules[name], "__file__", None)
            if found is not None and Path(found).is_relative_to(folder) and folder != CLONE:
                del sys.modules[name]


@contextmanager
def kept_logging() -> Iterator[None]:
    """Put the handlers and levels of the log back: a command sets up its own."""
    loggers = [logging.getLogger(name) for name in (None, "sparkify", "alembic", "alembic.runtime.migration")]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    # Those of pytest stay open, which a command would close.
    loggers[0].handlers.clear()
    try:
        yield
    finally:
        for logger, level, handlers in before:
            logger.setLevel(level)
            logger.handlers[:] = handlers


@contextmanager
def _kept_terminate() -> Iterator[None]:
    """Put the handler of SIGTERM back: a command installs its own."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
