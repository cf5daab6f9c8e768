"""The statements that create the tables of a pipeline in an empty database: from its models, without Alembic.

They create what its migrations create: tables, views, their comments, the row of the lock, and the revision.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    Engine,
    ExecutableDDLElement,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
)
from sqlalchemy.engine import create_mock_engine
from sqlalchemy.schema import CreateTable

from sparkify.databases import Database
from sparkify.etl.declarations import Pipeline
from sparkify.warehouse.revisions import VERSION_TABLE, head_of

__all__ = ["creation_statements"]


def creation_statements(pipeline: Pipeline, database: Database, engine: Engine) -> Sequence[str]:
    """The statements, in order, as the database receives them. The engine does not connect."""
    # Statements do not depend on the file, so all files share the cached ones. None would leave it in the URL.
    url = engine.url.set(database="")
    return _statements(pipeline, head_of(pipeline), type(database), url)


# Compiling them takes a tenth of the time of a small load, and one process may create many files.
@lru_cache(maxsize=4)
def _statements(pipeline: Pipeline, head: str | None, database: type[Database], url: URL) -> tuple[str, ...]:
    versions = _version_table()
    statements = [
        database.render(CreateTable(versions)),
        database.render(insert(versions).values(version_num=head)),
    ]

    def add(element: ExecutableDDLElement, *_: Any, **__: Any) -> None:
        statements.append(database.render(element))

    pipeline.metadata.create_all(create_mock_engine(url, add), checkfirst=False)
    for view in pipeline.views:
        statements += map(database.render, view.create())
    statements.append(database.render(insert(pipeline.ledger.lock).values(token=1, taken=0)))
    return tuple(statements)


def _version_table() -> Table:
    """The table in which Alembic keeps the revision, as Alembic creates it."""
    column = Column("version_num", String(32), nullable=False)
    return Table(
        VERSION_TABLE,
        MetaData(),
        column,
        PrimaryKeyConstraint(column, name=f"{VERSION_TABLE}_pkc"),
    )
