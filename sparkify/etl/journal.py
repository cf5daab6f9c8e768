"""What is remembered of a load outside of its transaction: what it committed, and how it failed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sparkify.etl.clock import utc_now
from sparkify.etl.errors import COMMITTED, SparkifyError
from sparkify.etl.escaping import escape_line
from sparkify.etl.results import FileCount, LoadRecord
from sparkify.etl.translation import first_line

__all__ = ["FailedLoad", "Journal", "Origin", "remembering"]

_LONGEST = 1_000
"""Characters of an error that are kept: some name many lines, each with its text."""

_INTERRUPTED = 130


@dataclass(frozen=True)
class FailedLoad:
    """A load that did not commit. Times are UTC, without zone.

    :ivar failed_at: None where it did not end: it was killed, or its machine was.
    :ivar step: in which it failed; None where that is not known.
    :ivar error: in one line, without a secret.
    :ivar exit_code: of the command; None where it did not end.
    :ivar attempts: how often its transaction was begun.
    :ivar state: in what state it left things; None where it had not come so far as to say so.
    :ivar version: of the software.
    """

    started_at: datetime
    failed_at: datetime | None
    seconds: float | None
    step: str | None
    error: str
    exit_code: int | None
    attempts: int | None
    state: str | None
    host: str
    pid: int
    version: str


@dataclass(frozen=True)
class Origin:
    """Which load it is. Times are UTC, without zone.

    :ivar version: of the software.
    """

    started_at: datetime
    host: str
    pid: int
    version: str


class Journal:
    """Remembers one load. This one remembers nothing, as that of a dry run; a database has one that does.

    No method raises: a load ends as it would without.

    :ivar step: the step that is under way, or in which the load failed.
    :ivar attempts: how often its transaction was begun.
    """

    def __init__(self) -> None:
        self.step: str | None = None
        self.attempts = 0

    def open(self, origin: Origin) -> None:
        """A load begins, which may find nothing new."""

    def began(self) -> None:
        """It has found files to load."""

    def committing(self, load: LoadRecord, files: Sequence[FileCount]) -> None:
        """It is about to commit these files."""

    def committed(self) -> None:
        """It has committed them."""

    def nothing_new(self) -> None:
        """It has found nothing to load."""

    def failed(self, failure: FailedLoad) -> None:
        """It has not committed."""


@contextmanager
def remembering(journal: Journal, version: str) -> Iterator[None]:
    """Have the journal remember it if the load in the block fails. A load that a signal stops has failed too,
    unless it had committed.

    :param version: of the software.
    """
    clock = time.perf_counter()
    started = utc_now()
    origin = Origin(started, platform.node(), os.getpid(), version)
    journal.open(origin)
    try:
        yield
    except BaseException as exc:
        state = _state(exc)
        if state != COMMITTED:
            error, exit_code = _described(exc)
            failure = FailedLoad(
                started_at=started,
                failed_at=utc_now(),
                seconds=round(time.perf_counter() - clock, 3),
                step=journal.step,
                error=error,
                exit_code=exit_code,
                attempts=journal.attempts,
                state=state,
                host=origin.host,
                pid=origin.pid,
                version=version,
            )
            journal.failed(failure)
        raise


def _state(error: BaseException) -> str | None:
    """In what state the load left things, as far as it has said so."""
    if isinstance(error, SparkifyError):
        return error.state
    return next(iter(getattr(error, "__notes__", ())), None)


def _described(error: BaseException) -> tuple[str, int]:
    """The error in one line, and the exit code of the command that it stops."""
    if stopped := _signal_behind(error):
        if isinstance(stopped, KeyboardInterrupt):
            return "interrupted", _INTERRUPTED
        code = getattr(stopped, "code", 1)
        text = str(stopped) or type(stopped).__name__
        return _one_line([text]), code if isinstance(code, int) else 1
    if isinstance(error, SparkifyError):
        where = [] if error.where is None else [error.where]
        return _one_line([*where, error.found, *error.details]), error.exit_code
    return _one_line([type(error).__name__, first_line(error)]), 1


def _signal_behind(error: BaseException) -> BaseException | None:
    """What a handler of a signal has raised, where that has become another error on its way."""
    seen: set[int] = set()
    chain: BaseException | None = error
    while chain is not None and id(chain) not in seen:
        if not isinstance(chain, Exception):
            return chain
        seen.add(id(chain))
        chain = chain.__cause__ or chain.__context__
    return None


def _one_line(parts: Sequence[str]) -> str:
    text = ": ".join(escape_line(part) for part in parts)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
