"""Callbacks for the progress of a load. The default ignores them."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Observer"]


class Observer:
    """Receives the progress of a load. Override what is needed; no method may raise."""

    def loading(self, sources: Mapping[str, str], warehouse: str) -> None:
        """A load begins.

        :param sources: where the files of each source are, by its name.
        :param warehouse: its URL, without a password.
        """

    def reading(self, source: str, files: int, size: int) -> None:
        """Reading of a source begins.

        :param size: bytes of the files, as stored.
        """

    def read(self, source: str, size: int, lines: int) -> None:
        """More of a source has been read.

        :param size: bytes since the last call, as stored; may be 0.
        :param lines: since the last call; may be 0.
        """

    def step(self, title: str, number: int, of: int) -> None:
        """The step ``number`` of ``of`` begins."""

    def warning(self, message: str) -> None:
        """Something that the user should know and that does not stop the load."""
