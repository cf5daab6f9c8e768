"""Amazon Redshift: COPY loads the files from S3 into the staging tables, inside the transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVarTuple

from sqlalchemy import (
    ClauseElement,
    CompoundSelect,
    Connection,
    CursorResult,
    Engine,
    ExecutableDDLElement,
    Select,
    Table,
    TableClause,
    insert,
)
from sqlalchemy.schema import CreateSchema

from sparkify.databases.base import Database
from sparkify.databases.facts import Fact
from sparkify.databases.options import jsonpaths, option
from sparkify.databases.reader import SqlReader
from sparkify.databases.redshift import errors, frames, locking
from sparkify.databases.redshift.batch import RedshiftBatch
from sparkify.databases.redshift.copying import CopyOptions
from sparkify.databases.redshift.engine import DEFAULT_SCHEMA, make_engine, schema_of
from sparkify.databases.redshift.facts import cluster_facts
from sparkify.databases.redshift.inserting import parts
from sparkify.databases.redshift.objects import LoadObjects
from sparkify.databases.redshift.schemas import has_schema
from sparkify.databases.redshift.user_sql import RedshiftReader
from sparkify.etl.adapter import Batch
from sparkify.etl.declarations import Ledger, Pipeline
from sparkify.etl.errors import ConfigurationError, SparkifyError
from sparkify.etl.ledger import take_token
from sparkify.etl.listing import AwsOptions
from sparkify.etl.locations import bucket_and_key, bucket_problem, is_s3
from sparkify.etl.observer import Observer
from sparkify.etl.ranges import Limits
from sparkify.etl.scratch import scratch_folder
from sparkify.etl.session import Session
from sparkify.redshift import GrantSchema, GrantSelect, SetSearchPath, parse_grantees, render
from sparkify.redshift.plans import CostlyJoin, costly_joins
from sparkify.redshift.session import autocommit

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["Redshift"]

Ts = TypeVarTuple("Ts")


class Redshift(Database):
    """The production warehouse."""

    name: ClassVar[str] = "redshift"
    title: ClassVar[str] = "Amazon Redshift"
    reads_s3_only: ClassVar[bool] = True
    moves_rows: ClassVar[bool] = True
    reader: ClassVar[SqlReader] = RedshiftReader()

    @cached_property
    def options(self) -> CopyOptions:
        """The options for COPY that these settings give."""
        return CopyOptions(
            iam_role=option(self.settings, "iam_role_arn") or "default",
            region=option(self.settings, "region"),
            jsonpaths=jsonpaths(self.settings, self.sources),
            manifest_prefix=option(self.settings, "manifest_prefix"),
            pack_below=option(self.settings, "pack_below") or 0,
        )

    def create_engine(self, *, read_only: bool = False) -> Engine:
        return make_engine(self.url, self.settings)

    # -- schema --------------------------------------------------------------------------------------------

    @property
    def schema(self) -> str:
        return schema_of(self.url, self.settings) or DEFAULT_SCHEMA

    def check_engine(self, engine: Engine) -> None:
        named = schema_of(self.url, self.settings)
        if named is None:
            return
        with engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT current_schema()").scalar()
        if found != named:
            raise ConfigurationError(
                f"the connections of the engine are in schema {found}, and the setting says {named}",
                where="DB_SCHEMA",
                hint="Give a URL or settings instead of an engine, or an engine with that search_path.",
            )

    def has_schema(self, connection: Connection) -> bool:
        return has_schema(connection, self.schema)

    def creation_of_schema(self, connection: Connection | None) -> Sequence[ExecutableDDLElement]:
        if connection is None:
            path = SetSearchPath(self.schema)
            return (
                (path,)
                if self.schema == DEFAULT_SCHEMA
                else (CreateSchema(self.schema, if_not_exists=True), path)
            )
        # Checked first: a user who may not create schemas would be refused even with IF NOT EXISTS.
        return () if self.has_schema(connection) else (CreateSchema(self.schema),)

    def grants(self, tables: Sequence[TableClause]) -> Sequence[ExecutableDDLElement]:
        to = parse_grantees(option(self.settings, "grant_select_to") or "")
        return (GrantSchema(self.schema, to), GrantSelect(tables, to)) if to else ()

    # -- loads ---------------------------------------------------------------------------------------------

    def prepare(self, session: Session) -> None:
        # The ping of the connection pool began a transaction, whose snapshot is older than the lock.
        if session.driver_connection is not None:
            # Not by the driver's own rollback(): its errors would not be recognized as a lost connection.
            session.begin()
            session.rollback()

    def lock(self, session: Session, ledger: Ledger, *, timeout: float, observer: Observer) -> None:
        # LOCK comes first: it takes no snapshot, and a load that reads the ledger before it holds the lock
        # reads an outdated one.
        self._take_lock(session, ledger, timeout, observer)
        take_token(session, ledger.lock)

    def lock_migration(
        self, connection: Connection, ledger: Ledger, *, timeout: float, observer: Observer
    ) -> None:
        session = Session(self, connection)
        # An earlier read may have begun a transaction, whose snapshot is older than the lock.
        session.rollback()
        if locking.is_there(session, ledger.lock):
            self._take_lock(session, ledger, timeout, observer)

    def _take_lock(self, session: Session, ledger: Ledger, timeout: float, observer: Observer) -> None:
        locking.take(session, ledger.lock, timeout, observer)
        usual = option(self.settings, "statement_timeout")
        session.run("RESET statement_timeout" if usual is None else locking.limit(usual))

    @contextmanager
    def batch(self, aws: AwsOptions, observer: Observer, max_rejects: int) -> Iterator[Batch]:
        self._check_uris()
        with scratch_folder() as folder:
            batch = RedshiftBatch(self.options, folder, aws, observer, max_rejects)
            try:
                yield batch
            finally:
                batch.close()

    def _check_uris(self) -> None:
        """Check that what COPY reads besides the sources is on S3, in buckets whose names are valid.

        :raises ConfigurationError: naming the setting that is not.
        """
        names = ["manifest_prefix", *(source.location.jsonpaths for source in self.sources)]
        for name in filter(None, names):
            uri = option(self.settings, name)
            if uri and not (is_s3(uri) and bucket_and_key(uri)[0]):
                raise ConfigurationError(
                    f"Redshift reads S3 alone, and {uri} does not begin with s3:// and a bucket",
                    where=name.upper(),
                    hint="Write it as s3://bucket/key.",
                )
            if uri and (problem := bucket_problem(uri)):
                raise ConfigurationError(f"in {uri}, {problem}", where=name.upper())

    def inserts(
        self, table: Table, rows: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[ClauseElement, tuple[Any, ...]]]:
        for some in parts(rows):
            yield insert(table).values(some), ()

    def tidy(self, session: Session, pipeline: Pipeline, changed: Sequence[str], *, rebuilt: bool) -> None:
        """Update the planner's statistics of the tables that changed, and remove the dead rows of a rebuild.

        A rebuild deletes every row and writes all of them again, so that readers see the star as it was until
        the commit. docs/scale.md says why it does not create new tables and rename them.
        """
        for name in changed:
            session.run(f"ANALYZE {locking.quoted(name)}")
        if not session.dry_run:
            session.commit()
        if rebuilt:
            # Redshift refuses VACUUM in a transaction.
            with autocommit(session.driver_connection):
                for table in (*pipeline.tables, pipeline.ledger.files):
                    session.run(f"VACUUM DELETE ONLY {locking.quoted(table.name)} TO 100 PERCENT")

    def translate(self, error: Exception) -> SparkifyError | None:
        return errors.translate(error)

    def is_transient(self, error: BaseException) -> bool:
        return errors.is_transient(error)

    # -- SELECTs -------------------------------------------------------------------------------------------

    @classmethod
    def render(cls, statement: ClauseElement, *, limits: Limits | None = None) -> str:
        # With literal values: the driver binds on the server, which takes no parameters in a subquery
        # (sqlalchemy-redshift issue 265). Percent signs stay single: the driver leaves those in quotes alone,
        # and there are no others.
        return render(statement, limits=limits)

    def select(
        self,
        connection: Connection,
        statement: Select[*Ts] | CompoundSelect[*Ts],
        *,
        prefetch: int | None = None,
    ) -> CursorResult[*Ts]:
        result: CursorResult[Any] = connection.exec_driver_sql(self.render(statement))
        return result

    def facts(self, connection: Connection, observer: Observer) -> Iterator[Fact]:
        from sparkify.config.aws import aws_options

        aws = AwsOptions() if self.settings is None else aws_options(self.settings)
        objects = LoadObjects(self.options.manifest_prefix, aws, observer)
        try:
            yield from cluster_facts(connection, self.options, objects)
        finally:
            objects.close()

    def costly_joins(self, connection: Connection, statement: str) -> Sequence[CostlyJoin]:
        return costly_joins(connection.exec_driver_sql(f"EXPLAIN {statement}").scalars())

    def to_pandas(
        self, connection: Connection, statement: Select[*Ts] | CompoundSelect[*Ts]
    ) -> pandas.DataFrame:
        import pandas

        result = self.select(connection, statement)
        return pandas.DataFrame.from_records(frames.tuples(result), columns=frames.names(result))

    def to_polars(
        self, connection: Connection, statement: Select[*Ts] | CompoundSelect[*Ts]
    ) -> polars.DataFrame:
        import polars

        result = self.select(connection, statement)
        return polars.DataFrame(
            frames.tuples(result), schema=frames.names(result), orient="row", infer_schema_length=None
        )

    def to_arrow(self, connection: Connection, statement: Select[*Ts] | CompoundSelect[*Ts]) -> pyarrow.Table:
        import pyarrow

        result = self.select(connection, statement)
        names = frames.names(result)
        columns = list(zip(*frames.tuples(result), strict=True)) or [()] * len(names)
        types = [frames.arrow_type(pyarrow, column.type) for column in statement.selected_columns]
        if len(types) != len(names):
            # With raw SQL text in the statement, the types are inferred from the values.
            types = [None] * len(names)
        arrays = [pyarrow.array(values, of) for values, of in zip(columns, types, strict=True)]
        return pyarrow.Table.from_arrays(arrays, names)

    def to_parquet(
        self,
        connection: Connection,
        statement: Select[*Ts] | CompoundSelect[*Ts],
        target: str,
        *,
        overwrite: bool,
    ) -> None:
        frames.write_parquet(
            connection,
            statement,
            target,
            iam_role=option(self.settings, "unload_role_arn") or self.options.iam_role,
            region=self.options.region,
            kms_key=option(self.settings, "s3_kms_key"),
            overwrite=overwrite,
        )
