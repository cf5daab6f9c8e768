"""The checks of the way to a cluster: host, port, TLS, login, tables."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sparkify.config.dwhcfg import config_file
from sparkify.config.settings import Settings
from sparkify.doctor.findings import Book, Opener, Problem, at_head

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["ConnectionChecks"]

PORT_SECONDS = 5.0


class ConnectionChecks:
    """The checks of whether a load would get in."""

    def __init__(self, book: Book, settings: Settings) -> None:
        self._book, self._settings = book, settings
        self._host = str(settings.url.host or "")
        self._port = settings.url.port or settings.db_port

    def examine(self) -> None:
        """Run them."""
        self._book.check("host", self._resolves)
        self._book.check("port", self._reachable, needs=["host"])
        self._database(needs=["port"])

    def _resolves(self) -> str:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as exc:
            raise Problem(
                f"{self._host}: no such host",
                f"correct HOST in {config_file()}; see sparkify-etl cluster status",
            ) from exc
        return f"{self._host} is {found[0][4][0]}"

    def _reachable(self) -> str:
        try:
            socket.create_connection((self._host, self._port), timeout=PORT_SECONDS).close()
        except ConnectionRefusedError as exc:
            raise Problem(f"nothing listens on port {self._port}", "check DB_PORT, and cluster status") from exc
        except OSError as exc:
            raise Problem(
                f"port {self._port} does not answer within {PORT_SECONDS:.0f} s",
                "let your address in: sparkify-etl cluster create --allow-cidr YOUR.ADDRESS/32; a private "
                "warehouse answers inside its VPC alone",
            ) from exc
        return f"port {self._port} answers"

    def _database(self, *, needs: Sequence[str]) -> None:
        """TLS, login and schema, by one connection."""
        with Opener(self._settings) as opener:
            connection: list[Connection] = []
            failure: list[Problem] = []

            def tls() -> str:
                try:
                    connection.append(opener.warehouse.engine.connect())
                except Exception as exc:
                    problem = self._no_connection(exc)
                    if _about_tls(exc):
                        raise problem from exc
                    # The server was believed, and refused afterwards: that is for the next check to tell.
                    failure.append(problem)
                return "the certificate is that of the host"

            def login() -> str:
                if failure:
                    raise failure[0]
                return (
                    f"as {self._settings.url.username or 'the IAM identity'}, to {self._settings.url.database}"
                )

            self._book.check("TLS", tls, needs=needs)
            self._book.check("login", login, needs=["TLS"])
            self._book.check("schema", lambda: at_head(connection[0]), needs=["login"])
            for one in connection:
                one.close()

    def _no_connection(self, error: Exception) -> Problem:
        from sparkify.redshift import ConnectError
        from sparkify.redshift.connect import explain

        ours = error if isinstance(error, ConnectError) else None
        if ours is None:
            ours = explain(getattr(error, "orig", None) or error, self._host, self._port)
        if ours is not None:
            return Problem(ours.found, ours.hint)
        text = (str(getattr(error, "orig", error)).strip() or type(error).__name__).splitlines()[0]
        return Problem(text, "check DB_NAME, DB_USER and DB_PASSWORD")


def _about_tls(error: BaseException | None) -> bool:
    """Whether TLS was what failed, somewhere in what an error came from."""
    while error is not None:
        inside = [error, getattr(error, "orig", None), *error.args]
        if any(isinstance(one, ssl.SSLError) or "refuses SSL" in str(one) for one in inside):
            return True
        error = error.__cause__ or error.__context__
    return False
