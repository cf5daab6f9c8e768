"""The engine for a Redshift URL: who logs in, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine

from sparkify.config.aws import aws_session
from sparkify.config.secrets import protect
from sparkify.databases.options import option
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.suggestions import did_you_mean
from sparkify.redshift.connect import DEFAULT_PORT, create_redshift_engine
from sparkify.redshift.credentials import Credentials, Endpoint, Iam, Password, Secret
from sparkify.redshift.session import parameter_text, parse_parameters, schema_name

if TYPE_CHECKING:
    from sparkify.config.settings import Settings

__all__ = ["DEFAULT_SCHEMA", "make_engine", "schema_of"]

DEFAULT_SCHEMA = "public"
"""The schema if no setting names one. A user's search_path is never relied on: by default it has a schema of
the user's name before this one."""


def _seconds(text: str) -> int:
    seconds = int(text)
    if seconds < 1:
        raise ValueError(text)
    return seconds


def _sslmode(text: str) -> str:
    if text not in ("verify-full", "verify-ca"):
        raise ValueError(text)
    return text


_OPTIONS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "sslmode": (_sslmode, "verify-full or verify-ca"),
    "connect_timeout": (_seconds, "seconds"),
    "keepalive": (_seconds, "seconds"),
    "statement_timeout": (_seconds, "seconds"),
    "query_group": (parameter_text, "a name without a backslash"),
    "session_settings": (parse_parameters, "name = value, name = 'value'"),
    "db_schema": (schema_name, "the name of a schema"),
    "cluster": (str, "a name"),
    "workgroup": (str, "a name"),
    "region": (str, "a name"),
}
"""The options that may follow the ``?`` of a URL, and what values they take. Each is a setting too."""

_LOGIN = ("cluster", "workgroup", "region")


def make_engine(url: URL, settings: Settings | None) -> Engine:
    """An engine with TLS that checks the certificate and, by default, the name; connection errors are one line.

    Without a user and password in the URL, and without a secret, the credentials are temporary ones from IAM.

    :param settings: give the secret and the AWS keys for a login that the URL lacks, and the options of the
        connection that the URL does not set.
    :raises ConfigurationError: for a URL without a host or a database, or with an unknown option.
    """
    if not url.host or not url.database:
        raise ConfigurationError("the URL of a Redshift has a host and a database: ...@host:5439/dev")
    options = {name: value for name in _OPTIONS if (value := option(settings, name)) is not None}
    if "session_settings" in options:
        options["session_settings"] = parse_parameters(options["session_settings"])
    options |= _options_of(url)
    schema = options.pop("db_schema", DEFAULT_SCHEMA)
    parameters = options.pop("session_settings", None)
    login = {name: options.pop(name, None) for name in _LOGIN}
    if "region" not in url.query and Endpoint.of(url.host) is not None:
        # The setting may be the region of the buckets; the host name has the cluster's own.
        login["region"] = None
    return create_redshift_engine(
        url.host,
        url.database,
        _Masked(_credentials(url, settings, **login)),
        port=url.port or DEFAULT_PORT,
        application_name="sparkify",
        schema=schema,
        parameters=parameters,
        **options,
    )


def schema_of(url: URL, settings: Settings | None) -> str | None:
    """The schema that the URL or the settings name; None if neither does.

    :raises ConfigurationError: for a URL with an unknown option.
    """
    named: str | None = _options_of(url).get("db_schema") or option(settings, "db_schema")
    return named


@dataclass(frozen=True, slots=True)
class _Masked:
    """Credentials whose password is masked in all output from the moment it is known."""

    of: Credentials

    def user_and_password(self, host: str, database: str) -> tuple[str, str]:
        user, password = self.of.user_and_password(host, database)
        protect([password])
        return user, password

    def refused(self) -> None:
        self.of.refused()


def _credentials(
    url: URL, settings: Settings | None, *, cluster: str | None, workgroup: str | None, region: str | None
) -> Credentials:
    if url.username and url.password:
        return Password(url.username, str(url.password))
    # Only here: usually there is a password, and boto3 takes a while to import.
    session = aws_session(settings) if settings and settings.aws_access_key_id else None
    if secret_id := option(settings, "db_secret_id"):
        return Secret(secret_id, region=region, session=session)
    return Iam(db_user=url.username, cluster=cluster, workgroup=workgroup, region=region, session=session)


def _options_of(url: URL) -> dict[str, Any]:
    """The options behind the ``?`` of the URL: honoured or refused, never dropped."""
    found: dict[str, Any] = {}
    for name, value in url.query.items():
        if name not in _OPTIONS:
            parts = (did_you_mean(name, _OPTIONS), f"There are {', '.join(_OPTIONS)}.")
            raise ConfigurationError(
                f"the database URL has an option that is not known: {name}", hint=" ".join(filter(None, parts))
            )
        convert, what = _OPTIONS[name]
        try:
            found[name] = convert(value if isinstance(value, str) else value[-1])
        except ValueError:
            raise ConfigurationError(f"the option {name} of the database URL takes {what}") from None
    return found
