"""How every command runs: its common options, its errors as one line each, its exit codes."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

__all__ = ["Verbosity", "command", "echo", "guarded", "verbosity", "warn"]

INTERRUPTED = 130
TERMINATED = 143


class Verbosity:
    """How much is written to stderr. Set once, when a command begins."""

    quiet = False
    verbose = False
    debug = False


verbosity = Verbosity()

_COMMON = {
    "verbose": Annotated[bool, typer.Option("-v", "--verbose", help="Say more.")],
    "quiet": Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but the result and errors.")],
    "debug": Annotated[bool, typer.Option("--debug", help="Show the SQL, and the traceback of an error.")],
}


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command that also takes ``-v``, ``-q`` and ``--debug``."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(**arguments: Any) -> None:
            for option in _COMMON:
                setattr(verbosity, option, arguments.pop(option))
            _configure_logging()
            try:
                function(**arguments)
            except KeyboardInterrupt:
                # By another name: Typer would leave without a word.
                raise _Stopped(INTERRUPTED, "interrupted") from None

        signature = inspect.signature(function, eval_str=True)
        common = [
            inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
            for option, annotation in _COMMON.items()
        ]
        parameters = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in signature.parameters.values()
        ]
        run.__signature__ = signature.replace(parameters=[*parameters, *common])  # type: ignore[attr-defined]
        # Typer reads annotations from here rather than from the signature.
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*parameters, *common]}
        app.command(name, context_settings={"help_option_names": ["-h", "--help"]})(run)
        return function

    return register


def guarded(app: typer.Typer) -> NoReturn:
    """Run the application, and exit with the code that its outcome has."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(standalone_mode=True)
    except _Stopped as stopped:
        echo(f"{stopped.word}; nothing was changed", always=True)
        sys.exit(stopped.code)
    except BrokenPipeError:
        # Whoever read our output has seen enough; stdout is closed, and must not be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as exc:
        if verbosity.debug:
            raise
        _fail(exc)
    sys.exit(0)


class _Stopped(BaseException):
    """A signal came that asks to stop."""

    def __init__(self, code: int, word: str) -> None:
        super().__init__(word)
        self.code = code
        self.word = word


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped(TERMINATED, "terminated")


def _fail(error: Exception) -> NoReturn:
    from sparkify.etl.errors import SparkifyError

    if isinstance(error, SparkifyError):
        _complain(error.sentence(_as_option))
        sys.exit(error.exit_code)
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    _complain(f"{type(error).__name__}: {first}")
    echo("This was not expected. Run again with --debug to see more.", always=True)
    sys.exit(1)


def _as_option(name: str, value: object) -> str:
    flag = f"--{name.replace('_', '-')}"
    return flag if value is True else f"{flag} {value}"


def _complain(message: str) -> None:
    label = "error:"
    if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        label = typer.style(label, fg=typer.colors.RED, bold=True)
    typer.echo(f"{label} {message}", err=True)


def warn(message: str) -> None:
    """Write a warning to stderr: something that does not stop the command."""
    if not verbosity.quiet:
        typer.echo(f"warning: {message}", err=True)


def echo(message: str, *, always: bool = False) -> None:
    """Write a line to stderr, unless ``-q`` was given."""
    if always or not verbosity.quiet:
        typer.echo(message, err=True)


def _configure_logging() -> None:
    level = logging.DEBUG if verbosity.debug else logging.INFO if verbosity.verbose else logging.WARNING
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s", force=True)
    # Ours and those that tell of migrations and SQL alone: at DEBUG the AWS client prints passwords.
    logging.getLogger("sparkify").setLevel(level)
    logging.getLogger("alembic").setLevel(level)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO if verbosity.debug else logging.WARNING)
