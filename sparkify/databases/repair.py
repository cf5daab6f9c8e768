"""What was done to a database that did not open any more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Repair"]


@dataclass(frozen=True)
class Repair:
    """What was done.

    :ivar undone: what was undone, in a few words; None where nothing was.
    :ivar log: where the damaged log is kept; None where none was damaged.
    :ivar kept: how many bytes of it are in use.
    :ivar lost: how many are not.
    """

    undone: str | None = None
    log: Path | None = None
    kept: int = 0
    lost: int = 0
