"""Opens S3 buckets, and translates what the S3 clients raise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sparkify.etl.errors import EmptySource, SourceError, TemporaryError
from sparkify.etl.listing import AwsOptions
from sparkify.etl.retrying import Unanswered
from sparkify.etl.translation import first_line

if TYPE_CHECKING:
    from boto3 import Session
    from botocore.client import BaseClient
    from botocore.loaders import Loader
    from obstore.store import S3Store

__all__ = ["is_end_of_listing", "list_with_any_key", "open_bucket", "reaching_s3"]

_HTTP_STATUS = re.compile(r"status code: (\d{3})")
_RETRIES = 2
"""Retries by the client itself, within half a second; longer outages are logged and retried by ``retrying``."""
_ERROR = re.compile(r"<Code>([^<]*)</Code>(?:\s*<Message>([^<]*)</Message>)?")
_OF_CLIENT = re.compile(r"Error performing \w+ \S+ in \S+ - (.+)")
_REFUSED = "S3 refused access"
_CHECK_ACCESS = "Check the credentials and the bucket policy."


def open_bucket(bucket: str, aws: AwsOptions) -> S3Store:
    """The bucket, with credentials from boto3's own chain, or unsigned if there are none.

    Cached per options object: finding credentials and creating a client take 10 to 20 ms of CPU time.
    """
    access = _access_of(aws)
    store = access.stores.get(bucket)
    if store is None:
        store = access.stores[bucket] = _open(bucket, aws, access.session)
    return store


def _open(bucket: str, aws: AwsOptions, session: Session) -> S3Store:
    from obstore.store import S3Store

    # read_timeout is 60 s of silence, not of transfer: a large object may take longer.
    client_options: dict[str, object] = {"timeout": "600s", "read_timeout": "60s", "connect_timeout": "10s"}
    options: dict[str, object] = {"region": session.region_name or "us-west-2"}
    if aws.endpoint:
        options["endpoint"] = aws.endpoint
        options["virtual_hosted_style_request"] = False
        client_options["allow_http"] = aws.endpoint.startswith("http://")
    retry = {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=30)}
    common: dict[str, Any] = {**options, "client_options": client_options, "retry_config": retry}
    if session.get_credentials() is None:
        # A public bucket can be read anonymously.
        return S3Store(bucket, skip_signature=True, **common)
    from obstore.auth.boto3 import Boto3CredentialProvider

    return S3Store(bucket, credential_provider=Boto3CredentialProvider(session), **common)


def list_with_any_key(bucket: str, folder: str, aws: AwsOptions) -> Iterator[Mapping[str, Any]]:
    """The objects below a folder, from a slower client that can list any possible key.

    :raises TemporaryError: when S3 does not answer, or answers with something other than a listing.
    """
    for page in _pages(bucket, folder, aws, {}):
        for found in page.get("Contents", ()):
            yield {
                "path": found["Key"],
                "size": found["Size"],
                "e_tag": found["ETag"],
                "last_modified": found["LastModified"],
            }


def is_end_of_listing(bucket: str, folder: str, after: str | None, aws: AwsOptions) -> bool:
    """Whether S3, asked again, has no object below a folder after this key.

    obstore takes an error or a login page with status 200 for a listing without objects.

    :param after: the last key that was listed; None if there was none.
    :raises TemporaryError: as :func:`list_with_any_key`.
    """
    start = {"MaxKeys": 1} | ({} if after is None else {"StartAfter": after})
    return not any(page.get("Contents") for page in _pages(bucket, folder, aws, start))


def _pages(bucket: str, folder: str, aws: AwsOptions, start: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    from botocore.exceptions import ClientError
    from botocore.parsers import ResponseParserError

    access = _access_of(aws)
    if access.client is None:
        access.client = _client(aws, access.session)
    client = access.client
    where = f"s3://{bucket}/{folder}"
    prefix = f"{folder}/" if folder else ""
    try:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **start):
            if page.get("Name") != bucket:
                raise TemporaryError("S3 answered with something else than a listing", where=where)
            yield page
    except ClientError as exc:
        status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        told = f"{exc.response['Error']['Code']}: {exc.response['Error'].get('Message', '')}"
        if status in (401, 403):
            raise SourceError(where, f"{_REFUSED} ({told})", hint=_CHECK_ACCESS) from exc
        raise Unanswered(f"S3 did not answer ({told})", where=where) from exc
    except ResponseParserError as exc:
        raise TemporaryError("S3 answered with something else than a listing", where=where) from exc


@dataclass
class _Access:
    """What was opened with one set of options.

    :ivar stores: by bucket.
    :ivar client: boto3's; None until it is first needed.
    """

    session: Session
    stores: dict[str, S3Store] = field(default_factory=dict)
    client: BaseClient | None = None


_accesses = WeakKeyDictionary[AwsOptions, _Access]()


def _access_of(aws: AwsOptions) -> _Access:
    access = _accesses.get(aws)
    if access is None:
        access = _accesses[aws] = _Access(_session(aws))
    return access


def _client(aws: AwsOptions, session: Session) -> BaseClient:
    from botocore import UNSIGNED
    from botocore.config import Config

    config = Config(
        signature_version=UNSIGNED if session.get_credentials() is None else None,
        s3={"addressing_style": "path"} if aws.endpoint else None,
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 4},
    )
    return session.client(
        "s3", endpoint_url=aws.endpoint, region_name=session.region_name or "us-west-2", config=config
    )


def _session(aws: AwsOptions) -> Session:
    import boto3
    from botocore.session import Session as BotocoreSession

    descriptions = _descriptions()
    botocore_session = BotocoreSession()
    botocore_session.register_component("data_loader", descriptions)
    session = boto3.Session(
        aws_access_key_id=aws.access_key_id,
        aws_secret_access_key=aws.secret_access_key,
        region_name=aws.region,
        botocore_session=botocore_session,
    )
    # boto3 adds its own folder to the search paths each time.
    descriptions.search_paths[:] = dict.fromkeys(descriptions.search_paths)
    return session


@cache
def _descriptions() -> Loader:
    """botocore's descriptions of AWS, shared: each session would take 0.06 s of CPU time to read them."""
    from botocore.session import Session as BotocoreSession

    found: Loader = BotocoreSession().get_component("data_loader")
    return found


@contextmanager
def reaching_s3(uri: str) -> Iterator[None]:
    """Translate what an S3 client raises into one clear line. Nothing has been changed at that point."""
    from botocore import exceptions as boto
    from obstore import exceptions as s3

    try:
        yield
    except (s3.PermissionDeniedError, s3.UnauthenticatedError, PermissionError) as exc:
        raise _refused(uri, exc) from exc
    except (s3.NotFoundError, FileNotFoundError) as exc:
        raise EmptySource(uri, "there is no such bucket or object") from exc
    except s3.PreconditionError as exc:
        raise TemporaryError("was replaced while it was read", where=uri) from exc
    except boto.SSLError as exc:
        raise SourceError(uri, f"AWS is not trusted: {exc}") from exc
    except (boto.ConnectionError, boto.HTTPClientError) as exc:
        raise Unanswered(f"S3 did not answer ({exc})", where=uri) from exc
    except boto.BotoCoreError as exc:
        raise SourceError(uri, f"no usable AWS credentials: {exc}") from exc
    except s3.BaseError as exc:
        status = _HTTP_STATUS.search(str(exc))
        match status and status[1]:
            case "404":
                raise EmptySource(uri, "there is no such bucket") from exc
            case "401" | "403":
                raise _refused(uri, exc) from exc
            case "301" | "307":
                raise SourceError(
                    uri, "the bucket is in another region", hint="Set AWS_DEFAULT_REGION."
                ) from exc
        first = first_line(exc)[:300]
        client = _OF_CLIENT.search(first)
        first = _words(exc) or (client[1] if client else first)
        raise Unanswered(f"S3 did not answer ({first})", where=uri) from exc


def _refused(uri: str, error: BaseException) -> SourceError:
    words = _words(error)
    return SourceError(uri, f"{_REFUSED} ({words})" if words else _REFUSED, hint=_CHECK_ACCESS)


def _words(error: BaseException) -> str | None:
    """The code and message of S3's error response, if there was one."""
    found = _ERROR.search(str(error))
    return None if found is None else ": ".join(part for part in found.groups() if part)[:300]
