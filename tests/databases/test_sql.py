"""A user's own SQL on both databases: it can read, and do nothing else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from sparkify import Warehouse
from sparkify.databases import database_type
from sparkify.databases.reader import SqlReader
from sparkify.databases.redshift.user_sql import RedshiftReader
from sparkify.etl.errors import ConfigurationError, SparkifyError
from sparkify.warehouse.sql import SqlQuery
from standin import Standin
from tests.support.commands import run_here, run_module

THREE = [
    "CREATE TABLE numbers (n INTEGER, name VARCHAR(20), price DECIMAL(10, 2), moment TIMESTAMP)",
    "INSERT INTO numbers VALUES (1, 'one', 1.50, TIMESTAMP '2018-11-01 20:00:00.796')",
    "INSERT INTO numbers VALUES (2, '', NULL, NULL)",
    "INSERT INTO numbers VALUES (3, NULL, 12345678.90, TIMESTAMP '2018-11-02 00:00:00.000001')",
]


@pytest.fixture(params=["duckdb", "redshift"])
def numbers(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Warehouse]:
    """A database with one table of three rows, and none of ours."""
    url = f"duckdb:///{tmp_path / 'numbers.duckdb'}"
    if request.param == "redshift":
        redshift: Standin = request.getfixturevalue("redshift")
        url = redshift.url
        for name, value in redshift.environment.items():
            monkeypatch.setenv(name, value)
    else:
        duckdb.connect(str(tmp_path / "numbers.duckdb")).close()
    with Warehouse(url) as warehouse:
        with warehouse.engine.begin() as connection:
            for statement in THREE:
                connection.exec_driver_sql(statement)
        yield warehouse


def count(warehouse: Warehouse) -> int:
    with warehouse.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM numbers").scalar_one())


def run(warehouse: Warehouse, *arguments: str, answers: str | None = None) -> subprocess.CompletedProcess[str]:
    """The command on the same database, which must be let go of first."""
    warehouse.close()
    url = warehouse.url.render_as_string(hide_password=False)
    return run_here("sparkify", "sql", *arguments, "--database", url, cwd=Path.cwd(), answers=answers)


# -- what it returns ---------------------------------------------------------------------------------------


def test_rows_and_records(numbers: Warehouse) -> None:
    asked = numbers.sql("SELECT n, name FROM numbers ORDER BY n;")
    assert asked.all() == [(1, "one"), (2, ""), (3, None)]
    assert list(asked) == asked.all()
    assert numbers.sql("SELECT 1 AS n, 2 AS n").records() == [{"n": 1, "n_1": 2}]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 'a%s' AS t, 7 % 4 AS m -- 50 % of it",
        "/* % */ SELECT 'a%s' AS t, 7 % 4 AS m",
        "WITH x AS (SELECT 'a%s' AS t, 7 % 4 AS m) SELECT * FROM x;  ",
        "SELECT 'a%s' AS t, 7 % 4 AS m WHERE ';' = ';'",
    ],
)
def test_percent_signs_comments_and_semicolons(numbers: Warehouse, text: str) -> None:
    assert numbers.sql(text).all() == [("a%s", 3)]


def test_session_is_in_utc(tmp_path: Path) -> None:
    """As on Redshift; DuckDB would take the zone of the machine."""
    duckdb.connect(str(tmp_path / "sparkify.duckdb")).close()
    text = "SELECT CAST(TIMESTAMPTZ '2018-11-01 00:00:00+00' AS VARCHAR) AS t"
    done = run_module("sparkify", "sql", text, "--csv", cwd=tmp_path, environment={"TZ": "Asia/Kolkata"})
    assert (done.returncode, done.stdout) == (0, "t\n2018-11-01 00:00:00+00\n")


# -- what it refuses ---------------------------------------------------------------------------------------

WRITES = {
    "DELETE": "DELETE FROM numbers",
    "INSERT": "INSERT INTO numbers (n) VALUES (4)",
    "UPDATE": "UPDATE numbers SET n = 0",
    "DROP": "DROP TABLE numbers",
    "CREATE": "CREATE TABLE more (n INTEGER)",
    "COPY": "COPY numbers TO 'numbers.csv'",
    "SET": "SET search_path TO x",
    "COMMIT or TRANSACTION": "COMMIT",
    "behind a comment": "/* SELECT */ -- SELECT\nDELETE FROM numbers",
    "two statements": "SELECT 1; DELETE FROM numbers",
    "two that read": "SELECT 1; SELECT 2",
    "nothing": " -- SELECT 1\n",
}


@pytest.mark.parametrize("how", WRITES)
def test_statement_that_is_no_select_is_refused_unsent(numbers: Warehouse, how: str) -> None:
    with pytest.raises(ConfigurationError, match="may only read|one statement|no SQL"):
        numbers.sql(WRITES[how])
    assert count(numbers) == 3


def unchecked(warehouse: Warehouse, text: str, monkeypatch: pytest.MonkeyPatch) -> SqlQuery:
    """What would be run if the kind of statement were not looked at."""
    monkeypatch.setattr(type(warehouse.database.reader), "check", lambda *_: None)
    return warehouse.sql(text)


@pytest.mark.parametrize("how", ["DELETE", "INSERT", "UPDATE", "DROP", "CREATE"])
def test_database_itself_refuses_to_write(
    numbers: Warehouse, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The second wall: a READ ONLY transaction."""
    with pytest.raises(ConfigurationError, match="may only read, and this statement does not"):
        unchecked(numbers, WRITES[how], monkeypatch).all()
    assert count(numbers) == 3


def test_without_read_only_it_would_write_and_is_rolled_back(
    numbers: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above, and the third wall."""
    monkeypatch.setattr(type(numbers.database.reader), "begin", "BEGIN")
    with numbers.engine.connect() as connection, numbers.database.reader.transaction(connection) as begun:
        assert begun.exec_driver_sql("DELETE FROM numbers").rowcount == 3
    assert count(numbers) == 3


def test_connection_can_write_again_afterwards(numbers: Warehouse) -> None:
    assert len(numbers.sql("SELECT * FROM numbers").all()) == 3
    with pytest.raises(SparkifyError):
        numbers.sql("SELECT * FROM nowhere").all()
    with numbers.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM numbers WHERE n = 3")
    assert count(numbers) == 2


def test_select_into_is_refused(numbers: Warehouse) -> None:
    with pytest.raises(SparkifyError):
        numbers.sql("SELECT n INTO more FROM numbers").all()
    with numbers.engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["numbers"]


def test_pivot_is_one_statement_that_reads_on_duckdb(tmp_path: Path) -> None:
    duckdb.connect(str(tmp_path / "x.duckdb")).close()
    with Warehouse(f"duckdb:///{tmp_path / 'x.duckdb'}", read_only=True) as warehouse:
        text = "PIVOT (VALUES ('a', 1), ('b', 2)) AS t(name, n) ON name USING sum(n)"
        assert warehouse.sql(text, external_access=False).records() == [{"a": 1, "b": 2}]
        with pytest.raises(ConfigurationError):
            warehouse.sql(f"{text}; DROP TABLE users")


def test_unload_and_call_are_refused_on_redshift() -> None:
    """READ ONLY hinders neither: the one writes to S3, the other may commit."""
    for text in ("UNLOAD ('SELECT 1') TO 's3://x/y'", "CALL tidy()", "(SELECT 1) UNION SELECT 2; COMMIT"):
        with pytest.raises(ConfigurationError):
            RedshiftReader().check(text)
    for text in ("SHOW search_path", "explain select 1", "(SELECT 1) UNION (SELECT 2);"):
        RedshiftReader().check(text)


def test_every_database_has_a_reader() -> None:
    for name in ("duckdb", "redshift"):
        assert isinstance(database_type(name).reader, SqlReader)


# -- errors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT m FROM numbers", "m"),
        ("SELECT CAST(name AS INTEGER) FROM numbers WHERE n = 1", "one"),
        ("SELECT 1 +", "syntax error"),
        ("SELECT 'a", "unterminated"),
    ],
)
def test_error_of_sql_is_one_line_with_the_words_of_the_database(
    numbers: Warehouse, text: str, words: str
) -> None:
    done = run(numbers, text)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr
    assert "not expected" not in done.stderr


def test_refused_write_is_one_sentence(numbers: Warehouse) -> None:
    done = run(numbers, "DELETE FROM numbers")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the SQL may only read, and DELETE does not; nothing was changed\n"


def test_no_secret_in_errors(redshift: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in redshift.environment.items():
        monkeypatch.setenv(name, value)
    password = redshift.url.split("@")[0].rsplit(":", 1)[1]
    done = run_here("sparkify", "sql", "SELECT * FROM nowhere", "--database", redshift.url)
    assert done.returncode == 1
    assert password not in done.stdout + done.stderr


def test_there_must_be_a_database(tmp_path: Path) -> None:
    done = run_here("sparkify", "sql", "SELECT 1", "--database", f"duckdb:///{tmp_path}/none.duckdb")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not there yet. Run: sparkify-etl load" in done.stderr
    assert list(tmp_path.iterdir()) == []


# -- files -------------------------------------------------------------------------------------------------


@pytest.fixture
def more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """SQL that reads a file."""
    (tmp_path / "more.csv").write_text("n\n4\n")
    duckdb.connect(str(tmp_path / "sparkify.duckdb")).close()
    monkeypatch.chdir(tmp_path)
    return "SELECT n FROM 'more.csv'"


def test_file_is_read_only_when_asked(more: str) -> None:
    refused = run_here("sparkify", "sql", more)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "the SQL may not use files or the network" in refused.stderr
    assert refused.stderr.endswith("Allow it with --external-access.\n")
    allowed = run_here("sparkify", "sql", more, "--external-access", "--csv")
    assert (allowed.returncode, allowed.stdout) == (0, "n\n4\n")


def test_parquet_file_is_the_one_file_that_may_be_written(more: str, tmp_path: Path) -> None:
    done = run_here("sparkify", "sql", "SELECT 4 AS n", "-o", "n.parquet")
    assert (done.returncode, done.stderr) == (0, "")
    assert duckdb.sql(f"SELECT n FROM '{tmp_path}/n.parquet'").fetchall() == [(4,)]
    refused = run_here("sparkify", "sql", more, "-o", "n.parquet")
    assert refused.returncode == 2
    # The file is unchanged.
    assert duckdb.sql(f"SELECT n FROM '{tmp_path}/n.parquet'").fetchall() == [(4,)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["more.csv", "n.parquet", "sparkify.duckdb"]


def test_large_sort_may_still_spill(tmp_path: Path) -> None:
    """Without access to files DuckDB must not lose its own temporary ones."""
    duckdb.connect(str(tmp_path / "x.duckdb")).close()
    with Warehouse(f"duckdb:///{tmp_path / 'x.duckdb'}", read_only=True) as warehouse:
        with warehouse.engine.connect() as connection:
            connection.exec_driver_sql("SET memory_limit = '60MB'")
            connection.exec_driver_sql("SET threads = 1")
            connection.commit()
        text = "SELECT md5(n::VARCHAR) || md5((n + 1)::VARCHAR) AS m FROM range(1500000) AS r(n) ORDER BY m"
        with warehouse.sql(text, external_access=False).open() as rows:
            assert sum(1 for _ in rows) == 1_500_000


# -- the command -------------------------------------------------------------------------------------------

LONG = "SELECT n, name, price, moment FROM numbers ORDER BY n"


def test_formats(numbers: Warehouse, tmp_path: Path) -> None:
    table = run(numbers, LONG)
    assert (table.returncode, table.stderr) == (0, "")
    assert table.stdout.splitlines() == [
        "n  name        price  moment",
        "1  one          1.50  2018-11-01T20:00:00.796",
        "2               NULL  NULL",
        "3  NULL  12345678.90  2018-11-02T00:00:00.000001",
    ]
    assert run(numbers, LONG, "--format", "csv").stdout == (
        "n,name,price,moment\n"
        "1,one,1.50,2018-11-01T20:00:00.796\n"
        '2,"",,\n'
        "3,,12345678.90,2018-11-02T00:00:00.000001\n"
    )
    assert run(numbers, LONG, "--format", "ndjson").stdout == (
        '{"n": 1, "name": "one", "price": 1.50, "moment": "2018-11-01T20:00:00.796"}\n'
        '{"n": 2, "name": "", "price": null, "moment": null}\n'
        '{"n": 3, "name": null, "price": 12345678.90, "moment": "2018-11-02T00:00:00.000001"}\n'
    )
    assert run(numbers, LONG, "--format", "markdown").stdout == (
        "| n | name | price | moment |\n"
        "| ---: | --- | ---: | --- |\n"
        "| 1 | one | 1.50 | 2018-11-01T20:00:00.796 |\n"
        "| 2 |  | NULL | NULL |\n"
        "| 3 | NULL | 12345678.90 | 2018-11-02T00:00:00.000001 |\n"
    )
    found = run(numbers, LONG, "--json").stdout
    assert found == json.dumps(json.loads(found), indent=2).replace("1.5,", "1.50,").replace(
        "12345678.9,", "12345678.90,"
    ) + ("\n")
    assert [row["name"] for row in json.loads(found)] == ["one", "", None]


def test_parquet_has_types(numbers: Warehouse, tmp_path: Path) -> None:
    done = run(numbers, LONG, "-o", str(tmp_path / "x.parquet"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    read = duckdb.sql(f"FROM '{tmp_path}/x.parquet'")
    assert (
        read.fetchall()
        == duckdb.sql(
            "VALUES (1, 'one', 1.50, TIMESTAMP '2018-11-01 20:00:00.796'), (2, '', NULL, NULL),"
            " (3, NULL, 12345678.90, TIMESTAMP '2018-11-02 00:00:00.000001')"
        ).fetchall()
    )
    kinds = dict(zip(read.columns, map(str, read.types), strict=True))
    assert (kinds["n"], kinds["name"], kinds["moment"]) == ("INTEGER", "VARCHAR", "TIMESTAMP")
    assert kinds["price"] in ("DECIMAL(10,2)", "DECIMAL(38,2)")


def test_sql_from_stdin(numbers: Warehouse) -> None:
    done = run(numbers, "-", "--csv", answers="SELECT n\nFROM numbers\nWHERE name = 'one';\n")
    assert (done.returncode, done.stdout) == (0, "n\n1\n")


def test_text_does_not_write_on_the_terminal(numbers: Warehouse) -> None:
    done = run(numbers, "SELECT chr(27) || '[2J' AS t")
    assert done.stdout == "t\n�[2J\n"


# -- in a notebook -----------------------------------------------------------------------------------------


def test_notebook_shows_a_table_in_which_texts_are_escaped(numbers: Warehouse) -> None:
    shown = numbers.sql(
        "SELECT '<script>alert(1)</script>' AS a, '' AS b, NULL AS c, 7 AS \"<b>\""
    )._repr_html_()
    assert shown == (
        "<table><thead><tr><th>a</th><th>b</th><th>c</th><th>&lt;b&gt;</th></tr></thead><tbody><tr>"
        '<td style="text-align: left">&lt;script&gt;alert(1)&lt;/script&gt;</td>'
        '<td style="text-align: left"></td>'
        '<td style="text-align: left"><i>NULL</i></td>'
        '<td style="text-align: right">7</td></tr></tbody></table>'
    )


def test_notebook_shows_fifty_rows(numbers: Warehouse) -> None:
    many = " UNION ALL ".join(["SELECT 1 AS n"] * 51)
    assert numbers.sql(many)._repr_html_().count("<tr>") == 51
    assert numbers.sql(many)._repr_html_().endswith("<p>The first 50 rows; there are more.</p>")
    assert numbers.sql(many.removesuffix(" UNION ALL SELECT 1 AS n"))._repr_html_().endswith("</table>")
