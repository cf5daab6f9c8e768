"""What the ``env.py`` of a pipeline's migrations runs.

::

    from sparkify.warehouse.environment import run_migrations
    from shop import pipeline

    run_migrations(pipeline)
"""

from __future__ import annotations

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
from sparkify.etl.errors import translated
from sparkify.redshift import register
from sparkify.redshift.migrations import autogenerate_plugins
from sparkify.warehouse.revisions import VERSION_TABLE, refuse_others

__all__ = ["current_schema", "run_migrations"]


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
                with engine.connect() as connection:
                    _online(database, pipeline, connection)
            finally:
                engine.dispose()


@contextmanager
def _told(database: Database) -> Iterator[None]:
    """Errors that users can do something about, as Alembic's command prints them: in a line."""
    try:
        yield
    except Exception as exc:
        told = translated(exc, database.translate)
        if told is None:
            raise
        raise CommandError(str(told)) from exc


def current_schema() -> str | None:
    """The schema that the migration which runs makes its tables in, for views that must name it.

    To be called by a migration. Offline, where nobody can be asked, it is that of the settings.
    """
    if context.is_offline_mode():
        database: Database = context.config.attributes["database"]
        return database.schema
    found: str | None = context.get_bind().scalar(select(func.current_schema()))
    return found


def _render_item(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """A key as autogenerate writes it, with the ``ddl_if`` of the model; False for anything else, which
    Alembic writes as ever.

    Alembic copies a new table without it. DuckDB would enforce the key then, and the second load would fail.
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
    """The ``ddl_if`` of the model's key that has the columns of this one; None where there is none."""
    tables = context.metadata.tables if isinstance(context.metadata, MetaData) else {}
    if key.table.key not in tables:
        return None
    columns = key.columns.keys()
    for declared in tables[key.table.key].constraints:
        if isinstance(declared, type(key)) and declared.columns.keys() == columns:
            return declared._ddl_if  # noqa: SLF001 - SQLAlchemy has no public name for it
    return None


def _offline(database: Database, pipeline: Pipeline) -> None:
    """Print the SQL of the migrations, without a connection or a driver."""
    context.configure(
        url=database.url,
        target_metadata=pipeline.metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
        transaction_per_migration=True,
    )
    _run(database, pipeline, None)


def _online(database: Database, pipeline: Pipeline, connection: Connection) -> None:
    """Run the migrations, each in a transaction of its own."""

    def include_object(_item: Any, _name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
        return database.declares_keys or reflected or kind != "foreign_key_constraint"

    context.configure(
        connection=connection,
        target_metadata=pipeline.metadata,
        include_object=include_object,
        render_item=_render_item,
        # Changed DISTSTYLE, DISTKEY, SORTKEY and ENCODE are differences too.
        autogenerate_plugins=autogenerate_plugins(),
        # On Redshift a VARCHAR is widened outside of a transaction, between two others.
        transaction_per_migration=True,
    )
    with database.migrating(connection):
        _run(database, pipeline, connection)


def _run(database: Database, pipeline: Pipeline, connection: Connection | None) -> None:
    """Run the migrations as Alembic was asked to, or print them.

    An upgrade begins with the schema. One to the newest revision, with which all tables are there, ends with
    the grants.
    """
    migration = context.get_context()
    # What Alembic calls for each revision: of `check`, `current` and the like it is another function, and these
    # only read.
    upgrades = migration.opts["fn"].__name__ == "upgrade"
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


def _readable(pipeline: Pipeline) -> list[TableClause]:
    """What readers of a warehouse need: the star and its views, what was loaded, the revision, which every
    command asks for first, and the lock and the staging tables, at which ``check`` looks.
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
