"""Checks of an embedded database: its folder, its file, and its tables."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from sparkify.databases import Database
from sparkify.databases.permissions import FILE_ADVICE, FOLDER_ADVICE
from sparkify.databases.sidecar import sidecar_of
from sparkify.doctor.checklist import Checklist, Problem
from sparkify.doctor.schema import check_revision, engine_of
from sparkify.etl.declarations import Pipeline
from sparkify.etl.errors import ConfigurationError, SparkifyError, TemporaryError
from sparkify.etl.translation import translated

__all__ = ["EmbeddedChecks"]

LEAST_FREE_BYTES = 500_000_000


class EmbeddedChecks:
    """The checks of the file of an embedded database."""

    def __init__(self, checklist: Checklist, database: Database, pipeline: Pipeline) -> None:
        self._checklist, self._database, self._pipeline = checklist, database, pipeline
        self._file = database.file
        self._remedy = "sparkify-etl doctor --repair"

    def run(self, *, repair: bool = False) -> None:
        """Run the checks.

        :param repair: repair a file that does not open, before it is checked.
        """
        run = self._checklist.run
        run("folder", self._check_folder)
        run("free space", self._check_free_space, needs=["folder"])
        if repair:
            run("repair", self._repair, needs=["folder"])
        with engine_of(self._database) as engine:
            run("database", partial(self._check_database, engine), needs=["folder"])
            run("schema", partial(self._check_schema, engine), needs=["database"])

    @property
    def _folder(self) -> Path:
        return self._file.absolute().parent if self._file else Path.cwd()

    def _check_folder(self) -> str:
        if not self._folder.is_dir():
            raise Problem("there is no such folder", where=str(self._folder), hint=f"mkdir -p {self._folder}")
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise Problem("nothing may be written there", where=str(self._folder), hint=FOLDER_ADVICE)
        return str(self._folder)

    def _check_free_space(self) -> str:
        free = shutil.disk_usage(self._folder).free
        if free < LEAST_FREE_BYTES:
            raise Problem(
                f"{free / 1e6:,.0f} MB are free in {self._folder}",
                hint="make room, or give another --database",
            )
        return f"{free / 1e9:,.1f} GB"

    def _repair(self) -> str:
        if self._file is None or not self._file.exists():
            return "there is no file yet"
        try:
            done = self._database.repair()
        except TemporaryError:
            raise
        except SparkifyError as exc:
            self._remedy = exc.hint or ""
            raise Problem(exc.found, where=exc.where, hint=self._advice(exc)) from exc
        found = [f"{done.undone} was undone"] if done.undone else []
        if done.log is not None:
            found.append(
                f"its log was damaged after {done.kept:,} bytes: {done.lost:,} more are left out, and kept in "
                f"{done.log}. What a load had written there the next load loads again"
            )
        return f"{self._file}: {'; '.join(found)}" if found else f"{self._file} needs none"

    def _advice(self, error: SparkifyError) -> str:
        """What to do about a file beyond repair, and which files would have to be loaded again."""
        advice = error.hint or ""
        if self._file is None:
            return advice
        with suppress(OSError):
            if files := [file for load in self._database.recorded_loads() for file in load.files]:
                gone = [file.uri for file in files if "://" not in file.uri and not Path(file.uri).exists()]
                count = f"{len(files):,} {'file' if len(files) == 1 else 'files'}"
                advice += f" It held {count}, which {sidecar_of(self._file)} names"
                found = f"of these {len(gone):,} can no longer be found, such as {gone[0]}" if gone else ""
                advice += f"; {found}." if gone else "."
        return advice

    def _check_database(self, engine: Engine) -> str:
        if self._file is None:
            return "in memory"
        if not self._file.exists():
            return f"{self._file} is not there yet; the first load makes it"
        try:
            with engine.connect() as connection:
                about = self._database.describe_file(connection)
        except Exception as exc:
            error = translated(exc, self._database.translate)
            if isinstance(error, TemporaryError):
                raise Problem(error.found, where=str(self._file), hint="wait for it, or end it") from exc
            if isinstance(error, ConfigurationError):
                raise error from exc
            reason = error.found if error else type(exc).__name__
            found = reason if isinstance(exc, SparkifyError) else f"does not open: {reason}"
            raise Problem(found, where=str(self._file), hint=self._remedy) from exc
        if not os.access(self._file, os.W_OK):
            raise Problem("may be read, but not written by this user", where=str(self._file), hint=FILE_ADVICE)
        return f"{self._file} opens" + (f": {about}" if about else "")

    def _check_schema(self, engine: Engine) -> str:
        if self._file is None or not self._file.exists():
            return "made by the first load"
        with engine.connect() as connection:
            return check_revision(connection, self._database, self._pipeline)
