"""Runs quality checks, and counts rows. Only reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import SelectBase, Table, func, literal_column, select, union_all
from sqlalchemy.exc import DBAPIError

from sparkify.etl.declarations import Check
from sparkify.etl.results import CheckResult
from sparkify.etl.session import Session
from sparkify.etl.views import View

__all__ = ["check_views", "count_rows", "run_checks", "run_checks_of_load"]

_ROWS_KEPT = 10
_MAKE_AGAIN = "Make the view again; its statements are the last of: sparkify-etl migrate --sql"


def run_checks(session: Session, checks: Iterable[Check]) -> tuple[CheckResult, ...]:
    """What all checks find in the whole warehouse, in their order.

    A check that others imply is run after them, and only where one of them finds rows, or is not among these.
    """
    checks = list(checks)
    found: dict[str, CheckResult] = {}
    for check in sorted(checks, key=lambda check: bool(check.implied_by)):
        holds = [by.name in found and found[by.name].ok for by in check.implied_by]
        found[check.name] = (
            CheckResult(check.name, 0, (), check.hint)
            if holds and all(holds)
            else _run_check(session, check, check.rows(None))
        )
    return tuple(found[check.name] for check in checks)


def run_checks_of_load(session: Session, checks: Sequence[tuple[Check, SelectBase]]) -> tuple[CheckResult, ...]:
    """What checks find within a load: what each finds is counted first.

    :param checks: each with its SELECT of that load.
    """
    found = _counts(session, [rows for _, rows in checks])
    return tuple(
        _run_check(session, check, rows) if found.get(number) else CheckResult(check.name, 0, (), check.hint)
        for number, (check, rows) in enumerate(checks)
    )


def check_views(session: Session, views: Iterable[View]) -> tuple[CheckResult, ...]:
    """Whether each view is there, and can be read with the tables as they are, which may break one.

    To be called outside of a transaction that is still needed: where a view cannot be read, it is undone.
    """
    return tuple(_check_view(session, view) for view in views)


def _check_view(session: Session, view: View) -> CheckResult:
    name = f"{view.name}: the view can be read"
    try:
        session.run(select(view.table).limit(0))
    except DBAPIError as exc:
        if exc.connection_invalidated:
            raise
        session.rollback()
        found = {"view": view.name, "error": str(exc.orig).partition("\n")[0]}
        return CheckResult(name, 1, (found,), _MAKE_AGAIN)
    return CheckResult(name, 0, (), _MAKE_AGAIN)


def count_rows(session: Session, tables: Iterable[Table]) -> dict[str, int]:
    """How many rows each table has."""
    tables = list(tables)
    found = _counts(session, tables)
    return {table.name: found.get(number, 0) for number, table in enumerate(tables)}


def _counts(session: Session, sources: Sequence[SelectBase | Table]) -> dict[int, int]:
    """How many rows each SELECT or table has, by its place, with as few statements as suit the database."""
    counts: list[SelectBase] = [
        select(literal_column(str(number)).label("number"), func.count().label("found")).select_from(
            source if isinstance(source, Table) else source.subquery(f"rows_{number}")
        )
        for number, source in enumerate(sources)
    ]
    at_once = session.counts_at_once
    parts = [counts[start : start + at_once] for start in range(0, len(counts), at_once)]
    return {
        row.number: row.found
        for part in parts
        for row in session.run(union_all(*part) if len(part) > 1 else part[0]).rows
    }


def _run_check(session: Session, check: Check, rows: SelectBase) -> CheckResult:
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
