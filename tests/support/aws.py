"""Empty AWS accounts, in this process or behind a moto server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.provision import MotoServer, Wire

# The fixtures import moto and boto3 lazily: a run that does not use them does not wait for them.


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working folder, with no settings or credentials except those of the test."""
    for name in list(os.environ):
        if name.startswith(("SPARKIFY_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoServer]:
    from tests.support.provision import MotoServer

    server = MotoServer(tmp_path_factory.mktemp("moto"))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def wire(clean_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Recorded requests to an empty AWS account within this process.

    Each test has its own account, so nothing has to be reset. A reset would also empty the stand-in.
    """
    from moto import mock_aws

    from tests.support.provision import Wire

    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    mock = mock_aws()
    mock.start(reset=False)
    made = Wire()
    try:
        yield made
    finally:
        made.close()
        mock.stop(remove_data=False)
