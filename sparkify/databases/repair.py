"""What was done to a database that no longer opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Repair"]


@dataclass(frozen=True)
class Repair:
    """What was done.

    :ivar undone: what was undone, in a few words; None if nothing was.
    :ivar log: where the damaged log is kept; None if none was damaged.
    :ivar kept: how many of its bytes are still in use.
    :ivar lost: how many of its bytes are not.
    """

    undone: str | None = None
    log: Path | None = None
    kept: int = 0
    lost: int = 0
