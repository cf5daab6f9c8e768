"""Statements that PostgreSQL runs and Redshift does not: rejected with Redshift's code."""

from __future__ import annotations

from typing import Any

import pytest

from tests.databases.standin.conftest import Client

SYNTAX, UNSUPPORTED, NO_FUNCTION, NO_TYPE = "42601", "0A000", "42883", "42704"


@pytest.fixture
def t(shared: Client) -> Client:
    shared.run("drop table if exists t, x")
    shared.run("create table t (a int, b varchar(20), c timestamp)")
    shared.run("insert into t values (1, 'x', '2018-11-01 20:57:10')")
    return shared


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        # statements
        ("create index i on t (a)", UNSUPPORTED),
        ("create unique index i on t (a)", UNSUPPORTED),
        ("drop index i", UNSUPPORTED),
        ("create sequence s", UNSUPPORTED),
        ("create trigger g before insert on t for each row execute procedure f()", UNSUPPORTED),
        ("create type y as enum ('a')", UNSUPPORTED),
        ("create extension pgcrypto", UNSUPPORTED),
        ("savepoint s", UNSUPPORTED),
        ("release savepoint s", UNSUPPORTED),
        ("rollback to savepoint s", UNSUPPORTED),
        ("do $$ begin end $$", SYNTAX),
        ("listen x", SYNTAX),
        ("table t", SYNTAX),
        ("values (1), (2)", SYNTAX),
        ("nonsense", SYNTAX),
        # INSERT, UPDATE, DELETE
        ("insert into t (a) values (2) returning a", SYNTAX),
        ("update t set a = 1 returning a", SYNTAX),
        ("delete from t returning a", SYNTAX),
        ("insert into t (a) values (2) on conflict do nothing", SYNTAX),
        ("insert into t (a) values (2) on conflict (a) do update set a = 3", SYNTAX),
        ("insert into t as x (a) values (2)", SYNTAX),
        ("insert into t (a) overriding system value values (2)", SYNTAX),
        ("with q as (select 1 as a) insert into t (a) select a from q", SYNTAX),
        ("with q as (delete from t) select 1", SYNTAX),
        ("delete from t x where x.a = 1", SYNTAX),
        # SELECT
        ("select distinct on (a) a, b from t", UNSUPPORTED),
        ("select * from t, lateral (select t.a) x", SYNTAX),
        ("select * from t cross join lateral (select t.a) x", SYNTAX),
        ("select count(*) filter (where a > 1) from t", SYNTAX),
        ("select a is distinct from 2 from t", SYNTAX),
        ("select a is not distinct from 2 from t", SYNTAX),
        ("select * from (values (1), (2)) v (a)", SYNTAX),
        ("with q as (values (1)) select * from q", SYNTAX),
        ("with q as materialized (select 1) select * from q", SYNTAX),
        ("select a from t for update", UNSUPPORTED),
        ("select sum(a) over w from t window w as (partition by b)", SYNTAX),
        # functions of the leader node only
        ("select a, generate_series(1, 3) from t", UNSUPPORTED),
        ("select * from t join generate_series(1, 3) g on true", UNSUPPORTED),
        ("select now(), a from t", UNSUPPORTED),
        ("select current_timestamp, a from t", UNSUPPORTED),
        ("insert into t (c) select current_timestamp from t", UNSUPPORTED),
        ("update t set c = now()", UNSUPPORTED),
        ("select localtimestamp, a from t", UNSUPPORTED),
        ("select age(c) from t", UNSUPPORTED),
        ("select current_schema(), a from t", UNSUPPORTED),
        ("select * from t join pg_class c on c.relname = t.b", UNSUPPORTED),
        ("select * from t, information_schema.tables", UNSUPPORTED),
        ("select array[a] from t", UNSUPPORTED),
        # functions, operators and types that it lacks
        ("select string_agg(b, ',') from t", NO_FUNCTION),
        ("select array_agg(a) from t", NO_FUNCTION),
        ("select gen_random_uuid()", NO_FUNCTION),
        ("select to_jsonb(a) from t", NO_FUNCTION),
        ("select concat(b, b, b) from t", NO_FUNCTION),
        ("select clock_timestamp()", NO_FUNCTION),
        ("select regexp_matches(b, 'x') from t", NO_FUNCTION),
        ("select make_date(2018, 11, 1)", NO_FUNCTION),
        ("select json_parse(b) -> 'a' from t", NO_FUNCTION),
        ("select json_parse(b) ->> 'a' from t", NO_FUNCTION),
        ("select b::jsonb from t", NO_TYPE),
        ("select cast(b as uuid) from t", NO_TYPE),
        ("select nextval('s')", UNSUPPORTED),
        # windows
        ("select sum(a) over (partition by b order by c) from t", UNSUPPORTED),
        ("select first_value(a) over (order by c) from t", UNSUPPORTED),
        (
            "select count(*) over (order by c range between unbounded preceding and current row) from t",
            UNSUPPORTED,
        ),
        # DDL
        ("create table x (a serial)", UNSUPPORTED),
        ("create table x (a bigserial)", UNSUPPORTED),
        ("create table x (a bytea)", UNSUPPORTED),
        ("create table x (a int[])", UNSUPPORTED),
        ("create table x (a uuid)", NO_TYPE),
        ("create table x (a jsonb)", NO_TYPE),
        ("create table x (a json)", NO_TYPE),
        ("create table x (a int check (a > 0))", UNSUPPORTED),
        ("create table x (a int, check (a > 0))", UNSUPPORTED),
        ("create table x (a int default nextval('s'))", UNSUPPORTED),
        ("create table x (a int) inherits (t)", SYNTAX),
        ("create table x (a int) partition by range (a)", SYNTAX),
        ("create unlogged table x (a int)", SYNTAX),
        ("create temp table x (a int) on commit drop", SYNTAX),
        ('create table x (a int collate "C" collate "C") with (fillfactor = 70)', SYNTAX),
    ],
)
def test_refused(t: Client, statement: Any, code: str) -> None:
    assert t.code(statement) == code


@pytest.mark.parametrize(
    "statement",
    [
        "insert into t with q as (select 5 as a) select a, 'y', null from q",
        "with q as (select 1 as a) update t set b = 'z' where a in (select a from q)",
        "with q as (select 1 as a) delete from t using q where t.a = q.a",
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) select i from n",
        "delete t where a = 1",
        "delete from t using (select 1 as a) s where s.a = t.a",
        "update t set b = s.b from (select 1 as a, 'q' as b) s where s.a = t.a",
        "update t x set b = 'q' where x.a = 1",
        "select current_timestamp",
        "select now()",
        "select generate_series(1, 3)",
        "select current_schema(), relname from pg_class",
        "select row_number() over (partition by b order by c desc), lag(a) over (order by c) from t",
        "select sum(a) over (partition by b) from t",
        "select sum(a) over (order by c rows unbounded preceding) from t",
        "select last_value(a) over (order by c rows between 1 preceding and unbounded following) from t",
        "select a from t where b in (select b from t) minus select 7",
        "select extract(epoch from c), trim(both ' ' from b), substring(b from 1 for 1) from t",
        "select position('x' in b) from t",
        "select a as values_, b as returning_ from t",
        "insert into t values (1, 'a', getdate()), (2, 'b', sysdate)",
        "select top_, limit_ from (select 1 as top_, 2 as limit_) x",
        "create table x (a int, b varchar(max)) backup no",
        "explain select * from t",
        "select count(*) from t where b like 'a\\\\_%' escape '\\\\'",
    ],
)
def test_taken(t: Client, statement: Any) -> None:
    t.run(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "create table x (a varchar(5) default %s)",
        "alter table t add column d varchar(5) default %s",
        "set query_group to %s",
        "comment on table t is %s",
        "copy t from %s iam_role default json 'auto'",
        "unload ('select 1') to %s iam_role default parquet",
        "truncate %s",
    ],
)
def test_binds_belong_to_queries(t: Client, statement: Any) -> None:
    error = t.error(statement, "x")
    assert (error["C"], error["M"]) == ("42601", 'syntax error at or near "$1"')


def test_the_leader_node_says_what_it_does_not_support(t: Client) -> None:
    error = t.error("select now(), age(c) from t")
    assert error["M"] == "Specified types or functions (one per INFO message) not supported on Redshift tables."
    assert t.notices()[-2:] == ['Function "now()" not supported.', 'Function "age()" not supported.']


def test_a_backslash_escapes_in_a_string(rs: Client) -> None:
    r"""Redshift reads '\\' as one backslash: a client has to double those that it means."""
    assert rs.value(r"select 'a\\b'") == r"a\b"
    assert rs.value(r"select 'it\'s'") == "it's"
    assert rs.value(r"select len('a\tb')") == 3


def test_what_is_not_emulated_says_so(rs: Client) -> None:
    for statement in ("select top 1 1", "select 1 qualify true", "create external schema x", "show tables",
                      "analyze compression", "set enable_case_sensitive_identifier to true"):  # fmt: skip
        error = rs.error(statement)
        assert error["C"] == "0A000"
        assert "the stand-in does not emulate" in error["M"]
