"""Credentials for Redshift: a password, a secret of AWS Secrets Manager, or temporary credentials from IAM.

The password is in no URL, ``repr`` or message: it is passed to the driver when a connection is opened, and
kept only in the credentials object.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

#: How long before they expire temporary credentials are renewed: opening a connection takes a moment.
RENEWAL_MARGIN: Final = dt.timedelta(minutes=1)

_SERVERLESS_HOST: Final = re.compile(
    r"(?P<name>[a-z0-9-]+)\.\d{12}\.(?P<region>[a-z0-9-]+)\.redshift-serverless(?:-[a-z]+)?\.amazonaws\.com(?:\.cn)?"
)
_CLUSTER_HOST: Final = re.compile(
    r"(?P<name>[a-z0-9-]+)\.[a-z0-9]+\.(?P<region>[a-z0-9-]+)\.redshift(?:-[a-z]+)?\.amazonaws\.com(?:\.cn)?"
)


class ConnectError(Exception):
    """No connection could be made. One line says where, and what was found; ``hint`` says what to do.

    ``temporary``: whether a retry may help. ``tls``: whether TLS is what failed. ``host``: which server was
    asked.
    """

    def __init__(self, host: str, found: str, hint: str, *, temporary: bool = False, tls: bool = False) -> None:
        self.host = host
        self.found = found
        self.hint = hint
        self.temporary = temporary
        self.tls = tls
        super().__init__(f"cannot connect to {host}: {found}; {hint}")

    def __reduce__(self) -> tuple[Any, ...]:
        # Otherwise a pickle or a copy would call the class with the message alone.
        made = partial(type(self), temporary=self.temporary, tls=self.tls)
        return made, (self.host, self.found, self.hint), vars(self)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The parts of a Redshift host name. ``name`` is that of the cluster or the workgroup."""

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
    """Gives the user and the password for a connection."""

    def user_and_password(self, host: str, database: str) -> tuple[str, str]:
        """The user and the password for a connection that is opened now."""

    def refused(self) -> None:
        """Called when the server has refused the last pair: do not return it again if it was cached."""


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
    """A secret of AWS Secrets Manager, JSON with ``username`` and ``password``, as Redshift itself creates
    it.

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
    # Returns None instead of raising: json's exception has the whole text as an attribute, and would stay
    # attached to ours as its context.
    try:
        secret = json.loads(text)
    except ValueError:
        return None
    if not isinstance(secret, dict) or not {"username", "password"} <= secret.keys():
        return None
    return str(secret["username"]), str(secret["password"])


@dataclass(slots=True)
class Iam:
    """Temporary credentials from AWS credentials (boto3's chain), cached until shortly before they expire.

    Unless given, cluster and region, or workgroup and region, are taken from a host name of Redshift. On a
    cluster the user is ``db_user`` or, without it, one named after the IAM identity. Serverless always uses
    the identity.
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
        """:raises ConnectError: when the cluster or workgroup is not known, or AWS refuses."""
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
        with _aws_errors(host):
            client = _client(self.session, "redshift", region)
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


@contextmanager
def _aws_errors(host: str) -> Iterator[None]:
    """Errors of boto3 as :class:`ConnectError`: the code of AWS, never the parameters."""
    try:
        yield
    except Exception as exc:
        from botocore import exceptions as boto

        if isinstance(exc, boto.ClientError):
            code = str(exc.response.get("Error", {}).get("Code", "unknown error"))
            raise ConnectError(
                host,
                f"AWS does not give credentials ({code})",
                "check the permissions of this AWS identity, the region and the name",
                temporary="Throttling" in code or "Internal" in code,
            ) from exc
        if isinstance(exc, boto.ConnectionError | boto.HTTPClientError) and not isinstance(exc, boto.SSLError):
            raise ConnectError(
                host,
                f"AWS does not answer when it is asked for credentials ({type(exc).__name__})",
                "try again, and check that it can be reached from here",
                temporary=True,
            ) from exc
        if isinstance(exc, boto.BotoCoreError):
            raise ConnectError(
                host,
                f"AWS cannot be asked for credentials ({type(exc).__name__})",
                "configure AWS credentials and a region (aws configure, AWS_PROFILE, AWS_DEFAULT_REGION)",
            ) from exc
        raise


def _client(session: Any, service: str, region: str | None) -> Any:
    # Imported here: usually there is a password, and boto3 takes a while to import.
    import boto3

    return (session or boto3).client(service, region_name=region)
