"""All checks of a warehouse: those of its pipeline, and those common to every pipeline."""

from __future__ import annotations

from sqlalchemy import Connection, Table, select

from sparkify.databases import Database
from sparkify.etl.checking import check_views, run_checks
from sparkify.etl.checksums import checksum_checks, find_unknown
from sparkify.etl.declarations import Pipeline
from sparkify.etl.inspection import find_gone
from sparkify.etl.request import LoadRequest
from sparkify.etl.rest import checks_at_rest
from sparkify.etl.results import CheckResult
from sparkify.etl.session import Session
from sparkify.warehouse.deep import check_deep, refuse_deep
from sparkify.warehouse.rules import rules_check

__all__ = ["check_all"]


def check_all(
    database: Database, connection: Connection, pipeline: Pipeline, deep: LoadRequest | None = None
) -> tuple[CheckResult, ...]:
    """The results of every check. Read-only.

    If a table or a column is missing, the first result says so, and the checks that need it do not run.

    :param deep: where the files to reload and compare are; None skips the deep check.
    :raises ConfigurationError: when ``deep`` is given and the database is not embedded.
    """
    if deep is not None:
        refuse_deep(database)
    session = Session(database, connection)
    gone = find_gone(connection, _tables(pipeline))
    checks = (
        *checks_at_rest(pipeline),
        *checksum_checks(pipeline),
        *pipeline.checks,
        rules_check(pipeline),
    )
    has_sums = gone.needed_by(select(pipeline.ledger.checksums)) is None
    results = run_checks(session, checks, gone, find_unknown(session, pipeline) if has_sums else None)
    if deep is not None and gone.result.ok:
        results = (*results, *check_deep(session, database, pipeline, deep))
    return (gone.result, *results, *check_views(session, pipeline.views))


def _tables(pipeline: Pipeline) -> tuple[Table, ...]:
    staging = (source.staging for source in pipeline.sources)
    return (*pipeline.tables, *pipeline.ledger.tables, *staging)
