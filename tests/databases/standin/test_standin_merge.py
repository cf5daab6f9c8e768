"""MERGE in Redshift's syntax, and what that syntax does not allow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.databases.standin.conftest import Client

MERGE = (
    "merge into t using s on t.id = s.id when matched then update set name = s.name "
    "when not matched then insert (id, name) values (s.id, s.name)"
)


@pytest.fixture
def m(shared: Client) -> Client:
    rs = shared
    rs.run("drop table if exists t, s, u cascade")
    rs.run("create table t (id int, name varchar(10))")
    rs.run("create table s (id int, name varchar(10))")
    rs.run("insert into t values (1, 'old'), (2, 'kept')")
    rs.run("insert into s values (1, 'new'), (3, 'added')")
    return rs


def content(m: Client) -> Any:
    return m.rows("select id, name from t order by id, name")


def test_update_and_insert(m: Client) -> None:
    assert m.run(MERGE) == -1
    assert content(m) == [(1, "new"), (2, "kept"), (3, "added")]


def test_delete_and_an_alias_of_the_source(m: Client) -> None:
    m.run("merge into t using s as x on t.id = x.id when matched then delete "
          "when not matched then insert values (x.id, x.name)")  # fmt: skip
    assert content(m) == [(2, "kept"), (3, "added")]


def test_binds(m: Client) -> None:
    m.run("merge into t using s on t.id = s.id when matched then update set name = %s "
          "when not matched then insert (id, name) values (s.id, %s)", "u", "i")  # fmt: skip
    assert content(m) == [(1, "u"), (2, "kept"), (3, "i")]


@pytest.mark.parametrize("action", ["update set name = s.name", "delete"])
def test_several_matches_for_one_row(m: Client, action: Any) -> None:
    m.run("insert into s values (1, 'newer')")
    error = m.error(f"merge into t using s on t.id = s.id when matched then {action} "
                    "when not matched then insert values (s.id, s.name)")  # fmt: skip
    assert (error["C"], error["M"]) == ("XX000", "Found multiple matches to update the same tuple.")
    assert content(m) == [(1, "old"), (2, "kept")]


def test_new_rows_that_come_twice_are_inserted_twice(m: Client) -> None:
    """No key stops them: the source has to be without duplicates."""
    m.run("insert into s values (3, 'again')")
    m.run(MERGE)
    assert content(m) == [(1, "new"), (2, "kept"), (3, "added"), (3, "again")]


def test_null_matches_nothing(m: Client) -> None:
    m.run("insert into t values (null, 'n')")
    m.run("insert into s values (null, 'n')")
    m.run(MERGE)
    assert m.value("select count(*) from t where id is null") == 2


def test_remove_duplicates(m: Client) -> None:
    m.run("insert into s values (3, 'added')")
    m.run("merge into t using s on t.id = s.id remove duplicates")
    assert content(m) == [(1, "new"), (2, "kept"), (3, "added")]


def test_the_view_of_the_source_is_refused(m: Client) -> None:
    m.run("create view v as select * from s")
    assert m.code(MERGE.replace("using s on t.id = s.id", "using v as s on t.id = s.id")) == "0A000"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (MERGE.replace("into t using", "into t as x using"), "42601"),
        (MERGE.replace("into t using", "into t x using"), "42601"),
        (MERGE.replace("using s on", "using (select * from s) s on"), "0A000"),
        (MERGE.replace("using s on", "using t on"), "0A000"),
        (MERGE.replace("when matched then", "when matched and t.id > 0 then"), "42601"),
        (MERGE.replace("set name", "set t.name"), "42601"),
        (MERGE.split(" when not matched")[0], "42601"),
        (MERGE.replace("when matched then update set name = s.name ", ""), "42601"),
        (MERGE + " when not matched by source then delete", "42601"),
        (MERGE.replace("insert (id, name) values (s.id, s.name)", "do nothing"), "42601"),
        (MERGE + " returning *", "42601"),
        ("with q as (select 1) " + MERGE, "42601"),
    ],
)
def test_other_forms_are_refused(m: Client, statement: Any, code: str) -> None:
    assert m.code(statement) == code
    assert content(m) == [(1, "old"), (2, "kept")]


def test_identity_in_a_merge(m: Client) -> None:
    m.run("create table u (k int identity(0,1), id int)")
    m.run(
        "merge into u using s on u.id = s.id when matched then delete "
        "when not matched then insert (id) values (s.id)"
    )
    assert m.value("select count(distinct k) from u") == 2
    assert m.code("merge into u using s on u.id = s.id when matched then delete "
                  "when not matched then insert (k, id) values (1, s.id)") == "0A000"  # fmt: skip
