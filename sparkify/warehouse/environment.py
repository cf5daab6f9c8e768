"""What the ``env.py`` of a pipeline's migrations runs.

::

    from sparkify.warehouse.environment import run_migrations
    from shop import pipeline

    run_migrations(pipeline)
"""

from __future__ import annotations

from logging.config import fileConfig
from typing import Any

from alembic import context
from sqlalchemy import Connection

from sparkify.config.settings import Settings
from sparkify.databases import Database, open_database
from sparkify.etl.declarations import Pipeline
from sparkify.redshift import register
from sparkify.redshift.migrations import autogenerate_plugins

__all__ = ["run_migrations"]


def run_migrations(pipeline: Pipeline) -> None:
    """Run the migrations of a pipeline, or print their SQL, on the database that the settings name.

    To be called while Alembic runs the ``env.py`` of the pipeline's migrations.
    """
    # Our dialect and Alembic implementation for Redshift, in place of those that sqlalchemy-redshift registers.
    register()
    config = context.config
    if config.config_file_name is not None:
        fileConfig(config.config_file_name, disable_existing_loggers=False)
    database: Database | None = config.attributes.get("database")
    if database is None:
        settings = Settings.load(pipeline.sources)
        database = open_database(settings.url, settings, pipeline.sources)
    if context.is_offline_mode():
        _offline(database, pipeline)
    elif (given := config.attributes.get("connection")) is not None:
        _online(database, pipeline, given)
    else:
        database.create_file()
        engine = database.create_engine()
        try:
            with engine.connect() as connection:
                _online(database, pipeline, connection)
        finally:
            engine.dispose()


def _offline(database: Database, pipeline: Pipeline) -> None:
    """Print the SQL of the migrations, without a connection or a driver."""
    context.configure(
        url=database.url,
        target_metadata=pipeline.metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _online(database: Database, pipeline: Pipeline, connection: Connection) -> None:
    """Run the migrations, each in a transaction of its own."""

    def include_object(_item: Any, _name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
        return database.declares_keys or reflected or kind != "foreign_key_constraint"

    context.configure(
        connection=connection,
        target_metadata=pipeline.metadata,
        include_object=include_object,
        # Changed DISTSTYLE, DISTKEY, SORTKEY and ENCODE are differences too.
        autogenerate_plugins=autogenerate_plugins(),
        # On Redshift a VARCHAR is widened outside of a transaction, between two others.
        transaction_per_migration=True,
    )
    with database.migrating(connection), context.begin_transaction():
        context.run_migrations()
