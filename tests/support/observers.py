"""Observers of loads, for tests."""

from __future__ import annotations

from sparkify.etl.observer import Observer

__all__ = ["Warnings"]


class Warnings(Observer):
    """Collects the warnings."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def warning(self, message: str) -> None:
        self.seen.append(message)
