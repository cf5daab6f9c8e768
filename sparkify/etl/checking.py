"""Runs quality checks, and counts rows. Read-only, except for temporary tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy import CTE, SelectBase, Table, func, literal_column, select, union_all
from sqlalchemy.exc import DBAPIError

from sparkify.etl.constructs import CreateTemporaryTable, DropTables
from sparkify.etl.declarations import Check
from sparkify.etl.inspection import Gone
from sparkify.etl.results import CheckResult
from sparkify.etl.session import Session
from sparkify.etl.templates import Template
from sparkify.etl.views import View

__all__ = ["check_views", "count_rows", "counting", "run_checks", "run_checks_of_load"]

_ROWS_KEPT = 10
_MAKE_AGAIN = "Make the view again; its statements are the last of: sparkify-etl migrate --sql"


def run_checks(
    session: Session,
    checks: Iterable[Check],
    gone: Gone | None = None,
    notes: Mapping[str, str] | None = None,
) -> tuple[CheckResult, ...]:
    """What each check finds in the whole warehouse, in the given order.

    A check implied by others runs after them, and only if one of them does not pass, or is not in ``checks``.

    :param gone: what the database lacks. A check that needs any of it is not run.
    :param notes: by check name, what a check cannot tell, and so cannot imply.
    """
    checks, notes = list(checks), notes or {}
    found: dict[str, CheckResult] = {}
    for check in sorted(checks, key=lambda check: bool(check.implied_by)):
        holds = [by.name in found and found[by.name].ok and by.name not in notes for by in check.implied_by]
        if holds and all(holds):
            found[check.name] = CheckResult(check.name, 0, (), check.hint)
            continue
        asked = _ask_anew(check) if check.is_dated else _ask(check)
        needed = gone.needed_by(asked.rows) if gone else None
        found[check.name] = (
            CheckResult(check.name, 0, (), check.hint, not_run=needed)
            if needed
            else _run_check(session, check, asked)
        )
    return tuple(replace(found[check.name], note=notes.get(check.name)) for check in checks)


def run_checks_of_load(
    session: Session,
    checks: Sequence[tuple[Check, SelectBase]],
    shared: Mapping[Table, SelectBase],
    tables: Sequence[Table] = (),
    all_counted: Template | None = None,
    *,
    at_once: bool = True,
) -> tuple[tuple[CheckResult, ...], dict[str, int]]:
    """What checks find within a load, and how many rows each table has.

    :param checks: each with its SELECT for that load.
    :param shared: SELECTs that the checks name as tables; a later one may name an earlier one.
    :param all_counted: the result of :func:`counting` for all of these, if there already is one.
    :param at_once: whether one statement counts everything, with ``shared`` in its WITH; otherwise each check
        is counted by itself, with ``shared`` in temporary tables meanwhile.
    """
    if at_once:
        found = _counts(session, all_counted or counting([*(rows for _, rows in checks), *tables], shared))
        counts = {table.name: found[number] for number, table in enumerate(tables, start=len(checks))}
        return _results(session, checks, found, shared), counts
    for table, rows in shared.items():
        session.run(CreateTemporaryTable(table, rows))
    found = {number: _counts(session, counting([rows]))[0] for number, (_, rows) in enumerate(checks)}
    results = _results(session, checks, found)
    if shared:
        session.run(DropTables(*shared))
    return results, count_rows(session, tables)


def check_views(session: Session, views: Iterable[View]) -> tuple[CheckResult, ...]:
    """Whether each view exists and can be read: a change of the tables may have broken it.

    Not for use in a transaction that is still needed: if a view cannot be read, it is rolled back.
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


def count_rows(session: Session, tables: Sequence[Table]) -> dict[str, int]:
    """How many rows each table has."""
    found = _counts(session, counting(tables))
    return {table.name: found[number] for number, table in enumerate(tables)}


def counting(
    sources: Sequence[SelectBase | Table], shared: Mapping[Table, SelectBase] | None = None
) -> SelectBase:
    """One SELECT of how many rows each SELECT or table has, by its position.

    :param shared: SELECTs that they name as tables; a later one may name an earlier one.
    """
    counts: list[SelectBase] = [
        select(literal_column(str(number)).label("number"), func.count().label("found")).select_from(
            source if isinstance(source, Table) else source.subquery(f"rows_{number}")
        )
        for number, source in enumerate(sources)
    ]
    statement = union_all(*counts) if len(counts) > 1 else counts[0]
    return statement.add_cte(*_ctes(shared or {}))


def _ctes(shared: Mapping[Table, SelectBase]) -> tuple[CTE, ...]:
    return tuple(rows.cte(table.name) for table, rows in shared.items())


def _counts(session: Session, statement: SelectBase | Template) -> Mapping[int, int]:
    # A dry run returns no rows: every count is then 0.
    return Counter({row.number: row.found for row in session.run(statement).rows})


def _results(
    session: Session,
    checks: Sequence[tuple[Check, SelectBase]],
    found: Mapping[int, int],
    shared: Mapping[Table, SelectBase] | None = None,
) -> tuple[CheckResult, ...]:
    """The results of checks, given how many rows each finds."""
    return tuple(
        _run_check(session, check, _Asked.of(rows, shared))
        if found[number]
        else CheckResult(check.name, 0, (), check.hint)
        for number, (check, rows) in enumerate(checks)
    )


@dataclass(frozen=True)
class _Asked:
    """The SELECTs that run a check.

    :ivar rows: the check's own SELECT.
    :ivar first: selects the first of its rows.
    :ivar count: counts its rows.
    """

    rows: SelectBase
    first: Template
    count: Template

    @classmethod
    def of(cls, rows: SelectBase, shared: Mapping[Table, SelectBase] | None = None) -> _Asked:
        """The SELECTs that run a check, made from its own.

        :param rows: the check's SELECT, for one load or for everything.
        :param shared: SELECTs that it names as tables.
        """
        shares = _ctes(shared or {})
        offending = rows.subquery("offending")
        return cls(
            rows,
            Template(select(offending).limit(_ROWS_KEPT).add_cte(*shares)),
            Template(select(func.count()).select_from(offending).add_cte(*shares)),
        )


def _ask_anew(check: Check) -> _Asked:
    """The SELECTs that run a check on a whole warehouse."""
    return _Asked.of(check.rows(None))


_ask = lru_cache(maxsize=256)(_ask_anew)
"""The same, built and compiled once per process: that is 40% of the time of ``check`` in a small warehouse."""


def _run_check(session: Session, check: Check, asked: _Asked) -> CheckResult:
    """What a check finds."""
    first = session.run(asked.first).rows
    found = [dict(row._mapping) for row in first]  # noqa: SLF001 - its public name, for all the underscore
    count = len(found)
    if count == _ROWS_KEPT:
        count = session.run(asked.count).value
    return CheckResult(name=check.name, count=count, rows=tuple(found), hint=check.hint)
