"""The check of the tables, and the warehouse that it is made on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine

from sparkify.databases import Database
from sparkify.doctor.checklist import Problem
from sparkify.etl.declarations import Pipeline
from sparkify.warehouse.revisions import current, head_of

__all__ = ["check_revision", "engine_of"]


def check_revision(connection: Connection, pipeline: Pipeline) -> str:
    """The revision of the tables, when it is the newest that the pipeline has.

    :raises Problem: when it is another one, or there are no tables.
    """
    revision, head = current(connection), head_of(pipeline)
    if revision is None:
        raise Problem("there are no tables yet", hint="sparkify-etl migrate")
    if revision != head:
        raise Problem(f"revision {revision}, and this version needs {head}", hint="sparkify-etl migrate")
    return f"revision {revision}"


@contextmanager
def engine_of(database: Database) -> Iterator[Engine]:
    """An engine that only reads, disposed of at the end of the block."""
    engine = database.create_engine(read_only=True)
    try:
        yield engine
    finally:
        with suppress(Exception):
            engine.dispose()
