"""How long to wait for another load."""

from __future__ import annotations

from typing import Final

from sparkify.etl.errors import ConfigurationError

__all__ = ["LOCK_TIMEOUT", "check_lock_timeout"]

LOCK_TIMEOUT: Final = 60.0
"""Seconds, unless configured otherwise."""


def check_lock_timeout(seconds: float) -> None:
    """Check that it is possible to wait this many seconds; infinity waits for as long as it takes.

    :raises ConfigurationError: when they are negative, or NaN.
    """
    # NaN is neither below zero nor above.
    if not seconds >= 0:
        raise ConfigurationError(
            f"cannot wait {seconds:g} seconds", hint="Give {option} or more.", option=("lock_timeout", 0)
        )
