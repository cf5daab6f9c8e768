"""COPY's errors: their codes, how many are allowed, and the system tables that keep them after a rollback."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import redshift_connector

from standin import Standin
from tests.databases.standin.conftest import Client
from tests.databases.standin.test_standin_copy import ROLE, Bucket, s3

__all__ = ["s3"]

FAILED = "Load into table 't' failed.  Check 'stl_load_errors' system table for details."


@pytest.fixture
def load(shared: Client, s3: Bucket) -> Any:
    """Loads rows into a table of its own; the error rows."""

    def load(columns: Any, *rows: Any, options: Any = "", body: Any = None) -> Any:
        shared.run("drop table if exists t")
        shared.run(f"create table t ({columns})")
        url = s3.put("d.json", *rows, body=body)
        error = shared.error(f"copy t from '{url}' {ROLE} json 'auto' {options}")
        assert (error["C"], error["M"], error["R"]) == ("XX000", FAILED, "CheckMaxRowError")
        return shared.rows(
            "select line_number, trim(colname), trim(type), trim(col_length), err_code, trim(err_reason), "
            "trim(raw_field_value) from stl_load_errors order by query desc, line_number"
        )[0]

    return load


@pytest.mark.parametrize(
    ("column", "value", "type_", "length", "code", "reason"),
    [
        ("a int", '"abc"', "int4", "0", 1207, "Invalid digit, Value 'a', Pos 0, Type: Integer"),
        ("a int", '"1x"', "int4", "0", 1207, "Invalid digit, Value 'x', Pos 1, Type: Integer"),
        ("a int", "true", "int4", "0", 1207, "Invalid digit, Value 't', Pos 0, Type: Integer"),
        ("a int", "10.7", "int4", "0", 1207, "Invalid digit, Value '.', Pos 2, Type: Integer"),
        ("a int", '{"x": 1}', "int4", "0", 1207, "Invalid digit, Value '{', Pos 0, Type: Integer"),
        ("a int", "2147483648", "int4", "0", 1222, "Overflow, Column type: Integer"),
        ("a smallint", "40000", "int2", "0", 1222, "Overflow, Column type: Short"),
        ("a bigint", "99999999999999999999", "int8", "0", 1222, "Overflow, Column type: Long"),
        ("a numeric(5,2)", '"x"', "numeric", "5, 2", 1207, "Invalid digit, Value 'x', Pos 0, Type: Decimal"),
        ("a numeric(5,2)", "1000", "numeric", "5, 2", 1204, "Numeric overflow, Column type: Decimal(5, 2)"),
        ("a float", '"x"', "float8", "0", 1208, "Invalid float value 'x'"),
        ("a float", "1e400", "float8", "0", 1204, "Overflow, Column type: Float"),
        ("a float", "1e-400", "float8", "0", 1204, "Underflow, Column type: Float"),
        ("a float", "1e-310", "float8", "0", 1204, "Underflow, Column type: Float"),
        ("a boolean", '"maybe"', "bool", "0", 1210, "Unknown boolean format"),
        ("a date", '"1.1.18"', "date", "0", 1205, "Invalid Date Format - length must be 10 or more"),
        ("a timestamp", '"soon"', "timestamp", "0", 1206,
         "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"),
        ("a timestamp", "1541105830796", "timestamp", "0", 1206,
         "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"),
        ("a varchar(5)", '"abcdef"', "varchar", "5", 1204, "String length exceeds DDL length"),
        ("a varchar(5)", '"äöü"', "varchar", "5", 1204, "String length exceeds DDL length"),
        ("a char(2)", '"abc"', "char", "2", 1204, "Char length exceeds DDL length"),
        ("a char(2)", '"ä"', "char", "2", 1220,
         "Multibyte character not supported for CHAR (Hint: try using VARCHAR). Invalid char: c3 a4"),
        ("a int not null", "null", "int4", "0", 1213, "Missing data for not-null field"),
        ("a int not null", '""', "int4", "0", 1213, "Missing data for not-null field"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit(
    load: Any, column: Any, value: Any, type_: Any, length: Any, code: str, reason: str
) -> None:
    found = load(column, '{"a": ' + value + "}")
    assert found[:6] == (1, "a", type_, length, code, reason[:100])


def test_the_value_is_kept(load: Any) -> None:
    assert load("a int", {"a": 1}, {"a": "näh"})[0] == 2
    assert load("a int", {"a": "näh"})[6] == "n.h"  # a non-ASCII character becomes a full stop


def test_epochmillisecs_that_are_none(load: Any) -> None:
    assert load("a timestamp", {"a": "x"}, options="timeformat 'epochmillisecs'")[4] == 1206
    assert load("a timestamp", {"a": 10**20}, options="timeformat 'epochmillisecs'")[4] == 1206


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [
        (b'{"a": 1}\n{"a": \n', 2, "Invalid value."),
        (b'{"a": 1}\nno json\n', 2, "Invalid value."),
        (b'{"a": 1} trailing\n', 1, "Invalid value."),
        (b'{"a": 1,}', 1, "Invalid value."),
        (b'{"a": NaN}', 1, "Invalid value."),
        (b"{'a': 1}", 1, "Invalid value."),
        (b'{"a": "\x01"}', 1, "Invalid value."),
        (b'\xef\xbb\xbf{"a": 1}', 1, "Invalid value."),
        (b"\x1f\x8b\x08\x00", 1, "Invalid value."),
        (b'[{"a": 1}]', 1, "Invalid JSONPath format: Member is not an object."),
        (b"17", 1, "Invalid JSONPath format: Member is not an object."),
        (b"null", 1, "Invalid JSONPath format: Member is not an object."),
        (b"[" * 100_000, 1, "Invalid value."),
        (b'\n\n{\n"a":\n"x"}\n', 5, "Invalid digit, Value 'x', Pos 0, Type: Integer"),  # its last line counts
    ],
)
def test_json_that_is_none(load: Any, body: Any, line: Any, reason: str) -> None:
    found = load("a int", body=body)
    assert (found[0], found[5]) == (line, reason)


def test_an_object_of_more_than_four_megabytes(load: Any) -> None:
    assert "4194304" in load("a varchar(5)", {"b": "x" * 4_200_000})[5]


def test_text_that_is_not_utf8(load: Any) -> None:
    found = load("a varchar(20)", body=b'{"a": "b\xa4c"}')
    assert found[4] == 1220
    assert found[5].startswith(
        "String contains invalid or unsupported UTF-8 codepoints. Bad UTF-8 hex sequence: a4"
    )


def test_a_not_null_column_that_is_not_listed(rs: Client, s3: Bucket) -> None:
    rs.run("create table t (a int, b int not null)")
    url = s3.put("d.json", {"a": 1, "b": 2})
    assert rs.error(f"copy t (a) from '{url}' {ROLE} json 'auto'")["M"] == FAILED
    assert rs.rows("select trim(colname), err_code from stl_load_errors") == [("b", 1213)]


def test_array_elements_have_to_be_there(rs: Client, s3: Bucket) -> None:
    rs.run("create table t (a int)")
    url = s3.put("d.json", {"list": [1]})
    paths = s3.put("paths.json", body=json.dumps({"jsonpaths": ["$['list'][3]"]}))
    rs.error(f"copy t from '{url}' {ROLE} json '{paths}'")
    assert rs.value("select trim(err_reason) from stl_load_errors") == (
        "Invalid JSONPath format: Not an array or index out of range."
    )


@pytest.mark.parametrize(
    ("maxerror", "loads"), [(None, False), (0, False), (1, False), (2, False), (3, True), (10, True)]
)
def test_the_load_fails_when_there_are_as_many_errors_as_maxerror(
    rs: Client, s3: Bucket, maxerror: Any, loads: Any
) -> None:
    rs.run("create table t (a int)")
    url = s3.put("d.json", {"a": 1}, {"a": "x"}, {"a": "y"}, {"a": 2})
    option = "" if maxerror is None else f"maxerror {maxerror}"
    statement = f"copy t from '{url}' {ROLE} json 'auto' {option}"
    if loads:
        rs.run(statement)
        assert rs.notices()[-2:] == [
            "Load into table 't' completed, 2 record(s) loaded successfully.",
            (
                "Load into table 't' completed, 2 record(s) could not be loaded.  "
                "Check 'stl_load_errors' system table for details."
            ),
        ]
        assert rs.value("select pg_last_copy_count()") == 2
    else:
        assert rs.error(statement)["M"] == FAILED
        assert rs.value("select pg_last_copy_count()") == 0
    assert rs.value("select count(*) from t") == (2 if loads else 0)
    # a failed load stops at the first error over the limit
    assert rs.value("select count(*) from stl_load_errors") == (2 if loads else max(1, maxerror or 0))


def test_twenty_errors_a_slice_are_kept(rs: Client, s3: Bucket, redshift: Standin) -> None:
    rs.run("create table t (a int)")
    for number in range(4):
        s3.put(f"data/{number}.json", *[{"a": "x"}] * 50)
    rs.run(f"copy t from '{s3.url}/data/' {ROLE} json 'auto' maxerror 100000")
    assert rs.rows("select slice, count(*) from stl_load_errors group by 1 order by 1") == [(0, 20), (1, 20)]
    assert redshift.slices == 2
    assert rs.value("select error_count from sys_load_history") == 200


def test_the_error_tables_survive_the_rollback(
    redshift: Standin, tx: Client, s3: Bucket, connect: Callable[..., Client]
) -> None:
    url = s3.put("d.json", {"a": 1, "b": "fine"}, {"a": 7, "b": "much too long"})
    tx.run("create table t (a int, b varchar(5))")
    with pytest.raises(redshift_connector.ProgrammingError):
        tx.run(f"copy t from '{url}' {ROLE} json 'auto'")
    tx.rollback()
    query = tx.value("select pg_last_copy_id()")
    other = connect()
    assert other.rows(
        "select query, trim(filename), line_number, trim(colname), trim(type), trim(raw_line), "
        "trim(raw_field_value), err_code, trim(err_reason) from stl_load_errors"
    ) == [
        (query, url, 2, "b", "varchar", '{"a": 7, "b": "much too long"}', "much too long", 1204,
         "String length exceeds DDL length")
    ]  # fmt: skip
    assert other.rows(
        "select query_id, trim(file_name), line_number, trim(column_name), trim(column_type), "
        "trim(column_length), error_code, trim(error_message), trim(database_name) from sys_load_error_detail"
    ) == [(query, url, 2, "b", "varchar", "5", 1204, "String length exceeds DDL length", "dev")]
    assert other.rows("select field, trim(colname), trim(value) from stl_loaderror_detail order by field") == [
        (0, "a", "7"),
        (1, "b", "much too long"),
    ]
    assert other.rows("select trim(status), loaded_rows from sys_load_history") == [("aborted", 0)]
    (row,) = redshift.stl_load_errors()
    assert (row["filename"], row["line_number"], row["err_code"]) == (url, "2", "1204")


def test_the_columns_are_padded_with_blanks_as_char_is(rs: Client, s3: Bucket) -> None:
    rs.run("create table t (a int)")
    rs.error(f"copy t from '{s3.put('d.json', {'a': 'x'})}' {ROLE} json 'auto'")
    filename, column, reason = rs.rows("select filename, colname, err_reason from stl_load_errors")[0]
    assert (len(filename), len(column), len(reason)) == (256, 127, 100)


def test_a_transaction_sees_the_errors_of_its_own_load(tx: Client, s3: Bucket) -> None:
    """Its snapshot is older than the rows that were written beside it."""
    url = s3.put("d.json", {"a": 1}, {"a": "x"})
    tx.run("create table t (a int)")
    assert tx.value("select count(*) from stl_load_errors") == 0
    tx.run(f"copy t from '{url}' {ROLE} json 'auto' maxerror 2")
    assert tx.value("select count(*) from stl_load_errors where query = pg_last_copy_id()") == 1
    assert tx.value("select loaded_rows from sys_load_history where query_id = pg_last_copy_id()") == 1
    tx.commit()
    assert tx.value("select count(*) from stl_load_errors") == 1  # not two of each
