"""Fixtures for tests that need the stand-in: one server per run, an empty database per test.

A conftest.py imports them: ``redshift``, ``redshift_environment`` and ``redshift_server``.
"""

from __future__ import annotations

import atexit
import contextlib
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .server import Standin

_running: list[Standin] = []


def release(error: BaseException | None) -> None:
    """Close the sockets that redshift_connector leaves open when a connection fails.

    Otherwise the garbage collector warns about them later, in some other test.
    """
    while error is not None:
        for frame, _line in traceback.walk_tb(error.__traceback__):
            failed = frame.f_locals.get("self")
            for name in ("_sock", "_usock"):
                leaked = getattr(failed, name, None)
                if leaked is not None:
                    with contextlib.suppress(OSError):
                        leaked.close()
        error = error.__cause__ or error.__context__


@pytest.fixture(scope="session")
def redshift_server() -> Standin:
    """The stand-in that all tests of this process share."""
    if not _running:
        from .server import Standin  # a run without such a test does not need it

        directory = tempfile.TemporaryDirectory(prefix="standin-")
        standin = Standin(Path(directory.name))
        standin.__enter__()
        _running.append(standin)
        atexit.register(directory.cleanup)
        atexit.register(standin.stop)
    return _running[0]


@pytest.fixture
def redshift_environment(redshift_server: Standin, monkeypatch: pytest.MonkeyPatch) -> Standin:
    """The stand-in as the previous tests left it, and what clients need in os.environ."""
    # redshift_connector 2.2 calls ssl.SSLContext() without a protocol, and has no option to change that
    warnings.filterwarnings(
        "ignore", r"ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS is)", DeprecationWarning
    )
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in redshift_server.environment.items():
        monkeypatch.setenv(name, value)
    return redshift_server


@pytest.fixture
def redshift(redshift_environment: Standin) -> Iterator[Standin]:
    """The stand-in with an empty database, no faults and no statements; os.environ has what clients need."""
    redshift_environment.reset()
    yield redshift_environment
    redshift_environment.clear_faults()
