"""The guard of the unit tier refuses every server."""

from __future__ import annotations

from pathlib import Path

import pytest

from standin import Standin
from tests.support.provision import MotoServer
from tests.unit.conftest import servers_among


def test_fixtures_of_servers_are_refused() -> None:
    assert servers_among(["tmp_path", "redshift", "cloud", "wire"]) == ["cloud", "redshift"]
    assert servers_among(["tmp_path", "data", "warehouse", "wire"]) == []


def test_servers_do_not_start(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="starts no server"), Standin(tmp_path):
        pass
    with pytest.raises(pytest.fail.Exception, match="starts no server"):
        MotoServer(tmp_path)
