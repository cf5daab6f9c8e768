"""The COPYs of a source: their settings, the objects that they read, and the statements."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Table
from sqlalchemy.types import TIMESTAMP

from sparkify.databases.redshift.objects import LoadObjects
from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError
from sparkify.etl.jsonpaths import columns_of, is_needed, write_paths
from sparkify.etl.listing import Listing
from sparkify.etl.locations import bucket_problem, is_s3
from sparkify.redshift import Copy, CopyError

__all__ = ["CopyOptions", "Copying", "check_source_uri"]


@dataclass(frozen=True, kw_only=True)
class CopyOptions:
    """The settings from which COPY statements are written.

    :ivar iam_role: the ARN of the role with which the cluster reads S3, or ``default``.
    :ivar region: the region of the buckets, if it is not the cluster's.
    :ivar jsonpaths: the ``s3://`` uri of a JSONPaths file, by source.
    :ivar manifest_prefix: an ``s3://`` prefix where manifests, JSONPaths files and the accepted lines of files
        that also have rejected ones may be written.
    :ivar pack_below: in bytes; smaller files are joined into objects below that prefix before they are copied.
    """

    iam_role: str = "default"
    region: str | None = None
    jsonpaths: Mapping[str, str] = field(default_factory=dict)
    manifest_prefix: str | None = None
    pack_below: int = 0


class Copying:
    """The COPYs of one load."""

    def __init__(self, options: CopyOptions, objects: LoadObjects) -> None:
        self._options = options
        self._objects = objects
        self._columns: dict[str, list[str]] = {}

    def statements(
        self,
        source: Source,
        uris: Sequence[str],
        listing: Listing,
        *,
        name: str,
        maxerror: int | None = None,
        dry_run: bool = False,
    ) -> Iterator[Copy]:
        """One COPY, or two if only some of the objects are compressed: a COPY cannot read both kinds.

        Each reads exactly these objects, by a manifest. If none can be written, it reads everything below the
        uri of the listing, which must then be the same objects.

        :param name: the name of the manifest; each COPY of a load has its own.
        :raises ConfigurationError: when COPY would read other objects too, or cannot be written.
        """
        jsonpaths, columns = self._paths(source, dry_run=dry_run)
        packed = [uri for uri in uris if uri.endswith(".gz")]
        plain = [uri for uri in uris if not uri.endswith(".gz")]
        for part, gzip in ((plain, False), (packed, True)):
            if not part:
                continue
            manifest = self._objects.uri(f"{name}{'-gz' if gzip else ''}.manifest", dry_run=dry_run)
            if manifest is None:
                _refuse_other_objects(source, uris, listing, mixed=bool(packed and plain))
            elif not dry_run:
                entries = [{"url": uri, "mandatory": True} for uri in part]
                self._objects.write(manifest, json.dumps({"entries": entries}).encode())
            try:
                yield Copy(
                    source.staging,
                    columns=columns,
                    from_=manifest or _beginning(listing),
                    manifest=manifest is not None,
                    iam_role=self._options.iam_role,
                    region=self._options.region,
                    json=jsonpaths or "auto",
                    compression="GZIP" if gzip else None,
                    # It applies to every timestamp that the COPY loads, and all of them are in milliseconds.
                    timeformat="epochmillisecs" if _has_timestamp(source) else None,
                    maxerror=maxerror,
                    # As in the validation of lines, trailing blanks are not part of a text.
                    trimblanks=True,
                    # The table already has its encodings. It has no statistics: by default COPY computes them
                    # for an empty table.
                    compupdate=False,
                )
            except CopyError as exc:
                raise ConfigurationError(str(exc), where=source.name) from exc

    def rows(self, table: Table, columns: Sequence[str], uri: str) -> Copy:
        """The COPY of rows that were written to one object, as JSON lines with the column names as keys."""
        return Copy(
            table,
            columns=columns,
            from_=uri,
            iam_role=self._options.iam_role,
            region=self._options.region,
            json="auto",
            # No STATUPDATE ON either: it requires the owner, and the loading user need not own the table.
            compupdate=False,
        )

    def _paths(self, source: Source, *, dry_run: bool) -> tuple[str | None, list[str]]:
        """The JSONPaths file of the source, and its columns in the order of the file."""
        columns = [column.name for column in source.fields]
        if given := self._options.jsonpaths.get(source.name):
            # A dry run does not connect, and assumes that the columns are in the order of the model.
            if source.name not in self._columns and not dry_run:
                self._columns[source.name] = columns_of(self._objects.read(given), source, given)
            return given, self._columns.get(source.name, columns)
        if not is_needed(source):
            return None, columns
        uri = self._objects.uri(f"{source.name}.jsonpaths.json", dry_run=dry_run)
        if uri is None:
            setting = source.location.jsonpaths
            either = f"{setting.upper()}, or " if setting else ""
            raise ConfigurationError(
                "the keys of the files are not the names of the columns, so COPY needs a JSONPaths file",
                where=source.name,
                hint=f"Give {either}a MANIFEST_PREFIX where one may be written.",
            )
        if not dry_run:
            self._objects.write(uri, write_paths(source).encode())
        return uri, columns


def _refuse_other_objects(source: Source, uris: Sequence[str], listing: Listing, *, mixed: bool) -> None:
    """Refuse to COPY by prefix, which reads every object below it, if those are not just the files to read."""
    others = {reason: number for reason, number in listing.skipped.items() if reason != "directory marker"}
    known = len(listing.files) - len(uris)
    if not (mixed or others or known):
        return
    why = (
        "some files are compressed and some are not"
        if mixed
        else f"{known:,} of the files there were loaded before"
        if known
        else f"{sum(others.values()):,} of the objects there are no data"
    )
    raise ConfigurationError(
        f"COPY by prefix would not read just the new files of {source.name}: {why}",
        where=listing.uri,
        hint="Give MANIFEST_PREFIX, an s3:// prefix where a list of the files may be written.",
    )


def _beginning(listing: Listing) -> str:
    """The prefix to copy from: a file, or a folder with a slash, without which COPY would read log_data2/ as
    well as log_data/.
    """
    alone = [file.uri for file in listing.files] == [listing.uri]
    return listing.uri if alone else f"{listing.uri.rstrip('/')}/"


def check_source_uri(source: Source, uri: str) -> None:
    """Check that a source is on S3, in a bucket whose name is valid.

    :raises ConfigurationError: when it is not.
    """
    if not is_s3(uri):
        raise ConfigurationError(
            "Redshift reads from S3 alone",
            where=uri,
            hint=f"Give an s3:// prefix for {source.name}, or load it into the embedded database.",
        )
    if problem := bucket_problem(uri):
        location = source.location
        raise ConfigurationError(f"in {uri}, {problem}", where=location.option or location.setting.upper())


def _has_timestamp(source: Source) -> bool:
    return any(isinstance(column.type, TIMESTAMP) for column in source.fields)
