"""Waits until no other process has a DuckDB file open."""

from __future__ import annotations

import time

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from sparkify.databases.duckdb.errors import who_uses
from sparkify.etl.observer import Observer

__all__ = ["wait_for_others"]

_BETWEEN_LOOKS = 0.2
"""Seconds."""


def wait_for_others(engine: Engine, timeout: float, observer: Observer) -> None:
    """Try to connect until no other process prevents it. Any other error is left to the next connection.

    :param timeout: seconds after which the next connection is left to fail.
    :param observer: told which process it waits for.
    """
    until = time.monotonic() + timeout
    told = False
    while True:
        try:
            engine.connect().close()
        except DBAPIError as exc:
            who = who_uses(exc)
            if who is None or time.monotonic() >= until:
                return
            if not told:
                observer.warning(f"waiting up to {timeout:g} s: the database is in use by {who}")
                told = True
            time.sleep(_BETWEEN_LOOKS)
        else:
            return
