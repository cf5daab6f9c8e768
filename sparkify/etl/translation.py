"""Translates foreign errors, such as those of a driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sparkify.etl.errors import SparkifyError

__all__ = ["Translate", "first_line", "translated", "translating"]

Translate = Callable[[Exception], SparkifyError | None]
"""What a foreign error means, as in :meth:`~sparkify.etl.adapter.Adapter.translate`."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message; the name of its class if it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def translated(error: Exception, translate: Translate) -> SparkifyError | None:
    """The error itself if it is one of ours, otherwise what ``translate`` makes of it, which may be None."""
    return error if isinstance(error, SparkifyError) else translate(error)


@contextmanager
def translating(translate: Translate) -> Iterator[None]:
    """Raise what ``translate`` makes of an error in the block; our own and unknown errors stay as they are."""
    try:
        yield
    except Exception as exc:
        known = translated(exc, translate)
        if known is None or known is exc:
            raise
        raise known from exc
