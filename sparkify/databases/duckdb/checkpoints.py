"""Checkpoints that we start, each of which can be undone: see :mod:`sparkify.databases.duckdb.rollback`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Connection

from sparkify.databases.duckdb.errors import translate
from sparkify.databases.duckdb.rollback import METADATA_BLOCKS, journaled, log_of, undo_checkpoint
from sparkify.databases.duckdb.truncation import refuse_truncated
from sparkify.etl.errors import UNCHANGED, SparkifyError

__all__ = ["IN_DOUBT", "migrating", "undoable"]

IN_DOUBT = (
    "the migrations were being committed, and it is not known whether they were; to run them again is safe"
)
"""The state when the database has ended and the migrations could not be undone."""


def undoable(
    file: Path | None,
    blocks: Sequence[Sequence[int]],
    *,
    with_log: bool = False,
    has_ended: Callable[[], bool] = lambda: False,
) -> AbstractContextManager[None]:
    """Run a checkpoint in the block, with a journal if there is a file.

    :param blocks: the rows of :data:`METADATA_BLOCKS`.
    :param with_log: see :func:`~sparkify.databases.duckdb.rollback.journaled`, also for ``has_ended``.
    """
    if file is None:
        return nullcontext()
    return journaled(file, [block for (block,) in blocks], with_log=with_log, has_ended=has_ended)


@contextmanager
def migrating(connection: Connection, file: Path | None) -> Iterator[None]:
    """Run migrations in the block: all that are committed get into the file, or none does.

    After a kill, DuckDB 1.5 does not replay every ALTER TABLE from its log. So none is left there, not even
    after an error that ends the database, such as a disk failure in a checkpoint: then all are undone. If the
    disk does not let DuckDB empty its log after an error, the database is ended here.

    :raises SparkifyError: when the database has ended, saying what became of them; before any runs, when the
        file is truncated.
    """

    def has_ended() -> bool:
        return connection.invalidated

    begun = False
    try:
        connection.commit()
        if file is not None:
            refuse_truncated(connection.connection.driver_connection, file)
        with undoable(file, _metadata_blocks(connection)):
            _checkpoint(connection)
        with undoable(file, _metadata_blocks(connection), with_log=True, has_ended=has_ended):
            begun = True
            try:
                yield
            except BaseException:
                if not has_ended():
                    # Those before the one that failed are committed.
                    connection.rollback()
                    _checkpoint(connection)
                    if file is not None and _is_left(log_of(file)):
                        # Half of a failed commit, which DuckDB could not cut off: it would be replayed.
                        connection.invalidate()
                        connection.engine.dispose()
                raise
            _checkpoint(connection)
    except SparkifyError as error:
        if not begun:
            error.state = UNCHANGED
        raise
    except Exception as exc:
        if file is None or not has_ended():
            raise
        undone = undo_checkpoint(file)
        told = translate(exc, file)
        if told is None:
            raise
        told.state = UNCHANGED if undone or not begun else IN_DOUBT
        raise told from exc


def _is_left(log: Path) -> bool:
    return log.exists() and log.stat().st_size > 0


def _metadata_blocks(connection: Connection) -> Sequence[Sequence[int]]:
    return connection.exec_driver_sql(METADATA_BLOCKS).all()


def _checkpoint(connection: Connection) -> None:
    # An open transaction, such as of a downgrade of nothing that made a version table, would block it.
    connection.commit()
    connection.exec_driver_sql("CHECKPOINT")
    connection.commit()
