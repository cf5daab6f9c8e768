"""The current time, as the warehouse stores times."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["utc_now"]


def utc_now() -> datetime:
    """The current time in UTC without zone, like every time in the warehouse."""
    return datetime.now(UTC).replace(tzinfo=None)
