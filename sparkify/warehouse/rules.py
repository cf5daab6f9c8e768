"""Finds rows that a load would now make differently: made by other rules, or before a column was added.

A pipeline raises its ``rules_version`` when a transform makes different rows from the same files. Each load
records the version in the ledger, and since which load each column is filled. A full refresh remakes all rows.
"""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import ColumnElement, SelectBase, Table, func, select

from sparkify.etl.declarations import Check, Pipeline
from sparkify.etl.ledger import read_column_history
from sparkify.etl.session import Session

__all__ = ["notices", "rules_check"]

_REFRESH = "Run: sparkify-etl load --full-refresh"


@lru_cache(maxsize=8)
def rules_check(pipeline: Pipeline) -> Check:
    """A check that finds the loads since the last full refresh that were made by rules other than the current.

    It does not run during loads: the rows that a load adds are always made by the current rules.
    """

    def rows(_load_id: ColumnElement[int] | None) -> SelectBase:
        history = pipeline.ledger.history
        return select(history.c.load_id, _version(history).label("rules_version")).where(
            *_by_other_rules(pipeline)
        )

    return Check(
        name=f"{pipeline.ledger.history.name}: every load is of version {pipeline.rules_version} of the rules",
        rows=rows,
        during_load=False,
        hint=_REFRESH,
    )


def notices(session: Session, pipeline: Pipeline) -> list[str]:
    """What a user of a warehouse must know about its rows, each notice with a remedy. Read-only."""
    return [*_rules_notices(session, pipeline), *_column_notices(session, pipeline)]


def _rules_notices(session: Session, pipeline: Pipeline) -> list[str]:
    history = pipeline.ledger.history
    count = session.run(select(func.count()).select_from(history).where(*_by_other_rules(pipeline))).value
    if not count:
        return []
    loads = "1 load was" if count == 1 else f"{count:,} loads were"
    return [f"{loads} made by other rules than version {pipeline.rules_version}, the current one. {_REFRESH}"]


def _column_notices(session: Session, pipeline: Pipeline) -> list[str]:
    history = pipeline.ledger.history
    first = session.run(select(func.min(history.c.load_id)).where(_since_refresh(history))).value or 0
    filled_since = read_column_history(session, pipeline.ledger.columns)
    # In the order of the tables; a column that has since been dropped is ignored.
    columns = [(table.name, column.name) for table in pipeline.tables for column in table.columns]
    return [
        f"{table}.{column} is filled since load {filled_since[table, column]}, and NULL in the rows of earlier "
        f"loads. {_REFRESH}"
        for table, column in columns
        if filled_since.get((table, column), first) > first
    ]


def _by_other_rules(pipeline: Pipeline) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    history = pipeline.ledger.history
    return _since_refresh(history), _version(history) != pipeline.rules_version


def _version(history: Table) -> ColumnElement[int]:
    # Loads from before versions were recorded count as version 1.
    return func.coalesce(history.c.rules_version, 1)


def _since_refresh(history: Table) -> ColumnElement[bool]:
    """Whether a load is the last full refresh, which remade all rows, or came after it."""
    refreshes = history.alias("refreshes")
    last = select(func.max(refreshes.c.load_id)).where(refreshes.c.mode == "full refresh").scalar_subquery()
    return history.c.load_id >= func.coalesce(last, 0)
