"""The objects that a load writes to S3 for COPY to read, and removes at its end."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sparkify.etl.buckets import open_bucket, reaching_s3
from sparkify.etl.errors import ConfigurationError, SourceError, SparkifyError
from sparkify.etl.listing import AwsOptions, SourceFile
from sparkify.etl.locations import split_s3
from sparkify.etl.observer import Observer
from sparkify.etl.retrying import Unanswered, persistently
from sparkify.etl.sources import file_chunks
from sparkify.etl.threads import call_aside

if TYPE_CHECKING:
    from obstore.store import S3Store

__all__ = ["LoadObjects"]

T = TypeVar("T")

_SECONDS = 90
"""Seconds for which objects are still removed after S3 has not answered for one of them."""


class LoadObjects:
    """The objects of one load, in a folder of its own below a prefix.

    :param prefix: an ``s3://`` prefix where they may be written; None if none may be.
    """

    def __init__(self, prefix: str | None, aws: AwsOptions, observer: Observer) -> None:
        self._prefix = prefix
        self._aws = aws
        self._observer = observer
        self._folder = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        self._written: dict[str, bytes | None] = {}
        self._until: float | None = None

    def uri(self, name: str, *, dry_run: bool = False) -> str | None:
        """The uri of an object of this name; None if none may be written.

        :param dry_run: use a placeholder for the name of the folder.
        """
        folder = ":load" if dry_run else self._folder
        return None if self._prefix is None else f"{self._prefix.rstrip('/')}/{folder}/{name}"

    def write(self, uri: str, content: bytes) -> None:
        """Write an object, unless it was written with this content before.

        :raises SourceError: when that is not allowed.
        :raises TemporaryError: when S3 does not answer.
        """
        if self._written.get(uri) != content:
            self._put(uri, content)
            self._written[uri] = content

    def upload(self, uri: str, path: Path) -> None:
        """Write an object with the content of a file; errors are those of :meth:`write`."""
        self._put(uri, path)

    def read(self, uri: str) -> str:
        """The text of an object, whoever wrote it.

        :raises ConfigurationError: when it is not UTF-8.
        :raises SourceError: when there is none, or it may not be read.
        """
        meta = self._ask(uri, lambda store, key: store.head(key))
        file = SourceFile(uri, meta["size"], (meta["e_tag"] or "").strip('"'))
        try:
            return b"".join(file_chunks(file, self._place(uri)[0])).decode()
        except UnicodeDecodeError as exc:
            raise ConfigurationError("is not UTF-8", where=uri) from exc

    def remove(self, uri: str) -> None:
        """Remove an object that was written. A failure is only a warning."""
        if error := self._removed(uri):
            self._observer.warning(f"{uri} is left behind: {error.found}")

    def close(self) -> None:
        """Remove all objects that were written, and warn of those that are left behind."""
        failed = [(uri, error) for uri in list(self._written) if (error := self._removed(uri))]
        if failed:
            uri, error = failed[0]
            some = f"{len(failed):,} objects below {uri.rpartition('/')[0]}/ are"
            self._observer.warning(f"{f'{uri} is' if len(failed) == 1 else some} left behind: {error.found}")

    def _put(self, uri: str, content: bytes | Path) -> None:
        is_new = uri not in self._written
        # Noted first: S3 may have stored it even if its answer does not arrive or a signal ends the wait.
        self._written[uri] = None
        try:
            self._ask(uri, lambda store, key: store.put(key, content))
        except SourceError:
            if is_new:
                # S3 has refused it.
                del self._written[uri]
            raise

    def _removed(self, uri: str) -> SparkifyError | None:
        """Remove an object; return why it could not be removed, or None.

        After S3 has not answered for one, each of the others is tried once, for ``_SECONDS`` in all.
        """
        self._written.pop(uri, None)
        if self._until is not None and time.monotonic() > self._until:
            return Unanswered("S3 did not answer", where=uri)
        try:
            self._ask(uri, lambda store, key: store.delete(key), again=self._until is None)
        except SparkifyError as exc:
            if isinstance(exc, Unanswered) and self._until is None:
                self._until = time.monotonic() + _SECONDS
            return exc
        return None

    def _ask(self, uri: str, what: Callable[[S3Store, str], T], *, again: bool = True) -> T:
        def once() -> T:
            with reaching_s3(uri):
                return what(*self._place(uri))

        return persistently(uri, once) if again else call_aside(once)

    def _place(self, uri: str) -> tuple[S3Store, str]:
        bucket, key = split_s3(uri)
        return open_bucket(bucket, self._aws), key
