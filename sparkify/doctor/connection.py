"""Checks of the connection to a server: host, port, TLS, login, tables."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack

from sqlalchemy import Connection, Engine

from sparkify.config.dwhcfg import config_file
from sparkify.config.settings import Settings
from sparkify.databases import Database
from sparkify.doctor.checklist import Checklist, Problem
from sparkify.doctor.schema import check_revision, engine_of
from sparkify.etl.declarations import Pipeline
from sparkify.etl.translation import first_line

__all__ = ["ConnectionChecks"]

PORT_TIMEOUT = 5.0
"""Seconds to wait for the port."""


class ConnectionChecks:
    """The checks of whether a load could connect."""

    def __init__(
        self, checklist: Checklist, settings: Settings, database: Database, pipeline: Pipeline
    ) -> None:
        self._checklist, self._database, self._pipeline = checklist, database, pipeline
        self._url = database.url
        self._host = str(self._url.host or "")
        self._port = self._url.port or settings.db_port
        self._login_failure: Problem | None = None
        self._connections: list[Connection] = []

    def run(self) -> None:
        """Run the checks. TLS, login and schema share one connection."""
        run = self._checklist.run
        run("host", self._check_host)
        run("port", self._check_port, needs=["host"])
        with engine_of(self._database) as engine, ExitStack() as stack:
            run("TLS", lambda: self._check_tls(engine, stack), needs=["port"])
            run("login", self._check_login, needs=["TLS"])
            run("schema", self._check_schema, needs=["login"])

    def _check_host(self) -> str:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as exc:
            raise Problem(
                "no such host",
                where=self._host,
                hint=f"correct HOST in {config_file()}; see sparkify-etl cluster status",
            ) from exc
        return f"{self._host} is {found[0][4][0]}"

    def _check_port(self) -> str:
        try:
            socket.create_connection((self._host, self._port), timeout=PORT_TIMEOUT).close()
        except ConnectionRefusedError as exc:
            raise Problem(
                f"nothing listens on port {self._port}", hint="check DB_PORT, and cluster status"
            ) from exc
        except OSError as exc:
            raise Problem(
                f"port {self._port} does not answer within {PORT_TIMEOUT:.0f} s",
                hint="let your address in: sparkify-etl cluster create --allow-cidr YOUR.ADDRESS/32; a private "
                "warehouse answers inside its VPC alone",
            ) from exc
        return f"port {self._port} answers"

    def _check_tls(self, engine: Engine, stack: ExitStack) -> str:
        try:
            self._connections.append(stack.enter_context(engine.connect()))
        except Exception as exc:
            problem = self._no_connection(exc)
            if _is_about_tls(exc):
                raise problem from exc
            # The server is trusted, but refused the connection afterwards: the next check reports that.
            self._login_failure = problem
        return "the certificate is that of the host"

    def _check_login(self) -> str:
        if self._login_failure is not None:
            raise self._login_failure
        return f"as {self._url.username or 'the IAM identity'}, to {self._url.database}"

    def _check_schema(self) -> str:
        return check_revision(self._connections[0], self._database, self._pipeline)

    def _no_connection(self, exc: Exception) -> Problem:
        error = self._database.translate(exc)
        if error is not None:
            return Problem(error.found, hint=error.hint or "check DB_NAME, DB_USER and DB_PASSWORD")
        return Problem(first_line(exc), hint="check DB_NAME, DB_USER and DB_PASSWORD")


def _is_about_tls(error: BaseException | None) -> bool:
    """Whether the error, or one of its causes, is a failure of TLS."""
    while error is not None:
        causes = [error, getattr(error, "orig", None), *error.args]
        if any(isinstance(cause, ssl.SSLError) or getattr(cause, "tls", False) for cause in causes):
            return True
        error = error.__cause__ or error.__context__
    return False
