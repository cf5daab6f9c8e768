"""The session of boto3 that the settings ask for: its own chain, or the keys of ``dwh.cfg``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparkify.etl.errors import ConfigurationError

if TYPE_CHECKING:
    from sparkify.settings import Settings

__all__ = ["aws_session"]


def aws_session(settings: Settings) -> Any:
    """A ``boto3.Session``. Nobody is asked anything.

    :raises ConfigurationError: when one half of the keys is missing.
    :raises botocore.exceptions.ProfileNotFound: when there is no profile of the name in AWS_PROFILE.
    """
    import boto3

    key, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    if (key is None) != (secret is None):
        raise ConfigurationError("[AWS] has one of KEY and SECRET; give both, or neither and use a profile")
    return boto3.Session(
        aws_access_key_id=key.get_secret_value() if key else None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        region_name=settings.region,
    )
