"""The registry of databases: the only place that compares the name of a database.

Each database is a folder here and a line below. Its module ``sql`` renders the constructs of
:mod:`sparkify.etl.constructs`; its module ``database`` defines its :class:`Database`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL

from sparkify.databases.base import Database
from sparkify.databases.rows import Rows
from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError

if TYPE_CHECKING:
    from sparkify.config.settings import Settings

__all__ = ["Database", "database_type", "names", "open_database", "write_parquet"]

_CLASSES = {
    "duckdb": "DuckDB",
    "redshift": "Redshift",
}

for _name in _CLASSES:
    # Cheap: these import only SQLAlchemy, and no driver.
    import_module(f"{__name__}.{_name}.sql")


def names() -> tuple[str, ...]:
    """The names of all databases, spelled as the backends of URLs."""
    return tuple(_CLASSES)


def database_type(name: str) -> type[Database]:
    """The class of a database, by its name.

    :raises ConfigurationError: when there is no such database.
    """
    if name not in _CLASSES:
        raise ConfigurationError(
            f"{name!r} is not a database that sparkify loads", hint=f"Give one of {', '.join(names())}."
        )
    found: type[Database] = getattr(import_module(f"{__name__}.{name}.database"), _CLASSES[name])
    return found


def open_database(url: URL, settings: Settings | None = None, sources: Sequence[Source] = ()) -> Database:
    """The database of a URL, without connecting to it.

    :param settings: what the database needs beyond its URL; None if nothing is set.
    :param sources: the sources whose files it will load.
    :raises ConfigurationError: when sparkify loads no such database, or the URL or a setting does not suit it.
    """
    return database_type(url.get_backend_name())(url, settings, sources)


def write_parquet(rows: Rows, file: Path) -> None:
    """Write rows of any database to a local Parquet file, replacing the file if it exists."""
    import_module(f"{__name__}.duckdb.parquet").write_parquet(rows, file)
