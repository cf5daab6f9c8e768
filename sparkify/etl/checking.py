"""Runs quality checks, and counts rows. Only reads."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import SelectBase, Table, func, select

from sparkify.etl.declarations import Check
from sparkify.etl.results import CheckResult
from sparkify.etl.session import Session

__all__ = ["count_rows", "run_check", "run_checks"]

_ROWS_KEPT = 10


def run_check(session: Session, check: Check, rows: SelectBase) -> CheckResult:
    """What a check finds.

    :param rows: the SELECT of the check, of one load or of everything.
    """
    offending = rows.subquery("offending")
    first = session.run(select(offending).limit(_ROWS_KEPT)).rows
    found = [dict(row._mapping) for row in first]  # noqa: SLF001 - its public name, for all the underscore
    count = len(found)
    if count == _ROWS_KEPT:
        count = session.run(select(func.count()).select_from(offending)).value
    return CheckResult(name=check.name, count=count, rows=tuple(found), hint=check.hint)


def run_checks(session: Session, checks: Iterable[Check]) -> tuple[CheckResult, ...]:
    """What all checks find in the whole warehouse."""
    return tuple(run_check(session, check, check.rows(None)) for check in checks)


def count_rows(session: Session, tables: Iterable[Table]) -> dict[str, int]:
    """How many rows each table has."""
    return {table.name: session.run(select(func.count()).select_from(table)).value for table in tables}
