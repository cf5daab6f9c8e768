"""The shop on each database: a folder of data, its settings, and its commands."""

from __future__ import annotations

import io
import os
import re
import signal
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch
from uuid import uuid4

import pytest

from sparkify import Warehouse
from sparkify.cli import main
from sparkify.etl.declarations import Pipeline
from tests.support.cloud import ROLE
from tests.support.commands import run_module
from tests.support.paths import CLONE
from tests.support.shop import SHOP
from tests.support.shop.data import ShopData

if TYPE_CHECKING:
    from standin import Standin

__all__ = ["FOREIGN", "REFERENCE", "Shop"]

REFERENCE = "tests.support.shop:SHOP"
"""The reference to the pipeline in commands."""

FOREIGN = re.compile(
    r"songplays|log_data|song_data|log-data|song-data|log_jsonpath|events|NextSong|\bplays?\b", re.IGNORECASE
)
"""Words of Sparkify's pipeline, which no command may print for another one."""


class Done:
    """The exit code and the output of a command."""

    def __init__(self, code: int, stdout: str, stderr: str) -> None:
        self.code, self.stdout, self.stderr = code, stdout, stderr

    @property
    def output(self) -> str:
        """Stdout and stderr."""
        return self.stdout + self.stderr


class Shop:
    """A working folder for commands, with data and a database.

    :ivar environment: the settings, as a user would set them.
    :ivar secrets: texts that no output may contain.
    """

    def __init__(self, home: Path, redshift: Standin | None = None) -> None:
        self.home = home
        self.data = ShopData(home / "data")
        self.redshift = redshift
        self.secrets: tuple[str, ...] = ()
        self.environment = {
            "SPARKIFY_DATABASE_URL": f"duckdb:///{home / 'shop.duckdb'}",
            "SPARKIFY_SOURCE_ORDERS": str(self.data.orders),
            "SPARKIFY_SOURCE_CUSTOMERS": str(self.data.customers),
        }
        if redshift is not None:
            # A new name, because the buckets of earlier tests stay.
            self.bucket = f"shop-{uuid4().hex[:12]}"
            redshift.create_bucket(self.bucket)
            self.secrets = (redshift.url.split("@")[0].rsplit(":", 1)[1],)
            self.environment = {
                "SPARKIFY_DATABASE_URL": redshift.url,
                "SPARKIFY_SOURCE_ORDERS": f"s3://{self.bucket}/orders",
                "SPARKIFY_SOURCE_CUSTOMERS": f"s3://{self.bucket}/customers",
                "SPARKIFY_IAM_ROLE_ARN": ROLE,
                "SPARKIFY_MANIFEST_PREFIX": f"s3://{self.bucket}/manifests",
            }

    @property
    def is_embedded(self) -> bool:
        """Whether it is on the embedded database, which creates its tables itself."""
        return self.redshift is None

    def publish(self) -> None:
        """Upload the data files to the place where the warehouse reads them."""
        if self.redshift is not None:
            for path in sorted(path for path in self.data.root.rglob("*") if path.is_file()):
                address = f"s3://{self.bucket}/{path.relative_to(self.data.root)}"
                self.redshift.put_object(address, path.read_bytes())

    def warehouse(self, pipeline: Pipeline = SHOP) -> Warehouse:
        """The warehouse of a pipeline, with the settings of the environment."""
        return Warehouse(pipeline=pipeline)

    def run(self, *command: str, code: int = 0) -> Done:
        """Run ``sparkify`` with the shop's pipeline in this process, and require the exit code ``code``.

        Its output must contain no word of Sparkify's pipeline and no secret.
        """
        done = self._own(command, self.run_plain("--pipeline", REFERENCE, *command))
        assert done.code == code, (command, done.output)
        return done

    def run_plain(self, *command: str, environment: Mapping[str, str] | None = None) -> Done:
        """Run ``sparkify`` in this process, without choosing a pipeline."""
        out, err = io.StringIO(), io.StringIO()
        terminate = signal.getsignal(signal.SIGTERM)
        try:
            with (
                chdir(self.home),
                patch.dict(os.environ, self._environment(environment)),
                patch.object(sys, "argv", ["sparkify-etl", *command]),
                redirect_stdout(out),
                redirect_stderr(err),
                pytest.raises(SystemExit) as ended,
            ):
                main()
        finally:
            signal.signal(signal.SIGTERM, terminate)
        return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    def run_process(self, *command: str) -> Done:
        """Run ``python -m sparkify`` with the shop's pipeline in its own process."""
        done = run_module(
            "sparkify",
            "--pipeline",
            REFERENCE,
            *command,
            cwd=self.home,
            environment={"PYTHONPATH": str(CLONE), "PYTHONWARNINGS": "ignore", **self._environment()},
        )
        return self._own(command, Done(done.returncode, done.stdout, done.stderr))

    def _environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        cloud = {} if self.redshift is None else self.redshift.environment
        return {**cloud, **self.environment, **(more or {})}

    def _own(self, command: tuple[str, ...], done: Done) -> Done:
        """Check that a command's output contains no word of Sparkify's pipeline and no secret."""
        assert FOREIGN.findall(done.output) == [], (command, done.output)
        assert [secret for secret in self.secrets if secret in done.output] == [], command
        return done
