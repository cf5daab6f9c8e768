"""An engine for Redshift: TLS that checks the name, credentials that are fetched when needed, errors of one
line.

The password is in no URL, ``repr`` or message: it is handed to the driver when a connection is opened, and
kept nowhere else than in the credentials object.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import socket
import ssl
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import sqlalchemy as sa
from sqlalchemy import event

from sparkify.redshift.dialect import register

DEFAULT_PORT: Final = 5439
#: Temporary credentials are renewed so long before they expire: a connection takes a moment to be opened.
RENEWAL_MARGIN: Final = dt.timedelta(minutes=1)
#: OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH.
_HOSTNAME_MISMATCH: Final = 62

_SERVERLESS_HOST: Final = re.compile(
    r"(?P<name>[a-z0-9-]+)\.\d{12}\.(?P<region>[a-z0-9-]+)\.redshift-serverless(?:-[a-z]+)?\.amazonaws\.com(?:\.cn)?"
)
_CLUSTER_HOST: Final = re.compile(
    r"(?P<name>[a-z0-9-]+)\.[a-z0-9]+\.(?P<region>[a-z0-9-]+)\.redshift(?:-[a-z]+)?\.amazonaws\.com(?:\.cn)?"
)


class ConnectError(Exception):
    """No connection, in one line: where, and what was found. What to do stands in ``hint``.

    ``temporary``: whether trying again may help. ``host``: which server was asked.
    """

    def __init__(self, host: str, found: str, hint: str, *, temporary: bool = False) -> None:
        self.host = host
        self.found = found
        self.hint = hint
        self.temporary = temporary
        super().__init__(f"cannot connect to {host}: {found}; {hint}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a host name of Redshift tells. ``name`` is the cluster's or the workgroup's."""

    name: str
    region: str
    serverless: bool

    @classmethod
    def of(cls, host: str) -> Endpoint | None:
        """The endpoint of ``<cluster>.<id>.<region>.redshift.amazonaws.com``, or of a workgroup; ``None`` for
        others.

        Serverless: ``<workgroup>.<account>.<region>.redshift-serverless.amazonaws.com``.
        """
        for pattern, serverless in ((_SERVERLESS_HOST, True), (_CLUSTER_HOST, False)):
            if match := pattern.fullmatch(host.lower().rstrip(".")):
                return cls(match["name"], match["region"], serverless)
        return None


class Credentials(Protocol):
    """Who connects."""

    def user_and_password(self, host: str, database: str) -> tuple[str, str]:
        """The pair for a connection that is opened now."""

    def refused(self) -> None:
        """The server has refused the last pair: do not give it again if it was only remembered."""


@dataclass(frozen=True, slots=True)
class Password:
    """A database user and its password."""

    user: str
    password: str = field(repr=False)

    def user_and_password(self, host: str, database: str) -> tuple[str, str]:
        return self.user, self.password

    def refused(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret of AWS Secrets Manager, JSON with ``username`` and ``password``, as Redshift itself makes
    them.

    It is read for each connection that is opened, so a rotation needs no restart.
    """

    secret_id: str
    region: str | None = None
    session: Any = field(default=None, repr=False)

    def user_and_password(self, host: str, database: str) -> tuple[str, str]:
        endpoint = Endpoint.of(host)
        region = self.region or (endpoint.region if endpoint else None)
        with _aws_errors(host):
            answer = _client(self.session, "secretsmanager", region).get_secret_value(SecretId=self.secret_id)
        pair = _user_and_password_in(str(answer.get("SecretString", "")))
        if pair is None:
            raise ConnectError(
                host,
                f"the secret {self.secret_id} is not JSON with username and password",
                "store it as Redshift does",
            )
        return pair

    def refused(self) -> None:
        pass


def _user_and_password_in(text: str) -> tuple[str, str] | None:
    # Not an exception: that of json has the whole text as an attribute, and would hang on to ours as its
    # context.
    try:
        secret = json.loads(text)
    except ValueError:
        return None
    if not isinstance(secret, dict) or not {"username", "password"} <= secret.keys():
        return None
    return str(secret["username"]), str(secret["password"])


@dataclass(slots=True)
class Iam:
    """Temporary credentials by AWS's own (boto3's chain), remembered until shortly before they expire.

    Cluster and region, or workgroup and region, are told from the host name where it is Redshift's own.
    ``db_user`` for a cluster: that database user; without, one named after the IAM identity. Serverless
    always takes the identity.
    """

    db_user: str | None = None
    cluster: str | None = None
    workgroup: str | None = None
    region: str | None = None
    db_groups: tuple[str, ...] = ()
    session: Any = field(default=None, repr=False)
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False)
    _pair: tuple[str, str] | None = field(default=None, init=False, repr=False)
    _until: dt.datetime = field(default=dt.datetime.min.replace(tzinfo=dt.UTC), init=False, repr=False)

    def user_and_password(self, host: str, database: str) -> tuple[str, str]:
        """:raises ConnectError: when it cannot be told which cluster or workgroup, or AWS refuses."""
        with self._lock:
            if self._pair is None or dt.datetime.now(dt.UTC) >= self._until - RENEWAL_MARGIN:
                self._pair, self._until = self._fetch(host, database)
            return self._pair

    def refused(self) -> None:
        with self._lock:
            self._pair = None

    def _fetch(self, host: str, database: str) -> tuple[tuple[str, str], dt.datetime]:
        endpoint = Endpoint.of(host)
        region = self.region or (endpoint.region if endpoint else None)
        workgroup = self.workgroup or (endpoint.name if endpoint and endpoint.serverless else None)
        cluster = self.cluster or (endpoint.name if endpoint and not endpoint.serverless else None)
        if self.cluster is None and workgroup is not None:
            with _aws_errors(host):
                answer = _client(self.session, "redshift-serverless", region).get_credentials(
                    workgroupName=workgroup, dbName=database
                )
            return (answer["dbUser"], answer["dbPassword"]), answer["expiration"]
        if cluster is None:
            raise ConnectError(
                host,
                "the name tells neither cluster nor workgroup",
                "say cluster or workgroup, and region, to log in with IAM",
            )
        client = _client(self.session, "redshift", region)
        with _aws_errors(host):
            if self.db_user is None:
                answer = client.get_cluster_credentials_with_iam(ClusterIdentifier=cluster, DbName=database)
            else:
                answer = client.get_cluster_credentials(
                    ClusterIdentifier=cluster,
                    DbName=database,
                    DbUser=self.db_user,
                    AutoCreate=False,
                    **({"DbGroups": list(self.db_groups)} if self.db_groups else {}),
                )
        return (answer["DbUser"], answer["DbPassword"]), answer["Expiration"]


def create_redshift_engine(
    host: str,
    database: str,
    credentials: Credentials,
    *,
    port: int = DEFAULT_PORT,
    sslmode: Literal["verify-full", "verify-ca"] = "verify-full",
    connect_timeout: int = 30,
    application_name: str | None = None,
    **engine_options: Any,
) -> sa.Engine:
    """An engine whose connections are TLS, with the certificate and the name checked, and whose errors say
    what to do.

    Nothing is sent yet. ``hide_parameters`` and ``pool_pre_ping`` are on unless ``engine_options`` say
    otherwise.

    :param sslmode: ``verify-ca`` checks the certificate but not the name, for a tunnel to ``localhost``.
    :param connect_timeout: seconds until a server that does not answer is given up; queries have no limit.
    :raises ConnectError: when a connection is opened and cannot be.
    """
    register()
    # Always said: redshift_connector 2.2 only warns of a wrong name when it has chosen verify-full itself.
    arguments: dict[str, Any] = {"ssl": True, "sslmode": sslmode, "timeout": connect_timeout}
    if application_name is not None:
        arguments["application_name"] = application_name
    engine = sa.create_engine(
        sa.URL.create("redshift+redshift_connector", host=host, port=port, database=database),
        connect_args=arguments,
        **{"hide_parameters": True, "pool_pre_ping": True, **engine_options},
    )

    @event.listens_for(engine, "do_connect")
    def open_connection(dialect: Any, record: Any, cargs: Any, cparams: dict[str, Any]) -> Any:
        user, password = credentials.user_and_password(host, database)
        try:
            connection = dialect.connect(*cargs, **cparams, user=user, password=password)
        except Exception as exc:
            _close_what_is_left(exc)
            error = explain(exc, host, port)
            if error is None:
                raise
            if "user or the password" in error.found:
                credentials.refused()
            raise error from exc
        # The driver's timeout is the socket's, and stays: a COPY of more than 30 seconds would be cut off.
        connection._usock.settimeout(None)  # noqa: SLF001
        return connection

    return engine


def _close_what_is_left(exc: BaseException) -> None:
    # The driver's constructor raises with its sockets open when the server refuses, and nobody else knows
    # them.
    for frame, _ in traceback.walk_tb(exc.__traceback__):
        half_made = frame.f_locals.get("self")
        for name in ("_sock", "_usock"):
            if (left := getattr(half_made, name, None)) is not None:
                with suppress(OSError):
                    left.close()


def explain(exc: BaseException, host: str, port: int = DEFAULT_PORT) -> ConnectError | None:
    """What the driver's ``exc`` at connecting means; ``None`` when nothing better can be said than it says
    itself."""
    cause = next((arg for arg in exc.args if isinstance(arg, BaseException)), exc)
    where = f"{host}:{port}"
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code == _HOSTNAME_MISMATCH:
            return ConnectError(
                where,
                "its certificate is for another name",
                "connect by the endpoint's own name (for a tunnel, sslmode verify-ca)",
            )
        return ConnectError(
            where,
            f"its certificate is not trusted ({cause.verify_message})",
            "it may not be Redshift that answers; check the host name and the network between",
        )
    if "Server refuses SSL" in str(exc) or isinstance(cause, ssl.SSLError):
        return ConnectError(
            where, "the server does not speak TLS", "check host and port; a password is never sent without TLS"
        )
    if isinstance(cause, socket.gaierror):
        return ConnectError(
            where, "no such host", "check the host name, and that its DNS can be asked from here"
        )
    if isinstance(cause, TimeoutError):
        return ConnectError(
            where,
            "no answer in time",
            "check that the cluster is running and that its security group lets this address in",
            temporary=True,
        )
    if isinstance(cause, ConnectionRefusedError):
        return ConnectError(where, "nothing listens there", "check the port, and that the cluster is running")
    return _explain_answer(exc, where)


def _explain_answer(exc: BaseException, where: str) -> ConnectError | None:
    """What the server's own refusal means. The driver passes its fields on: ``C`` the SQLSTATE, ``M`` the
    message."""
    fields = next((arg for arg in exc.args if isinstance(arg, dict)), {})
    state = str(fields.get("C", ""))
    if state.startswith("28"):
        return ConnectError(where, "the user or the password is wrong", "check the credentials")
    if state == "3D000":
        return ConnectError(where, "there is no such database", "check the name of the database")
    if state.startswith("53") or state == "57P03":
        return ConnectError(
            where, f"the server takes no connection now (SQLSTATE {state})", "try again", temporary=True
        )
    if "server socket closed" in str(exc) or isinstance(exc, OSError):
        return ConnectError(where, "the connection was closed at once", "try again", temporary=True)
    return None


class _aws_errors:  # noqa: N801  # reads as a statement
    """Errors of boto3 as :class:`ConnectError`: the code of AWS, never the parameters."""

    def __init__(self, host: str) -> None:
        self.host = host

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, exc: BaseException | None, traceback: Any) -> None:
        if exc is None:
            return
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(exc, ClientError):
            code = str(exc.response.get("Error", {}).get("Code", "unknown error"))
            raise ConnectError(
                self.host,
                f"AWS does not give credentials ({code})",
                "check the permissions of this AWS identity, the region and the name",
                temporary="Throttling" in code or "Internal" in code,
            ) from exc
        if isinstance(exc, BotoCoreError):
            raise ConnectError(
                self.host,
                f"AWS cannot be asked for credentials ({type(exc).__name__})",
                "configure AWS credentials and a region (aws configure, AWS_PROFILE, AWS_REGION)",
            ) from exc


def _client(session: Any, service: str, region: str | None) -> Any:
    # Here and not above: most of the time there is a password, and boto3 takes a while to import.
    import boto3

    return (session or boto3).client(service, region_name=region)
