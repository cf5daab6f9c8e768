"""Repeats requests to S3 for a while if it does not answer, and logs each repetition."""

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
"""Seconds after which no other try begins."""
_LONGEST_WAIT = 20
"""Seconds."""


class Unanswered(TemporaryError):
    """S3 does not answer, or says that it cannot at present."""


def persistently(uri: str, ask: Callable[[], T]) -> T:
    """The result of a request to S3, which is made up to six times in 90 seconds if S3 does not answer.

    By then the client has itself retried at once; each retry of this function is logged as a warning.

    :param uri: what is requested, for the log.
    :raises Unanswered: when S3 does not answer in that time.
    """
    try:
        return call_aside(ask)
    except Unanswered as exc:
        failed = [exc]
    # Imported only here: most loads have nothing to repeat.
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
