"""Functions and operators that PostgreSQL lacks or computes differently: Redshift's results."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.databases.standin.conftest import Client

TS = "timestamp '2018-11-01 20:57:10.796'"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("nvl(null, 1)", 1),
        ("isnull(null, 'x')", "x"),
        ("coalesce(null, null, 2)", 2),
        ("nvl2(1, 'yes', 'no')", "yes"),
        ("nvl2(null, 'yes', nvl(null, 'no'))", "no"),
        ("decode(2, 1, 'one', 2, 'two', 'many')", "two"),
        ("decode(3, 1, 'one', 2, 'two')", None),
        ("decode(null, null, 'nothing', 'something')", "nothing"),
        ("5 / 2", 2),
        ("-5 / 2", -2),
        ("5 % 3", 2),
        ("5.0 / 2 = 2.5", True),
        ("'a' || 'b'", "ab"),
        ("concat('a', 'b')", "ab"),
        ("concat('a', null)", None),
        ("'12'::int + 1", 13),
        ("cast('12' as bigint)", 12),
        ("convert(int, '12')", 12),
        ("'äb'::varchar(max)", "äb"),
        ("len('Björk')", 5),
        ("length('Björk')", 5),
        ("octet_length('Björk')", 6),
        ("lower('BJÖRK') || upper('ä')", "björkÄ"),
        ("charindex('r', 'björk')", 4),
        ("left('abc', 2) || right('abc', 1)", "abc"),
        ("substring('abcdef', 2, 3)", "bcd"),
        ("split_part('a,b,c', ',', 2)", "b"),
        ("replace('aXbX', 'X', '-')", "a-b-"),
        ("translate('abc', 'ab', 'xy')", "xyc"),
        ("btrim('xxaxx', 'x')", "a"),
        ("lpad('7', 3, '0')", "007"),
        ("md5('sparkify')", "382468d9cbbc15d96ac535e2084ca1ae"),
        ("can_json_parse('[1, {\"a\": null}]')", True),
        ("can_json_parse('[1,]')", False),
        ("can_json_parse(null)", None),
        ("from_varbyte(from_hex('42c3b6c280'), 'utf8')", "Bö\x80"),
        ("from_varbyte(from_hex('42C3B6'), 'hex')", "42c3b6"),
        ("strtol('ff', 16)", 255),
        ("strtol('0xff', 16)", 255),
        ("strtol('-101', 2)", -5),
        ("strtol(substring(md5('x'), 1, 15), 16) > 0", True),
        ("regexp_replace('a1b22c', '[0-9]+', '')", "abc"),
        ("regexp_replace('a1b22c', '[0-9]+')", "abc"),
        ("regexp_replace('a1b22c333', '[0-9]+', '#', 3)", "a1b#c#"),
        ("regexp_replace('AbaB', 'b', '', 1, 'i')", "Aa"),
        ("regexp_replace('Björk & Co.', '[^a-zA-Z0-9]', '')", "BjrkCo"),
        ("regexp_replace('a.b', '\\\\.', '-')", "a-b"),
        ("regexp_substr('abc123', '[0-9]+')", "123"),
        ("regexp_substr('abc', '[0-9]+')", ""),
        ("regexp_count('a1b2', '[0-9]')", 2),
        ("'abc' ~ '^a'", True),
        ("'abc' ilike 'A%'", True),
        ("'abc' similar to '(a|b)%'", True),
        ("round(2.567::double precision, 2)", 2.57),
        ("trunc(2.567::double precision, 1)", 2.5),
        ("greatest(1, null, 3)", 3),
        ("json_extract_path_text('{\"a\": {\"b\": 7}}', 'a', 'b')", "7"),
        ("is_valid_json('{}')", True),
        ("is_valid_json('{')", False),
        ("sha2('x', 256)", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
        ("interval '1 day' = interval '24 hours'", True),
    ],
)
def test_values(shared: Client, expression: Any, expected: Any) -> None:
    assert shared.value(f"select {expression}") == expected


def at(*parts: Any) -> Any:
    return dt.datetime(*parts)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("timestamp 'epoch' + 1541105830 * interval '1 second'", at(2018, 11, 1, 20, 57, 10)),
        (
            "timestamp 'epoch' + (1541105830796::bigint / 1000.0) * interval '1 second'",
            at(2018, 11, 1, 20, 57, 10, 796000),
        ),
        (
            "timestamp 'epoch' + 1541105830796::bigint * interval '0.001 second'",
            at(2018, 11, 1, 20, 57, 10, 796000),
        ),
        ("dateadd(ms, 1541105830796, timestamp 'epoch')", at(2018, 11, 1, 20, 57, 10, 796000)),
        (f"dateadd(day, -1, {TS})", at(2018, 10, 31, 20, 57, 10, 796000)),
        ("dateadd(month, 1, '2018-01-31')", at(2018, 2, 28)),
        ("dateadd('year', 1, date '2018-11-01')", at(2019, 11, 1)),
        ("datediff(day, '2018-11-01 23:00', '2018-11-02 01:00')", 1),
        ("datediff(hour, '2018-11-01 00:59', '2018-11-01 01:01')", 1),
        ("datediff(month, '2018-11-30', '2018-12-01')", 1),
        ("datediff(year, '2018-12-31', '2019-01-01')", 1),
        ("datediff(week, '2018-11-01', '2018-11-30')", 4),
        ("datediff(second, '2018-11-01', '2018-11-02')", 86400),
        (f"datediff(ms, timestamp 'epoch', {TS})", 1541105830796),
        (f"date_trunc('hour', {TS})", at(2018, 11, 1, 20)),
        ("date_trunc('month', date '2018-11-15')", at(2018, 11, 1)),
        (f"trunc({TS})", dt.date(2018, 11, 1)),
        (f"extract(hour from {TS})", 20),
        (f"extract(hr from {TS})", 20),
        (f"extract(week from {TS})", 44),
        (f"extract(w from {TS})", 44),
        (f"extract(dow from {TS})", 4),
        (f"extract(weekday from {TS})", 4),
        (f"extract(doy from {TS})", 305),
        (f"extract(epoch from {TS})", 1541105830),
        (f"extract(ms from {TS})", 796),
        (f"date_part(dow, {TS})", 4.0),
        (f"date_part('month', {TS})", 11.0),
        (f"to_char({TS}, 'YYYY-MM-DD HH24:MI:SS.MS')", "2018-11-01 20:57:10.796"),
        ("to_date('01.11.2018', 'DD.MM.YYYY')", dt.date(2018, 11, 1)),
        (f"convert_timezone('Europe/Berlin', {TS})", at(2018, 11, 1, 21, 57, 10, 796000)),
        (f"convert_timezone('America/New_York', 'UTC', {TS})", at(2018, 11, 2, 0, 57, 10, 796000)),
        ("last_day('2018-02-03')", dt.date(2018, 2, 28)),
        ("add_months('2018-02-28', 1)", at(2018, 3, 31)),
        (f"{TS}::date - date '2018-10-30'", 2),
    ],
)
def test_times(shared: Client, expression: Any, expected: Any) -> None:
    value = shared.value(f"select {expression}")
    assert value == expected
    assert type(value) is type(expected)


def test_getdate_and_sysdate(tx: Client) -> None:
    first = tx.rows("select getdate(), sysdate")[0]
    assert first[0].microsecond == 0
    assert first[0].tzinfo is None
    assert abs((first[0] - first[1]).total_seconds()) <= 2
    tx.run("create table t (a timestamp default sysdate, b timestamp default getdate())")
    tx.run("insert into t (a) values (default)")
    assert tx.value("select a from t") == first[1]  # SYSDATE is fixed for the transaction
    assert tx.value("select a = sysdate from t") is True


def test_an_unknown_part_of_a_date(rs: Client) -> None:
    assert rs.code(f"select extract(isodow from {TS})") == "22023"
    assert rs.code(f"select dateadd(fortnight, 1, {TS})") == "22023"


def test_regexp_replace_takes_a_position_not_flags(rs: Client) -> None:
    error = rs.error("select regexp_replace('aa', 'a', 'b', 'g')")
    assert error["C"] == "22P02"
    assert rs.code("select strtol('xyz', 10)") == "22023"


@pytest.fixture
def plays(shared: Client) -> Client:
    shared.run("drop table if exists plays")
    shared.run("create table plays (who varchar(5), song varchar(5), n int)")
    shared.run("insert into plays values ('a', 'x', 1), ('a', 'y', 2), ('b', 'x', 3), ('b', null, 6)")
    return shared


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("listagg(song, ',') within group (order by song desc) from plays", [("y,x,x",)]),
        ("listagg(distinct song, ',') within group (order by song) from plays", [("x,y",)]),
        ("who, listagg(n) within group (order by n) from plays group by who order by 1",
         [("a", "12"), ("b", "36")]),
        ("median(n) from plays", [(2.5,)]),
        ("approximate count(distinct who) from plays", [(2,)]),
        ("n, ratio_to_report(n) over (partition by who) from plays where who = 'b' order by n",
         [(3, 1 / 3), (6, 2 / 3)]),
        ("n, row_number() over (partition by who order by n desc) from plays order by n",
         [(1, 2), (2, 1), (3, 2), (6, 1)]),
        ("n, sum(n) over (order by n rows unbounded preceding) from plays order by n",
         [(1, 1), (2, 3), (3, 6), (6, 12)]),
        ("n, lead(n) over (order by n), lag(n, 1) over (order by n) from plays order by n limit 2",
         [(1, 2, None), (2, 3, 1)]),
        ("who, count(*), sum(n), avg(n) from plays group by 1 having sum(n) > 3 order by 1", [("b", 2, 9, 4)]),
        ("who, nvl(song, 'none') from plays where song is null", [("b", "none")]),
        ("p.who from plays p where exists (select 1 from plays q where q.n = p.n + 1 and q.who = p.who)",
         [("a",)]),
        ("distinct who from plays except select 'a'", [("b",)]),
        ("max(n) from plays where n in (select n from plays where who = 'a')", [(2,)]),
    ],
)  # fmt: skip
def test_queries(plays: Client, select: Any, expected: Any) -> None:
    found = plays.rows(f"select {select}")
    assert [tuple(round(v, 9) if isinstance(v, float) else v for v in row) for row in found] == [
        tuple(round(v, 9) if isinstance(v, float) else v for v in row) for row in expected
    ]


def test_order_is_that_of_bytes_and_null_comes_last(rs: Client) -> None:
    rs.run("create table t (a varchar(5))")
    rs.run("insert into t values ('b'), ('A'), (null), ('ä'), ('a'), ('B')")
    assert [row[0] for row in rs.rows("select a from t order by a")] == ["A", "B", "a", "b", "ä", None]


def test_update_from_and_delete_using(plays: Client) -> None:
    plays.run("create temp table s (who varchar(5), n int)")
    plays.run("insert into s values ('a', 100)")
    assert plays.run("update plays set n = s.n from s where plays.who = s.who") == 2
    assert plays.run("delete from plays using s where plays.who = s.who") == 2
    assert plays.rows("select who, n from plays order by n") == [("b", 3), ("b", 6)]


@pytest.fixture
def names(rs: Client) -> Client:
    """Names that differ in trailing blanks, and such as are nothing else."""
    rs.run("create table names (name varchar(9), n int)")
    rs.run("insert into names values ('x', 1), ('x ', 2), (' x', 3), ('', 4), ('   ', 5)")
    return rs


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("n from names where name = 'x  ' order by n", [(1,), (2,)]),
        ("n from names where name <> 'x' order by n", [(3,), (4,), (5,)]),
        ("n from names where name in ('x', 'y') order by n", [(1,), (2,)]),
        ("n from names where lower(name) || '  ' = 'x' order by n", [(1,), (2,)]),
        ("n from names where name <= '' order by n", [(4,), (5,)]),
        ("count(*), sum(n) from names group by name order by 2, 1", [(1, 3), (2, 3), (2, 9)]),
        ("count(distinct name) from names", [(3,)]),
        ("count(*) from (select distinct name from names) as d", [(3,)]),
        ("count(*) from (select name from names union select 'x    ') as u", [(3,)]),
        ("count(*) from names a join names b on a.name = b.name", [(9,)]),
        ("n from names where name in (select name || ' ' from names where n = 1) order by n", [(1,), (2,)]),
        ("n, row_number() over (partition by name order by n) from names order by n",
         [(1, 1), (2, 2), (3, 1), (4, 1), (5, 2)]),
        ("n, nullif(name, '') is null from names order by n",
         [(1, False), (2, False), (3, False), (4, True), (5, True)]),
        ("n, case name when 'x' then 'yes' end from names order by n",
         [(1, "yes"), (2, "yes"), (3, None), (4, None), (5, None)]),
        # Stored values keep the trailing blanks, and functions see them.
        ("name || '|', len(name) from names order by n",
         [("x|", 1), ("x |", 2), (" x|", 2), ("|", 0), ("   |", 3)]),
        ("n from names where name like 'x' order by n", [(1,)]),
    ],
)  # fmt: skip
def test_trailing_blanks_are_insignificant_in_comparisons(names: Client, select: str, expected: Any) -> None:
    assert names.rows(f"select {select}") == expected
