"""The file that a DuckDB URL names."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL

from sparkify.databases.duckdb.storage import refuse_prefix
from sparkify.etl.errors import ConfigurationError

__all__ = ["NamedFile", "refuse_question_mark"]


class NamedFile:
    """The file that a URL names: always the same one, even if the process changes its working folder.

    :ivar absolute: its path, relative paths taken from the initial working folder; None in memory.
    """

    def __init__(self, url: URL) -> None:
        """Read the URL.

        :raises ConfigurationError: when DuckDB would not create the file that it names there.
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
        """Its path as written, for messages, as long as that leads to it; otherwise the absolute path."""
        with suppress(OSError):
            if self._written is None or self._written.absolute() == self.absolute:
                return self._written
        return self.absolute

    def found(self) -> Path:
        """The same, for a database that is in a file."""
        path = self.path
        assert path is not None  # noqa: S101 - nobody opens one in memory by its path
        return path


def refuse_question_mark(file: Path) -> None:
    """Check that DuckDB puts the log of a file beside it: it inserts ``.wal`` before the first question mark.

    :raises ConfigurationError: when its name or that of a folder above it has a question mark.
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
