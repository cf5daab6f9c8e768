"""COPY of JSON: the objects that it reads, how values are stored in columns, and its messages."""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import json
from typing import Any

import boto3
import pytest
import redshift_connector

from standin import Standin
from tests.databases.standin.conftest import Client

ROLE = "iam_role 'arn:aws:iam::123456789012:role/sparkify-copy'"


_numbers = itertools.count(1)


class Bucket:
    """A bucket of the test's own, in the S3 of the stand-in."""

    def __init__(self, standin: Standin) -> None:
        self.name = f"sparkify-{next(_numbers)}"
        self.url = f"s3://{self.name}"
        self._standin = standin
        standin.create_bucket(self.name)

    def put(self, key: str, *rows: Any, body: str | bytes | None = None) -> str:
        """Write an object: rows as JSON, a line each, or what is given. Returns its uri."""
        if body is None:
            body = "\n".join(
                row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows
            )
        self._standin.put_object(f"{self.url}/{key}", body)
        return f"{self.url}/{key}"


@pytest.fixture
def s3(redshift_environment: Standin) -> Bucket:
    """A bucket to write objects into."""
    return Bucket(redshift_environment)


@pytest.fixture
def t(rs: Client) -> Client:
    rs.run("create table t (a int, b varchar(10))")
    return rs


def test_what_a_client_of_s3_writes_is_what_copy_reads(t: Client, s3: Bucket) -> None:
    client = boto3.client("s3")
    client.put_object(Bucket=s3.name, Key="x/d.json", Body=b'{"a": 1}')
    t.run(f"copy t from '{s3.url}/x/' {ROLE} json 'auto'")
    assert t.rows("select a from t") == [(1,)]
    assert [o["Key"] for o in client.list_objects_v2(Bucket=s3.name)["Contents"]] == ["x/d.json"]


def test_json_auto(t: Client, s3: Bucket) -> None:
    assert t.rows("select pg_last_copy_id(), pg_last_copy_count()") == [(-1, 0)]
    s3.put("data/1.json", {"a": 1, "b": "x"}, {"b": "y", "a": 2, "more": [1]})
    s3.put("data/2.json", {"a": 3})
    assert t.run(f"copy t from '{s3.url}/data/' {ROLE} format as json 'auto'") == -1
    assert t.rows("select a, b from t order by a") == [(1, "x"), (2, "y"), (3, None)]
    assert t.notices()[-1] == "Load into table 't' completed, 3 record(s) loaded successfully."
    assert t.value("select pg_last_copy_count()") == 3
    assert t.value("select pg_last_copy_id()") > 0


def test_auto_is_case_sensitive_and_columns_are_lower_case(rs: Client, s3: Bucket) -> None:
    """The trap: the load succeeds, the columns are NULL."""
    s3.put("d.json", {"userId": "7", "itemInSession": 3, "page": "Home"})
    rs.run("create table e (userId varchar(5), itemInSession int, page varchar(10))")
    rs.run(f"copy e from '{s3.url}/d.json' {ROLE} json 'auto'")
    assert rs.rows("select * from e") == [(None, None, "Home")]
    rs.run("delete from e")
    rs.run(f"copy e from '{s3.url}/d.json' {ROLE} json 'auto ignorecase'")
    assert rs.rows("select * from e") == [("7", 3, "Home")]


def test_json_without_an_argument_means_auto(t: Client, s3: Bucket) -> None:
    s3.put("d.json", {"a": 1})
    t.run(f"copy t from '{s3.url}/d.json' {ROLE} json")
    assert t.rows("select a from t") == [(1,)]
    assert t.code(f"copy t from '{s3.url}/d.json' {ROLE} json 'automatic'") == "22023"


@pytest.mark.parametrize(
    "paths",
    [
        ["$['deep']['a']", "$['list'][1]"],
        ['$["deep"]["a"]', '$["list"][1]'],
        ["$.deep.a", "$.list[1]"],
    ],
)
def test_jsonpaths(t: Client, s3: Bucket, paths: Any) -> None:
    s3.put(
        "d.json",
        {"deep": {"a": 1}, "list": ["x", "y"]},
        {"list": ["p", "q"]},
        {"deep": None, "list": [0, None]},
    )
    s3.put("paths.json", body=json.dumps({"jsonpaths": paths}))
    t.run(f"copy t from '{s3.url}/d.json' {ROLE} json '{s3.url}/paths.json'")
    assert t.rows("select a, b from t order by a, b") == [(1, "y"), (None, "q"), (None, None)]


def test_jsonpaths_follow_the_column_list(t: Client, s3: Bucket) -> None:
    s3.put("d.json", {"A": 1, "B": "x"})
    s3.put("paths.json", body=json.dumps({"jsonpaths": ["$['B']", "$['A']"]}))
    t.run(f"copy t (b, a) from '{s3.url}/d.json' {ROLE} json '{s3.url}/paths.json'")
    assert t.rows("select a, b from t") == [(1, "x")]


def test_jsonpaths_and_columns_have_to_be_as_many(t: Client, s3: Bucket) -> None:
    s3.put("d.json", {"a": 1})
    s3.put("paths.json", body=json.dumps({"jsonpaths": ["$['a']"]}))
    error = t.error(f"copy t from '{s3.url}/d.json' {ROLE} json '{s3.url}/paths.json'")
    assert error["C"] == "XX000"
    assert error["M"] == (
        "Number of jsonpaths and the number of columns should match. "
        "JSONPath size: 1, Number of columns in table or column list: 2"
    )


def test_another_key_than_jsonpaths_silently_means_auto(t: Client, s3: Bucket) -> None:
    s3.put("d.json", {"a": 1, "B": "x"})
    s3.put("paths.json", body=json.dumps({"jsonPaths": ["$['a']", "$['B']"]}))
    t.run(f"copy t from '{s3.url}/d.json' {ROLE} json '{s3.url}/paths.json'")
    assert t.rows("select a, b from t") == [(1, None)]


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        '{"jsonpaths": "$.a"}',
        '{"jsonpaths": ["a", "b"]}',
        '{"jsonpaths": ["$.a", "$[\'b\']"]}',
    ],
)
def test_a_jsonpaths_file_that_is_none(t: Client, s3: Bucket, body: Any) -> None:
    s3.put("d.json", {"a": 1})
    s3.put("paths.json", body=body)
    error = t.error(f"copy t from '{s3.url}/d.json' {ROLE} json '{s3.url}/paths.json'")
    assert error["M"] == "JSONPath file is not in the supported JSON format."


def test_a_prefix_takes_everything_that_begins_so(t: Client, s3: Bucket) -> None:
    s3.put("a.json", {"a": 1})
    s3.put("a.json.bak", {"a": 2})
    s3.put("a.json/deeper", {"a": 3})
    s3.put("b.json", {"a": 4})
    t.run(f"copy t from '{s3.url}/a.json' {ROLE} json 'auto'")
    assert t.rows("select a from t order by a") == [(1,), (2,), (3,)]


def test_a_jsonpaths_file_below_the_prefix_is_data(t: Client, s3: Bucket) -> None:
    s3.put("log/1.json", {"a": 1, "b": "x"})
    s3.put("log/paths.json", body=json.dumps({"jsonpaths": ["$['a']", "$['b']"]}))
    t.run(f"copy t from '{s3.url}/log' {ROLE} json '{s3.url}/log/paths.json'")
    assert t.rows("select a, b from t order by a") == [(1, "x"), (None, None)]  # one extra row


def test_empty_objects_are_no_rows_and_no_objects_are_an_error(t: Client, s3: Bucket) -> None:
    s3.put("empty/", body=b"")
    s3.put("empty/1.json", body=b"")
    s3.put("empty/2.json", body=b"\n\n")
    t.run(f"copy t from '{s3.url}/empty/' {ROLE} json 'auto'")
    assert t.value("select pg_last_copy_count()") == 0
    error = t.error(f"copy t from '{s3.url}/nothing/' {ROLE} json 'auto'")
    assert error["M"] == "The specified S3 prefix 'nothing/' does not exist"
    assert "code:      8001" in error["D"]
    error = t.error(f"copy t from 's3://no-such-bucket/x' {ROLE} json 'auto'")
    assert "NoSuchBucket" in error["M"]


def manifest(s3: Bucket, *entries: Any) -> Any:
    return s3.put("m.manifest", body=json.dumps({"entries": [{"url": url, **more} for url, more in entries]}))


def test_a_manifest_names_the_objects(t: Client, s3: Bucket) -> None:
    one = s3.put("x/1.json", {"a": 1})
    s3.put("x/1.json.bak", {"a": 2})
    other = s3.put("y/3.json", {"a": 3})
    m = manifest(s3, (one, {"mandatory": True}), (other, {}), (f"{s3.url}/absent", {"mandatory": False}))
    t.run(f"copy t from '{m}' {ROLE} manifest json 'auto'")
    assert t.rows("select a from t order by a") == [(1,), (3,)]


def test_a_mandatory_object_has_to_be_there(t: Client, s3: Bucket) -> None:
    m = manifest(
        s3, (s3.put("1.json", {"a": 1}), {"mandatory": True}), (f"{s3.url}/absent", {"mandatory": True})
    )
    error = t.error(f"copy t from '{m}' {ROLE} manifest json 'auto'")
    assert error["M"] == "Mandatory url is not present in manifest file."
    assert f"{s3.url}/absent" in error["D"]
    assert t.value("select count(*) from t") == 0
    m = manifest(s3, (f"{s3.url}/absent", {}))
    assert (
        t.code(f"copy t from '{m}' {ROLE} manifest json 'auto'") == "XX000"
    )  # no object at all is also an error


def test_a_manifest_that_is_none(t: Client, s3: Bucket) -> None:
    s3.put("broken.manifest", body="{")
    error = t.error(f"copy t from '{s3.url}/broken.manifest' {ROLE} manifest json 'auto'")
    assert error["M"] == "Manifest file is not in correct json format."
    error = t.error(f"copy t from '{s3.url}/broken' {ROLE} manifest json 'auto'")
    assert error["M"] == "COPY with MANIFEST parameter requires full path of an S3 object."


def test_objects_follow_one_another_without_lines(t: Client, s3: Bucket) -> None:
    s3.put("d.json", body='{"a":1}{"a":2}\n{\n  "a": 3\n}\r\n\r\n  {"a":4}')
    t.run(f"copy t from '{s3.url}/d.json' {ROLE} json 'auto'")
    assert t.rows("select a from t order by a") == [(1,), (2,), (3,), (4,)]


def test_gzip(t: Client, s3: Bucket) -> None:
    s3.put("d.json.gz", body=gzip.compress(b'{"a":1}\n') + gzip.compress(b'{"a":2}\n'))
    t.run(f"copy t from '{s3.url}/d.json.gz' {ROLE} json 'auto' gzip")
    assert t.value("select count(*) from t") == 2


def test_gzip_has_to_be_said_and_to_be_so(t: Client, s3: Bucket, redshift: Standin) -> None:
    s3.put("d.json.gz", body=gzip.compress(b'{"a":1}\n'))
    error = t.error(f"copy t from '{s3.url}/d.json.gz' {ROLE} json 'auto'")
    assert "failed.  Check 'stl_load_errors'" in error["M"]
    s3.put("d.json", {"a": 1})
    assert "failed to inflate" in t.error(f"copy t from '{s3.url}/d.json' {ROLE} json 'auto' gzip")["M"]
    s3.put("cut.gz", body=gzip.compress(b'{"a":1}\n' * 99)[:-9])
    assert "failed to inflate" in t.error(f"copy t from '{s3.url}/cut.gz' {ROLE} json 'auto' gzip")["M"]


def test_timestamps(rs: Client, s3: Bucket) -> None:
    rs.run("create table e (ts timestamp)")
    s3.put(
        "d.json",
        {"ts": 1541105830796},
        {"ts": "1541105830796"},
        {"ts": 1541105830796.0},
        {"ts": -1},
        {"ts": ""},
    )
    rs.run(f"copy e from '{s3.url}/d.json' {ROLE} json 'auto' timeformat 'epochmillisecs'")
    moment = dt.datetime(2018, 11, 1, 20, 57, 10, 796000)
    assert [row[0] for row in rs.rows("select ts from e order by ts desc nulls last")] == [
        *(moment, moment, moment),
        *(dt.datetime(1969, 12, 31, 23, 59, 59, 999000), None),
    ]
    rs.run("delete from e")
    s3.put("e.json", {"ts": 1541105830})
    rs.run(f"copy e from '{s3.url}/e.json' {ROLE} json 'auto' timeformat as 'epochsecs'")
    s3.put("f.json", {"ts": "2018-11-01 20:57:10.796"}, {"ts": "2018-11-01"})
    rs.run(f"copy e from '{s3.url}/f.json' {ROLE} json 'auto'")
    s3.put("g.json", {"ts": "2018-11-01T20:57:10.796"})
    rs.run(f"copy e from '{s3.url}/g.json' {ROLE} json 'auto' timeformat 'auto'")
    s3.put("h.json", {"ts": "01.11.2018 20:57"})
    rs.run(f"copy e from '{s3.url}/h.json' {ROLE} json 'auto' timeformat 'DD.MM.YYYY HH24:MI'")
    assert rs.value("select count(distinct date_trunc('day', ts)) from e") == 1
    assert rs.value("select count(*) from e where ts = '2018-11-01 20:57:10.796'") == 2
    error = rs.error(f"copy e from '{s3.url}/d.json' {ROLE} json 'auto' timeformat 'EPOCHMILLISECS'")
    assert "timeformat" in error["M"]  # the value is case-sensitive


def test_values_of_all_kinds(rs: Client, s3: Bucket) -> None:
    rs.run(
        "create table e (i int, big bigint, f float, flag boolean, day date, tz timestamptz, c char(3), "
        "v varchar(40), s super)"
    )
    s3.put(
        "d.json",
        {"i": 7, "big": 1541016707796.0, "f": 1e3, "flag": True, "day": "2018-11-01",
         "tz": "2018-11-01 20:57:10+02", "c": "ab", "v": {"x": [1, 2.50]}, "s": {"x": [1, None]}},
        {"i": " 7 ", "big": "", "f": "1.5", "flag": "no", "c": "ab     ", "v": 2.50, "s": [1]},
        '{"i": null, "v": "Björk \\u00e4 \\ud83d\\ude00", "s": null, "flag": 1}',
    )  # fmt: skip
    rs.run(f"copy e from '{s3.url}/d.json' {ROLE} json 'auto'")
    assert rs.rows("select * from e order by f") == [
        (7, None, 1.5, False, None, None, "ab ", "2.5", "[1]"),
        (7, 1541016707796, 1000.0, True, dt.date(2018, 11, 1),
         dt.datetime(2018, 11, 1, 18, 57, 10, tzinfo=dt.UTC), "ab ", '{"x":[1,2.5]}', '{"x": [1, null]}'),
        (None, None, None, True, None, None, None, "Björk ä 😀", None),
    ]  # fmt: skip


def test_numeric_is_cut_and_goes_through_a_double(rs: Client, s3: Bucket) -> None:
    """The documentation warns of it: numbers in quotes, or ROUNDEC, or no NUMERIC."""
    rs.run("create table e (n numeric(8,2))")
    s3.put("d.json", '{"n": 20.259}', '{"n": 19.99}', '{"n": "19.99"}')
    rs.run(f"copy e from '{s3.url}/d.json' {ROLE} json 'auto'")
    assert [str(row[0]) for row in rs.rows("select n from e order by n")] == ["19.98", "19.99", "20.25"]
    rs.run("delete from e")
    rs.run(f"copy e from '{s3.url}/d.json' {ROLE} json 'auto' roundec")
    assert [str(row[0]) for row in rs.rows("select n from e order by n")] == ["19.99", "19.99", "20.26"]


def test_truncatecolumns_cuts_at_bytes_and_whole_characters(rs: Client, s3: Bucket) -> None:
    rs.run("create table e (v varchar(4), c char(2))")
    s3.put("d.json", {"v": "abcdef", "c": "xyz"}, {"v": "aäöü"})
    rs.run(f"copy e from '{s3.url}/d.json' {ROLE} json 'auto' truncatecolumns")
    assert rs.rows("select v, c from e order by v") == [("abcd", "xy"), ("aä", None)]


def test_acceptinvchars(rs: Client, s3: Bucket) -> None:
    rs.run("create table e (v varchar(20))")
    s3.put("d.json", body=b'{"v": "a\xff\xfeb"}\n{"v": "\\ud800"}')
    rs.run(f"copy e from '{s3.url}/d.json' {ROLE} json 'auto' acceptinvchars as '^'")
    assert rs.rows("select v from e order by v") == [("^",), ("a^^b",)]
    rs.run("delete from e")
    rs.run(f"copy e from '{s3.url}/d.json' {ROLE} json 'auto' acceptinvchars")
    assert rs.rows("select v from e order by v") == [("?",), ("a??b",)]


def test_emptyasnull_blanksasnull_trimblanks(rs: Client, s3: Bucket) -> None:
    rs.run("create table e (v varchar(5))")
    s3.put("d.json", {"v": ""}, {"v": "  "}, {"v": "a  "})
    load = f"copy e from '{s3.url}/d.json' {ROLE} json 'auto'"
    for options, expected in (
        ("", ["", "  ", "a  "]),
        ("emptyasnull", ["  ", "a  ", None]),
        ("blanksasnull", ["", "a  ", None]),
        ("trimblanks", ["", "", "a"]),
    ):
        rs.run("delete from e")
        rs.run(f"{load} {options}")
        assert [row[0] for row in rs.rows("select v from e order by v")] == expected


def test_columns_that_are_not_listed_get_their_default(rs: Client, s3: Bucket) -> None:
    rs.run("create table e (a int, b varchar(5) default 'none', c varchar(5) default 'none')")
    s3.put("d.json", {"a": 1, "b": "x", "c": "y"}, {"a": 2})
    rs.run(f"copy e (a, b) from '{s3.url}/d.json' {ROLE} json 'auto'")
    assert rs.rows("select a, b, c from e order by a") == [(1, "x", "none"), (2, None, "none")]


def test_identity_columns(rs: Client, s3: Bucket) -> None:
    rs.run("create table e (id int identity(0,1), a int)")
    s3.put("d.json", {"id": 500, "a": 1})
    s3.put("paths.json", body=json.dumps({"jsonpaths": ["$['a']"]}))
    rs.run(f"copy e from '{s3.url}/d.json' {ROLE} json 'auto'")
    rs.run(f"copy e from '{s3.url}/d.json' {ROLE} json '{s3.url}/paths.json'")
    assert len(set(rs.rows("select id from e"))) == 2
    assert rs.value("select max(id) from e") < 500
    assert rs.code(f"copy e (id, a) from '{s3.url}/d.json' {ROLE} json 'auto'") == "0A000"
    assert rs.code(f"copy e (a) from '{s3.url}/d.json' {ROLE} json 'auto' explicit_ids") == "0A000"
    rs.run(f"copy e (id, a) from '{s3.url}/d.json' {ROLE} json 'auto' explicit_ids")
    assert rs.value("select max(id) from e") == 500


def test_noload_loads_nothing_and_finds_errors(t: Client, s3: Bucket) -> None:
    s3.put("d.json", {"a": 1})
    t.run(f"copy t from '{s3.url}/d.json' {ROLE} json 'auto' noload")
    assert t.value("select count(*) from t") == 0
    s3.put("d.json", {"a": "x"})
    assert t.code(f"copy t from '{s3.url}/d.json' {ROLE} json 'auto' noload") == "XX000"


@pytest.mark.parametrize(
    "options",
    [
        "compupdate off statupdate off",
        "compupdate on statupdate true comprows 1000",
        "compupdate preset",
        "compupdate",
        "region as 'us-east-1' encoding as 'UTF8'",
        "maxerror as 10 acceptanydate",
    ],
)
def test_options_that_are_taken(t: Client, s3: Bucket, options: Any) -> None:
    s3.put("d.json", {"a": 1})
    t.run(f"copy t from '{s3.url}/d.json' {ROLE} json 'auto' {options}")
    assert t.value("select count(*) from t") == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("json 'auto'", "42601"),  # no authorization
        (f"{ROLE} credentials 'aws_iam_role=arn:aws:iam::1:role/x' json 'auto'", "42601"),
        (f"{ROLE} json 'auto' json 'auto'", "42601"),
        (f"{ROLE} json 'auto' gzip gzip", "42601"),
        (f"{ROLE} json 'auto' delimiter ','", "42601"),
        (f"{ROLE} json 'auto' fillrecord", "42601"),
        (f"{ROLE} json 'auto' ignoreheader 1", "42601"),
        (f"{ROLE} json 'auto' csv", "42601"),
        (f"{ROLE} json 'auto' nonsense", "42601"),
        (f"{ROLE} json 'auto' maxerror 100001", "22023"),
        (f"{ROLE} json 'auto' maxerror 'x'", "42601"),
        ("iam_role 'not an arn' json 'auto'", "22023"),
        (f"{ROLE} csv", "0A000"),
        (f"{ROLE} format as parquet", "0A000"),
        (f"{ROLE}", "0A000"),
    ],
)
def test_options_that_are_refused(shared: Client, s3: Bucket, words: str, code: str) -> None:
    s3.put("d.json", {"a": 1})
    shared.run("create table if not exists t (a int)")
    assert shared.code(f"copy t from '{s3.url}/d.json' {words}") == code


def test_the_column_list_and_the_table_have_to_exist(t: Client, s3: Bucket) -> None:
    s3.put("d.json", {"a": 1})
    error = t.error(f"copy nothing from '{s3.url}/d.json' {ROLE} json 'auto'")
    assert (error["C"], error["M"]) == ("XX000", "Cannot COPY into nonexistent table nothing")
    assert t.code(f"copy t (z) from '{s3.url}/d.json' {ROLE} json 'auto'") == "42703"
    assert t.code(f"copy t (a, a) from '{s3.url}/d.json' {ROLE} json 'auto'") == "42701"
    assert t.code("copy t from stdin") == "42601"


@pytest.mark.parametrize("words", ["iam_role default", ROLE, "credentials 'aws_iam_role=arn:aws:iam::1:role/x'",
                                   "with credentials as 'aws_iam_role=arn:aws:iam::1:role/x'"])  # fmt: skip
def test_roles(t: Client, s3: Bucket, redshift: Standin, words: str) -> None:
    s3.put("d.json", {"a": 1})
    t.run(f"copy t from '{s3.url}/d.json' {words} json 'auto'")
    redshift.refused_roles |= {
        "default",
        "arn:aws:iam::123456789012:role/sparkify-copy",
        "arn:aws:iam::1:role/x",
    }
    error = t.error(f"copy t from '{s3.url}/d.json' {words} json 'auto'")
    assert error["C"] == "XX000"
    assert "is not authorized to assume IAM Role" in error["M"]


def test_a_bucket_in_another_region_has_to_be_named(t: Client, redshift: Standin) -> None:
    redshift.create_bucket("sparkify-west", "us-west-2")
    redshift.put_object("s3://sparkify-west/d.json", '{"a": 1}')
    error = t.error(f"copy t from 's3://sparkify-west/d.json' {ROLE} json 'auto'")
    assert "PermanentRedirect" in error["M"]
    t.run(f"copy t from 's3://sparkify-west/d.json' {ROLE} json 'auto' region 'us-west-2'")
    assert t.value("select count(*) from t") == 1


def test_copy_in_a_transaction_that_is_rolled_back(tx: Client, s3: Bucket) -> None:
    s3.put("d.json", {"a": 1, "b": "x"})
    tx.run("create table t (a int, b varchar(10))")
    tx.commit()
    tx.run(f"copy t from '{s3.url}/d.json' {ROLE} json 'auto'")
    assert tx.value("select count(*) from t") == 1
    tx.rollback()
    assert tx.value("select count(*) from t") == 0
    assert tx.value("select pg_last_copy_count()") == 1  # the session keeps it
    tx.rollback()
    tx.run(f"copy t from '{s3.url}/d.json' {ROLE} json 'auto'")
    tx.commit()
    assert tx.value("select count(*) from t") == 1


def test_copy_into_a_temporary_table_and_another_schema(rs: Client, s3: Bucket) -> None:
    s3.put("d.json", {"a": 1})
    rs.run("create temp table stage (a int)")
    rs.run(f"copy stage from '{s3.url}/d.json' {ROLE} json 'auto'")
    rs.run("create schema star")
    rs.run("create table star.t (a int)")
    rs.run(f"copy star.t from '{s3.url}/d.json' {ROLE} json 'auto'")
    assert rs.rows("select s.a, t.a from stage s join star.t t on s.a = t.a") == [(1, 1)]


def test_load_history(rs: Client, s3: Bucket, redshift: Standin) -> None:
    rs.run("create table t (a int, b varchar(10))")
    url = s3.put("d.json", {"a": 1}, {"a": 2}, {"a": "x"})
    rs.run(f"copy t from '{url}' {ROLE} json 'auto' maxerror 5")
    query = rs.value("select pg_last_copy_id()")
    (history,) = rs.rows(
        "select query_id, trim(status), table_name, data_source, trim(file_format), loaded_rows, "
        "source_file_count, error_count from sys_load_history"
    )
    assert history == (query, "completed", "t", url, "JSON", 2, 1, 1)
    assert rs.rows("select trim(file_name), lines_scanned, error_count from sys_load_detail") == [(url, 3, 1)]
    assert rs.rows(
        "select trim(filename), lines_scanned, errors from stl_load_commits where query = %s", query
    ) == [(url, 3, 1)]


def test_a_file_that_vanishes_or_changes_between_listing_and_reading(
    t: Client, s3: Bucket, redshift: Standin
) -> None:
    url = s3.put("d.json", {"a": 1})
    redshift.before_read = lambda bucket, key: redshift.delete_object(f"s3://{bucket}/{key}")
    error = t.error(f"copy t from '{url}' {ROLE} json 'auto'")
    assert "NoSuchKey" in error["M"]
    s3.put("d.json", {"a": 1})
    redshift.before_read = lambda bucket, key: redshift.put_object(f"s3://{bucket}/{key}", '{"a": 2}')
    t.run(f"copy t from '{url}' {ROLE} json 'auto'")
    assert t.rows("select a from t") == [(2,)]


def test_s3_may_be_a_server_elsewhere(
    redshift: Standin, strict: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same COPY through HTTP, as it would be with another moto, MinIO or the like."""
    strict.create_bucket("sparkify-http")
    strict.create_bucket("sparkify-http-west", "us-west-2")
    strict.put_object("s3://sparkify-http/x/1.json", '{"a": 1}')
    assert redshift.objects_below("s3://sparkify-http/x") == ["s3://sparkify-http/x/1.json"]
    monkeypatch.setenv("SSL_CERT_FILE", str(strict.ca_file))
    connection = redshift_connector.connect(**strict.connect_args())
    cursor = connection.cursor()
    cursor.execute("create table t (a int)")
    cursor.execute(f"copy t from 's3://sparkify-http/x/' {ROLE} json 'auto'")
    cursor.execute("select a from t")
    assert cursor.fetchall() == ([1],)
    with pytest.raises(redshift_connector.ProgrammingError, match="PermanentRedirect"):
        cursor.execute(f"copy t from 's3://sparkify-http-west/x' {ROLE} json 'auto'")
    connection.close()
    strict.delete_object("s3://sparkify-http/x/1.json")
    assert strict.objects_below("s3://sparkify-http/x") == []
