"""UNLOAD: the files that it writes, and those that it does not overwrite."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest

from standin import Standin
from tests.databases.standin.conftest import Client

ROLE = "iam_role 'arn:aws:iam::123456789012:role/r'"


@pytest.fixture
def bucket(redshift: Standin) -> Any:
    name = f"unload-{id(redshift.statements)}"
    redshift.create_bucket(name)
    return f"s3://{name}"


@pytest.fixture
def t(rs: Client) -> Client:
    rs.run("create table t (a int, b varchar(10), c timestamp, d numeric(8,2), e boolean, f float)")
    rs.run(
        "insert into t values (1, 'it''s ä', '2018-11-01 20:57:10.796', 19.99, true, 1.5), "
        "(2, null, null, null, null, null)"
    )
    return rs


def read(redshift: Standin, tmp_path: Path, url: Any) -> Any:
    from standin.objects import location

    body = redshift.objects.get(location(url))
    assert body is not None
    (tmp_path / "part").write_bytes(body)
    with duckdb.connect() as db:
        return db.execute(f"select * from read_parquet('{tmp_path}/part') order by 1").fetchall()


def test_parquet(redshift: Standin, t: Client, bucket: str, tmp_path: Path) -> None:
    assert (
        t.run(
            f"unload ('select * from t where b = ''it''''s ä'' or a = 2') to '{bucket}/out/' {ROLE} "
            "format as parquet"
        )
        == -1
    )
    parts = [f"{bucket}/out/0000_part_00.parquet", f"{bucket}/out/0001_part_00.parquet"]
    assert redshift.objects_below(bucket) == parts
    (first,), (second,) = (read(redshift, tmp_path, part) for part in parts)
    assert first[:3] == (1, "it's ä", dt.datetime(2018, 11, 1, 20, 57, 10, 796000))
    assert [str(v) for v in first[3:]] == ["19.99", "True", "1.5"]
    assert second == (2, None, None, None, None, None)
    assert t.value("select pg_last_unload_count()") == 2
    assert t.notices()[-1] == "UNLOAD completed, 2 record(s) unloaded successfully."


def test_a_destination_that_is_not_empty(redshift: Standin, t: Client, bucket: str, tmp_path: Path) -> None:
    redshift.put_object(f"{bucket}/out/stray", "x")
    unload = f"unload ('select a from t') to '{bucket}/out/' {ROLE} parquet"
    error = t.error(unload)
    assert error["C"] == "XX000"
    assert error["M"].startswith("Specified unload destination on S3 is not empty.")
    t.run(unload + " allowoverwrite")
    parts = [f"{bucket}/out/0000_part_00.parquet", f"{bucket}/out/0001_part_00.parquet"]
    assert redshift.objects_below(bucket) == [*parts, f"{bucket}/out/stray"]
    t.run(unload + " cleanpath parallel off")
    assert redshift.objects_below(bucket) == [f"{bucket}/out/000.parquet"]
    assert read(redshift, tmp_path, f"{bucket}/out/000.parquet") == [(1,), (2,)]


def test_csv(redshift: Standin, t: Client, bucket: str) -> None:
    from standin.objects import location

    t.run(f"unload ('select a, b from t order by a') to '{bucket}/csv_' {ROLE} csv header")
    assert redshift.objects.get(location(f"{bucket}/csv_0000_part_00")) == "a,b\n1,it's ä\n".encode()
    assert redshift.objects.get(location(f"{bucket}/csv_0001_part_00")) == b"a,b\n2,\n"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("unload ('select a from t limit 1') to '{b}/x' {r} parquet", "0A000"),
        ("unload ('select a from t') to '{b}/x' {r} parquet allowoverwrite cleanpath", "42601"),
        ("unload ('select a from t') to '{b}/x' parquet", "42601"),
        ("unload ('select a from t') to '{b}/x' {r} format orc", "0A000"),
        ("unload ('select a from t') to '{b}/x' {r}", "0A000"),
        ("unload ('select a from t') to '{b}/x' {r} parquet nonsense", "42601"),
        ("unload ('select z from t') to '{b}/x' {r} parquet", "42703"),
        ("unload ('select distinct on (a) a from t') to '{b}/x' {r} parquet", "0A000"),
        ("unload ('select a from t') to 's3://no-such-bucket/x' {r} parquet", "XX000"),
        ("unload ('select a from t') to 'file:///tmp/x' {r} parquet", "22023"),
    ],
)
def test_refused(redshift: Standin, t: Client, bucket: str, statement: Any, code: str) -> None:
    assert t.code(statement.format(b=bucket, r=ROLE)) == code
    assert redshift.objects_below(bucket) == []


def test_a_limit_inside_is_taken(t: Client, bucket: str) -> None:
    t.run(f"unload ('select * from (select a from t order by a limit 1)') to '{bucket}/x' {ROLE} parquet")
    assert t.value("select pg_last_unload_count()") == 1
