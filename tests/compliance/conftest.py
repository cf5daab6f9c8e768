"""SQLAlchemy's plugin for pytest, on a stand-in that is started for the run."""

from __future__ import annotations

import atexit
import os
import tempfile
import warnings
from contextlib import closing
from pathlib import Path

import pytest
import redshift_connector

from sparkify.redshift import register
from standin.server import Standin
from tests.compliance.exclusions import reason

pytest.register_assert_rewrite("sqlalchemy.testing.assertions")

from sqlalchemy.testing.plugin import pytestplugin  # noqa: E402  # after what rewrites its assertions
from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: E402, F403  # its hooks

from tests.compliance import provision  # noqa: E402

register()
provision.leave_out_what_redshift_lacks()


class Exclusions:
    """Skips the tests that no requirement describes."""

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        cls = item.getparent(pytest.Class)
        if cls is not None and (why := reason(cls.name, item.name)):
            pytest.skip(why)


def pytest_configure(config: pytest.Config) -> None:  # type: ignore[no-redef]  # calls the imported one
    """Start the stand-in, and hand its URL to the plugin."""
    for mark in (
        "backend",
        "sparse_backend",
        "sparse_driver_backend",
        "mypy",
        "memory_intensive",
        "timing_intensive",
    ):
        config.addinivalue_line("markers", f"{mark}: of SQLAlchemy's plugin")
    directory = tempfile.TemporaryDirectory(prefix="standin-")
    standin = Standin(Path(directory.name))
    standin.__enter__()
    atexit.register(directory.cleanup)
    atexit.register(standin.stop)
    os.environ.update(standin.environment)
    # redshift_connector 2.2 calls ssl.SSLContext() without a protocol.
    warnings.filterwarnings("ignore", r"ssl\.", DeprecationWarning)
    with closing(redshift_connector.connect(**standin.connect_args())) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE SCHEMA test_schema")
    config.option.dburi = [standin.url.replace("redshift_connector", "sparkify")]
    config.pluginmanager.register(Exclusions())
    pytestplugin.pytest_configure(config)
