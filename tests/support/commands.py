"""Run commands in their own process, as users do, or in this one, which is faster."""

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
    """A process that holds a DuckDB file exclusively, as a load does, until its stdin or the block ends."""
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
    """Run ``python -m ...``. Returns its output and its exit code.

    :param answers: the user's input.
    :param environment: variables that are added to those of the tests, or override them.
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
    """Run ``sparkify`` as a user to whom file modes apply, even if the tests run as root."""
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
    """Run ``sparkify`` or ``alembic`` in this process, which has imported everything already.

    Not suitable for tests of signals, terminals, imports or another version of the modules. Other tests run
    each kind of command in its own process, with :func:`run_module`.
    """
    folder = Path.cwd() if cwd is None else cwd
    out, err = _stream(), _stream()
    with (
        chdir(folder),
        # This also undoes what the command itself sets.
        patch.dict(os.environ, environment or {}),
        patch.object(sys, "argv", [module, *arguments]),
        patch.object(sys, "stdin", io.StringIO(answers or "")),
        # A call left behind by an earlier test would make the command end this process.
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
    """For ``preexec_fn``: restore SIGINT, which shells ignore in background jobs and their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _entry_of_sparkify() -> Callable[[], Any]:
    from sparkify.cli import main

    return main


def _entry_of_alembic() -> Callable[[], Any]:
    from alembic import config

    def main() -> None:
        # Its default is the value of sys.stdout at the time of the import.
        with patch.object(config, "Config", partial(config.Config, stdout=sys.stdout)):
            config.main()

    return main


_ENTRIES = {"sparkify": _entry_of_sparkify, "alembic": _entry_of_alembic}


def _exit_code(main: Callable[[], Any]) -> int:
    """The exit code of a process that runs this function."""
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
    # _stream() created it; for typeshed it may be any binary stream.
    written: io.BytesIO = stream.buffer  # type: ignore[assignment]
    return written.getvalue().decode()


@contextmanager
def _kept_modules(folder: Path) -> Iterator[None]:
    """Afterwards, remove the modules imported from the folder of a test, and restore ``sys.path``."""
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
    """Restore the log handlers and levels: a command installs its own."""
    loggers = [logging.getLogger(name) for name in (None, "sparkify", "alembic", "alembic.runtime.migration")]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    # Removed here, so that a command does not close the handlers of pytest.
    loggers[0].handlers.clear()
    try:
        yield
    finally:
        for logger, level, handlers in before:
            logger.setLevel(level)
            logger.handlers[:] = handlers


@contextmanager
def _kept_terminate() -> Iterator[None]:
    """Restore the handler of SIGTERM: a command installs its own."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
