"""Reads a database's revision and the newest one without Alembic, which is slow to import.

Alembic is imported only to run migrations, or if the migration files cannot be parsed here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError

from sparkify.config.secrets import masked_url
from sparkify.databases import Database
from sparkify.etl.declarations import Pipeline
from sparkify.etl.errors import UNCHANGED, ConfigurationError

__all__ = [
    "NEWER",
    "VERSION_TABLE",
    "current",
    "head_of",
    "is_empty",
    "migrations_of",
    "missing",
    "place_of",
    "refuse_others",
    "refuse_unknown",
]

VERSION_TABLE = "alembic_version"
NEWER = "The tables were made by a newer version of sparkify: use that one."

_ASSIGNED = re.compile(r"^(revision|down_revision)\b[^=\n]*=(.*)$", re.MULTILINE)
_NO_MIGRATION = (".#", "__init__")
"""Name prefixes of Python files that Alembic does not treat as migrations."""


def current(connection: Connection) -> str | None:
    """The revision of the database; None if no migration ever ran. This is a read-only operation.

    :raises ConfigurationError: when the database is at several revisions at once.
    """
    try:
        found = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalars().all()
    except DBAPIError as exc:
        if exc.connection_invalidated:
            raise
        # On databases that abort the transaction, it is no longer usable.
        connection.rollback()
        if inspect(connection).has_table(VERSION_TABLE):
            raise
        return None
    if len(found) > 1:
        raise ConfigurationError(f"the database is at several revisions: {', '.join(sorted(found))}")
    return found[0] if found else None


def is_empty(connection: Connection) -> bool:
    """Whether the database has no table at all. This is a read-only operation."""
    # On every database, the tables of the system catalogue are in schemas of these names.
    ours = "table_schema NOT IN ('information_schema', 'pg_catalog')"
    found = connection.exec_driver_sql(f"SELECT 1 FROM information_schema.tables WHERE {ours} LIMIT 1")
    return found.first() is None


def missing(connection: Connection, pipeline: Pipeline) -> list[str]:
    """The tables and views of a pipeline that the database lacks, sorted. This is a read-only operation."""
    return sorted(_expected(pipeline) - _there(connection))


def place_of(database: Database) -> str:
    """The URL of a database, and its schema if it has one, to begin the sentence of a message."""
    url, schema = masked_url(database.url), database.schema
    return url if schema is None else f"{url}, schema {schema},"


def refuse_others(connection: Connection, pipeline: Pipeline, database: Database) -> None:
    """Refuse a database without a revision that has a table or view with a name that the pipeline uses.

    :raises ConfigurationError: when it has one, since no migration made it.
    """
    found = sorted(_expected(pipeline) & _there(connection))
    # A database that another process has migrated meanwhile has both tables and a revision.
    if not found or current(connection) is not None:
        return
    some = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    elsewhere = "Give another file" if database.is_embedded else "Give another schema, as DB_SCHEMA"
    raise ConfigurationError(
        f"{place_of(database)} has the table{'s' if len(found) > 1 else ''} {some}, which no migration made",
        hint=f"{elsewhere}, or rename what is there.",
        state=UNCHANGED,
    )


def refuse_unknown(revision: str, known: Sequence[str]) -> None:
    """Refuse a revision of the tables that this version does not know.

    :param known: the revisions of the pipeline, oldest first.
    :raises ConfigurationError: when the revision is not among them.
    """
    if revision not in known:
        raise ConfigurationError(
            f"the tables are at revision {revision}, and this version knows {', '.join(known)}", hint=NEWER
        )


def _expected(pipeline: Pipeline) -> set[str]:
    staging = (source.staging for source in pipeline.sources)
    tables = (*pipeline.tables, *pipeline.ledger.tables, *staging, *(view.table for view in pipeline.views))
    return {table.name for table in tables}


def _there(connection: Connection) -> set[str]:
    inspector = inspect(connection)
    return {*inspector.get_table_names(), *inspector.get_view_names()}


def migrations_of(pipeline: Pipeline) -> Path:
    """The migrations folder of a pipeline.

    :raises ConfigurationError: when it has none.
    """
    if pipeline.migrations is None:
        raise ConfigurationError(f"the pipeline {pipeline.name} has no folder of migrations")
    return pipeline.migrations


def head_of(pipeline: Pipeline) -> str | None:
    """The newest revision that a pipeline has.

    :raises ConfigurationError: when it has no folder of migrations.
    """
    folder = migrations_of(pipeline)
    try:
        revisions = dict(_revisions(folder))
    except ValueError:
        revisions = {}
    heads = set(revisions) - {down for downs in revisions.values() for down in downs}
    if len(heads) == 1:
        return heads.pop()
    # No head, several heads, or revisions that are not literals: leave it to Alembic.
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(folder)).get_current_head()


def _revisions(folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each revision in a folder, with the revisions that it follows.

    :raises ValueError: when a file does not assign both exactly once, as literals.
    """
    for path in (folder / "versions").glob("*.py"):
        if path.name.startswith(_NO_MIGRATION):
            continue
        found = _ASSIGNED.findall(path.read_text(encoding="utf-8"))
        values = {name: _literal(text) for name, text in found}
        if len(found) != 2 or len(values) != 2:
            raise ValueError(path)
        (revision,) = values["revision"]
        yield revision, values["down_revision"]


def _literal(text: str) -> tuple[str, ...]:
    """The strings in a literal: one, several, or none if it is None."""
    try:
        value = ast.literal_eval(text.strip())
    except SyntaxError as exc:
        raise ValueError(text) from exc
    if value is None:
        return ()
    values = value if isinstance(value, tuple | list) else (value,)
    if not all(isinstance(item, str) for item in values):
        raise ValueError(text)
    return tuple(values)
