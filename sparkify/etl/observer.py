"""What a load tells while it runs. The default says nothing."""

from __future__ import annotations

__all__ = ["Observer"]


class Observer:
    """Is told how a load goes on. Every method may be left as it is; none may raise."""

    def reading(self, source: str, files: int, size: int) -> None:
        """A source is about to be read: so many files, of so many bytes as stored."""

    def read(self, source: str, size: int, lines: int) -> None:
        """So many bytes and lines more of the source have been read. Either may be 0."""

    def step(self, title: str, number: int, of: int) -> None:
        """The step ``number`` of ``of`` begins."""

    def warning(self, message: str) -> None:
        """Something that does not stop the load, and that the user should know."""
