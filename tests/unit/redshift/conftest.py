"""A recording driver, which shows what is sent and when a transaction begins."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from sparkify.redshift import register

register()


class FakeDriver:
    """As much of redshift_connector as SQLAlchemy touches; ``log`` is what the server would have received."""

    paramstyle = "format"
    __version__ = "2.2.0"

    class Error(Exception):
        pass

    class InterfaceError(Error):
        pass

    ProgrammingError = OperationalError = DatabaseError = Error
    IntegrityError = DataError = InternalError = NotSupportedError = Error

    def __init__(self) -> None:
        self.log: list[str] = []
        #: The result of statements that begin with the key: rows of one column.
        self.answers: dict[str, Any] = {
            "select pg_catalog.version()": "PostgreSQL 8.0.2 on x86_64, Redshift 1.0.77467",
            "select current_schema()": "public",
            "show transaction isolation level": "SERIALIZABLE",
        }
        self.parameters: list[Any] = []

    @property
    def statements(self) -> list[str]:
        return [line for line in self.log if line not in ("begin", "commit", "rollback")]

    def engine(self, **kw: Any) -> sa.Engine:
        return sa.create_engine("redshift+redshift_connector://u@h/d", module=self, **kw)

    def connect(self, **_: Any) -> FakeConnection:
        return FakeConnection(self)


class FakeConnection:
    """It begins a transaction before any statement, and ``autocommit`` does not end one: as the driver does."""

    def __init__(self, driver: FakeDriver) -> None:
        self.driver = driver
        self.log = driver.log
        self.autocommit = False
        self.in_transaction = False
        self.py_types: dict[Any, Any] = {str: None}

    def cursor(self) -> FakeCursor:
        return FakeCursor(self)

    def rollback(self) -> None:
        self._end("rollback")

    def commit(self) -> None:
        self._end("commit")

    def _end(self, how: str) -> None:
        if self.in_transaction:
            self.log.append(how)
        self.in_transaction = False

    def close(self) -> None:
        pass


class FakeCursor:
    rowcount = -1

    def __init__(self, connection: FakeConnection) -> None:
        self.connection = connection
        self.description: Any = None
        self.row: tuple[Any, ...] = ()

    def execute(self, statement: str, parameters: Any = None) -> None:
        if not self.connection.in_transaction and not self.connection.autocommit:
            self.connection.log.append("begin")
            self.connection.in_transaction = True
        text = " ".join(statement.split())
        self.connection.log.append(text)
        self.connection.driver.parameters.append(tuple(parameters or ()))
        found = [answer for start, answer in self.connection.driver.answers.items() if text.startswith(start)]
        if found and isinstance(found[0], Exception):
            raise found[0]
        self.row = tuple(found[:1])
        self.description = [("c", 1043, None, None, None, None, None)] if found else None

    def executemany(self, statement: str, parameters: Any) -> None:
        for row in parameters:
            self.execute(statement, row)

    def fetchone(self) -> tuple[Any, ...]:
        return self.row

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [self.row] if self.row else []

    def close(self) -> None:
        pass


@pytest.fixture
def driver() -> FakeDriver:
    return FakeDriver()
