"""Guard: unit tests start no process or server and create no database file, so that all of them take seconds.

A test that does so belongs in tests/databases or tests/acceptance.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Collection
from typing import Any, NoReturn

import pytest
from sqlalchemy import make_url

from sparkify.databases import open_database
from sparkify.databases.base import Database

BUILT = {
    *("cloud", "moto_server", "redshift", "redshift_environment", "redshift_server", "s3_server", "strict"),
    *("new_warehouse", "shop", "tables", "warehouse", "wire"),
}
"""Fixtures behind which is a server, a database in a file, or the accounts of an AWS."""


def built_by(fixtures: Collection[str]) -> list[str]:
    """Which of a test's fixtures start or build something."""
    return sorted(BUILT & set(fixtures))


@pytest.fixture
def database() -> Database:
    """DuckDB in memory; nothing is connected to."""
    return open_database(make_url("duckdb:///:memory:"))


@pytest.fixture(autouse=True)
def _in_seconds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that starts a process or a server, or builds a database."""
    if found := built_by(request.fixturenames):
        pytest.fail(f"a unit test builds nothing, and this one uses {', '.join(found)}")

    def refuse(*_: Any, **__: Any) -> NoReturn:
        pytest.fail("a unit test starts no process and no server")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(socket.socket, "listen", refuse)
