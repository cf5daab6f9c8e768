"""The COPY of a source: what the settings say of it, and the statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.types import TIMESTAMP

from sparkify.etl.declarations import Source
from sparkify.etl.errors import ConfigurationError
from sparkify.redshift import Copy, CopyError

__all__ = ["CopyOptions", "copy_of", "refuse_local"]


@dataclass(frozen=True, kw_only=True)
class CopyOptions:
    """How COPY is to be written.

    :ivar iam_role: the ARN of the role with which the cluster reads S3, or ``default``.
    :ivar region: of the buckets, where it is not the cluster's.
    :ivar jsonpaths: by source, the ``s3://`` uri of a JSONPaths file.
    :ivar manifest_prefix: an ``s3://`` prefix where manifests and JSONPaths files may be written.
    """

    iam_role: str = "default"
    region: str | None = None
    jsonpaths: Mapping[str, str] = field(default_factory=dict)
    manifest_prefix: str | None = None


def copy_of(
    source: Source,
    options: CopyOptions,
    from_: str,
    *,
    columns: Sequence[str],
    jsonpaths: str | None,
    gzip: bool = False,
    maxerror: int | None = None,
) -> Copy:
    """The COPY of a source, from a manifest where one can be written, else from a prefix.

    :raises ConfigurationError: when it cannot be written with these options.
    """
    try:
        return Copy(
            source.staging,
            columns=list(columns),
            from_=from_,
            manifest=options.manifest_prefix is not None,
            iam_role=options.iam_role,
            region=options.region,
            json=jsonpaths or "auto",
            compression="GZIP" if gzip else None,
            # It applies to every timestamp of the load, and each of them is one in milliseconds.
            timeformat="epochmillisecs" if _has_timestamp(source) else None,
            maxerror=maxerror,
            # As the validation of lines has it: blanks at the end of a text are none of it.
            trimblanks=True,
            compupdate=False,
            statupdate=False,
        )
    except CopyError as exc:
        raise ConfigurationError(str(exc), where=source.name) from exc


def refuse_local(name: str, uri: str) -> None:
    """See that a source is on S3.

    :raises ConfigurationError: when it is not.
    """
    if not uri.startswith("s3://"):
        raise ConfigurationError(
            "Redshift reads from S3 alone",
            where=uri,
            hint=f"Give an s3:// prefix for {name}, or load it into the embedded database.",
        )


def _has_timestamp(source: Source) -> bool:
    return any(isinstance(column.type, TIMESTAMP) for column in source.fields)
