"""CREATE TABLE and related statements: what Redshift accepts, stores, and does not enforce."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.databases.standin.conftest import Client


@pytest.fixture
def blank(shared: Client) -> Client:
    """A connection that finds no table "t"."""
    shared.run("drop table if exists t")
    return shared


def definition(rs: Client, table: Any) -> Any:
    """(column, type, encoding, distkey, sortkey, notnull) of a table."""
    return rs.rows(
        'select "column", type, encoding, distkey, sortkey, "notnull" from pg_table_def where tablename = %s',
        table,
    )


def diststyle(rs: Client, table: Any) -> Any:
    return rs.value("select reldiststyle from pg_class where relname = %s", table)


def test_types_distribution_sort_order_and_encoding(blank: Client) -> None:
    blank.run(
        "create table t (a int encode az64 not null, b varchar(10) encode zstd, c timestamp default getdate(), "
        "d boolean encode raw, e char(3)) diststyle key distkey (b) compound sortkey (c, a)"
    )
    assert definition(blank, "t") == [
        ("a", "integer", "az64", False, 2, True),
        ("b", "character varying(10)", "zstd", True, 0, False),
        ("c", "timestamp without time zone", "none", False, 1, False),
        ("d", "boolean", "none", False, 0, False),
        ("e", "character(3)", "lzo", False, 0, False),
    ]
    assert diststyle(blank, "t") == 1


@pytest.mark.parametrize(
    ("declared", "stored"),
    [
        ("varchar", "character varying(256)"),
        ("text", "character varying(256)"),
        ("varchar(max)", "character varying(65535)"),
        ("character varying(7)", "character varying(7)"),
        ("nvarchar(7)", "character varying(7)"),
        ("char", "character(1)"),
        ("bpchar", "character(256)"),
        ("numeric", "numeric(18,0)"),
        ("decimal(5)", "numeric(5,0)"),
        ("decimal(38,37)", "numeric(38,37)"),
        ("int2", "smallint"),
        ("int8", "bigint"),
        ("float", "double precision"),
        ("float(24)", "real"),
        ("float4", "real"),
        ("bool", "boolean"),
        ("timestamp with time zone", "timestamp with time zone"),
        ("timestamptz", "timestamp with time zone"),
        ("timestamp without time zone", "timestamp without time zone"),
        ("time", "time without time zone"),
        ("super", "super"),
    ],
)
def test_names_of_types(blank: Client, declared: Any, stored: Any) -> None:
    blank.run(f"create table t (a {declared})")
    assert definition(blank, "t")[0][1] == stored


@pytest.mark.parametrize(
    ("attributes", "style", "keys"),
    [
        ("", 10, [0, 0]),
        ("diststyle even", 0, [0, 0]),
        ("diststyle all sortkey (a)", 8, [1, 0]),
        ("diststyle auto sortkey auto encode auto", 10, [0, 0]),
        ("distkey (a)", 1, [0, 0]),
        ("interleaved sortkey (b, a)", 10, [-2, 1]),
        ("compound sortkey (b, a)", 10, [2, 1]),
        ("backup no diststyle even", 0, [0, 0]),
    ],
)
def test_table_attributes(blank: Client, attributes: Any, style: Any, keys: Any) -> None:
    blank.run(f"create table t (a int, b int) {attributes}")
    assert diststyle(blank, "t") == style
    assert [column[4] for column in definition(blank, "t")] == keys


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("create table t (a int) diststyle key", "42P16"),
        ("create table t (a int) diststyle even distkey (a)", "42P16"),
        ("create table t (a int distkey, b int distkey)", "42P16"),
        ("create table t (a int sortkey) sortkey (a)", "42P16"),
        ("create table t (a int, b int) sortkey (a) interleaved sortkey (b)", "42P16"),
        ("create table t (a int) distkey (nothing)", "42703"),
        ("create table t (a int) sortkey (nothing)", "42703"),
        ("create table t (a super distkey)", "0A000"),
        ("create table t (a varchar(5) encode az64)", "0A000"),
        ("create table t (a int encode text255)", "0A000"),
        ("create table t (a int encode nonsense)", "22023"),
        ("create table t (a int) diststyle round", "42601"),
        ("create table t (a varchar(65536))", "22023"),
        ("create table t (a numeric(39))", "22023"),
        ("create table t (a int, a int)", "42701"),
        ("create table t (a int", "42601"),
        ("create table t (a int) tablespace x", "42601"),
        ("create table t (tag int)", "42601"),  # a reserved word of Redshift
        ("create table t (a int references nothing)", "42P01"),
    ],
)
def test_what_contradicts_itself_is_refused(blank: Client, statement: Any, code: str) -> None:
    assert blank.code(statement) == code


def test_a_reserved_word_in_quotes_and_names_in_capitals(rs: Client) -> None:
    rs.run('create table "Tag" ("Percent" int, userId int)')
    assert [c[0] for c in definition(rs, "tag")] == ["percent", "userid"]
    rs.run('insert into tag ("Percent", "USERID") values (1, 2)')
    assert rs.rows('select "percent", "userId" from "TAG"') == [(1, 2)]
    rs.run('select 1 as "camelCase"')
    assert rs.cursor.description[0][0] == "camelcase"


def test_keys_are_metadata_and_not_enforced(rs: Client) -> None:
    rs.run("create table p (id int primary key, code varchar(5) unique)")
    rs.run("create table c (id int, p_id int references p (id), foreign key (id) references p)")
    rs.run("insert into p values (1, 'x'), (1, 'x')")
    rs.run("insert into c values (7, 99)")
    assert rs.value("select count(*) from p") == 2
    assert rs.rows("select conname, contype from pg_constraint order by conname") == [
        ("c_id_fkey", "f"),
        ("c_p_id_fkey", "f"),
        ("p_code_key", "u"),
        ("p_pkey", "p"),
    ]
    assert (
        rs.value("select pg_get_constraintdef(oid) from pg_constraint where conname = 'c_p_id_fkey'")
        == "FOREIGN KEY (p_id) REFERENCES p(id)"
    )


def test_a_foreign_key_needs_a_key_to_refer_to(rs: Client) -> None:
    rs.run("create table p (id int)")
    assert rs.code("create table c (p_id int references p (id))") == "42830"


def test_a_table_that_is_referred_to_is_dropped_with_cascade_only(rs: Client) -> None:
    rs.run("create table p (id int primary key)")
    rs.run("create table c (p_id int references p (id))")
    assert rs.code("drop table p") == "2BP01"
    rs.run("drop table p cascade")
    assert rs.rows("select conname from pg_constraint") == []
    rs.run("drop table c")


def test_not_null_is_enforced(rs: Client) -> None:
    rs.run("create table t (id int primary key, a int not null)")
    error = rs.error("insert into t values (1, null)")
    assert error["C"] == "XX000"
    assert error["M"] == "Cannot insert a NULL value into column a"
    assert "code:      8007" in error["D"]
    assert rs.error("insert into t values (null, 1)")["M"] == "Cannot insert a NULL value into column id"


def test_varchar_counts_bytes(blank: Client) -> None:
    blank.run("create table t (a varchar(5), b char(2))")
    blank.run("insert into t (a) values ('aäö')")  # five bytes
    error = blank.error("insert into t (a) values ('äöü')")  # three characters, six bytes
    assert (error["C"], error["M"]) == ("22001", "value too long for type character varying(5)")
    assert blank.error("update t set a = 'ääää'")["M"] == "value too long for type character varying(5)"
    assert (
        blank.error("insert into t (a) values ('abcdef')")["M"]
        == "value too long for type character varying(5)"
    )
    assert blank.error("insert into t (b) values ('äb')")["M"] == "value too long for type character(2)"
    blank.run("insert into t (a) values ('abcde   ')")  # trailing blanks do not count


def test_identity_has_gaps_and_no_order(rs: Client) -> None:
    rs.run("create table t (id bigint identity(1, 1), a int)")
    rs.run("create table numbers (n int)")
    rs.cursor.executemany("insert into numbers values (%s)", [(n,) for n in range(40)])
    rs.run("insert into t (a) select n from numbers order by n")
    ids = [row[0] for row in rs.rows("select id from t order by a")]
    assert len(set(ids)) == 40
    assert ids != sorted(ids)
    assert max(ids) - min(ids) > 40
    assert min(ids) >= 1


def test_identity_takes_no_value(blank: Client) -> None:
    blank.run("create table t (a int, id int identity(0, 2))")
    for statement in (
        "insert into t (id, a) values (1, 1)",
        "insert into t values (1, 1)",
        "insert into t (a, id) select 1, 1",
    ):
        error = blank.error(statement)
        assert (error["C"], error["M"]) == ("0A000", "cannot set an identity column to a value")
    blank.run("insert into t values (1)")
    blank.run("insert into t values (2, default)")
    assert all(row[0] % 2 == 0 for row in blank.rows("select id from t"))


def test_identity_by_default_takes_a_value(blank: Client) -> None:
    blank.run("create table t (id int generated by default as identity(1, 1), a int)")
    blank.run("insert into t (id, a) values (1000, 1)")
    blank.run("insert into t (a) values (2)")
    assert blank.value("select id from t where a = 1") == 1000
    assert blank.value("select id is not null from t where a = 2") is True


@pytest.mark.parametrize(
    ("column", "code"),
    [
        ("id varchar(5) identity(0,1)", "0A000"),
        ("id int identity", "42601"),
        ("id int generated always as identity", "42601"),
        ("id int generated by default as identity", "42601"),
        ("id int generated always as (a * 2) stored", "42601"),
    ],
)
def test_other_identities_are_refused(blank: Client, column: Any, code: str) -> None:
    assert blank.code(f"create table t ({column})") == code


def test_defaults(blank: Client) -> None:
    blank.run(
        "create table t (a int, b varchar(10) default 'free', c int default -1, d bool default (1 = 1), "
        "e timestamp default sysdate, f int default null, g varchar(5) default 'x'::varchar(5) not null)"
    )
    blank.run("insert into t (a) values (1)")
    assert blank.rows("select b, c, d, e is not null, f, g from t") == [("free", -1, True, True, None, "x")]


def test_temporary_tables_are_of_the_session(connect: Callable[..., Client]) -> None:
    one, two = connect(autocommit=True), connect(autocommit=True)
    one.run("create temp table stage (a int sortkey)")
    one.run("insert into stage values (1)")
    assert two.code("select * from stage") == "42P01"
    two.run("create temporary table stage (a int)")
    assert two.rows("select * from stage") == []
    one.run("create local temp table if not exists stage (a int)")
    assert one.rows("select a from stage") == [(1,)]


def test_if_not_exists(rs: Client) -> None:
    rs.run("create table t (a int)")
    rs.run("create table if not exists t (a int, b int)")
    assert rs.notices()[-1] == 'Relation "t" already exists and will be skipped'
    error = rs.error("create table t (a int)")
    assert (error["C"], error["M"]) == ("42P07", 'Relation "t" already exists')
    rs.run("drop table if exists u, t")
    assert rs.notices()[-1] == 'Table "u" does not exist and will be skipped'
    assert rs.code("drop table t") == "42P01"


def test_like_takes_layout_and_not_null_but_no_keys(rs: Client) -> None:
    rs.run(
        "create table p (a int primary key distkey, b varchar(5) default 'x' encode text255, c date sortkey)"
    )
    rs.run("create table t (like p)")
    assert definition(rs, "t") == definition(rs, "p")
    assert diststyle(rs, "t") == 1
    assert rs.rows("select conname from pg_constraint where conrelid = 't'::regclass") == []
    rs.run("insert into t (a) values (1)")
    assert rs.value("select b from t") is None
    assert rs.error("insert into t values (1, 'ääää')")["C"] == "22001"
    rs.run("create temp table u (like p including defaults)")
    rs.run("insert into u (a) values (1)")
    assert rs.value("select b from u") == "x"


def test_create_table_as_inherits_no_keys(rs: Client) -> None:
    rs.run("create table p (a int primary key distkey, b varchar(5) not null encode text255)")
    rs.run("insert into p values (1, 'x')")
    rs.run("create table t as select a, b from p")
    assert definition(rs, "t") == [
        ("a", "integer", "az64", False, 0, False),
        ("b", "character varying(5)", "lzo", False, 0, False),
    ]
    assert rs.rows("select conname from pg_constraint where conrelid = 't'::regclass") == []
    rs.run("create table u (x, y) distkey (x) sortkey (y) as (select a, b from p)")
    assert [(c[0], c[3], c[4]) for c in definition(rs, "u")] == [("x", True, 0), ("y", False, 1)]
    assert rs.error("insert into t values (1, 'ääää')")["C"] == "22001"


def test_comments(rs: Client) -> None:
    rs.run("create table t (a int)")
    rs.run("comment on table t is 'it''s a table'")
    rs.run("comment on column t.\"A\" is 'a column'")
    assert rs.value("select obj_description('t'::regclass)") == "it's a table"
    assert rs.value("select col_description('t'::regclass, 1)") == "a column"


def test_views(rs: Client) -> None:
    rs.run("create table t (a int, b int)")
    rs.run("insert into t values (1, null)")
    rs.run("create view v as select a, nvl(b, 0) as b from t")
    rs.run("create or replace view w (x) as select a from public.t with no schema binding")
    assert rs.rows("select a, b from v") == [(1, 0)]
    assert rs.rows("select x from w") == [(1,)]
    assert rs.code("drop table t") == "2BP01"
    rs.run("drop view v")
    rs.run("drop table t cascade")
    assert rs.code("create materialized view m as select 1") == "0A000"


@pytest.mark.parametrize(
    "select",
    [
        "select a from t",
        "select t.a from public.t as u join t on t.a = u.a",
        "select a from public.t where a in (select a from t)",
        "with q as (select a from t) select a from q",
        "select a from public.t union all select a from t",
    ],
)
def test_view_without_binding_needs_schemas(rs: Client, select: str) -> None:
    rs.run("create table t (a int)")
    rs.commit()
    error = rs.error(f"create view v as {select} with no schema binding")
    assert (error["C"], error["M"]) == (
        "0A000",
        "All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA BINDING.",
    )
    # Negative control: a view that binds its tables is accepted, and so is one with every schema given.
    rs.run(f"create view bound as {select}")
    qualified = re.sub("(from|join) t", r"\1 public.t", select).replace("select t.a", "select u.a")
    rs.run(f"create view v as {qualified} with no schema binding")


def test_common_table_needs_no_schema(rs: Client) -> None:
    rs.run("create table t (a int)")
    rs.run("create view v as with q as (select a from public.t) select a from q with no schema binding")
    assert rs.rows("select a from v") == []


def test_comment_on_view(rs: Client) -> None:
    rs.run("create view v as select 1 as a")
    rs.run("comment on view v is 'a view'")
    assert rs.value("select obj_description('v'::regclass)") == "a view"


def test_schemas(rs: Client) -> None:
    rs.run("create schema if not exists star")
    rs.run("create table star.t (a int distkey)")
    rs.run("insert into star.t values (1)")
    assert rs.rows("select a from star.t") == [(1,)]
    assert rs.code("select a from t") == "42P01"
    rs.run("drop schema star cascade")


def test_the_schema_of_the_stand_in_is_hidden(rs: Client) -> None:
    rs.run("create table t (a int)")
    assert rs.rows(
        "select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where nspname !~ '^pg_' and nspname <> 'information_schema'"
    ) == [("t",)]
    assert rs.rows("select table_name from information_schema.tables where table_schema = 'rs'") == []
    assert rs.rows("select nspname from pg_namespace where nspname = 'rs'") == []
