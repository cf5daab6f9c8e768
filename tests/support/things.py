"""A warehouse with one source, ``things``, and one table with the columns that a test passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import BigInteger, Column, MetaData, Table, insert, select, text

from sparkify import Settings, Warehouse
from sparkify.etl.declarations import Insert, Ledger, Pipeline, Source, from_json
from tests.support.cloud import ROLE
from tests.support.making import write
from tests.support.shop import SHOP

if TYPE_CHECKING:
    from standin import Standin

__all__ = ["Things", "pipeline_of"]

_REVISION = "t001"


def pipeline_of(*columns: Column[Any], migrations: Path | None = None, **changed: Any) -> Pipeline:
    """A pipeline with these columns that keeps every line, identified by a number in ``id``.

    :param changed: arguments for the declaration of its source.
    """
    metadata = MetaData()
    number = Column("id", BigInteger, info=from_json("id", required=True))
    staging = Table("staging_things", metadata, number, *columns)
    kept = [Column(column.name, column.type) for column in columns]
    table = Table("things", metadata, Column("id", BigInteger, primary_key=True, autoincrement=False), *kept)
    ledger = {one.name: getattr(SHOP.ledger, one.name).to_metadata(metadata) for one in fields(Ledger)}
    return Pipeline(
        name="things",
        sources=(Source(name="things", staging=staging, **changed),),
        transforms=(
            Insert(
                title="things",
                target=table,
                rows=lambda _load_id: select(*staging.c),
                reads=frozenset({"things"}),
                key=("id",),
            ),
        ),
        checks=(),
        ledger=Ledger(**ledger),
        tables=(table,),
        migrations=migrations,
        create_from_models=True,
    )


class Things:
    """The place of such a warehouse: a folder with a DuckDB file, or a bucket on the stand-in."""

    def __init__(self, folder: Path, redshift: Standin | None) -> None:
        self._folder = folder
        self._redshift = redshift
        self._migrations = folder / "migrations"
        versions = self._migrations / "versions"
        versions.mkdir(parents=True)
        (versions / "t001.py").write_text(f'revision = "{_REVISION}"\ndown_revision = None\n')

    def load(
        self, lines: Iterable[Mapping[str, Any] | str], *columns: Column[Any], **changed: Any
    ) -> tuple[list[tuple[Any, ...]], list[tuple[int, str | None, str]]]:
        """Load lines into a new warehouse with these columns.

        :param changed: arguments for the declaration of the source.
        :returns: the rows, ordered by ``id``; and the number, column and reason of each rejected line.
        """
        pipeline = pipeline_of(*columns, migrations=self._migrations, **changed)
        path = write(self._folder / "things.json", lines)
        with self._warehouse(pipeline) as warehouse:
            warehouse.load(sources={"things": self._publish(path)}, max_rejects=100)
            (table,) = pipeline.tables
            with warehouse.engine.connect() as connection:
                found = [tuple(row) for row in connection.execute(select(table).order_by(table.c.id))]
            return found, [(one.line, one.column, one.reason) for one in warehouse.rejects()]

    def _publish(self, path: Path) -> str:
        if self._redshift is None:
            return str(path)
        uri = f"s3://{self._bucket()}/{path.name}"
        self._redshift.put_object(uri, path.read_bytes())
        return uri

    def _bucket(self) -> str:
        # A new name, because the buckets of earlier tests stay.
        name = f"things-{uuid4().hex[:12]}"
        if self._redshift is not None:
            self._redshift.create_bucket(name)
        return name

    def _warehouse(self, pipeline: Pipeline) -> Warehouse:
        if self._redshift is None:
            return Warehouse(f"duckdb:///{self._folder / 'things.duckdb'}", pipeline)
        settings = Settings.load(
            pipeline.sources,
            database_url=self._redshift.url,
            iam_role_arn=ROLE,
            manifest_prefix=f"s3://{self._bucket()}/manifests",
        )
        warehouse = Warehouse(settings, pipeline)
        with warehouse.engine.begin() as connection:
            pipeline.metadata.create_all(connection, checkfirst=False)
            connection.execute(insert(pipeline.ledger.lock).values(token=1, taken=0))
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            connection.execute(text(f"INSERT INTO alembic_version VALUES ('{_REVISION}')"))
        return warehouse
