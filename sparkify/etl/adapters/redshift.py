"""Amazon Redshift: COPY brings the files from S3 into the staging tables, inside the transaction."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from sqlalchemy import ClauseElement, Connection, Executable, Row, SelectBase, Table, delete, insert
from sqlalchemy.types import TIMESTAMP

from sparkify.etl.adapters.base import Adapter, Batch
from sparkify.etl.adapters.redshift_batch import RedshiftBatch
from sparkify.etl.adapters.redshift_errors import is_passing, translate
from sparkify.etl.adapters.redshift_objects import ObjectNames, as_folder
from sparkify.etl.declarations import Ledger, Pipeline, Source, json_fields
from sparkify.etl.errors import ConfigurationError, SparkifyError
from sparkify.etl.ledger import take_token, taking_token
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
        self.options = options or RedshiftOptions()

    def begin(self, connection: Connection) -> None:
        # The ping of the connection pool has begun a transaction, and with it a snapshot older than the lock.
        driver = connection.connection.dbapi_connection
        if driver is not None:
            driver.rollback()

    def lock(self, connection: Connection, ledger: Ledger) -> None:
        # LOCK first of all: it takes no snapshot, and whoever looks at the ledger before it holds the lock
        # looks at yesterday's.
        connection.exec_driver_sql(self.locking(ledger)[0])
        take_token(partial(self.execute, connection), ledger.lock)

    @contextmanager
    def batch(self, aws: AwsOptions, observer: Observer, max_rejects: int) -> Iterator[Batch]:
        with tempfile.TemporaryDirectory(prefix="sparkify-") as folder:
            batch = RedshiftBatch(self, Path(folder), aws, observer, max_rejects)
            try:
                yield batch
            finally:
                batch.close()

    def execute(self, connection: Connection, statement: Executable) -> int:
        return connection.exec_driver_sql(self.render(cast("ClauseElement", statement))).rowcount

    def fetch(self, connection: Connection, statement: SelectBase) -> Sequence[Row[Any]]:
        return connection.exec_driver_sql(self.render(statement)).all()

    def insert_rows(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        # Many rows in one statement: each statement is a round trip.
        for start in range(0, len(rows), _ROWS_PER_INSERT):
            some = [dict(row) for row in rows[start : start + _ROWS_PER_INSERT]]
            self.execute(connection, insert(table).values(some))

    def after_commit(self, connection: Connection, pipeline: Pipeline, changed: Sequence[str]) -> None:
        """Statistics of the tables that changed, for the planner."""
        for name in changed:
            connection.exec_driver_sql(f"ANALYZE {_quoted(name)}")
        connection.commit()

    def translate(self, error: Exception) -> SparkifyError | None:
        return translate(error)

    def is_passing(self, error: BaseException) -> bool:
        return is_passing(error)

    def render(self, statement: ClauseElement) -> str:
        # With the values in it: the driver binds on the server, which takes no parameters in a subquery
        # (sqlalchemy-redshift issue 265). Percent signs stay single: the driver leaves those in quotes alone,
        # and there are no others.
        return render(statement)

    def render_named(self, statement: ClauseElement) -> str:
        return str(statement.compile(dialect=RedshiftDialect(paramstyle="named")))

    def locking(self, ledger: Ledger) -> Sequence[str]:
        return [f"LOCK {_quoted(ledger.lock.name)}", self.render(taking_token(ledger.lock))]

    def staging(self, source: Source, files: Sequence[SourceFile], uri: str) -> Sequence[str]:
        self.refuse_local(source.name, uri)
        names = ObjectNames(self.options.manifest_prefix, ":load")
        copy = self.copy_of(
            source,
            names.manifest(source) or as_folder(uri),
            columns=[column.name for column in json_fields(source.staging)],
            jsonpaths=self.options.jsonpaths.get(source.name) or names.jsonpaths(source),
        )
        return [*self.unstaging(source), self.render(copy)]

    def unstaging(self, source: Source) -> Sequence[str]:
        return [self.render(delete(source.staging))]

    # -- COPY ----------------------------------------------------------------------------------------------

    def copy_of(
        self,
        source: Source,
        from_: str,
        *,
        columns: Sequence[str],
        jsonpaths: str | None,
        gzip: bool = False,
        maxerror: int | None = None,
    ) -> Copy:
        """The COPY of a source, from a manifest where one can be written, else from a prefix.

        :raises ConfigurationError: when it cannot be written with these settings.
        """
        try:
            return Copy(
                source.staging,
                columns=list(columns),
                from_=from_,
                manifest=self.options.manifest_prefix is not None,
                iam_role=self.options.iam_role,
                region=self.options.region,
                json=jsonpaths or "auto",
                compression="GZIP" if gzip else None,
                # It applies to every timestamp of the load, and each of them is one in milliseconds.
                timeformat="epochmillisecs" if _has_timestamp(source) else None,
                maxerror=maxerror,
                compupdate=False,
                statupdate=False,
            )
        except CopyError as exc:
            raise ConfigurationError(f"{source.name}: {exc}; nothing was changed") from exc

    @staticmethod
    def refuse_local(name: str, uri: str) -> None:
        """See that a source is on S3.

        :raises ConfigurationError: when it is not.
        """
        if not uri.startswith("s3://"):
            raise ConfigurationError(
                f"{uri}: Redshift reads from S3 alone; give an s3:// prefix for {name}, or load it into the "
                "embedded database; nothing was changed"
            )


def _has_timestamp(source: Source) -> bool:
    return any(isinstance(column.type, TIMESTAMP) for column in json_fields(source.staging))


def _quoted(name: str) -> str:
    return str(RedshiftDialect().identifier_preparer.quote(name))
