"""Access to AWS with these settings: through boto3's own chain, or with the keys of ``dwh.cfg``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparkify.etl.errors import ConfigurationError
from sparkify.etl.listing import AwsOptions
from sparkify.redshift.credentials import Endpoint

if TYPE_CHECKING:
    from sparkify.config.settings import Settings

__all__ = ["aws_options", "aws_session"]


def aws_session(settings: Settings) -> Any:
    """A ``boto3.Session`` with the region of the settings, else of boto3's own chain, else of the host.

    Creating it does not connect.

    :raises ConfigurationError: if one half of the key pair is missing.
    :raises botocore.exceptions.ProfileNotFound: if there is no profile with the name in AWS_PROFILE.
    """
    import boto3

    key, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    if (key is None) != (secret is None):
        raise ConfigurationError(
            "[AWS] has one of KEY and SECRET", hint="Give both, or neither and use a profile."
        )
    keys = {
        "aws_access_key_id": key.get_secret_value() if key else None,
        "aws_secret_access_key": secret.get_secret_value() if secret else None,
    }
    session = boto3.Session(**keys, region_name=settings.region)
    if session.region_name is None and (endpoint := Endpoint.of(settings.url.host or "")):
        # A cluster and its sources are in one region, unless the settings say otherwise.
        return boto3.Session(**keys, region_name=endpoint.region)
    return session


def aws_options(settings: Settings) -> AwsOptions:
    """The options that the readers of files and of S3 need."""
    key, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    return AwsOptions(
        region=settings.region,
        endpoint=settings.aws_endpoint_url,
        access_key_id=key.get_secret_value() if key else None,
        secret_access_key=secret.get_secret_value() if secret else None,
        max_unpacked=settings.max_unpacked,
    )
