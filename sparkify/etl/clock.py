"""What time it is, as the warehouse keeps it."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["utc_now"]


def utc_now() -> datetime:
    """UTC without zone, as every time in the warehouse is."""
    return datetime.now(UTC).replace(tzinfo=None)
