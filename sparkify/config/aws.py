"""How AWS is reached with these settings: by boto3's own chain, or with the keys of ``dwh.cfg``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparkify.etl.errors import ConfigurationError
from sparkify.etl.listing import AwsOptions

if TYPE_CHECKING:
    from sparkify.config.settings import Settings

__all__ = ["aws_options", "aws_session"]


def aws_session(settings: Settings) -> Any:
    """A ``boto3.Session``. Nobody is asked anything.

    :raises ConfigurationError: when one half of the keys is missing.
    :raises botocore.exceptions.ProfileNotFound: when there is no profile of the name in AWS_PROFILE.
    """
    import boto3

    key, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    if (key is None) != (secret is None):
        raise ConfigurationError(
            "[AWS] has one of KEY and SECRET", hint="Give both, or neither and use a profile."
        )
    return boto3.Session(
        aws_access_key_id=key.get_secret_value() if key else None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        region_name=settings.region,
    )


def aws_options(settings: Settings) -> AwsOptions:
    """What the readers of S3 need to know."""
    key, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    return AwsOptions(
        region=settings.region,
        endpoint=settings.aws_endpoint_url,
        access_key_id=key.get_secret_value() if key else None,
        secret_access_key=secret.get_secret_value() if secret else None,
    )
