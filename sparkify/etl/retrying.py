"""Asks S3 again, for a while, where it does not answer, and says so each time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sparkify.etl.errors import TemporaryError
from sparkify.etl.threads import call_aside

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["Unanswered", "persistently"]

log = logging.getLogger("sparkify.s3")

T = TypeVar("T")

_TRIES = 6
_SECONDS = 90
"""Beyond which no other try is begun."""
_LONGEST_WAIT = 20
"""Seconds."""


class Unanswered(TemporaryError):
    """S3 does not answer, or says that it cannot now."""


def persistently(uri: str, ask: Callable[[], T]) -> T:
    """What S3 answers when it is asked; where it does not, it is asked up to six times in 90 seconds.

    The client has by then asked again itself, at once; what this repeats is told in the log as a warning.

    :param uri: of what, for the log.
    :raises Unanswered: when it does not answer in that time.
    """
    try:
        return call_aside(ask)
    except Unanswered as exc:
        failed = [exc]
    # Only here: most loads have nothing to repeat.
    from tenacity import (
        Retrying,
        retry_if_exception_type,
        stop_after_attempt,
        stop_after_delay,
        wait_random_exponential,
    )

    def again() -> T:
        if failed:
            raise failed.pop()
        return call_aside(ask)

    return Retrying(
        retry=retry_if_exception_type(Unanswered),
        stop=stop_after_attempt(_TRIES) | stop_after_delay(_SECONDS),
        wait=wait_random_exponential(multiplier=0.5, max=_LONGEST_WAIT),
        before_sleep=lambda state: _tell(uri, state),
        reraise=True,
    )(again)


def _tell(uri: str, state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    found = error.found if isinstance(error, Unanswered) else ""
    log.warning(
        "%s: %s: try %d of %d in %.1f s", uri, found, state.attempt_number + 1, _TRIES, state.upcoming_sleep
    )
