"""Runs the migrations of a pipeline from an installed wheel, as ``alembic`` does in a clone.

Alembic is imported only where migrations are run: most commands need only the revision.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine

from sparkify.databases import Database
from sparkify.etl.declarations import Pipeline
from sparkify.etl.errors import UNCHANGED, ConfigurationError
from sparkify.etl.lock_timeout import LOCK_TIMEOUT
from sparkify.etl.observer import Observer
from sparkify.warehouse.creation import creation_statements
from sparkify.warehouse.revisions import (
    NEWER,
    current,
    head_of,
    is_empty,
    migrations_of,
    place_of,
    refuse_unknown,
)

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["Migrations"]


class Migrations:
    """The migrations of a pipeline, and the database on which they run."""

    def __init__(self, pipeline: Pipeline, database: Database) -> None:
        self._pipeline = pipeline
        self._database = database

    def head(self) -> str | None:
        """The newest revision that the pipeline has."""
        return head_of(self._pipeline)

    def migrate(self, engine: Engine, revision: str, timeout: float, observer: Observer) -> str | None:
        """Migrate the database to a revision, creating its file if necessary, or remove every table. Returns
        the revision.

        :param timeout: seconds to wait for a load to end, or for another user of the embedded database.
        :param observer: is told what the migration is waiting for.
        :raises TemporaryError: when the wait times out.
        """
        if revision == "base" or not self.create_file(revision):
            self._database.wait_for_others(engine, timeout, observer)
            change = self.downgrade if revision == "base" else self.upgrade
            change(engine, revision, lock_timeout=timeout, observer=observer)
        with engine.connect() as connection:
            return current(connection)

    def upgrade(
        self,
        engine: Engine,
        revision: str = "head",
        *,
        lock_timeout: float = LOCK_TIMEOUT,
        observer: Observer | None = None,
    ) -> None:
        """Migrate the database to a revision, by default the newest. Each migration is one transaction, during
        which no load runs.

        :param lock_timeout: seconds that each migration waits for a load to end.
        :param observer: is told what the migration is waiting for.
        :raises TemporaryError: when a load still holds the lock.
        :raises ConfigurationError: when there is no such revision, the database is at an unknown one, or it
            has tables of these names that no migration made.
        """
        from alembic import command
        from alembic.util import CommandError

        self._require(revision)
        with engine.connect() as connection:
            at = current(connection)
        if at is not None:
            self._refuse_older(revision, at)
        try:
            self._run(engine, lambda config: command.upgrade(config, revision), lock_timeout, observer)
        except CommandError as exc:
            # Relative revisions and ranges that lead nowhere, and text that is not a revision at all.
            raise self._unknown(revision) from exc

    def downgrade(
        self,
        engine: Engine,
        revision: str,
        *,
        lock_timeout: float = LOCK_TIMEOUT,
        observer: Observer | None = None,
    ) -> None:
        """Downgrade the database to a revision; ``base`` removes every table. Otherwise as :meth:`upgrade`.

        :raises ConfigurationError: when the database is at an unknown revision.
        """
        from alembic import command

        self._run(engine, lambda config: command.downgrade(config, revision), lock_timeout, observer)

    def ensure(self, engine: Engine, wait: Callable[[], None] = lambda: None) -> None:
        """Create the tables of a new embedded database; require those of any other database to be at head.

        They are created from the models if the pipeline says that these are enough.

        :param wait: called once the file exists; another process may have created it, and may be using it.
        :raises ConfigurationError: when the tables are not at head.
        """
        from_models = self._pipeline.create_from_models
        if from_models:
            self._database.create_file(
                statements=partial(creation_statements, self._pipeline, self._database, engine)
            )
        else:
            self.create_file()
        wait()
        with engine.connect() as connection:
            revision = current(connection)
            new = revision is None and self._database.is_embedded and is_empty(connection)
        if not new:
            if revision != self.head():
                raise self.not_at_head(revision)
        elif from_models:
            self._create_tables(engine)
        else:
            self.upgrade(engine)

    def _create_tables(self, engine: Engine) -> None:
        with engine.connect() as connection, self._database.migrating(connection):
            for statement in creation_statements(self._pipeline, self._database, engine):
                connection.exec_driver_sql(statement)
            connection.commit()

    def not_at_head(self, revision: str | None) -> ConfigurationError:
        """The error for a database that is at this revision and not at head."""
        has = "has no tables yet" if revision is None else f"is at revision {revision}"
        return ConfigurationError(
            f"{place_of(self._database)} {has}, and this version needs revision {self.head()}",
            hint=self.advice(revision),
            state=UNCHANGED,
        )

    def advice(self, revision: str | None) -> str | None:
        """What to do if the database is at this revision; None if that is head."""
        if revision == self.head():
            return None
        newer = revision is not None and revision not in self._revisions()
        return NEWER if newer else "Run: sparkify-etl migrate"

    def sql(self, revision: str = "head") -> str:
        """The SQL of the migrations from an empty database to a revision, without connecting; for ``base``,
        from the newest revision down.

        :raises ConfigurationError: when there is no such revision.
        """
        from alembic import command

        self._require(revision)
        text = io.StringIO()
        config = self._config()
        config.output_buffer = text
        if revision == "base":
            command.downgrade(config, f"{self.head()}:base", sql=True)
        else:
            command.upgrade(config, revision, sql=True)
        return text.getvalue()

    def create_file(self, revision: str = "head") -> bool:
        """Create the file of an embedded database at a revision if there is none. Returns whether it was
        created.
        """

        def fill(url: URL) -> None:
            new = type(self._database)(url, self._database.settings, self._database.sources)
            engine = new.create_engine()
            try:
                Migrations(self._pipeline, new).upgrade(engine, revision)
            finally:
                engine.dispose()

        return self._database.create_file(fill)

    def _revisions(self) -> list[str]:
        """All revisions of the pipeline, oldest first."""
        from alembic.script import ScriptDirectory

        script = ScriptDirectory.from_config(self._config())
        return [one.revision for one in script.walk_revisions()][::-1]

    def _require(self, revision: str) -> None:
        if not revision.strip():
            raise ConfigurationError("the name of a revision is empty", hint="Give head.")
        # Relative revisions, branches and abbreviated names are for Alembic to resolve.
        if revision in ("head", "heads", "base") or not revision.isalnum():
            return
        known = self._revisions()
        if not any(one.startswith(revision) for one in known):
            raise self._unknown(revision)

    def _refuse_older(self, revision: str, at: str) -> None:
        """Refuse a revision older than that of the tables: Alembic would do nothing, and report success.

        :raises ConfigurationError: also when the revision of the tables is not known.
        """
        known = self._revisions()
        refuse_unknown(at, known)
        older = [one for one in known[: known.index(at)] if one.startswith(revision)]
        if older and not at.startswith(revision):
            raise ConfigurationError(
                f"the tables are at revision {at}, which comes after {older[0]}",
                hint="Tables go back to base alone, which removes them. Restore a copy of before instead.",
            )

    def _unknown(self, revision: str) -> ConfigurationError:
        hint = f"There are {', '.join(self._revisions())}."
        return ConfigurationError("there is no such revision", where=revision, hint=hint)

    def _run(
        self,
        engine: Engine,
        what: Callable[[Config], None],
        lock_timeout: float = LOCK_TIMEOUT,
        observer: Observer | None = None,
    ) -> None:
        with engine.connect() as connection, redirect_stdout(io.StringIO()):
            config = self._config(connection)
            config.attributes["lock_timeout"] = lock_timeout
            config.attributes["observer"] = observer or Observer()
            what(config)

    def _config(self, connection: Connection | None = None) -> Config:
        config = _config(self._pipeline)
        config.attributes["connection"] = connection
        config.attributes["database"] = self._database
        return config


def _config(pipeline: Pipeline) -> Config:
    from alembic.config import Config

    config = Config()
    # Config interpolates values, so a percent sign in a path is doubled.
    config.set_main_option("script_location", str(migrations_of(pipeline)).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
