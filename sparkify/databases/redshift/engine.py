"""An engine for the Redshift of a URL: who logs in, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import URL, Engine

from sparkify.config.aws import aws_session
from sparkify.etl.errors import ConfigurationError
from sparkify.redshift.connect import DEFAULT_PORT, create_redshift_engine
from sparkify.redshift.credentials import Credentials, Iam, Password, Secret

if TYPE_CHECKING:
    from sparkify.config.settings import Settings

__all__ = ["make_engine"]


def make_engine(url: URL, settings: Settings | None) -> Engine:
    """TLS with the name checked, and an error of one line when no connection can be made.

    Without a password in the URL and without a secret the credentials are temporary ones, by IAM.

    :param settings: whose secret, and whose keys of AWS, give the login that the URL lacks.
    :raises ConfigurationError: for a URL without a host or a database.
    """
    if not url.host or not url.database:
        raise ConfigurationError("the URL of a Redshift has a host and a database: ...@host:5439/dev")
    credentials: Credentials
    if url.username and url.password:
        credentials = Password(url.username, str(url.password))
    else:
        # Only here: most of the time there is a password, and boto3 takes a while to import.
        session = aws_session(settings) if settings and settings.aws_access_key_id else None
        secret_id = settings.db_secret_id if settings else None
        credentials = (
            Secret(secret_id, session=session) if secret_id else Iam(db_user=url.username, session=session)
        )
    return create_redshift_engine(
        url.host,
        url.database,
        credentials,
        port=url.port or DEFAULT_PORT,
        application_name="sparkify",
    )
