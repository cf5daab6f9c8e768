"""Runs every command: handles the common options, reports an error in one sentence, and sets the exit code."""

from __future__ import annotations

import functools
import inspect
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import FrameType
from typing import Annotated, Any, NoReturn, TextIO

import typer
import typer.main

from sparkify.cli.messages import LogFormat, complain, echo, verbosity
from sparkify.cli.remedies import as_typed, remember

__all__ = ["build", "command", "guarded", "option_parameter"]

_GRACE = 0.5
"""Seconds that calls to S3 have to finish after the command has ended."""

INTERRUPTED = 130
TERMINATED = 143


_COMMON: dict[str, tuple[Any, Any]] = {
    "verbose": (Annotated[bool, typer.Option("-v", "--verbose", help="Log each step.")], False),
    "quiet": (Annotated[bool, typer.Option("-q", "--quiet", help="Print the result and errors alone.")], False),
    "debug": (
        Annotated[bool, typer.Option("--debug", help="Log each SQL statement, and an error's traceback.")],
        False,
    ),
    "config": (
        Annotated[
            str | None,
            typer.Option("--config", metavar="FILE", help="Read FILE instead of dwh.cfg."),
        ],
        None,
    ),
    "log_format": (
        Annotated[
            LogFormat,
            typer.Option("--log-format", help="Write lines of text to stderr, or of JSON."),
        ],
        "text",
    ),
}
"""The options that every command takes, each with its default."""


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command that also takes the common options."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(**arguments: Any) -> None:
            from sparkify.cli import logs

            common = {option: arguments.pop(option) for option in _COMMON}
            remember({**arguments, **common})
            if config_file := common.pop("config"):
                from sparkify.config.dwhcfg import use_config_file

                use_config_file(config_file)
            for option, value in common.items():
                setattr(verbosity, option, value)
            level = logs.DEBUG if verbosity.debug else logs.INFO if verbosity.verbose else logs.WARNING
            logs.configure(level, verbosity.log_format)
            try:
                function(**arguments)
                sys.stdout.flush()
            except BrokenPipeError:
                # As another exception: Typer would take this one for a failure.
                if not _is_read(sys.stdout):
                    raise _NotRead from None
                raise
            except BaseException as exc:
                if stopped := _stopped_by(exc):
                    # As another exception here too: Typer would exit without a message.
                    raise stopped from None
                raise

        signature = inspect.signature(function, eval_str=True)
        common = [option_parameter(option, *declared) for option, declared in _COMMON.items()]
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


def option_parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """An option as a parameter of the function behind a command."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def build(name: str, function: Callable[..., None]) -> Any:
    """A command that is not registered anywhere, for a group that builds its commands on demand."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    command(app, name)(function)
    return typer.main.get_command(app)


def guarded(app: typer.Typer) -> NoReturn:
    """Run the application, and exit with the code of its outcome."""
    from sparkify.cli.streams import guarded_streams, replace_closed

    signal.signal(signal.SIGTERM, _terminate)
    replace_closed()
    _write_utf8()
    try:
        with guarded_streams():
            _run(app)
        sys.exit(0)
    except SystemExit as ended:
        if _calls_are_left():
            # Python would shut down while they are still running, and may abort.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(ended.code if isinstance(ended.code, int) else 1)
        raise


def _calls_are_left() -> bool:
    """Whether threads that nothing waits for are still waiting for S3."""
    if "sparkify.etl.threads" not in sys.modules:
        return False
    from sparkify.etl.threads import are_left

    return are_left(grace=_GRACE)


def _run(app: typer.Typer) -> None:
    _begin(sys.argv[1:])
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except typer.TyperException as error:
        _refuse_usage(error)
    except typer.Abort:
        complain("Aborted!", label="")
        sys.exit(1)
    except _Stopped as stopped:
        echo("; ".join([stopped.word, *stopped.state]), always=True)
        sys.exit(stopped.code)
    except _NotRead:
        from sparkify.cli.streams import discard_stdout

        discard_stdout()
        sys.exit(0)
    except Exception as exc:
        _fail(exc)


def _begin(arguments: Sequence[str]) -> None:
    """Write errors as JSON, if asked to, even before the options of the command are parsed.

    The options of a command that this process ran before, as a test does, are reset.
    """
    remember({})
    verbosity.quiet = verbosity.verbose = verbosity.debug = False
    as_json = "--log-format=json" in arguments or ("--log-format", "json") in pairwise(arguments)
    verbosity.log_format = "json" if as_json else "text"
    if as_json:
        from sparkify.cli import logs

        logs.configure(logs.WARNING, "json")


def _refuse_usage(error: typer.TyperException) -> NoReturn:
    """Report invalid arguments: as text, with the usage first, or as one JSON record."""
    if verbosity.log_format == "text" and (show := getattr(error, "show", None)):
        show()
    else:
        complain(error.format_message())
    sys.exit(error.exit_code)


def _write_utf8() -> None:
    """Write UTF-8 to pipes and files, whatever the locale; on a terminal, replace what its encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            if stream.isatty():
                reconfigure(errors="replace")
            else:
                reconfigure(encoding="utf-8")


class _Stopped(BaseException):
    """A signal asked the process to stop."""

    def __init__(self, code: int, word: str, state: Sequence[str] = ()) -> None:
        super().__init__(word)
        self.code = code
        self.word = word
        self.state = tuple(state)


def _stopped_by(error: BaseException) -> _Stopped | None:
    """The signal that caused an error, such as DuckDB's "Query interrupted", with the notes of its causes."""
    notes: dict[str, None] = {}
    seen: set[int] = set()
    chain: BaseException | None = error
    while chain is not None and id(chain) not in seen:
        seen.add(id(chain))
        notes |= dict.fromkeys(getattr(chain, "__notes__", ()))
        if isinstance(chain, KeyboardInterrupt):
            return _Stopped(INTERRUPTED, "interrupted", list(notes))
        if isinstance(chain, _Stopped):
            return _Stopped(chain.code, chain.word, list(notes))
        if isinstance(chain, RuntimeError) and "interrupted" in str(chain):
            # DuckDB 2 polls Python for signals, and may lose the exception that the handler raised.
            word = _terminations[-1] if _terminations else _Stopped(INTERRUPTED, "interrupted")
            return _Stopped(word.code, word.word, list(notes))
        chain = chain.__cause__ or chain.__context__
    return None


_terminations: list[_Stopped] = []
"""What the handler of SIGTERM has raised."""


class _NotRead(BaseException):
    """The reader of our output has closed the pipe, as ``head`` does."""


def _is_read(stream: TextIO) -> bool:
    """Whether the other end of a pipe is open."""
    # A pipe without a reader polls as ready, with an error. Another connection may be the broken one.
    poll = select.poll()
    poll.register(stream.fileno(), 0)
    return not any(event & select.POLLERR for _, event in poll.poll(0))


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    _terminations.append(_Stopped(TERMINATED, "terminated"))
    raise _terminations[-1]


def _fail(error: Exception) -> NoReturn:
    from sparkify.etl.errors import SparkifyError
    from sparkify.etl.translation import first_line

    if verbosity.debug:
        import traceback

        complain("".join(traceback.format_exception(error)).rstrip(), label="")
    if isinstance(error, SparkifyError):
        complain(as_typed(error.sentence(_as_option)))
        sys.exit(error.exit_code)
    if isinstance(error, OSError) and error.filename is None:
        from sparkify.etl.disk import disk_error_in

        # Without a file name the error is of stdout: that of any other file has the name.
        if known := disk_error_in(str(error)):
            from sparkify.cli.streams import discard_stdout

            discard_stdout()
            complain(f"stdout cannot be written: {error.strerror}")
            sys.exit(known.exit_code)
    complain(f"{type(error).__name__}: {first_line(error)}")
    if not verbosity.debug:
        echo("This was not expected. Run again with --debug to see more.", always=True)
    sys.exit(1)


def _as_option(name: str, value: object) -> str:
    flag = f"--{name.replace('_', '-')}"
    return flag if value is True else f"{flag} {value}"
