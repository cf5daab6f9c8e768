"""Wrong servers: all six are rejected before a password is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.cloud import ROLE, Cloud
from tests.support.commands import run_here

REFUSED = [
    ("wrong-host", "its certificate is for another name"),
    ("expired", "its certificate is not trusted (certificate has expired)"),
    ("not-yet-valid", "its certificate is not trusted (certificate is not yet valid)"),
    ("of-a-client", "its certificate is not trusted (unsuitable certificate purpose)"),
    ("untrusted", "its certificate is not trusted (unable to get local issuer certificate)"),
    ("no TLS", "the server does not speak TLS"),
]


def status(cloud: Cloud, folder: Path, kind: str, patch: pytest.MonkeyPatch) -> tuple[int, str, int]:
    """The exit code of ``status`` at such a server, its last line, and how often a password was asked for."""
    server: Any = cloud.redshift
    asked: list[str] = []
    authenticate = server._listener._authenticate

    def counted(stream: Any, user: str) -> None:
        asked.append(user)
        authenticate(stream, user)

    environment = {"SPARKIFY_DATABASE_URL": server.url, "SPARKIFY_IAM_ROLE_ARN": ROLE, **server.environment}
    with patch.context() as patched:
        patched.setattr(server._listener, "_authenticate", counted)
        patched.setattr(server, "tls", "refused" if kind == "no TLS" else "on")
        patched.setattr(server, "certificate", "good" if kind == "no TLS" else kind)
        done = run_here("sparkify", "status", cwd=folder, environment=environment)
    assert server.password not in done.stdout + done.stderr
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1], len(asked)


@pytest.mark.parametrize(("kind", "said"), REFUSED)
def test_server_that_is_another_is_refused(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    code, last, asked = status(cloud, tmp_path, kind, monkeypatch)
    assert (code, asked) == (2, 0)
    assert said in last


def test_server_that_was_meant_is_not_refused(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: to the good one the password is sent, by the same way."""
    cloud.with_tables().close()
    code, _, asked = status(cloud, tmp_path, "good", monkeypatch)
    assert (code, asked >= 1) == (0, True)
