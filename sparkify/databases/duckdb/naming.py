"""The file that a URL of DuckDB names."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL

from sparkify.databases.duckdb.storage import refuse_prefix
from sparkify.etl.errors import ConfigurationError

__all__ = ["NamedFile", "refuse_question_mark"]


class NamedFile:
    """The file that a URL names: the same one wherever the working folder of the process is later on.

    :ivar absolute: its path, of the working folder at the beginning; None in memory.
    """

    def __init__(self, url: URL) -> None:
        """Read the URL.

        :raises ConfigurationError: when it names no file that DuckDB would make there.
        """
        if url.host:
            raise ConfigurationError(
                f"a URL of DuckDB has no host, and this one has {url.host}",
                hint=f"Write duckdb:///{url.host}, or duckdb:////{url.host} for an absolute path.",
            )
        name = url.database or ""
        refuse_prefix(name)
        self._written = None if name in ("", ":memory:") else Path(name)
        self.absolute = self._written and _absolute(self._written)
        if self.absolute is not None:
            refuse_question_mark(self.absolute)

    @property
    def path(self) -> Path | None:
        """Its path as it was written, which messages have, for as long as that leads to it."""
        with suppress(OSError):
            if self._written is None or self._written.absolute() == self.absolute:
                return self._written
        return self.absolute

    def found(self) -> Path:
        """The same, of a database that is in a file."""
        path = self.path
        assert path is not None  # noqa: S101 - nobody opens one in memory by its path
        return path


def refuse_question_mark(file: Path) -> None:
    """See that DuckDB makes the log of a file beside it: it would put ``.wal`` before the first question mark.

    :raises ConfigurationError: when there is one in its name or in that of a folder above it.
    """
    whole = _absolute(file)
    if "?" in str(whole):
        raise ConfigurationError(
            "has a question mark in its path, before which DuckDB would end the name of its log",
            where=str(whole),
            hint="Name another file, or another folder.",
        )


def _absolute(file: Path) -> Path:
    try:
        return file.absolute()
    except OSError as exc:
        raise ConfigurationError(
            f"the working folder cannot be found: {os.strerror(exc.errno or 0)}", where=str(file)
        ) from exc
