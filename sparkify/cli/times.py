"""Parses moments from the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = ["parse_moment"]

_RELATIVE = re.compile(r"\d+[hdw]")
_MONTH = re.compile(r"\d{4}-\d{2}")
_FORM = "write it as 2018-11-05, 2018-11-05T10:00, 2018-11-05T10:00-08:00, 2018-11, or 7d for seven days ago"


def parse_moment(text: str | datetime, now: datetime | None = None) -> datetime:
    """The moment that a text names: in UTC and without a zone, unless it names one.

    >>> parse_moment("2018-11"), parse_moment("2018-11-05 10:00")
    (datetime.datetime(2018, 11, 1, 0, 0), datetime.datetime(2018, 11, 5, 10, 0))
    >>> parse_moment("36h", datetime(2018, 11, 5))
    datetime.datetime(2018, 11, 3, 12, 0)

    :param now: what ages, written in hours, days or weeks (``36h``, ``7d``, ``2w``), count back from. By
        default the present.
    :raises ValueError: if it is not a moment. The message says how to write one.
    """
    if isinstance(text, datetime):
        return text
    text = text.strip()
    from sparkify.etl.errors import ConfigurationError

    try:
        if _RELATIVE.fullmatch(text):
            from sparkify.etl.retention import parse_age

            return (now or datetime.now(UTC).replace(tzinfo=None, microsecond=0)) - parse_age(text)
        return datetime.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
    except (ValueError, OverflowError, ConfigurationError):
        raise ValueError(f"{text!r} is no moment: {_FORM}") from None
