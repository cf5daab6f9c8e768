"""Shared helpers of the provisioning tests: recorded requests, injected failures, and a moto server."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3

from sparkify.config.settings import Settings
from sparkify.pipeline import SPARKIFY
from sparkify.provision import Aws
from tests.support.commands import run_here, run_module

REGION = "us-west-2"
SERVICES = ("sts", "iam", "ec2", "redshift", "redshift-serverless")
_accounts = itertools.count(100_000_000_001)
ACCOUNT = "123456789012"
CANARIES = {
    "KEY": "AKIACANARYKEY0000001",
    "SECRET": "canary/secret/access+key",
    "DWH_DB_PASSWORD": "CanaryAdmin%1",
    "DB_PASSWORD": "CanaryUser%2",
}


def settings(**options: Any) -> Settings:
    """Settings with which a warehouse may be created; ``options`` override single values."""
    defaults = {
        "region": REGION,
        "log_data": "s3://udacity-dend/log_data",
        "song_data": "s3://udacity-dend/song_data",
        "log_jsonpath": "s3://udacity-dend/log_json_path.json",
        "dwh_allow_cidr": "203.0.113.7/32",
        "dwh_poll_seconds": 0.001,
    }
    return Settings.load(SPARKIFY.sources, **{**defaults, **options})


class Injected(Exception):
    """Simulates the end of the process at this point for the code under test."""


@cache
def _session() -> boto3.Session:
    """The session that all tests share. Moto only answers sessions created after it was imported."""
    return boto3.Session(region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")


_clients: dict[str, Any] = {}


class Wire:
    """Records every request that botocore actually sends, and breaks off at the N-th on demand.

    All tests share the clients: botocore takes longer to create one than moto takes to answer.
    """

    def __init__(self) -> None:
        self.account = f"{next(_accounts):012}"
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.seen = 0
        self._mine: dict[str, Any] = {}
        self._handlers: list[tuple[Any, str, Callable[..., Any]]] = []
        self._break_at: int | None = None
        self._after = False

    def aws(self, of: Settings) -> Aws:
        found = Aws(of, session=_session())
        for service in SERVICES:
            self.client(service)
        found._clients = self._mine
        return found

    def client(self, service: str, region: str = REGION) -> Any:
        """A client for the test itself."""
        key = service if region == REGION else f"{service} {region}"
        if key not in _clients:
            _clients[key] = _session().client(service, region_name=region)
        if key not in self._mine:
            self._mine[key] = _clients[key]
            for event, handler in (
                ("before-sign.*.*", self._in_account),
                ("provide-client-params.*.*", self._params),
                ("before-call.*.*", self._before),
                ("after-call.*.*", self._ended),
            ):
                self._register(key, event, handler)
        return self._mine[key]

    def on(self, event: str, service: str, operation: str, handler: Callable[..., Any]) -> None:
        """Register a handler for an event of one operation."""
        self.client(service)
        self._register(service, f"{event}.{service}.{operation}", handler)

    def answer(self, service: str, handler: Callable[..., Any]) -> None:
        """Let a handler answer instead of a service.

        It is registered last, so that a request that is broken off is not carried out.
        """
        events = self.client(service).meta.events
        events.register_last(f"before-call.{service}", handler)
        self._handlers.append((events, f"before-call.{service}", handler))

    def _register(self, key: str, event: str, handler: Callable[..., Any]) -> None:
        events = self._mine[key].meta.events
        events.register(event, handler)
        self._handlers.append((events, event, handler))

    def close(self) -> None:
        """Unregister all handlers from the shared clients."""
        for events, event, handler in self._handlers:
            events.unregister(event, handler)

    def break_at(self, number: int | None, *, after: bool = False) -> None:
        """Break off at this request, counted from now: before it is sent, or after AWS has carried it out."""
        self.seen, self._break_at, self._after = 0, number, after

    @property
    def broke(self) -> bool:
        return self._break_at is not None and self.seen >= self._break_at

    def changes(self) -> list[tuple[str, dict[str, Any]]]:
        """The recorded requests that change something."""
        reading = ("Describe", "Get", "List", "Head")
        return [one for one in self.requests if not one[0].partition(".")[2].startswith(reading)]

    def only(self, operation: str) -> dict[str, Any]:
        (params,) = [params for name, params in self.requests if name == operation]
        return params

    def _in_account(self, request: Any, **_: Any) -> None:
        request.headers["x-moto-account-id"] = self.account

    def _params(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.requests.append((f"{model.service_model.service_name}.{model.name}", dict(params)))

    def _before(self, **_: Any) -> None:
        self.seen += 1
        if not self._after and self.seen == self._break_at:
            raise Injected

    def _ended(self, **_: Any) -> None:
        if self._after and self.seen == self._break_at:
            raise Injected


class MotoServer:
    """A moto server on loopback, in its own process."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._clients: dict[str, Any] = {}
        self._region = REGION
        environment = {
            **os.environ,
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
            # Otherwise moto creates 5,000 images in each region that is accessed: a third of a second.
            "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
            "MOTO_RECORDER_FILEPATH": str(folder / "recording"),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            time.sleep(0.05)
        self.stop()
        raise TimeoutError("the moto server did not start in 30 seconds")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def post(self, path: str) -> bytes:
        request = urllib.request.Request(f"{self.url}/moto-api/{path}", method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def record(self) -> None:
        self.post("recorder/reset-recording")
        self.post("recorder/start-recording")

    def recorded(self) -> list[dict[str, Any]]:
        """The form-encoded requests since :meth:`record`, each as a dictionary."""
        self.post("recorder/stop-recording")
        with urllib.request.urlopen(f"{self.url}/moto-api/recorder/download-recording", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        found = []
        for line in lines:
            request = json.loads(line)
            body = request.get("body") or ""
            if request.get("body_encoded"):
                body = base64.b64decode(body).decode()
            found.append({key: values[0] for key, values in urllib.parse.parse_qs(body).items()})
        return found

    def client(self, service: str, region: str = REGION) -> Any:
        """A client for the test itself. One serves all regions: moto takes the region from the user agent."""
        if service not in self._clients:
            client = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
            )
            client.meta.events.register("before-send", self._to_region)
            self._clients[service] = client
        self._region = region
        return self._clients[service]

    def _to_region(self, request: Any, **_: Any) -> None:
        request.headers["User-Agent"] = f"Boto3 region/{self._region}"


class Command:
    """Runs the command as a user would, against a moto server."""

    def __init__(self, folder: Path, server: MotoServer | None, **environment: str) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SPARKIFY_"))}
        self.environment = {
            **kept,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(folder / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "SPARKIFY_DWH_POLL_SECONDS": "0.05",
            **({"AWS_ENDPOINT_URL": server.url} if server else {}),
            **environment,
        }

    def __call__(
        self, *arguments: str, answers: str = "", expect: int = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python -m sparkify`` in its own process, and require the exit code ``expect``."""
        done = run_module(
            "sparkify",
            *arguments,
            cwd=self.folder,
            answers=answers,
            environment={**self.environment, **environment},
        )
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def here(self, *arguments: str, answers: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command in this process, which saves the second that importing boto3 and SQLAlchemy takes."""
        with patch.dict(os.environ, {**self.environment, **environment}, clear=True):
            return run_here("sparkify", *arguments, cwd=self.folder, answers=answers)
