"""ALTER TABLE: the few changes that Redshift supports, and those it rejects."""

from __future__ import annotations

from typing import Any

import pytest

from tests.databases.standin.conftest import Client
from tests.databases.standin.test_standin_ddl import definition, diststyle


@pytest.fixture
def table(shared: Client) -> Client:
    shared.run("drop table if exists t, u")
    shared.run("create table t (a int, b varchar(10), c timestamp) distkey (a) sortkey (c)")
    shared.run("insert into t values (1, 'x', null)")
    return shared


def test_add_column(table: Any) -> None:
    table.run("alter table t add column d varchar(3) default 'ab' encode zstd not null")
    table.run("alter table t add e int")
    assert table.rows("select d, e from t") == [("ab", None)]
    assert definition(table, "t")[3] == ("d", "character varying(3)", "zstd", False, 0, True)
    assert definition(table, "t")[4][2] == "az64"
    assert table.error("update t set d = 'ää'")["M"] == "value too long for type character varying(3)"


@pytest.mark.parametrize(
    ("clause", "code"),
    [
        ("add column d int, add column e int", "42601"),
        ("add column if not exists d int", "42601"),
        ("add column d int not null", "0A000"),
        ("add column d int primary key", "0A000"),
        ("add column d int unique", "0A000"),
        ("add column d int references t (a)", "0A000"),
        ("add column d int identity(0,1)", "0A000"),
        ("add column d int distkey", "0A000"),
        ("add column d int sortkey", "0A000"),
        ("add column a int", "42701"),
        ("drop column a", "0A000"),  # the distribution key
        ("drop column c", "0A000"),  # the sort key
        ("drop column z", "42703"),
        ("drop column if exists z", "42601"),
        ("rename a to d", "42601"),  # COLUMN is required
        ("alter column a set not null", "0A000"),
        ("alter column a drop not null", "0A000"),
        ("alter column a set default 1", "0A000"),
        ("alter column a drop default", "0A000"),
        ("alter column a type bigint", "0A000"),
        ("alter column b type varchar(20) using b", "0A000"),
        ("alter column b type varchar(10)", "0A000"),  # the current size
        ("alter interleaved sortkey (a)", "42601"),
        ("alter distkey z", "42703"),
        ("alter column a encode az64, alter sortkey (a)", "0A000"),
        ("set schema x", "42601"),
        ("append from u", "0A000"),
        ("disable trigger all", "42601"),
    ],
)
def test_what_is_refused(table: Any, clause: Any, code: str) -> None:
    assert table.code(f"alter table t {clause}") == code


def test_drop_and_rename(table: Any) -> None:
    table.run("alter table t rename column b to label")
    table.run("alter table t rename to u")
    table.run("alter table u drop column label")
    assert [c[0] for c in definition(table, "u")] == ["a", "c"]
    assert [(c[3], c[4]) for c in definition(table, "u")] == [(True, 0), (False, 1)]  # the layout is unchanged


def test_distribution_sort_order_and_encoding_are_metadata(table: Any) -> None:
    table.run("alter table t alter distkey b")
    assert [c[3] for c in definition(table, "t")] == [False, True, False]
    table.run("alter table t alter diststyle all")
    assert diststyle(table, "t") == 8
    assert [c[3] for c in definition(table, "t")] == [False, False, False]
    table.run("alter table t alter diststyle key distkey a, alter compound sortkey (b, a)")
    assert [(c[3], c[4]) for c in definition(table, "t")] == [(True, 2), (False, 1), (False, 0)]
    table.run("alter table t alter sortkey none")
    assert [c[4] for c in definition(table, "t")] == [0, 0, 0]
    table.run("alter table t alter column a encode delta, alter column b encode zstd")
    assert [c[2] for c in definition(table, "t")][:2] == ["delta", "zstd"]
    table.run("alter table t alter encode auto")
    table.run("alter table t alter sortkey auto")


def test_varchar_is_resized_outside_a_transaction(rs: Client, tx: Client) -> None:
    rs.run("create table t (a int, b varchar(10))")
    error = tx.error("alter table t alter column b type varchar(20)")
    assert (error["C"], error["M"]) == (
        "25001",
        "ALTER TABLE ALTER COLUMN cannot run inside a transaction block",
    )
    rs.run("alter table t alter column b type varchar(20)")
    assert definition(rs, "t")[1][1] == "character varying(20)"
    rs.run("insert into t (b) values ('ääääääääää')")
    assert rs.error("insert into t (b) values ('ääääääääääx')")["M"] == (
        "value too long for type character varying(20)"
    )
    error = rs.error("alter table t alter column b type varchar(19)")
    assert "should be larger or equal to current maximum column size (20)" in error["M"]


@pytest.mark.parametrize(
    "column",
    [
        "b varchar(5) default 'x'",
        "b varchar(5) unique",
        "b varchar(5) primary key",
        "b varchar(5) encode text255",
    ],
)
def test_a_varchar_that_is_not_resized(shared: Client, column: Any) -> None:
    shared.run("drop table if exists t")
    shared.run(f"create table t ({column})")
    assert shared.code("alter table t alter column b type varchar(20)") == "0A000"


def test_constraints_come_and_go(rs: Client) -> None:
    rs.run("create table p (id int, n int)")
    rs.run("alter table p add constraint pk primary key (id)")
    rs.run("create table c (p_id int)")
    rs.run("alter table c add foreign key (p_id) references p (id)")
    assert rs.rows("select conname from pg_constraint order by 1") == [("c_p_id_fkey",), ("pk",)]
    assert rs.code("alter table p add primary key (n)") == "42P16"
    rs.run("alter table c drop constraint c_p_id_fkey")
    assert rs.code("alter table c drop constraint c_p_id_fkey") == "42704"
    assert rs.code("alter table p add constraint c check (n > 0)") == "0A000"


def test_a_column_that_is_referred_to(rs: Client) -> None:
    rs.run("create table p (id int primary key, n int)")
    rs.run("create table c (p_id int references p (id))")
    assert rs.code("alter table p drop column id") == "2BP01"
    rs.run("alter table p drop column id cascade")
    assert rs.rows("select conname from pg_constraint") == []
