"""Suggests what may have been meant by an unknown name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["closest", "did_you_mean"]


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar to ``name``; None if none is similar."""
    near = get_close_matches(name, list(known), n=1)
    return near[0] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """``Did you mean HOST?``, or None if no known name is similar."""
    near = closest(name, known)
    return None if near is None else f"Did you mean {near}?"
