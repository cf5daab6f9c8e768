"""Checkpoints that we begin, each of which can be undone: see :mod:`sparkify.databases.duckdb.rollback`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Connection

from sparkify.databases.duckdb.rollback import METADATA_BLOCKS, journaled

__all__ = ["migrating", "undoable"]


def undoable(
    file: Path | None, blocks: Sequence[Sequence[int]], *, with_log: bool = False
) -> AbstractContextManager[None]:
    """Run a checkpoint in the block, with a journal where there is a file.

    :param blocks: the rows of :data:`METADATA_BLOCKS`.
    :param with_log: see :func:`~sparkify.databases.duckdb.rollback.journaled`.
    """
    if file is None:
        return nullcontext()
    return journaled(file, [block for (block,) in blocks], with_log=with_log)


@contextmanager
def migrating(connection: Connection, file: Path | None) -> Iterator[None]:
    """Run migrations in the block: all that are committed come into the file, or none does.

    After a kill DuckDB 1.5 does not replay each ALTER TABLE from its log. So none is left there.
    """
    connection.commit()
    with undoable(file, _metadata_blocks(connection)):
        _checkpoint(connection)
    with undoable(file, _metadata_blocks(connection), with_log=True):
        try:
            yield
        except BaseException:
            # Those before the one that failed have their commits.
            connection.rollback()
            _checkpoint(connection)
            raise
        _checkpoint(connection)


def _metadata_blocks(connection: Connection) -> Sequence[Sequence[int]]:
    return connection.exec_driver_sql(METADATA_BLOCKS).all()


def _checkpoint(connection: Connection) -> None:
    # What is still open, such as a version table that a downgrade of nothing has made, would refuse it.
    connection.commit()
    connection.exec_driver_sql("CHECKPOINT")
    connection.commit()
