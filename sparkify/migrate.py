"""Runs the migrations that the package carries: what ``alembic`` does in a clone, from an installed wheel."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, inspect
from sqlalchemy.exc import NoSuchTableError

from sparkify.engines import make_engine, prepare_file

__all__ = ["create_file", "current", "downgrade", "head", "migrations_folder", "sql", "upgrade"]


def migrations_folder() -> Path:
    """Where the migrations lie: inside an installed package, or beside it in a clone."""
    package = Path(__file__).parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    # Config interpolates: a percent sign in a path is doubled.
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def head() -> str | None:
    """The newest revision that the package has."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def current(connection: Connection) -> str | None:
    """The revision of the database; None where no migration ever ran. This is a read-only operation."""
    return MigrationContext.configure(connection).get_current_revision()


def is_empty(connection: Connection) -> bool:
    """Whether the database has no table at all. This is a read-only operation."""
    try:
        return not inspect(connection).get_table_names()
    except NoSuchTableError:
        return True


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to a revision, by default the newest. Each migration is one transaction."""
    _run(engine, lambda config: command.upgrade(config, revision))


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database back to a revision; ``base`` removes every table."""
    _run(engine, lambda config: command.downgrade(config, revision))


def sql(url: URL, revision: str = "head") -> str:
    """The SQL of the migrations, from an empty database to a revision. Nothing is connected to."""
    text = io.StringIO()
    config = _config()
    config.attributes["url"] = url
    config.output_buffer = text
    command.upgrade(config, revision, sql=True)
    return text.getvalue()


def _run(engine: Engine, what: Callable[[Config], None]) -> None:
    with engine.connect() as connection, redirect_stdout(io.StringIO()):
        what(_config(connection))


def create_file(url: URL) -> bool:
    """Create a DuckDB file with every table in it, where there is none. Returns whether it was created."""

    def fill(new: URL) -> None:
        engine = make_engine(new)
        try:
            upgrade(engine)
        finally:
            engine.dispose()

    return prepare_file(url, fill)
