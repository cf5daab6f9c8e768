"""How Alembic reaches the warehouse: the models are what it is compared with, sparkify's settings say where."""

from __future__ import annotations

from logging.config import fileConfig
from typing import Any

from alembic import context
from sqlalchemy import Connection

from sparkify.engines import make_engine, prepare_file
from sparkify.models import Base
from sparkify.redshift import register
from sparkify.redshift.migrations import autogenerate_plugins
from sparkify.settings import Settings

# Our dialect and Alembic implementation for Redshift, in place of those that sqlalchemy-redshift registers.
register()

config = context.config
if config.config_file_name is not None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)


def include_object(_item: Any, _name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
    """Leave foreign keys out on DuckDB, where the models do not declare them."""
    return not (kind == "foreign_key_constraint" and not reflected and _dialect() == "duckdb")


def _dialect() -> str:
    return str(context.get_context().dialect.name)


def offline() -> None:
    """Print the SQL of the migrations, without a connection or a driver."""
    context.configure(
        url=config.attributes.get("url") or Settings.load().url,
        target_metadata=Base.metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def online(connection: Connection) -> None:
    """Run the migrations, each in a transaction of its own."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_object=include_object,
        # Changed DISTSTYLE, DISTKEY, SORTKEY and ENCODE are differences too.
        autogenerate_plugins=autogenerate_plugins(),
        # On Redshift a VARCHAR is widened outside of a transaction, between two others.
        transaction_per_migration=True,
    )
    duckdb = connection.dialect.name == "duckdb"
    if duckdb:
        _checkpoint(connection)
    with context.begin_transaction():
        context.run_migrations()
    if duckdb:
        _checkpoint(connection)


def _checkpoint(connection: Connection) -> None:
    # DuckDB has failed to replay an ALTER TABLE from its log after a kill: leave none there.
    # What is still open, such as a version table that a downgrade of nothing has made, would refuse it.
    connection.commit()
    connection.exec_driver_sql("CHECKPOINT")
    connection.commit()


if context.is_offline_mode():
    offline()
elif (given := config.attributes.get("connection")) is not None:
    online(given)
else:
    settings = Settings.load()
    url = settings.url
    prepare_file(url)
    engine = make_engine(url, settings)
    try:
        with engine.connect() as connection:
            online(connection)
    finally:
        engine.dispose()
