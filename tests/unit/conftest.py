"""Unit tests start no server: a test that uses one belongs in tests/databases or tests/acceptance."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NoReturn

import pytest

from standin import Standin
from tests.support.provision import MotoServer

SERVERS = {"cloud", "moto_server", "redshift", "redshift_environment", "redshift_server", "s3_server", "strict"}
"""Fixtures behind which is a server."""


def servers_among(fixtures: Collection[str]) -> list[str]:
    """Which of a test's fixtures start a server."""
    return sorted(SERVERS & set(fixtures))


@pytest.fixture(autouse=True)
def _no_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that uses a server."""
    if found := servers_among(request.fixturenames):
        pytest.fail(f"a unit test uses no server, and this one uses {', '.join(found)}")

    def refuse(*_: Any) -> NoReturn:
        pytest.fail("a unit test starts no server")

    monkeypatch.setattr(Standin, "__enter__", refuse)
    monkeypatch.setattr(MotoServer, "__init__", refuse)
