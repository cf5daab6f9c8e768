"""An engine for Redshift: TLS that checks the name, and errors of one line that say what to do."""

from __future__ import annotations

import socket
import ssl
import traceback
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy import event

from sparkify.redshift.credentials import ConnectError, Credentials
from sparkify.redshift.registration import register
from sparkify.redshift.session import autocommit, set_statements

DEFAULT_PORT: Final = 5439
#: OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH.
_HOSTNAME_MISMATCH: Final = 62
_PROBES: Final = 6
#: SQLSTATEs of a SET that failed: no such parameter, invalid value, not allowed, not now.
_NOT_SET: Final = ("42704", "22023", "42501", "55P02")


def create_redshift_engine(
    host: str,
    database: str,
    credentials: Credentials,
    *,
    port: int = DEFAULT_PORT,
    sslmode: Literal["verify-full", "verify-ca"] = "verify-full",
    connect_timeout: int = 30,
    keepalive: int = 60,
    statement_timeout: int | None = None,
    query_group: str | None = None,
    schema: str | None = None,
    parameters: Mapping[str, str | int] | None = None,
    application_name: str | None = None,
    **engine_options: Any,
) -> sa.Engine:
    """An engine whose connections use TLS, with the certificate and the name checked, and whose errors say
    what to do.

    Nothing is sent yet. ``hide_parameters`` and ``pool_pre_ping`` are on unless ``engine_options`` say
    otherwise.

    :param sslmode: ``verify-ca`` checks the certificate but not the name, for a tunnel to ``localhost``.
    :param connect_timeout: seconds to wait for a server that does not answer.
    :param keepalive: seconds of silence after which the connection is probed. A dead connection is noticed
        after twice as long; the operating system alone takes more than two hours.
    :param statement_timeout: seconds after which the server ends a statement; None: the server's own limit.
    :param query_group: the queue or the label of its statements (AWS: query_group).
    :param schema: the only schema in which tables named without one are looked up; it need not exist yet.
        None: the user's own search_path applies.
    :param parameters: what else each connection sets (AWS: SET), such as ``{"wlm_query_slot_count": 3}``.
    :raises ValueError: for a value that cannot be written, such as one with a backslash.
    :raises ConnectError: later, when a connection cannot be opened.
    """
    register()
    # Always given: redshift_connector 2.2 only warns of a wrong name if it has chosen verify-full itself.
    arguments: dict[str, Any] = {
        "ssl": True,
        "sslmode": sslmode,
        "timeout": connect_timeout,
        "tcp_keepalive": True,
        "tcp_keepalive_idle": keepalive,
        "tcp_keepalive_interval": max(keepalive // _PROBES, 1),
        "tcp_keepalive_count": _PROBES,
    }
    if application_name is not None:
        arguments["application_name"] = application_name
    given: dict[str, str | int] = dict(parameters or {})
    if statement_timeout is not None:
        given["statement_timeout"] = statement_timeout * 1000
    if query_group is not None:
        given["query_group"] = query_group
    first = set_statements(schema, given)
    engine = sa.create_engine(
        sa.URL.create("redshift+redshift_connector", host=host, port=port, database=database),
        connect_args=arguments,
        default_schema=schema,
        **{"hide_parameters": True, "pool_pre_ping": True, **engine_options},
    )

    answered = False

    @event.listens_for(engine, "do_connect")
    def open_connection(dialect: Any, record: Any, cargs: Any, cparams: dict[str, Any]) -> Any:
        nonlocal answered
        user, password = credentials.user_and_password(host, database)
        try:
            connection = dialect.connect(*cargs, **cparams, user=user, password=password)
        except Exception as exc:
            _close_what_is_left(exc)
            error = translate(exc, host, port, answered=answered)
            if error is None:
                raise
            if "user or the password" in error.found:
                credentials.refused()
            raise error from exc
        answered = True
        # The driver leaves its timeout on the socket: a COPY of more than 30 seconds would be cut off.
        connection._usock.settimeout(None)  # noqa: SLF001
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Probes are sent only during silence; this limits how long sent data may stay unacknowledged.
            connection._usock.setsockopt(  # noqa: SLF001
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 2 * keepalive * 1000
            )
        try:
            _run(connection, first)
        except BaseException as exc:
            # Nothing else refers to the connection yet.
            with suppress(Exception):
                connection.close()
            _close_what_is_left(exc)
            error = translate(exc, host, port)
            if error is None:
                raise
            raise error from exc
        return connection

    return engine


def _run(connection: Any, statements: Sequence[str]) -> None:
    """Send statements, each in a transaction of its own: a later rollback would undo a SET."""
    with autocommit(connection), closing(connection.cursor()) as cursor:
        for statement in statements:
            try:
                cursor.execute(statement)
            except Exception as exc:
                exc.add_note(statement)
                raise


def _close_what_is_left(exc: BaseException) -> None:
    # When the server refuses, the driver's constructor raises with its sockets open, and nothing else refers
    # to them.
    for frame, _ in traceback.walk_tb(exc.__traceback__):
        half_made = frame.f_locals.get("self")
        for name in ("_sock", "_usock"):
            if (left := getattr(half_made, name, None)) is not None:
                with suppress(OSError):
                    left.close()


def translate(
    exc: BaseException, host: str, port: int = DEFAULT_PORT, *, answered: bool = False
) -> ConnectError | None:
    """What the driver's ``exc`` at connecting means; ``None`` if its own message cannot be improved.

    :param answered: whether the server has accepted a connection before. If so, the settings are right; a
        server that cannot be reached now is restarting, or its name is moving to another node.
    """
    cause = next((arg for arg in exc.args if isinstance(arg, BaseException)), exc)
    where = f"{host}:{port}"
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code == _HOSTNAME_MISMATCH:
            return ConnectError(
                where,
                "its certificate is for another name",
                "connect by the endpoint's own name (for a tunnel, sslmode verify-ca)",
                tls=True,
            )
        return ConnectError(
            where,
            f"its certificate is not trusted ({cause.verify_message})",
            "it may not be Redshift that answers; check the host name and the network between",
            tls=True,
        )
    if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) or _hung_up(exc):
        return _closed(where)
    if "Server refuses SSL" in str(exc) or isinstance(cause, ssl.SSLError):
        return ConnectError(
            where,
            "the server does not speak TLS",
            "check host and port; a password is never sent without TLS",
            tls=True,
        )
    if isinstance(cause, socket.gaierror):
        return ConnectError(
            where,
            "no such host",
            "check the host name, and that its DNS can be asked from here",
            temporary=answered or cause.errno == socket.EAI_AGAIN,
        )
    if isinstance(cause, TimeoutError):
        return ConnectError(
            where,
            "no answer in time",
            "check that the cluster is running and that its security group lets this address in",
            temporary=True,
        )
    if isinstance(cause, ConnectionRefusedError):
        return ConnectError(
            where,
            "nothing listens there",
            "check the port, and that the cluster is running",
            temporary=answered,
        )
    if isinstance(cause, ConnectionError):
        # Reset during the handshake or the login: the driver's exception has it among its arguments.
        return _closed(where)
    return _translate_answer(exc, where)


def _translate_answer(exc: BaseException, where: str) -> ConnectError | None:
    """What the server's own refusal means. The driver passes its fields on: ``C`` the SQLSTATE, ``M`` the
    message."""
    fields = next((arg for arg in exc.args if isinstance(arg, dict)), {})
    state = str(fields.get("C", ""))
    if state.startswith("28"):
        return ConnectError(where, "the user or the password is wrong", "check the credentials")
    if state in _NOT_SET and getattr(exc, "__notes__", None):
        return ConnectError(
            where, f"{exc.__notes__[-1]}: {fields.get('M', '')}", "check the parameters of the session"
        )
    if state == "3D000":
        return ConnectError(where, "there is no such database", "check the name of the database")
    if state.startswith("53") or state == "57P03":
        return ConnectError(
            where, f"the server takes no connection now (SQLSTATE {state})", "try again", temporary=True
        )
    if "server socket closed" in str(exc) or isinstance(exc, OSError):
        return _closed(where)
    return None


def _hung_up(exc: BaseException) -> bool:
    """Whether the server did not answer the request for TLS, which the driver takes for a refusal too."""
    frames = (frame for frame, _ in traceback.walk_tb(exc.__traceback__))
    return any(frame.f_locals.get("resp") == b"" for frame in frames)


def _closed(where: str) -> ConnectError:
    return ConnectError(where, "the connection was closed at once", "try again", temporary=True)
