"""Runs a pipeline's migrations, called from their ``env.py``.

::

    from sparkify.warehouse.environment import run_migrations
    from shop import pipeline

    run_migrations(pipeline)
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from logging.config import fileConfig
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _render_constraint
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, ExecutableDDLElement, MetaData, TableClause, func, select, table
from sqlalchemy.schema import ColumnCollectionConstraint

from sparkify.config.settings import Settings
from sparkify.databases import Database, open_database
from sparkify.etl.declarations import Pipeline
from sparkify.etl.errors import UNCHANGED, SparkifyError
from sparkify.etl.lock_timeout import LOCK_TIMEOUT
from sparkify.etl.observer import Observer
from sparkify.etl.translation import translated
from sparkify.redshift import register
from sparkify.redshift.migrations import autogenerate_plugins
from sparkify.warehouse.revisions import VERSION_TABLE, refuse_others, refuse_unknown

__all__ = ["current_schema", "run_migrations"]

log = logging.getLogger("sparkify.migrations")


def run_migrations(pipeline: Pipeline) -> None:
    """Run the migrations of a pipeline, or print their SQL, on the database that the settings name.

    Call it from the ``env.py`` of the pipeline's migrations, which Alembic runs.
    """
    # Our Redshift dialect and Alembic implementation, in place of those that sqlalchemy-redshift registers.
    register()
    config = context.config
    if config.config_file_name is not None:
        fileConfig(config.config_file_name, disable_existing_loggers=False)
    database: Database | None = config.attributes.get("database")
    if database is None:
        settings = Settings.load(pipeline.sources)
        database = config.attributes["database"] = open_database(settings.url, settings, pipeline.sources)
    database.support_alembic()
    if context.is_offline_mode():
        _offline(database, pipeline)
    elif (given := config.attributes.get("connection")) is not None:
        _online(database, pipeline, given)
    else:
        with _told(database):
            database.create_file()
            engine = database.create_engine()
            try:
                database.wait_for_others(engine, LOCK_TIMEOUT, _Logging())
                with engine.connect() as connection:
                    _online(database, pipeline, connection)
            finally:
                engine.dispose()


class _Logging(Observer):
    """Logs warnings, as Alembic logs what it runs."""

    def warning(self, message: str) -> None:
        log.warning("%s", message)


@contextmanager
def _told(database: Database) -> Iterator[None]:
    """Raise errors that users can act on as CommandError, which the ``alembic`` command prints in one line."""
    try:
        yield
    except Exception as exc:
        told = translated(exc, database.translate)
        if told is None:
            raise
        raise CommandError(str(told)) from exc


def current_schema() -> str | None:
    """The schema in which the running migration creates its tables, for views that must name it.

    Call it from a migration. Offline, without a database to ask, it is the schema in the settings.
    """
    if context.is_offline_mode():
        database: Database = context.config.attributes["database"]
        return database.schema
    found: str | None = context.get_bind().scalar(select(func.current_schema()))
    return found


def _render_item(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """A key as autogenerate writes it, with the ``ddl_if`` of the model; False for anything else, which
    Alembic writes as usual.

    Alembic copies a new table without ``ddl_if``. DuckDB would then enforce the key, and the second load fail.
    """
    if kind not in ("primary_key", "foreign_key"):
        return False
    condition = _condition(item, context)
    if condition is None:
        return False
    plain = copy(context)
    plain.opts = {**context.opts, "render_item": None}
    return f"{_render_constraint(item, plain, None)}.ddl_if(dialect={condition.dialect!r})"


def _condition(key: ColumnCollectionConstraint, context: AutogenContext) -> Any:
    """The ``ddl_if`` of the model's key with the same columns as this one; None if there is none."""
    tables = context.metadata.tables if isinstance(context.metadata, MetaData) else {}
    if key.table.key not in tables:
        return None
    columns = key.columns.keys()
    for declared in tables[key.table.key].constraints:
        if isinstance(declared, type(key)) and declared.columns.keys() == columns:
            return declared._ddl_if  # noqa: SLF001 - SQLAlchemy has no public name for it
    return None


def _offline(database: Database, pipeline: Pipeline) -> None:
    """Print the SQL of the migrations, without a connection or driver."""
    context.configure(
        url=database.url,
        target_metadata=pipeline.metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
        transaction_per_migration=True,
    )
    _run(database, pipeline, None)


def _online(database: Database, pipeline: Pipeline, connection: Connection) -> None:
    """Run the migrations, each in its own transaction."""

    def include_object(_item: Any, _name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
        return database.declares_keys or reflected or kind != "foreign_key_constraint"

    # If the caller has begun a transaction, the caller also ends it, and none is begun here.
    is_in_transaction = connection.in_transaction()
    context.configure(
        connection=connection,
        target_metadata=pipeline.metadata,
        include_object=include_object,
        render_item=_render_item,
        # Changes of DISTSTYLE, DISTKEY, SORTKEY and ENCODE are differences too.
        autogenerate_plugins=autogenerate_plugins(),
        # On Redshift a VARCHAR is widened outside a transaction, between two others.
        transaction_per_migration=True,
    )
    if not is_in_transaction:
        _lock_each(context.get_context(), database, pipeline, connection)
    with database.migrating(connection):
        _run(database, pipeline, connection)


def _run(database: Database, pipeline: Pipeline, connection: Connection | None) -> None:
    """Run the migrations as Alembic was asked to, or print them.

    An upgrade begins by creating the schema. An upgrade to the newest revision, at which all tables exist, ends
    with the grants.
    """
    migration = context.get_context()
    # The function that Alembic calls for each revision: `check`, `current` and the like have a different one,
    # and only read.
    called = migration.opts["fn"].__name__
    upgrades = called == "upgrade"
    if connection is not None and called in ("upgrade", "downgrade"):
        # Before Alembic does, which only says that it cannot locate the revision.
        known = [script.revision for script in context.script.walk_revisions()][::-1]
        for head in migration.get_current_heads():
            refuse_unknown(head, known)
    if upgrades:
        if connection is not None and not migration.get_current_heads():
            refuse_others(connection, pipeline, database)
        _execute(migration, database.creation_of_schema(connection))
    reached: list[set[str]] = []
    migration.on_version_apply_callbacks += (lambda heads, **_: reached.append(heads),)
    with context.begin_transaction():
        context.run_migrations()
    heads = reached[-1] if reached else set(migration.get_current_heads())
    if upgrades and heads == set(context.script.get_heads()):
        _execute(migration, database.grants(_readable(pipeline)))


def _lock_each(
    migration: MigrationContext, database: Database, pipeline: Pipeline, connection: Connection
) -> None:
    """Make each migration wait for a running load, and keep other loads out until it is committed.

    The iterator that Alembic consumes does the waiting: between two migrations there is no transaction yet, and
    Alembic continues in the one that it finds begun.
    """
    attributes = context.config.attributes
    timeout = attributes.get("lock_timeout", LOCK_TIMEOUT)
    observer = attributes.get("observer") or _Logging()
    migrations: Any = migration._migrations_fn  # noqa: SLF001 - Alembic has no public name for it

    def locked(heads: tuple[str, ...], context: MigrationContext) -> Iterator[Any]:
        # Before the first migration there is nothing to load into; Alembic is about to commit its own table.
        is_new, state = not heads, UNCHANGED
        for step in migrations(heads, context):
            if not is_new:
                try:
                    database.lock_migration(connection, pipeline.ledger, timeout=timeout, observer=observer)
                except SparkifyError as error:
                    error.state = state
                    raise
            yield step
            is_new, state = False, "the migrations before are committed"

    migration._migrations_fn = locked  # noqa: SLF001


def _readable(pipeline: Pipeline) -> list[TableClause]:
    """The tables that readers of a warehouse need: the star and its views, the ledger, the revision, which
    every command reads first, and the lock and the staging tables, which ``check`` reads.
    """
    return [
        *pipeline.tables,
        *(view.table for view in pipeline.views),
        *pipeline.ledger.tables,
        *(source.staging for source in pipeline.sources),
        table(VERSION_TABLE),
    ]


def _execute(migration: MigrationContext, statements: Sequence[ExecutableDDLElement]) -> None:
    """Send statements in one transaction, or print them."""
    if not statements:
        return
    with migration.begin_transaction(_per_migration=True):
        for statement in statements:
            migration.execute(statement)
