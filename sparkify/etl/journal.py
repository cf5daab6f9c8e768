"""Records about a load outside of its transaction: what it committed, and how it failed."""

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
"""How many characters of an error are kept: some name many lines, each with its text."""

_INTERRUPTED = 130


@dataclass(frozen=True)
class FailedLoad:
    """A load that did not commit. Times are UTC, without zone.

    :ivar failed_at: None if it did not end by itself: it was killed, or its machine stopped.
    :ivar step: the step in which it failed; None if that is not known.
    :ivar error: the error in one line, without secrets.
    :ivar exit_code: the exit code of the command; None if it did not end by itself.
    :ivar attempts: how often its transaction was begun.
    :ivar state: in what state it left things; None if it had not yet got so far as to say so.
    :ivar version: the version of the software.
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
    """Identifies a load. Times are UTC, without zone.

    :ivar version: the version of the software.
    """

    started_at: datetime
    host: str
    pid: int
    version: str


class Journal:
    """Records one load. This base class records nothing, as for a dry run; a real load uses a subclass.

    No method raises: a load ends just as it would without a journal.

    :ivar step: the step in progress, or the one in which the load failed.
    :ivar attempts: how often its transaction was begun.
    """

    def __init__(self) -> None:
        self.step: str | None = None
        self.attempts = 0

    def open(self, origin: Origin) -> None:
        """A load begins; it may find nothing new."""

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
    """Record in the journal if the load in the block fails without having committed. A load stopped by a signal
    has failed too.

    :param version: the version of the software.
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
    """In what state the load left things; None if it has not said."""
    if isinstance(error, SparkifyError):
        return error.state
    return next(iter(getattr(error, "__notes__", ())), None)


def _described(error: BaseException) -> tuple[str, int]:
    """The error in one line, and the exit code of the command that it ends."""
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
    """What a signal handler has raised, even if another error has since wrapped it; None if there is none."""
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
