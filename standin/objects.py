"""The objects of COPY and UNLOAD: in moto within this process, or in any S3 by its endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from .errors import RedshiftError, internal


@dataclass(frozen=True)
class Location:
    """A bucket and a key or prefix."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def location(url: str) -> Location:
    """The bucket and the key of an s3:// URL.

    :raises RedshiftError: for anything else.
    """
    if not url.startswith("s3://") or len(url) < 6:
        raise RedshiftError("22023", f"invalid S3 path {url!r}: it has to begin with s3://bucket")
    bucket, _, key = url[5:].partition("/")
    return Location(bucket, key)


class ObjectStore(Protocol):
    """What the stand-in needs of S3."""

    def create_bucket(self, name: str, region: str) -> None:
        """Make a bucket."""

    def region(self, bucket: str) -> str:
        """The region of a bucket."""

    def keys(self, place: Location) -> list[str]:
        """The keys that begin with the prefix, in order."""

    def has(self, place: Location) -> bool:
        """Whether there is an object of just this key."""

    def get(self, place: Location) -> bytes | None:
        """The body of an object, or None where there is none."""

    def put(self, place: Location, body: bytes) -> None:
        """Write an object."""

    def delete(self, place: Location) -> None:
        """Remove an object."""


def no_bucket(bucket: str) -> RedshiftError:
    """COPY's error for a bucket that does not exist."""
    return internal(
        f"S3ServiceException:The specified bucket does not exist,Status 404,Error NoSuchBucket,Rid 0,"
        f"ExtRid 0,CanRetry 1 ({bucket})",
        context=f"S3 key being read : s3://{bucket}",
    )


def other_region(bucket: str) -> RedshiftError:
    """COPY's error for a bucket in another region than the one named."""
    return internal(
        "S3ServiceException:The S3 bucket addressed by the query is in a different region from this cluster.,"
        "Status 301,Error PermanentRedirect,Rid 0,ExtRid 0,CanRetry 1",
        context=f"Listing bucket={bucket}",
    )


class MotoStore:
    """moto's own memory, read without HTTP: listing thousands of objects takes milliseconds."""

    def __init__(self, account: str = "123456789012") -> None:
        from moto.s3.models import s3_backends  # a heavy import, needed only for loads

        self._backend = s3_backends[account]["aws"]

    def create_bucket(self, name: str, region: str) -> None:
        """Make a bucket."""
        self._backend.create_bucket(name, region)

    def _bucket(self, name: str) -> Any:
        try:
            return self._backend.buckets[name]
        except KeyError:
            raise no_bucket(name) from None

    def region(self, bucket: str) -> str:
        """The region of a bucket."""
        return self._bucket(bucket).region_name or "us-east-1"

    def keys(self, place: Location) -> list[str]:
        """The keys that begin with the prefix, in order."""
        return sorted(key for key in self._bucket(place.bucket).keys if key.startswith(place.key))

    def has(self, place: Location) -> bool:
        """Whether there is an object of just this key."""
        return place.key in self._bucket(place.bucket).keys

    def get(self, place: Location) -> bytes | None:
        """The body of an object, or None where there is none."""
        found = self._bucket(place.bucket).keys.get(place.key)
        return None if found is None else found.value

    def put(self, place: Location, body: bytes) -> None:
        """Write an object."""
        self._backend.put_object(place.bucket, place.key, body)

    def delete(self, place: Location) -> None:
        """Remove an object."""
        self._backend.delete_object(place.bucket, place.key)


class HttpStore:
    """An S3 server at an endpoint, accessed with boto3."""

    def __init__(self, endpoint: str) -> None:
        self._client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3}),
        )

    def create_bucket(self, name: str, region: str) -> None:
        """Make a bucket."""
        more = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self._client.create_bucket(Bucket=name, **more)

    def region(self, bucket: str) -> str:
        """The region of a bucket."""
        try:
            return self._client.get_bucket_location(Bucket=bucket)["LocationConstraint"] or "us-east-1"
        except ClientError:
            raise no_bucket(bucket) from None

    def keys(self, place: Location) -> list[str]:
        """The keys that begin with the prefix, in order."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def has(self, place: Location) -> bool:
        """Whether there is an object of just this key."""
        return place.key in self.keys(place)

    def get(self, place: Location) -> bytes | None:
        """The body of an object, or None where there is none."""
        try:
            body: bytes = self._client.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
            return body
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise

    def put(self, place: Location, body: bytes) -> None:
        """Write an object."""
        self._client.put_object(Bucket=place.bucket, Key=place.key, Body=body)

    def delete(self, place: Location) -> None:
        """Remove an object."""
        self._client.delete_object(Bucket=place.bucket, Key=place.key)
