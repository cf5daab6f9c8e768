"""What the statements of a load read: no whole table of the star, and nothing in a nested loop.

The first is checked in the statements themselves, which are the same on every database; the second in DuckDB's
plans for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import (
    BinaryExpression,
    ColumnClause,
    ColumnElement,
    Connection,
    Delete,
    FromClause,
    Insert,
    Join,
    Select,
    Table,
    Update,
    func,
    or_,
    select,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BooleanClauseList, ClauseElement
from sqlalchemy.sql.visitors import iterate

from sparkify import Warehouse
from sparkify.etl.constructs import CreateTemporaryTable
from sparkify.etl.listing import SourceFile
from sparkify.etl.plan import Run, Selection, Verify, build
from sparkify.etl.session import Outcome, Session
from sparkify.models import SongMatch, SongPlay, StagingEvent, User, UserLevel
from sparkify.pipeline import SPARKIFY
from tests.support.data import Data
from tests.support.making import event, song

EXCEPTIONS = {
    # The maximum is in the statistics of each block: no row is read.
    ("matches of the batch: collect", "song_matches"),
}
"""Steps that read a table whole, and which."""

GROWING = {table.name for table in SPARKIFY.tables} | {"loaded_files"}


def statements() -> Iterator[tuple[str, ClauseElement]]:
    """Every statement between staging and the end of a load of both sources, by its step."""
    new = SourceFile("/in/a", 1, "one")
    selection = Selection(mode="incremental", files={"events": (new,), "songs": (new,)}, known={})
    for step in build(SPARKIFY, selection).steps:
        if isinstance(step, Run):
            yield step.title, step.statement.statement
        elif isinstance(step, Verify):
            yield from ((check.name, rows) for check, rows in step.checks)


def read_whole(statement: ClauseElement) -> set[str]:
    """The growing tables that a statement reads without a range, and without keys of what is limited."""
    found: set[str] = set()
    if isinstance(statement, CreateTemporaryTable):
        return read_whole(statement.rows)
    if isinstance(statement, Insert):
        assert statement.select is not None
        return read_whole(statement.select)
    if isinstance(statement, Update | Delete):
        assert isinstance(statement.table, Table)
        found |= _unlimited([statement.table], _conjunction(statement.whereclause))
    for part in iterate(statement):
        if isinstance(part, Select):
            # The tables that a SELECT reads, and its conditions, including those of its joins.
            children = list(part.get_children())
            leaves = [leaf for child in children if isinstance(child, FromClause) for leaf in _leaves(child)]
            sources = [leaf for leaf, _ in leaves]
            conditions = [
                one
                for condition in (*(on for _, on in leaves), *children)
                if isinstance(condition, BinaryExpression | BooleanClauseList)
                for one in _conjunction(condition)
            ]
            found |= _unlimited(sources, conditions)
    return found


def _leaves(source: FromClause) -> Iterator[tuple[FromClause, ColumnElement[bool] | None]]:
    if isinstance(source, Join):
        yield from _leaves(source.left)
        yield from _leaves(source.right)
        yield from ((leaf, source.onclause) for leaf, _ in _leaves(source.right))
    else:
        yield source, None


def _conjunction(condition: ClauseElement | None) -> list[ClauseElement]:
    if condition is None:
        return []
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        return [part for one in condition.clauses for part in _conjunction(one)]
    return [condition]


def _unlimited(sources: list[FromClause], conditions: list[ClauseElement]) -> set[str]:
    growing = {_name(source) for source in sources} & GROWING
    compared = [part for part in conditions if isinstance(part, BinaryExpression)]
    limited = {name for part in compared for name in _limited_alone(part)}
    others = {_name(source) for source in sources} - growing
    while True:
        more = {
            mine
            for part in compared
            if part.operator is operators.eq
            for mine, theirs in permutations((_table_of(part.left), _table_of(part.right)))
            # For the target of an UPDATE or DELETE, only the condition names the other side.
            if mine in growing - limited
            and theirs is not None
            and (theirs in limited | others or theirs not in growing)
        }
        if not more:
            return growing - limited
        limited |= more


def _limited_alone(part: BinaryExpression[Any]) -> Iterator[str]:
    """The table that a condition limits: to keys that a SELECT gives, to a load, or to a range."""
    name = _table_of(part.left)
    if name is None:
        return
    is_load = part.operator is operators.eq and getattr(part.left, "name", "") == "load_id"
    is_range = part.operator in (operators.ge, operators.le) and _table_of(part.right) is None
    if part.operator is operators.in_op or is_load or is_range:
        yield name


def _table_of(value: Any) -> str | None:
    return _name(value.table) if isinstance(value, ColumnClause) and value.table is not None else None


def _name(source: FromClause) -> str:
    return str(getattr(source, "name", ""))


def test_no_statement_of_a_load_reads_a_table_of_the_star_whole() -> None:
    found = {(title, table) for title, statement in statements() for table in read_whole(statement)}
    assert found == EXCEPTIONS


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        (select(User.user_id), {"users"}),
        (select(User.user_id).where(User.gender == "F"), {"users"}),
        (
            select(User.user_id).where(or_(User.user_id.in_(select(StagingEvent.user_id)), User.gender == "F")),
            {"users"},
        ),
        (select(User.user_id).where(User.user_id.in_(select(SongPlay.user_id))), {"songplays"}),
        (select(User.user_id).where(User.user_id.in_(select(StagingEvent.user_id))), set()),
        (select(SongPlay.user_id).where(SongPlay.load_id == 7), set()),
        (
            select(SongPlay.user_id, UserLevel.level)
            .join_from(SongPlay, UserLevel, UserLevel.user_id == SongPlay.user_id)
            .where(SongPlay.load_id == 7),
            set(),
        ),
        (
            select(SongPlay.user_id).join_from(SongPlay, SongMatch, SongMatch.match_id == SongPlay.match_id),
            {"songplays", "song_matches"},
        ),
        (
            select(func.count())
            .select_from(SongPlay)
            .where(SongPlay.start_time >= select(func.min(StagingEvent.ts)).scalar_subquery()),
            set(),
        ),
    ],
)
def test_judge_tells_what_is_read_whole(statement: Select[Any], tables: set[str]) -> None:
    assert read_whole(statement) == tables


# -- plans of DuckDB ---------------------------------------------------------------------------------------


def nested_loops(plan: list[dict[str, Any]]) -> Iterator[str]:
    """The joins of a plan that compare all rows of two sides; a scalar subquery is one row alone."""
    for node in plan:
        conditions = str(node["extra_info"].get("Conditions", ""))
        if (
            node["name"].strip() in ("NESTED_LOOP_JOIN", "BLOCKWISE_NL_JOIN", "CROSS_PRODUCT")
            and "SUBQUERY" not in conditions
            and not any(_is_one_row(child) for child in node["children"])
        ):
            yield f"{node['name']}: {conditions}"
        yield from nested_loops(node["children"])


def _is_one_row(node: dict[str, Any]) -> bool:
    if node["name"].strip() == "UNGROUPED_AGGREGATE":
        return True
    return node["name"].strip() == "PROJECTION" and _is_one_row(node["children"][0])


def test_no_statement_of_a_load_joins_in_a_nested_loop(
    warehouse: Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: dict[str, list[str]] = {}
    run = Session.run

    def explain(
        self: Session,
        statement: ClauseElement | str,
        parameters: tuple[Any, ...] = (),
        *,
        apart: Connection | None = None,
    ) -> Outcome:
        text = statement if isinstance(statement, str) else self.text(statement)
        if (
            apart is None
            and "staging" not in text[:60]
            and text.split()[0] in ("INSERT", "UPDATE", "DELETE", "SELECT", "CREATE", "WITH")
        ):
            answer = self._open.exec_driver_sql(f"EXPLAIN (FORMAT json) {text}", parameters or None)
            plans[text] = list(nested_loops(json.loads(answer.all()[0][1])))
        return run(self, statement, parameters, apart=apart)

    monkeypatch.setattr(Session, "run", explain)
    data.log("a.json", *(event(userId=str(user), sessionId=user) for user in range(1, 21)))
    data.song("a.json", song())
    warehouse.load()
    assert len(plans) > 20
    assert {text: loops for text, loops in plans.items() if loops} == {}


def test_nested_loop_is_seen(warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", event())
    warehouse.load(only=["events"])
    text = "SELECT * FROM songplays p LEFT JOIN user_levels l ON l.user_id = p.user_id OR l.valid_to IS NULL"
    with warehouse.engine.connect() as connection:
        plan = json.loads(connection.exec_driver_sql(f"EXPLAIN (FORMAT json) {text}").all()[0][1])
    assert len(list(nested_loops(plan))) == 1
