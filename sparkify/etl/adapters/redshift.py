"""Amazon Redshift: COPY brings the files from S3 into the staging tables, inside the transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import ClauseElement, Connection, Executable, String, Table, delete, insert, update
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.adapters.base import Adapter, Batch
from sparkify.etl.declarations import Ledger, Pipeline, Source, json_fields
from sparkify.etl.errors import ConfigurationError, SparkifyError
from sparkify.etl.ledger import take_token
from sparkify.etl.progress import Observer
from sparkify.etl.sources import AwsOptions, SourceFile
from sparkify.redshift import Copy, CopyError, RedshiftDialect, render

__all__ = ["RedshiftAdapter", "RedshiftOptions"]


_ROWS_PER_INSERT = 500


@dataclass(frozen=True, kw_only=True)
class RedshiftOptions:
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


class RedshiftAdapter(Adapter):
    """The warehouse of production."""

    def __init__(self, options: RedshiftOptions | None = None) -> None:
        self._options = options or RedshiftOptions()

    def begin(self, connection: Connection) -> None:
        """Nothing is set: a load leaves the session as it is."""

    def lock(self, connection: Connection, ledger: Ledger) -> None:
        connection.exec_driver_sql(self.locking(ledger)[0])
        take_token(connection, ledger.lock)

    def batch(self, aws: AwsOptions, observer: Observer) -> AbstractContextManager[Batch]:
        raise ConfigurationError(
            "this version plans a load of Redshift (load --dry-run) and does not run one yet; nothing was "
            "changed"
        )

    def execute(self, connection: Connection, statement: Executable) -> int:
        # As text with its values in it: the driver binds on the server, which takes no parameters in a
        # subquery (sqlalchemy-redshift issue 265).
        text = self.render(cast("ClauseElement", statement))
        return connection.exec_driver_sql(text.replace("%", "%%")).rowcount

    def insert_rows(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        # Many rows in one statement: each statement is a round trip, and a commit of its own block.
        for start in range(0, len(rows), _ROWS_PER_INSERT):
            some = [dict(row) for row in rows[start : start + _ROWS_PER_INSERT]]
            self.execute(connection, insert(table).values(some))

    def after_commit(self, connection: Connection, pipeline: Pipeline, changed: Sequence[str]) -> None:
        """Statistics of the tables that changed, for the planner; a COPY into staging computes none."""
        for name in changed:
            connection.exec_driver_sql(f"ANALYZE {_quoted(name)}")
        connection.commit()

    def translate(self, error: Exception) -> SparkifyError | None:
        return None

    def render(self, statement: ClauseElement) -> str:
        return render(statement)

    def render_named(self, statement: ClauseElement) -> str:
        return str(statement.compile(dialect=RedshiftDialect(paramstyle="named")))

    def locking(self, ledger: Ledger) -> Sequence[str]:
        # LOCK first of all: whoever looks at the ledger before it holds the lock, looks at yesterday's.
        token = update(ledger.lock).values(taken=ledger.lock.c.taken + 1)
        return [f"LOCK {_quoted(ledger.lock.name)}", self.render(token)]

    def staging(self, source: Source, files: Sequence[SourceFile], uri: str) -> Sequence[str]:
        return [self.render(delete(source.staging)), self.render(self._copy(source, files, uri))]

    def unstaging(self, source: Source) -> Sequence[str]:
        return [self.render(delete(source.staging))]

    def _copy(self, source: Source, files: Sequence[SourceFile], uri: str) -> Copy:
        """The COPY of a source, from a manifest where one can be written, else from the prefix.

        :raises ConfigurationError: when it cannot be written with these settings.
        """
        if not uri.startswith("s3://"):
            raise ConfigurationError(
                f"{uri}: Redshift reads from S3 alone; give an s3:// prefix for {source.name}, or load it "
                "into the embedded database; nothing was changed"
            )
        fields = json_fields(source.staging)
        manifests = self._options.manifest_prefix
        jsonpaths = self._options.jsonpaths.get(source.name)
        if jsonpaths is None and any(column.name != one.key for column, one in fields.items()):
            if manifests is None:
                raise ConfigurationError(
                    f"{source.name}: the keys of the files are not the names of the columns, so COPY needs a "
                    "JSONPaths file; give LOG_JSONPATH, or a MANIFEST_PREFIX where one may be written; "
                    "nothing was changed"
                )
            jsonpaths = f"{manifests.rstrip('/')}/{source.name}.jsonpaths.json"
        try:
            return self._checked_copy(source, files, uri, jsonpaths)
        except CopyError as exc:
            raise ConfigurationError(f"{source.name}: {exc}; nothing was changed") from exc

    def _checked_copy(
        self, source: Source, files: Sequence[SourceFile], uri: str, jsonpaths: str | None
    ) -> Copy:
        manifests = self._options.manifest_prefix
        gzipped = bool(files) and all(file.uri.endswith(".gz") for file in files)
        return Copy(
            source.staging,
            columns=[column.name for column in json_fields(source.staging)],
            from_=f"{manifests.rstrip('/')}/{source.name}.manifest" if manifests else f"{uri.rstrip('/')}/",
            manifest=manifests is not None,
            iam_role=self._options.iam_role,
            region=self._options.region,
            json=jsonpaths or "auto",
            compression="GZIP" if gzipped else None,
            timeformat="epochmillisecs" if _has_epoch(source) else None,
            compupdate=False,
            statupdate=False,
        )


def _has_epoch(source: Source) -> bool:
    return any(
        isinstance(column.type, TIMESTAMP) and one.epoch == "ms"
        for column, one in json_fields(source.staging).items()
        if not isinstance(column.type, String)
    )


def _quoted(name: str) -> str:
    return str(RedshiftDialect().identifier_preparer.quote(name))
