"""The file of an embedded database: created whole or not at all."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import duckdb

from sparkify.databases.duckdb.storage import STORAGE_VERSION
from sparkify.databases.replacing import name_beside, sweep, sync
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.translation import first_line

__all__ = ["CONFIG", "create"]

_sql = logging.getLogger("sparkify.sql")

CONFIG = {
    # Nothing is downloaded at run time: what is read and how is decided here, not by a file's name.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    # A GROUP BY of one whole number, such as a song or a user, indexes an array instead of hashing if the
    # statistics of the column say that the number takes 18 bits or fewer (default: 12). Counting eight million
    # plays by song takes 0.06 s of processor time instead of 0.46. Each thread has such an array, of 2^18 times
    # the size of a count.
    "perfect_ht_threshold": "18",
}


def create(
    path: Path,
    fill: Callable[[Path], None] | None = None,
    *,
    statements: Callable[[], Sequence[str]] | None = None,
) -> bool:
    """Create a file if there is none, private to its owner. Returns whether it was created.

    If DuckDB is killed at its first writes, it leaves a file that never opens again. So the file is created
    under another name, filled, and given its name when it is complete.

    :param fill: called with its other name.
    :param statements: returns the SQL that is run in it before that, in one transaction.
    :raises ConfigurationError: when the folder does not exist or cannot be written to.
    """
    sweep(path)
    if path.exists():
        return False
    if not path.parent.is_dir():
        raise ConfigurationError(f"there is no such folder to make {path.name} in", where=str(path.parent))
    new = name_beside(path)
    try:
        # A hundred statements, none of which has work for two threads: one thread takes half as long.
        config = CONFIG | {"storage_compatibility_version": STORAGE_VERSION, "threads": "1"}
        with duckdb.connect(str(new), config=dict(config)) as connection:
            # It will hold names of users. To share it, use chmod: loads leave its mode as it is.
            new.chmod(0o600)
            if statements is not None:
                _run(connection, ["BEGIN", *statements(), "COMMIT"])
        if fill is not None:
            fill(new)
        sync(new)
        # A link, unlike a rename, does not replace what another process may have created meanwhile.
        with suppress(FileExistsError):
            os.link(new, path)
            sync(path.parent)
    except (duckdb.IOException, OSError) as exc:
        raise ConfigurationError(f"cannot be created: {first_line(exc)}", where=str(path)) from exc
    finally:
        for left in (new, new.with_name(f"{new.name}.wal")):
            # On a read-only file system this is an error even if there is none.
            with suppress(OSError):
                left.unlink(missing_ok=True)
    return True


def _run(connection: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> None:
    """Run statements and log each: they pass through neither an engine nor the session of a load."""
    for statement in statements:
        began = time.perf_counter()
        connection.execute(statement)
        seconds = time.perf_counter() - began
        _sql.debug("%.3f s: %s", seconds, statement.strip(), extra={"seconds": seconds})
