"""Shared fixtures of the stand-in tests: the server, and clients that use the unmodified driver."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redshift_connector

from standin.fixtures import release
from standin.server import Standin


class Client:
    """A connection of redshift_connector, and the few words that tests need."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.cursor = connection.cursor()

    def run(self, sql: str, *parameters: object) -> int:
        """Execute; the row count."""
        self.cursor.execute(sql, parameters or None)
        count: int = self.cursor.rowcount
        return count

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        self.cursor.execute(sql, parameters or None)
        return [tuple(row) for row in self.cursor.fetchall()]

    def value(self, sql: str, *parameters: object) -> Any:
        """The only value of a query."""
        ((value,),) = self.rows(sql, *parameters)
        return value

    def error(self, sql: str, *parameters: object) -> dict[str, str]:
        """The fields of the error in which the statement ends. The transaction is rolled back."""
        with pytest.raises(redshift_connector.Error) as caught:
            self.cursor.execute(sql, parameters or None)
        self.connection.rollback()
        fields: dict[str, str] = caught.value.args[0]
        return fields

    def code(self, sql: str, *parameters: object) -> str:
        """The SQLSTATE in which the statement ends."""
        return self.error(sql, *parameters)["C"]

    def notices(self) -> list[str]:
        """The texts of the notices so far, the newest last."""
        return [notice[b"M"].decode() for notice in self.connection.notices]

    def commit(self) -> None:
        """Commit."""
        self.connection.commit()

    def rollback(self) -> None:
        """Roll back."""
        self.connection.rollback()

    def close(self) -> None:
        """Close the connection, and its buffer, which the driver leaves when the server is gone."""
        buffer = self.connection._sock
        try:
            self.connection.close()
        finally:
            if buffer is not None:
                with contextlib.suppress(OSError, ValueError):
                    buffer.close()


@pytest.fixture
def connect(redshift: Standin) -> Iterator[Callable[..., Client]]:
    """Opens connections, by default with autocommit off, as the driver has it."""
    opened: list[Client] = []

    def connect(*, autocommit: bool = False, **more: Any) -> Client:
        arguments = redshift.connect_args() | {"sslmode": "verify-full"} | more
        try:
            connection = redshift_connector.connect(**arguments)
        except redshift_connector.Error as error:
            release(error)
            raise
        connection.autocommit = autocommit
        opened.append(Client(connection))
        return opened[-1]

    yield connect
    for client in opened:
        with contextlib.suppress(redshift_connector.Error):
            client.close()


@pytest.fixture
def rs(connect: Callable[..., Client]) -> Client:
    """A connection with autocommit on."""
    return connect(autocommit=True)


@pytest.fixture
def tx(connect: Callable[..., Client]) -> Client:
    """A connection that begins a transaction with its first statement."""
    return connect()


_shared: dict[int, Client] = {}


@pytest.fixture
def shared(redshift_environment: Standin) -> Client:
    """A connection with autocommit on that many tests use, for questions and for what is refused anyway.

    It lasts until the next test that begins with an empty database.
    """
    standin = redshift_environment
    client = _shared.get(standin.resets)
    if client is None:
        for old in _shared.values():
            with contextlib.suppress(redshift_connector.Error, OSError):
                old.close()
        standin.reset()
        connection = redshift_connector.connect(**standin.connect_args(), sslmode="verify-full")
        connection.autocommit = True
        client = Client(connection)
        _shared.clear()
        _shared[standin.resets] = client
    return client


@pytest.fixture(scope="session")
def strict(redshift_server: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    """A second stand-in: SERIALIZABLE, and its S3 is the first one's, by HTTP."""
    directory = tmp_path_factory.mktemp("strict")
    with Standin.start(directory, isolation="serializable", s3_endpoint=redshift_server.s3_endpoint) as standin:
        yield standin


@pytest.fixture(scope="session", autouse=True)
def _close_shared() -> Iterator[None]:
    yield
    for client in _shared.values():
        with contextlib.suppress(redshift_connector.Error, OSError):
            client.close()
