"""The checks of an embedded database: its folder, its file, its tables, and the sources."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

from sparkify.config.settings import Settings
from sparkify.databases import open_database
from sparkify.doctor.findings import Book, Opener, Problem, at_head
from sparkify.etl.declarations import Source

__all__ = ["Embedded"]

LEAST_FREE_BYTES = 500_000_000


class Embedded:
    """The checks of a DuckDB file."""

    def __init__(self, book: Book, settings: Settings) -> None:
        self._book, self._settings = book, settings
        self._file = open_database(settings.url, settings).file

    def examine(self) -> None:
        """Run them."""
        check = self._book.check
        check("folder", self._folder)
        check("free space", self._free_space, needs=["folder"])
        with Opener(self._settings, read_only=True) as opener:
            check("database", partial(self._database, opener), needs=["folder"])
            check("schema", partial(self._schema, opener), needs=["database"])
        for source in self._settings.sources:
            check(source.location.setting, partial(_source, self._settings, source))

    @property
    def _place(self) -> Path:
        return self._file.absolute().parent if self._file else Path.cwd()

    def _folder(self) -> str:
        if not self._place.is_dir():
            raise Problem(f"{self._place}: there is no such folder", f"mkdir -p {self._place}")
        if not os.access(self._place, os.W_OK | os.X_OK):
            raise Problem(f"{self._place}: nothing may be written there", "chmod u+wx it, or choose another")
        return str(self._place)

    def _free_space(self) -> str:
        free = shutil.disk_usage(self._place).free
        if free < LEAST_FREE_BYTES:
            raise Problem(
                f"{free / 1e6:,.0f} MB are free in {self._place}", "make room, or give another --database"
            )
        return f"{free / 1e9:,.1f} GB"

    def _database(self, opener: Opener) -> str:
        if self._file is None:
            return "in memory"
        if not self._file.exists():
            return f"{self._file} is not there yet; the first load makes it"
        try:
            with opener.warehouse.engine.connect():
                return f"{self._file} opens"
        except Exception as exc:
            text = str(getattr(exc, "orig", exc)).strip().splitlines()[0]
            if "lock" in text.lower():
                raise Problem(f"{self._file} is open in another process", "wait for it, or end it") from exc
            raise Problem(
                f"{self._file} does not open: {text}", "restore it, or move it away and load"
            ) from exc

    def _schema(self, opener: Opener) -> str:
        if self._file is None or not self._file.exists():
            return "made by the first load"
        with opener.warehouse.engine.connect() as connection:
            return at_head(connection)


def _source(settings: Settings, source: Source) -> str:
    """A source as a load would list it."""
    from sparkify.config.aws import aws_options
    from sparkify.etl.errors import EmptySource
    from sparkify.etl.sources import list_files

    uri = settings.location(source)
    try:
        listing = list_files(uri, aws_options(settings))
    except EmptySource as exc:
        raise Problem(str(exc), "set LOG_DATA and SONG_DATA, or: sparkify-etl generate data") from exc
    return f"{uri}: {len(listing.files):,} {'file' if len(listing.files) == 1 else 'files'}"
