"""AWS accounts with nothing in them, in this process or behind a server of moto."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.provision import MotoServer, Wire

# Moto and boto3 are imported by the fixtures: a run without them does not wait for them.


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No settings and no credentials but those of the test, in a folder of its own."""
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
    """Recorded requests to an AWS, within this process, in which there is nothing yet.

    Each test has an account of its own, so that nothing need be reset: that would empty the stand-in for
    Redshift as well.
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
