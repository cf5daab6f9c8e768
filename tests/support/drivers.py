"""Drivers with which the suite of all databases creates warehouses, writes files and reads exports.

Each database in the registry needs a driver here: see :data:`DRIVERS`.
"""

from __future__ import annotations

import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import boto3
import duckdb
import pytest

from sparkify import Settings, Warehouse
from sparkify.pipeline import SPARKIFY
from tests.support.cloud import Cloud
from tests.support.making import write

__all__ = ["DRIVERS", "Driver", "driver_of"]

_FOLDERS = {"events": "log_data", "songs": "song_data"}
_HANG = 300
"""Seconds after which a waiting test counts as hung. No test depends on anything being faster."""


class Driver(ABC):
    """One empty database, and a place for files that it can read.

    :ivar waits_for_lock: whether a load waits for another one to end; else it raises TemporaryError.
    :ivar connectionless: why there is no connection to lose; None if there is one.
    :ivar plans_first_load: whether a dry run does not connect, and therefore plans a load of all files.
    """

    waits_for_lock: ClassVar[bool]
    connectionless: ClassVar[str | None] = None
    plans_first_load: ClassVar[bool]

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.folder: Path = request.getfixturevalue("tmp_path")

    @property
    @abstractmethod
    def root(self) -> str:
        """The URI under which the files of all sources are."""

    @abstractmethod
    def put(self, source: str, name: str, *rows: Mapping[str, Any] | str) -> str:
        """Write a file of a source, one object per line. Returns its URI."""

    @abstractmethod
    def put_bytes(self, source: str, name: str, content: bytes) -> str:
        """Write a file of a source with any content. Returns its URI."""

    @abstractmethod
    def warehouse(self) -> Warehouse:
        """A warehouse on the database, which has no tables at first. The caller closes it."""

    def with_tables(self) -> Warehouse:
        """A warehouse with empty tables, which a driver may have prepared."""
        warehouse = self.warehouse()
        warehouse.migrate()
        return warehouse

    @abstractmethod
    def save(self, name: str) -> None:
        """Save the current tables and rows for :meth:`restore`. No warehouse may be open."""

    @abstractmethod
    def restore(self, name: str) -> bool:
        """Restore the tables and rows that were saved under a name. Returns whether there were any."""

    @abstractmethod
    def exists(self, uri: str) -> bool:
        """Whether a file still exists."""

    @abstractmethod
    def export(self) -> str:
        """The target to which a query may write Parquet."""

    @abstractmethod
    def read_exported(self, target: str) -> list[tuple[Any, ...]]:
        """The rows that were exported to a target."""

    def lose_connection(self, at: str) -> Callable[[], int]:
        """Lose the connection at the next matching statement. Returns a function that counts the losses."""
        raise NotImplementedError

    def wait_for_waiting(self) -> None:
        """Block until a second load has reached the lock."""
        raise NotImplementedError


class DuckDBDriver(Driver):
    """A DuckDB file, and a local folder."""

    waits_for_lock = False
    connectionless = "it runs in this process"
    _saved: ClassVar[dict[str, bytes]] = {}
    plans_first_load = False

    def __init__(self, request: pytest.FixtureRequest) -> None:
        super().__init__(request)
        self._tables: Path = request.getfixturevalue("tables")
        for folder in _FOLDERS.values():
            (self.folder / "data" / folder).mkdir(parents=True)

    @property
    def root(self) -> str:
        return str(self.folder / "data")

    def put(self, source: str, name: str, *rows: Mapping[str, Any] | str) -> str:
        return str(write(self.folder / "data" / _FOLDERS[source] / name, rows))

    def put_bytes(self, source: str, name: str, content: bytes) -> str:
        path = self.folder / "data" / _FOLDERS[source] / name
        path.write_bytes(content)
        return str(path)

    def warehouse(self) -> Warehouse:
        data = self.folder / "data"
        return Warehouse(
            Settings.load(
                SPARKIFY.sources,
                database_url=f"duckdb:///{self.folder}/warehouse.duckdb",
                log_data=str(data / "log_data"),
                song_data=str(data / "song_data"),
            )
        )

    def with_tables(self) -> Warehouse:
        shutil.copy(self._tables, self.folder / "warehouse.duckdb")
        return self.warehouse()

    def save(self, name: str) -> None:
        self._saved[name] = (self.folder / "warehouse.duckdb").read_bytes()

    def restore(self, name: str) -> bool:
        if name in self._saved:
            (self.folder / "warehouse.duckdb").write_bytes(self._saved[name])
        return name in self._saved

    def exists(self, uri: str) -> bool:
        return Path(uri).exists()

    def export(self) -> str:
        return str(self.folder / "exported.parquet")

    def read_exported(self, target: str) -> list[tuple[Any, ...]]:
        return _read_parquet(Path(target))


class RedshiftDriver(Driver):
    """The stand-in for Redshift, and a bucket."""

    waits_for_lock = True
    plans_first_load = True

    def __init__(self, request: pytest.FixtureRequest) -> None:
        super().__init__(request)
        self._cloud: Cloud = request.getfixturevalue("cloud")
        request.getfixturevalue("hurried")

    @property
    def root(self) -> str:
        return "s3://plays"

    def put(self, source: str, name: str, *rows: Mapping[str, Any] | str) -> str:
        return self.put_bytes(source, name, write(self.folder / "written" / name, rows).read_bytes())

    def put_bytes(self, source: str, name: str, content: bytes) -> str:
        uri = f"{self.root}/{_FOLDERS[source]}/{name}"
        self._cloud.redshift.put_object(uri, content)
        return uri

    def warehouse(self) -> Warehouse:
        return self._cloud.warehouse()

    def with_tables(self) -> Warehouse:
        return self._cloud.with_tables()

    def save(self, name: str) -> None:
        self._cloud.redshift.save(name)

    def restore(self, name: str) -> bool:
        return self._cloud.redshift.restore(name)

    def exists(self, uri: str) -> bool:
        return uri in self._cloud.redshift.objects_below(uri)

    def export(self) -> str:
        return "s3://plays/exported/"

    def read_exported(self, target: str) -> list[tuple[Any, ...]]:
        client = boto3.client("s3", endpoint_url=self._cloud.redshift.s3_endpoint)
        found = []
        for uri in self._cloud.redshift.objects_below(target):
            path = self.folder / "fetched.parquet"
            key = uri.removeprefix("s3://plays/")
            path.write_bytes(client.get_object(Bucket="plays", Key=key)["Body"].read())
            found += _read_parquet(path)
        return found

    def lose_connection(self, at: str) -> Callable[[], int]:
        fault = self._cloud.redshift.inject("drop", at)
        return lambda: fault.fired

    def wait_for_waiting(self) -> None:
        deadline = time.monotonic() + _HANG
        while sum(one.sql.startswith("LOCK") for one in self._cloud.redshift.statements) < 2:
            assert time.monotonic() < deadline, "the second load did not come to the lock"
            time.sleep(0.01)


def _read_parquet(path: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return connection.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()


DRIVERS: dict[str, type[Driver]] = {"duckdb": DuckDBDriver, "redshift": RedshiftDriver}


def driver_of(name: str) -> type[Driver]:
    """The driver of a database.

    :raises LookupError: if it has none.
    """
    if name not in DRIVERS:
        raise LookupError(
            f"tell the suite how to make a warehouse of {name}: add a driver to tests/support/drivers.py"
        )
    return DRIVERS[name]
