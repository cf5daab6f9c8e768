"""What somebody may have meant by a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["closest", "did_you_mean"]


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like ``name``; None where none is like it."""
    near = get_close_matches(name, list(known), n=1)
    return near[0] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """``Did you mean HOST?``, or None where no known name is like it."""
    near = closest(name, known)
    return None if near is None else f"Did you mean {near}?"
