"""Runs the migrations of a pipeline: what ``alembic`` does in a clone, from an installed wheel."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, inspect
from sqlalchemy.exc import NoSuchTableError

from sparkify.databases import Database
from sparkify.etl.declarations import Pipeline
from sparkify.etl.errors import UNCHANGED, ConfigurationError

__all__ = ["Migrations", "current", "head_of", "is_empty"]


def current(connection: Connection) -> str | None:
    """The revision of the database; None where no migration ever ran. This is a read-only operation."""
    return MigrationContext.configure(connection).get_current_revision()


def is_empty(connection: Connection) -> bool:
    """Whether the database has no table at all. This is a read-only operation."""
    try:
        return not inspect(connection).get_table_names()
    except NoSuchTableError:
        return True


def head_of(pipeline: Pipeline) -> str | None:
    """The newest revision that a pipeline has."""
    return ScriptDirectory.from_config(_config(pipeline)).get_current_head()


class Migrations:
    """The migrations of a pipeline, and the database that they are run on."""

    def __init__(self, pipeline: Pipeline, database: Database) -> None:
        self._pipeline = pipeline
        self._database = database

    def head(self) -> str | None:
        """The newest revision that the pipeline has."""
        return head_of(self._pipeline)

    def upgrade(self, engine: Engine, revision: str = "head") -> None:
        """Bring the database to a revision, by default the newest. Each migration is one transaction."""
        self._run(engine, lambda config: command.upgrade(config, revision))

    def downgrade(self, engine: Engine, revision: str) -> None:
        """Take the database back to a revision; ``base`` removes every table."""
        self._run(engine, lambda config: command.downgrade(config, revision))

    def ensure(self, engine: Engine) -> None:
        """Create the tables of an embedded database that is new; require those of any other to be at head.

        :raises ConfigurationError: when they are not.
        """
        self.create_file()
        with engine.connect() as connection:
            revision = current(connection)
            new = revision is None and self._database.is_embedded and is_empty(connection)
        if new:
            self.upgrade(engine)
        elif revision != self.head():
            raise self.not_at_head(revision)

    def not_at_head(self, revision: str | None) -> ConfigurationError:
        """The error that says that the database is at this revision, and not at head."""
        has = "has no tables yet" if revision is None else f"is at revision {revision}"
        url = self._database.url.render_as_string(hide_password=True)
        return ConfigurationError(
            f"{url} {has}, and this version needs revision {self.head()}",
            hint="Run: sparkify-etl migrate",
            state=UNCHANGED,
        )

    def sql(self, revision: str = "head") -> str:
        """The SQL of the migrations, from an empty database to a revision, without connecting."""
        text = io.StringIO()
        config = self._config()
        config.output_buffer = text
        command.upgrade(config, revision, sql=True)
        return text.getvalue()

    def create_file(self) -> bool:
        """Create the file of an embedded database with every table in it, where there is none. Returns
        whether it was created.
        """

        def fill(url: URL) -> None:
            new = type(self._database)(url, self._database.settings, self._database.sources)
            engine = new.create_engine()
            try:
                Migrations(self._pipeline, new).upgrade(engine)
            finally:
                engine.dispose()

        return self._database.create_file(fill)

    def _run(self, engine: Engine, what: Callable[[Config], None]) -> None:
        with engine.connect() as connection, redirect_stdout(io.StringIO()):
            what(self._config(connection))

    def _config(self, connection: Connection | None = None) -> Config:
        config = _config(self._pipeline)
        config.attributes["connection"] = connection
        config.attributes["database"] = self._database
        return config


def _config(pipeline: Pipeline) -> Config:
    if pipeline.migrations is None:
        raise ConfigurationError(f"the pipeline {pipeline.name} has no folder of migrations")
    config = Config()
    # Config interpolates: a percent sign in a path is doubled.
    config.set_main_option("script_location", str(pipeline.migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
