"""Fixtures that several test modules share."""

from __future__ import annotations

import gc
import logging
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from botocore import loaders
from hypothesis import settings

from sparkify.cli import pipeline as cli_pipeline
from standin.fixtures import redshift, redshift_environment, redshift_server
from tests.support.aws import clean_environment, moto_server, wire
from tests.support.paths import REAL

# Fixtures import slow modules lazily: every process of a run reads this file before it begins.
if TYPE_CHECKING:
    from sparkify import Warehouse
    from standin import Standin
    from tests.support.cloud import Cloud
    from tests.support.data import Data
    from tests.support.shop.fixtures import Shop

__all__ = [
    "clean_environment",
    "moto_server",
    "redshift",
    "redshift_environment",
    "redshift_server",
    "wire",
]

# "make fuzz" uses the second profile.
settings.register_profile("short", max_examples=150, deadline=None)
settings.register_profile("fuzz", max_examples=20_000, deadline=None)
settings.load_profile("short")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that set the size of the random tests; see ``make parity``."""
    parser.addoption("--seeds", type=int, help="sets of generated data, instead of those of each test")
    parser.addoption("--scale", type=int, default=1, help="how many times as large each of them is")


SLOWEST = (
    "databases/test_every_database.py",
    "databases/redshift/test_redshift_load.py",
    "databases/test_tampering.py",
    "acceptance/test_redshift_commands.py",
    "acceptance/test_io_faults.py",
    "acceptance/test_doctor.py",
    "databases/test_analytics.py",
    "databases/test_deep_check.py",
    "databases/duckdb/test_loads.py",
    "acceptance/test_kills.py",
    "acceptance/test_cli.py",
    "databases/test_migrations.py",
)
"""The slowest test files, the slowest first; ``make test`` prints the durations."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slowest files, so that none of them runs at the end while other workers are idle."""
    order = {Path(__file__).parent / name: place for place, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


def pytest_collection_finish() -> None:
    """Exclude the imported objects from garbage collection: they stay, and are the majority."""
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each seed: ``--seeds`` of them, by default as many as its mark says."""
    mark = metafunc.definition.get_closest_marker("seeds")
    if mark is not None:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--seeds") or mark.args[0]))


@pytest.fixture
def scale(pytestconfig: pytest.Config) -> int:
    """The factor by which generated data is enlarged."""
    return int(pytestconfig.getoption("--scale"))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of the machine away from the tests."""
    for name in list(os.environ):
        if name.startswith(("SPARKIFY_", "AWS_")):
            monkeypatch.delenv(name)
    # The same for the pipeline that another test in this process has chosen.
    monkeypatch.setattr(cli_pipeline._choice, "option", None)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait between retries."""
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _seconds: None)


@pytest.fixture(autouse=True)
def _log_levels() -> Iterator[None]:
    """Restore the log levels, which a command run in this process may have set."""
    loggers = [logging.getLogger(name) for name in ("sparkify", "alembic.runtime.migration")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(autouse=True, scope="session")
def _descriptions_of_aws() -> Iterator[None]:
    """Read botocore's data files once per process, and not for each session that a test creates."""
    with patch("botocore.loaders.create_loader", cache(loaders.create_loader)):
        yield


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of the real month: log_data and song_data."""
    if not (REAL / "log_data").is_dir():
        pytest.skip("the real logs do not lie beside this clone")
    return REAL


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """An empty folder to write events and songs into."""
    from tests.support.data import Data

    return Data(tmp_path / "data")


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables, empty. Tests copy it, because creating one runs every migration."""
    from sparkify import Warehouse

    path = tmp_path_factory.mktemp("tables") / "tables.duckdb"
    with Warehouse(f"duckdb:///{path}") as made:
        made.migrate()
    return path


@pytest.fixture
def warehouse(new_warehouse: Warehouse, tables: Path) -> Warehouse:
    """A separate warehouse with empty tables, to be loaded from the folder of ``data``."""
    shutil.copy(tables, str(new_warehouse.url.database))
    return new_warehouse


@pytest.fixture
def new_warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """A warehouse whose file does not exist yet, to be loaded from the folder of ``data``."""
    from sparkify import Warehouse

    monkeypatch.setenv("SPARKIFY_LOG_DATA", str(tmp_path / "data" / "log_data"))
    monkeypatch.setenv("SPARKIFY_SONG_DATA", str(tmp_path / "data" / "song_data"))
    with Warehouse(f"duckdb:///{tmp_path / 'warehouse.duckdb'}") as made:
        yield made


@pytest.fixture
def cloud(redshift: Standin) -> Cloud:
    """The stand-in, with a bucket that holds only a JSONPaths file."""
    from tests.support.cloud import Cloud

    return Cloud(redshift)


@pytest.fixture(params=["duckdb", "redshift"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop on each database, with a month of orders and no tables yet."""
    from tests.support.shop.fixtures import Shop

    redshift = request.getfixturevalue("redshift") if request.param == "redshift" else None
    found = Shop(tmp_path, redshift)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    found.data.month()
    found.publish()
    return found


collect_ignore_glob = ["support/shop/migrations/*", "compliance"]
"""Alembic runs the first, whose import fails outside a migration. ``make test-dialect`` runs the second."""
