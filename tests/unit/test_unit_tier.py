"""The guard of the unit tests rejects every server, process and database."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from standin import Standin
from tests.support.provision import MotoServer
from tests.unit.conftest import built_by

REFUSED = "starts no process and no server"


def test_fixtures_that_build_something_are_refused() -> None:
    assert built_by(["tmp_path", "redshift", "cloud", "data"]) == ["cloud", "redshift"]
    assert built_by(["tmp_path", "warehouse", "wire", "shop"]) == ["shop", "warehouse", "wire"]
    assert built_by(["tmp_path", "data", "clean_environment"]) == []


def test_servers_do_not_start(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match=REFUSED), Standin(tmp_path):
        pass
    with pytest.raises(pytest.fail.Exception, match=REFUSED):
        MotoServer(tmp_path)
    with socket.socket() as server, pytest.raises(pytest.fail.Exception, match=REFUSED):
        server.listen()


def test_processes_do_not_start() -> None:
    with pytest.raises(pytest.fail.Exception, match=REFUSED):
        subprocess.run([sys.executable, "-c", "pass"], check=True)
