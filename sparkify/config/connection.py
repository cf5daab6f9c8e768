"""The settings that identify the warehouse, and say how to connect to it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, SecretStr
from pydantic_settings import BaseSettings
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from sparkify.config.fields import cfg
from sparkify.etl.errors import ConfigurationError
from sparkify.redshift.credentials import Endpoint
from sparkify.redshift.session import parameter_text, parse_parameters, schema_name

__all__ = ["DEFAULT_DATABASE_URL", "ConnectionSettings", "parse_url"]

DEFAULT_DATABASE_URL = "duckdb:///sparkify.duckdb"

_FILES = (".duckdb", ".ddb", ".db")
"""The suffixes of DuckDB files."""


def _grantees(text: str) -> str:
    # Imported here: it imports SQLAlchemy's compiler, and few use the setting.
    from sparkify.redshift.grants import parse_grantees

    parse_grantees(text)
    return text


def _parameters(text: str) -> str:
    parse_parameters(text)
    return text


def parse_url(text: str | URL) -> URL:
    """A SQLAlchemy URL; the path of a DuckDB file, such as ``sparkify.duckdb``, is short for one.

    :raises ConfigurationError: if it is not a URL. The message omits it, because it may hold a password.
    """
    if isinstance(text, str) and "://" not in text and text.endswith(_FILES):
        return URL.create("duckdb", database=text)
    try:
        return make_url(text)
    except ArgumentError:
        raise ConfigurationError(
            "the database URL is not a URL of SQLAlchemy",
            hint="Give one such as duckdb:///sparkify.duckdb or "
            "redshift+redshift_connector://user:password@host:5439/dev.",
        ) from None


class ConnectionSettings(BaseSettings):
    """The section ``[CLUSTER]`` of ``dwh.cfg``."""

    database_url: SecretStr | None = cfg(
        "CLUSTER",
        "DATABASE_URL",
        secret=True,
        default=None,
        description="a URL; else made of HOST",
    )
    host: str | None = cfg(
        "CLUSTER", "HOST", default=None, description="of the cluster; none: the embedded database"
    )
    db_name: str = cfg("CLUSTER", "DB_NAME", default="dev", description="name of the database")
    db_schema: Annotated[str, AfterValidator(schema_name)] | None = cfg(
        "CLUSTER", "DB_SCHEMA", "SCHEMA", default=None, description="where the tables are; none: public"
    )
    db_user: str | None = cfg(
        "CLUSTER",
        "DB_USER",
        default=None,
        description="database user; without a password, else the IAM identity",
    )
    db_password: SecretStr | None = cfg(
        "CLUSTER", "DB_PASSWORD", secret=True, default=None, description="password of the database user"
    )
    db_secret_id: str | None = cfg(
        "CLUSTER", "DB_SECRET_ID", default=None, description="a secret of AWS Secrets Manager, for DB_PASSWORD"
    )
    db_port: int = cfg(
        "CLUSTER", "DB_PORT", "DB_PORT_2", default=5439, ge=1, le=65_535, description="port of the cluster"
    )
    cluster: str | None = cfg(
        "CLUSTER", "CLUSTER", default=None, description="its name, for IAM where HOST does not tell it"
    )
    workgroup: str | None = cfg(
        "CLUSTER", "WORKGROUP", default=None, description="likewise, of Redshift Serverless"
    )
    sslmode: Literal["verify-full", "verify-ca"] = cfg(
        "CLUSTER", "SSLMODE", default="verify-full", description="verify-ca: not the name, as for a tunnel"
    )
    connect_timeout: int = cfg(
        "CLUSTER", "CONNECT_TIMEOUT", default=30, ge=1, description="seconds to wait for a connection"
    )
    keepalive: int = cfg(
        "CLUSTER",
        "KEEPALIVE",
        default=60,
        ge=1,
        description="seconds of silence until the connection is probed",
    )
    statement_timeout: int | None = cfg(
        "CLUSTER", "STATEMENT_TIMEOUT", default=None, ge=1, description="seconds that a statement may take"
    )
    query_group: Annotated[str, AfterValidator(parameter_text)] | None = cfg(
        "CLUSTER",
        "QUERY_GROUP",
        default=None,
        description="the queue of Redshift, or a label of its statements",
    )

    session_settings: Annotated[str, AfterValidator(_parameters)] | None = cfg(
        "CLUSTER",
        "SESSION_SETTINGS",
        default=None,
        description="what else each connection sets: wlm_query_slot_count = 3, name = 'value'",
    )
    grant_select_to: Annotated[str, AfterValidator(_grantees)] | None = cfg(
        "CLUSTER",
        "GRANT_SELECT_TO",
        default=None,
        description="who may read once tables are migrated: GROUP analysts, ROLE bi, alice",
    )

    @property
    def url(self) -> URL:
        """The URL of the warehouse: the one given, else the cluster's, else the embedded database's.

        :raises ConfigurationError: if the URL given cannot be parsed.
        """
        if self.database_url is not None:
            return parse_url(self.database_url.get_secret_value())
        if self.host is None:
            return make_url(DEFAULT_DATABASE_URL)
        return URL.create(
            "redshift+redshift_connector",
            # A password needs a user: unless one is named, the administrator, by AWS's default name.
            username=self.db_user or ("awsuser" if self.db_password else None),
            password=self.db_password.get_secret_value() if self.db_password else None,
            host=_host_alone(self.host),
            port=self.db_port,
            database=self.db_name,
        )

    @property
    def endpoint(self) -> Endpoint | None:
        """The cluster or workgroup and its region, from ``HOST``; None if it is unset or does not tell them."""
        return Endpoint.of(_host_alone(self.host or ""))


def _host_alone(endpoint: str) -> str:
    # It is often pasted as the console shows it: host:port/database.
    return endpoint.partition("/")[0].partition(":")[0]
