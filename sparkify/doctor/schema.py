"""The check of the tables, and the engine that it reads them with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine

from sparkify.databases import Database
from sparkify.doctor.checklist import Problem
from sparkify.etl.declarations import Pipeline
from sparkify.warehouse.migrations import Migrations
from sparkify.warehouse.revisions import current, head_of, missing

__all__ = ["check_revision", "engine_of"]


def check_revision(connection: Connection, database: Database, pipeline: Pipeline) -> str:
    """The schema and the revision of the tables, if it is the newest revision of the pipeline.

    :raises Problem: if it is another one, or if the schema or some of the tables do not exist.
    """
    if not database.has_schema(connection):
        raise Problem(f"there is no schema {database.schema}", hint="sparkify-etl migrate")
    revision, head = current(connection), head_of(pipeline)
    if revision is None:
        raise Problem("there are no tables yet", hint="sparkify-etl migrate")
    if revision != head:
        advice = Migrations(pipeline, database).advice(revision) or ""
        raise Problem(f"revision {revision}, and this version needs {head}", hint=advice.removeprefix("Run: "))
    if gone := missing(connection, pipeline):
        raise Problem(
            f"gone from the database: {', '.join(gone)}", hint="restore a copy, or load into a new database"
        )
    schema = "" if database.schema is None else f"{database.schema}: "
    return f"{schema}revision {revision}"


@contextmanager
def engine_of(database: Database) -> Iterator[Engine]:
    """A read-only engine, disposed of at the end of the block."""
    engine = database.create_engine(read_only=True)
    try:
        yield engine
    finally:
        with suppress(Exception):
            engine.dispose()
