"""What errors of somebody else mean, such as those of a driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sparkify.etl.errors import SparkifyError

__all__ = ["Translate", "first_line", "translated", "translating"]

Translate = Callable[[Exception], SparkifyError | None]
"""What an error of somebody else means, such as :meth:`~sparkify.etl.adapter.Adapter.translate` has it."""


def first_line(error: BaseException) -> str:
    """What an error says, in one line; of one that says nothing, its class."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def translated(error: Exception, translate: Translate) -> SparkifyError | None:
    """The error itself where it is one of ours, else what ``translate`` makes of it, which may be nothing."""
    return error if isinstance(error, SparkifyError) else translate(error)


@contextmanager
def translating(translate: Translate) -> Iterator[None]:
    """Raise what ``translate`` makes of an error of the block; ours as they are, and those it does not know."""
    try:
        yield
    except Exception as exc:
        known = translated(exc, translate)
        if known is None or known is exc:
            raise
        raise known from exc
