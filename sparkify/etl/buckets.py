"""Opens buckets of S3, and translates what its client raises."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sparkify.etl.errors import EmptySource, SourceError, TemporaryError
from sparkify.etl.listing import AwsOptions

if TYPE_CHECKING:
    from boto3 import Session
    from obstore.store import S3Store

__all__ = ["list_with_any_key", "open_bucket", "reaching_s3"]

_HTTP_STATUS = re.compile(r"status code: (\d{3})")
_REFUSED = "S3 refused access"
_CHECK_ACCESS = "Check the credentials and the bucket policy."


def open_bucket(bucket: str, aws: AwsOptions) -> S3Store:
    """The bucket, with credentials of boto3's own chain, or unsigned where there are none."""
    from obstore.store import S3Store

    session = _session(aws)
    client_options: dict[str, object] = {"timeout": "60s", "connect_timeout": "10s"}
    options: dict[str, object] = {"region": session.region_name or "us-west-2"}
    if aws.endpoint:
        options["endpoint"] = aws.endpoint
        options["virtual_hosted_style_request"] = False
        client_options["allow_http"] = aws.endpoint.startswith("http://")
    retry = {"max_retries": 8, "retry_timeout": timedelta(seconds=90)}
    common: dict[str, Any] = {**options, "client_options": client_options, "retry_config": retry}
    if session.get_credentials() is None:
        # A public bucket is readable by whoever asks without a name.
        return S3Store(bucket, skip_signature=True, **common)
    from obstore.auth.boto3 import Boto3CredentialProvider

    return S3Store(bucket, credential_provider=Boto3CredentialProvider(session), **common)


def list_with_any_key(bucket: str, folder: str, aws: AwsOptions) -> Iterator[Mapping[str, Any]]:
    """The objects below a folder, by a client that lists every key there may be, and takes longer."""
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import ClientError

    session = _session(aws)
    unsigned = Config(signature_version=UNSIGNED) if session.get_credentials() is None else None
    client = session.client("s3", endpoint_url=aws.endpoint, config=unsigned)
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=f"{folder}/" if folder else ""
    )
    try:
        for page in pages:
            for found in page.get("Contents", ()):
                yield {"path": found["Key"], "size": found["Size"], "e_tag": found["ETag"]}
    except ClientError as exc:
        raise TemporaryError(f"S3 did not answer ({exc})", where=f"s3://{bucket}/{folder}") from exc


def _session(aws: AwsOptions) -> Session:
    import boto3

    return boto3.Session(
        aws_access_key_id=aws.access_key_id,
        aws_secret_access_key=aws.secret_access_key,
        region_name=aws.region,
    )


@contextmanager
def reaching_s3(uri: str) -> Iterator[None]:
    """Translate what the S3 client raises into one clear line. Nothing has been changed at that point."""
    from botocore.exceptions import BotoCoreError
    from obstore import exceptions as s3

    try:
        yield
    except (s3.PermissionDeniedError, s3.UnauthenticatedError, PermissionError) as exc:
        raise SourceError(uri, _REFUSED, hint=_CHECK_ACCESS) from exc
    except (s3.NotFoundError, FileNotFoundError) as exc:
        raise EmptySource(uri, "there is no such bucket or object") from exc
    except s3.PreconditionError as exc:
        raise TemporaryError("was replaced while it was read", where=uri) from exc
    except BotoCoreError as exc:
        raise SourceError(uri, f"no usable AWS credentials: {exc}") from exc
    except s3.BaseError as exc:
        status = _HTTP_STATUS.search(str(exc))
        match status and status[1]:
            case "404":
                raise EmptySource(uri, "there is no such bucket") from exc
            case "401" | "403":
                raise SourceError(uri, _REFUSED, hint=_CHECK_ACCESS) from exc
            case "301" | "307":
                raise SourceError(
                    uri, "the bucket is in another region", hint="Set AWS_DEFAULT_REGION."
                ) from exc
        first = str(exc).strip().splitlines()[0][:300]
        raise TemporaryError(f"S3 did not answer ({first})", where=uri) from exc
