"""The results of queries on both databases, and the query command."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, func, select
from typer.testing import CliRunner

from sparkify import Settings, Warehouse
from sparkify.analytics import QUESTIONS, match_quality, plays_by, top_songs, totals
from sparkify.cli import app
from sparkify.databases import open_database
from sparkify.etl.errors import ConfigurationError, SparkifyError
from sparkify.models import SongPlay
from sparkify.warehouse.query import Query, fix_mojibake, sql_text
from sparkify.warehouse.sql_format import format_sql
from tests.support.commands import run_here
from tests.support.data import Data
from tests.support.making import event, song

MOJIBAKE = "BjÃ\x83Â¶rk"


@pytest.fixture(scope="module")
def three_plays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with three plays: two of Undo by Björk, whose name arrived broken, and one of Song by Band."""
    folder = tmp_path_factory.mktemp("three-plays")
    data = Data(folder / "data")
    data.log(
        "a.json",
        event(song="Undo", artist=MOJIBAKE, itemInSession=0),
        # Registered an hour earlier.
        event(song="Undo", artist=MOJIBAKE, itemInSession=1, userId="8", registration=1541098800796.0),
        event(itemInSession=2, level="paid"),
    )
    data.song("a.json", song())
    with Warehouse(f"duckdb:///{folder / 'made.duckdb'}") as warehouse:
        warehouse.load(log_data=data.logs, song_data=data.songs)
    return folder / "made.duckdb"


@pytest.fixture
def loaded(new_warehouse: Warehouse, three_plays: Path) -> Warehouse:
    """The three plays, in a warehouse of the test's own."""
    shutil.copy(three_plays, str(new_warehouse.url.database))
    return new_warehouse


# -- rows --------------------------------------------------------------------------------------------------


def test_rows_are_typed_and_named(loaded: Warehouse) -> None:
    asked = loaded.query(top_songs())
    assert asked.columns == ("title", "artist", "plays", "listeners", "most_by_one", "share")
    assert [row.plays for row in asked] == [2, 1]
    first = asked.first()
    assert first is not None
    assert tuple(first) == ("Undo", MOJIBAKE, 2, 2, 1, pytest.approx(2 / 3))
    assert [tuple(row) for row in asked.all()] == [tuple(row) for row in asked]


def test_names_are_repaired_in_records_alone(loaded: Warehouse) -> None:
    assert loaded.query(top_songs(limit=1)).records() == [
        {
            "title": "Undo",
            "artist": "Björk",
            "plays": 2,
            "listeners": 2,
            "most_by_one": 1,
            "share": pytest.approx(2 / 3),
        }
    ]
    assert loaded.query(top_songs(limit=1)).to_pandas()["artist"][0] == MOJIBAKE


def test_one_first_and_none(loaded: Warehouse) -> None:
    assert loaded.query(totals()).one().plays == 3
    assert loaded.query(top_songs(since=date(2019, 1, 1))).first() is None
    with pytest.raises(sa.exc.MultipleResultsFound):
        loaded.query(top_songs()).one()
    with pytest.raises(sa.exc.NoResultFound):
        loaded.query(top_songs(since=date(2019, 1, 1))).one()


def test_a_query_is_asked_anew_each_time(loaded: Warehouse, data: Data) -> None:
    asked = loaded.query(select(func.count()).select_from(SongPlay))
    assert [tuple(row) for row in asked] == [(3,)]
    data.log("b.json", event(at="2018-11-02 20:00:00.796", sessionId=2))
    loaded.load(only=["events"])
    assert [tuple(row) for row in asked] == [(4,)]


def test_a_loop_that_ends_early_gives_its_connection_back(loaded: Warehouse) -> None:
    rows = iter(loaded.query(top_songs()))
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert loaded.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_more_rows_than_are_fetched_at_once(loaded: Warehouse) -> None:
    asked = loaded.query(select(sa.func.unnest(sa.func.generate_series(1, 25_000)).label("n")))
    assert sum(row.n for row in asked) == 25_000 * 25_001 // 2
    assert len(asked.to_pandas()) == 25_000


def test_there_must_be_a_warehouse(tmp_path: Path) -> None:
    with Warehouse(f"duckdb:///{tmp_path / 'none.duckdb'}") as warehouse:
        asked = warehouse.query(totals())
        for read in (asked.all, asked.one, asked.to_pandas, lambda: asked.to_parquet(tmp_path / "x.parquet")):
            with pytest.raises(ConfigurationError, match="is not there yet"):
                read()


def test_what_is_no_select_is_refused(loaded: Warehouse) -> None:
    for statement in ("SELECT 1", sa.text("SELECT 1"), sa.delete(SongPlay)):
        with pytest.raises(ConfigurationError, match="query takes a SELECT"):
            loaded.query(statement)  # type: ignore[arg-type]
    assert loaded.query(totals()).one().plays == 3


def test_notebook_shows_answers_and_loads_escaped(new_warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", event(song="<i>Undo</i>", artist=MOJIBAKE))
    data.song("a.json", song())
    loaded = new_warehouse.load()._repr_html_()
    assert "<caption>Load 1, incremental, " in loaded
    assert '<td style="text-align: left">songplays</td><td style="text-align: right">1</td>' in loaded
    assert "<caption>Nothing new</caption>" in new_warehouse.load()._repr_html_()
    shown = new_warehouse.query(top_songs())._repr_html_()
    assert (
        '<td style="text-align: left">&lt;i&gt;Undo&lt;/i&gt;</td><td style="text-align: left">Björk</td>'
        in shown
    )


# -- frames ------------------------------------------------------------------------------------------------

EVERY_TYPE = select(
    SongPlay.start_time,
    sa.cast(SongPlay.start_time, sa.Date).label("day"),
    SongPlay.user_id,
    (SongPlay.level == "paid").label("paid"),
    sa.cast(SongPlay.item_in_session, sa.Double).label("length"),
    SongPlay.location,
    func.nullif(SongPlay.level, "free").label("sometimes"),
).order_by(SongPlay.item_in_session)

ROWS = [
    (datetime(2018, 11, 1, 20, 0, 0, 796000), date(2018, 11, 1), 7, False, 0.0, "London", None),
    (datetime(2018, 11, 1, 20, 0, 0, 796000), date(2018, 11, 1), 8, False, 1.0, "London", None),
    (datetime(2018, 11, 1, 20, 0, 0, 796000), date(2018, 11, 1), 7, True, 2.0, "London", "paid"),
]


def test_pandas(loaded: Warehouse) -> None:
    pytest.importorskip("pandas", reason="the extra pandas is not installed")
    frame = loaded.query(EVERY_TYPE).to_pandas()
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert kinds["start_time"] == "datetime64[us]"
    assert (kinds["user_id"], kinds["paid"], kinds["length"]) == ("int64", "bool", "float64")
    assert frame["user_id"].tolist() == [7, 8, 7]
    assert frame["start_time"][0].to_pydatetime() == ROWS[0][0]
    assert len(loaded.query(top_songs(since=date(2019, 1, 1))).to_pandas()) == 0


def test_polars(loaded: Warehouse) -> None:
    polars = pytest.importorskip("polars", reason="the extra polars is not installed")
    frame = loaded.query(EVERY_TYPE).to_polars()
    assert frame.rows() == ROWS
    assert frame.schema["start_time"] == polars.Datetime("us")
    assert frame.schema["day"] == polars.Date


def test_arrow(loaded: Warehouse) -> None:
    arrow = pytest.importorskip("pyarrow", reason="the extra arrow is not installed")
    table = loaded.query(EVERY_TYPE).to_arrow()
    assert [tuple(row.values()) for row in table.to_pylist()] == ROWS
    assert table.schema.field("start_time").type == arrow.timestamp("us")
    assert table.schema.field("user_id").type == arrow.int64()


def test_arrow_logs_its_statement(loaded: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("pyarrow", reason="the extra arrow is not installed")
    caplog.set_level(logging.DEBUG, logger="sparkify.sql")
    loaded.query(select(func.count(SongPlay.songplay_id).label("plays"))).to_arrow()
    # The last statement: the first ones read the revision of the tables.
    *_, message = (record.getMessage() for record in caplog.records if record.name == "sparkify.sql")
    assert re.sub(r"\s+", " ", message.partition(": ")[2]) == (
        "SELECT count(songplays.songplay_id) AS plays FROM songplays"
    )


@pytest.mark.parametrize(
    ("module", "method", "packages"),
    [
        ("pandas", "to_pandas", "pandas"),
        ("polars", "to_polars", "polars pyarrow"),
        ("pyarrow", "to_arrow", "pyarrow"),
    ],
)
def test_an_extra_that_is_not_installed(
    loaded: Warehouse, monkeypatch: pytest.MonkeyPatch, module: str, method: str, packages: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    asked = loaded.query(totals())
    with pytest.raises(ConfigurationError, match=rf"needs {module}\. Run: pip install {packages}$"):
        getattr(asked, method)()


# -- Parquet -----------------------------------------------------------------------------------------------


def read_parquet(path: Path) -> list[tuple[Any, ...]]:
    import duckdb

    return duckdb.connect().execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()


def test_parquet(loaded: Warehouse, tmp_path: Path) -> None:
    # The period is bound, and a quote in the name does not end a text.
    target = tmp_path / "it's here.parquet"
    loaded.query(top_songs(since=date(2018, 11, 1), limit=1)).to_parquet(target)
    assert read_parquet(target) == [("Undo", MOJIBAKE, 2, 2, 1, pytest.approx(2 / 3))]
    assert [path.name for path in tmp_path.glob("*.new*")] == []


def test_parquet_overwrites_when_it_is_told_to(loaded: Warehouse, tmp_path: Path) -> None:
    target = tmp_path / "a.parquet"
    target.write_text("mine")
    with pytest.raises(ConfigurationError, match=r"a\.parquet: is there already"):
        loaded.query(top_songs()).to_parquet(target)
    assert target.read_text() == "mine"
    loaded.query(top_songs()).to_parquet(target, overwrite=True)
    assert len(read_parquet(target)) == 2


def test_a_parquet_that_fails_leaves_what_was_there(loaded: Warehouse, tmp_path: Path) -> None:
    target = tmp_path / "a.parquet"
    target.write_text("mine")
    failing = select(sa.cast(SongPlay.location, sa.Integer))
    with pytest.raises(sa.exc.DBAPIError):
        loaded.query(failing).to_parquet(target, overwrite=True)
    assert [path.name for path in tmp_path.iterdir() if "parquet" in path.name] == ["a.parquet"]
    assert target.read_text() == "mine"


@pytest.mark.parametrize(
    ("path", "message"),
    [("s3://bucket/x.parquet", "writes local files"), ("nowhere/x.parquet", "there is no such folder")],
)
def test_parquet_where_it_cannot_be(loaded: Warehouse, path: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        loaded.query(totals()).to_parquet(path)


# -- Redshift ----------------------------------------------------------------------------------------------


class Recorder:
    """A connection that only remembers, with the dialect of Redshift, and answers with given rows."""

    def __init__(self, names: list[str], rows: list[tuple[Any, ...]]) -> None:
        from sparkify.redshift import RedshiftDialect

        self.dialect = RedshiftDialect()
        self.sent: list[str] = []
        self._names, self._rows = names, rows

    def exec_driver_sql(self, text: str) -> Any:
        self.sent.append(text)
        metadata = sa.engine.result.SimpleResultMetaData(self._names)
        return sa.engine.result.IteratorResult(metadata, iter(self._rows))

    def commit(self) -> None:
        self.sent.append("commit")

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        yield self  # type: ignore[misc]

    def query(self, statement: sa.Select[*tuple[Any, ...]], **settings: Any) -> Query[*tuple[Any, ...]]:
        url = sa.make_url("redshift+redshift_connector://user@host/dev")
        return Query(statement, self.connect, open_database(url, Settings.load(**settings)))


NAMES = list(EVERY_TYPE.selected_columns.keys())


def test_redshift_gets_values_and_no_parameters() -> None:
    recorder = Recorder(["n"], [(3,)])
    statement = select(func.count().label("n")).where(SongPlay.location.like("10%"), SongPlay.user_id == 7)
    assert [tuple(row) for row in recorder.query(statement)] == [(3,)]
    (sent,) = recorder.sent
    assert "songplays.location LIKE '10%' AND songplays.user_id = 7" in sent


@pytest.fixture
def standin(redshift: Any) -> Iterator[Warehouse]:
    """The tables, empty, on the stand-in for Redshift."""
    with Warehouse(redshift.url) as warehouse:
        warehouse.migrate()
        yield warehouse


def test_values_arrive_at_redshift_as_they_are(standin: Warehouse) -> None:
    for value in ("10%", "a%sb", "%(x)s", "it's 5% \\ x", "?:1", "100%%", "Björk 歌"):
        assert standin.query(select(sa.literal(value).label("v"))).one().v == value


def test_parquet_from_redshift(standin: Warehouse, redshift: Any, tmp_path: Path) -> None:
    redshift.create_bucket("exports")
    rows = select(sa.literal("5% 歌").label("name"), sa.literal(7).label("n")).limit(1)
    asked = standin.query(rows)
    asked.to_parquet("s3://exports/one/")
    (address,) = redshift.objects_below("s3://exports/one/")
    key = address.removeprefix("s3://exports/")
    client = boto3.client("s3", endpoint_url=redshift.s3_endpoint)
    body = client.get_object(Bucket="exports", Key=key)["Body"].read()
    (tmp_path / "one.parquet").write_bytes(body)
    assert read_parquet(tmp_path / "one.parquet") == [("5% 歌", 7)]
    with pytest.raises(SparkifyError, match="not empty"):
        asked.to_parquet("s3://exports/one/")
    asked.to_parquet("s3://exports/one/", overwrite=True)
    assert redshift.objects_below("s3://exports/one/") == [address]


def test_parquet_from_redshift_takes_the_place_of_a_larger_one(standin: Warehouse, redshift: Any) -> None:
    redshift.create_bucket("larger")
    rows = select(sa.literal(1).label("n")).union_all(select(sa.literal(2).label("n")))
    standin.query(rows).to_parquet("s3://larger/one/")
    first = redshift.objects_below("s3://larger/")
    assert len(first) == 2
    standin.query(select(sa.literal(3).label("n"))).to_parquet("s3://larger/one/", overwrite=True)
    assert redshift.objects_below("s3://larger/") == first[:1]


def test_frames_from_redshift_are_as_those_from_duckdb(loaded: Warehouse) -> None:
    pytest.importorskip("pyarrow", reason="the extra arrow is not installed")
    pytest.importorskip("polars", reason="the extra polars is not installed")
    recorder = Recorder(NAMES, ROWS)
    here, there = loaded.query(EVERY_TYPE), recorder.query(EVERY_TYPE)
    assert there.to_arrow().to_pylist() == here.to_arrow().to_pylist()
    assert there.to_polars().equals(here.to_polars())
    assert there.to_pandas()["user_id"].tolist() == here.to_pandas()["user_id"].tolist()
    kinds = {field.name: field.type for field in here.to_arrow().schema}
    assert {field.name: field.type for field in there.to_arrow().schema} == kinds


def test_no_rows_from_redshift_have_their_types_all_the_same() -> None:
    arrow = pytest.importorskip("pyarrow", reason="the extra arrow is not installed")
    table = Recorder(NAMES, []).query(EVERY_TYPE).to_arrow()
    assert (table.num_rows, table.schema.field("day").type) == (0, arrow.date32())


def test_parquet_from_redshift_is_an_unload() -> None:
    recorder = Recorder([], [])
    asked = recorder.query(
        top_songs(limit=5), iam_role_arn="arn:aws:iam::123456789012:role/unload", region="us-west-2"
    )
    asked.to_parquet("s3://bucket/top/")
    unload, commit = recorder.sent
    assert commit == "commit"
    assert unload.startswith("UNLOAD ('WITH played AS")
    # UNLOAD takes LIMIT only in a subquery.
    assert re.search(r"LIMIT 5\).*\) AS rows_to_unload'\)\nTO 's3://bucket/top/'", unload, re.DOTALL)
    assert "IAM_ROLE 'arn:aws:iam::123456789012:role/unload'" in unload
    assert unload.endswith("REGION 'us-west-2'\nFORMAT AS PARQUET")
    asked.to_parquet("s3://bucket/top/", overwrite=True)
    assert recorder.sent[-2].endswith("CLEANPATH")
    # Other names with the same beginning are not in the folder of that name.
    asked.to_parquet("s3://bucket/top", overwrite=True)
    assert "TO 's3://bucket/top/'" in recorder.sent[-2]
    with pytest.raises(ConfigurationError, match="s3://bucket/: would empty the whole bucket"):
        asked.to_parquet("s3://bucket", overwrite=True)
    with pytest.raises(ConfigurationError, match="Redshift writes to S3 alone"):
        asked.to_parquet("top.parquet")


# -- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (MOJIBAKE, "Björk"),
        ("BjÃ¶rk", "Björk"),
        ("Björk", "Björk"),
        ("SÃ\x83Â¥ng", "Sång"),
        ("The XX", "The XX"),
        ("", ""),
        ("歌手", "歌手"),
        ("Motörhead \u2014 Ace", "Motörhead \u2014 Ace"),
        ("Sigur RÃ\x83Â³s 歌", "Sigur RÃ\x83Â³s 歌"),
    ],
)
def test_repaired(name: str, expected: str) -> None:
    assert fix_mojibake(name) == expected


def test_every_broken_name_of_the_real_month_is_repaired(real: Path) -> None:
    broken = mended = 0
    for path in sorted((real / "log_data").rglob("*.json")):
        for line in path.read_text(encoding="utf-8").splitlines():
            play = json.loads(line)
            names = (play["song"] or "", play["artist"] or "")
            if any("Ã" in name for name in names):
                broken += 1
                assert all(re.search("[\x80-\x9f]|Ã|Â", fix_mojibake(name)) is None for name in names), names
                mended += any(fix_mojibake(name) != name for name in names)
            else:
                assert tuple(map(fix_mojibake, names)) == names
    assert (broken, mended) == (326, 326)


# -- text --------------------------------------------------------------------------------------------------


def test_sql_for_either_database() -> None:
    statement = plays_by("hour", tz="Asia/Kolkata", since=date(2018, 11, 1))
    redshift, duckdb = sql_text(statement, "redshift"), sql_text(statement, "duckdb")
    assert "CONVERT_TIMEZONE('UTC', 'Asia/Kolkata'," in redshift
    assert "timezone('Asia/Kolkata', timezone('UTC'," in duckdb
    assert "TIMESTAMP '2018-11-01 00:00:00'" in redshift
    with pytest.raises(
        ConfigurationError, match="'oracle' is not a database that sparkify loads. Give one of duckdb, redshift"
    ):
        sql_text(statement, "oracle")


def test_sql_is_laid_out() -> None:
    text = format_sql(
        "WITH a AS \n(SELECT x, y \nFROM t \nWHERE n = ' FROM  it''s ' AND within(x) GROUP BY x), \n"
        "b AS (SELECT DISTINCT EXTRACT(hour FROM x) AS h FROM a)\n "
        "SELECT count(*), (SELECT max(x) FROM a) AS m FROM a JOIN b ON a.x = b.h "
        "ORDER BY row_number() OVER (PARTITION BY x ORDER BY y) \n LIMIT 3"
    )
    assert text == (
        "WITH a AS (\n"
        "    SELECT x, y\n"
        "    FROM t\n"
        "    WHERE n = ' FROM  it''s ' AND within(x)\n"
        "    GROUP BY x\n"
        "),\n"
        "b AS (\n"
        "    SELECT DISTINCT EXTRACT(hour FROM x) AS h\n"
        "    FROM a\n"
        ")\n"
        "SELECT\n"
        "    count(*),\n"
        "    (\n"
        "        SELECT max(x)\n"
        "        FROM a\n"
        "    ) AS m\n"
        "FROM a\n"
        "JOIN b ON a.x = b.h\n"
        "ORDER BY row_number() OVER (PARTITION BY x ORDER BY y)\n"
        "LIMIT 3"
    )


@pytest.mark.parametrize("name", QUESTIONS)
def test_laying_out_changes_white_space_alone(name: str) -> None:
    from sparkify.redshift import render

    statement = QUESTIONS[name].ask(*(("day",) if name == "plays-by" else ()))
    text = render(statement)
    # White space differs only between tokens; quoted texts here have only single spaces.
    assert re.sub(r"\s+", "", format_sql(text)) == re.sub(r"\s+", "", text)
    assert re.findall("'[^']*'", format_sql(text)) == re.findall("'[^']*'", text)


# -- the command -------------------------------------------------------------------------------------------


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_here("sparkify", "query", *arguments, cwd=home)


@pytest.fixture
def home(tmp_path: Path, three_plays: Path) -> Path:
    """A working directory with the warehouse of three plays."""
    shutil.copy(three_plays, tmp_path / "sparkify.duckdb")
    return tmp_path


def test_the_answer_as_a_table(home: Path) -> None:
    done = run(home, "top-songs")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "title  artist  plays  listeners  most by one  share",
        "Undo   Björk       2          2            1  66.7%",
        "Song   Band        1          1            1  33.3%",
    ]


def test_the_answer_as_json_and_csv(home: Path) -> None:
    found = json.loads(run(home, "top-songs", "--limit", "1", "--json").stdout)
    assert found == [
        {
            "title": "Undo",
            "artist": "Björk",
            "plays": 2,
            "listeners": 2,
            "most_by_one": 1,
            "share": pytest.approx(2 / 3),
        }
    ]
    assert json.loads(run(home, "--json", "top-songs", "--limit", "1").stdout) == found
    table = list(csv.reader(io.StringIO(run(home, "totals", "--csv").stdout)))
    assert table[0][:2] == ["plays", "listeners"]
    assert table[1][-1] == "2018-11-01T20:00:00.796Z"
    both = run(home, "totals", "--csv", "--json")
    assert (both.returncode, both.stdout) == (2, "")


@pytest.mark.parametrize(
    "options", [["--csv"], ["--format", "csv"], ["--format", "csv", "-o", "x.txt"], ["-o", "x.csv"]]
)
def test_how_the_answer_is_written_may_stand_before_the_name(home: Path, options: list[str]) -> None:
    done = run(home, *options, "top-songs", "--limit", "2")
    assert (done.returncode, done.stderr) == (0, "")
    file = home / options[-1]
    assert (file.read_text() if "-o" in options else done.stdout).splitlines() == [
        "title,artist,plays,listeners,most_by_one,share",
        "Undo,Björk,2,2,1,0.6666666666666666",
        "Song,Band,1,1,1,0.3333333333333333",
    ]


def test_options_before_and_after_the_name_are_taken_together(home: Path) -> None:
    assert run(home, "--format", "csv", "totals", "--format", "ndjson").stdout.startswith('{"plays": 3')
    both = run(home, "--csv", "totals", "--json")
    assert (both.returncode, both.stdout) == (2, "")
    sql = run(home, "--format", "csv", "--sql", "totals")
    assert (sql.returncode, sql.stdout) == (2, "")
    assert "--sql prints the SQL: give it without --format and -o" in sql.stderr


@pytest.mark.parametrize("options", [["--csv"], ["--list", "--format", "csv"], ["-o", "x.csv"]])
def test_list_of_questions_is_refused_in_another_format(home: Path, options: list[str]) -> None:
    done = run(home, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the list of the questions is a table, or JSON with --json" in done.stderr
    assert not (home / "x.csv").exists()


def test_options_are_those_of_the_function(home: Path) -> None:
    assert json.loads(run(home, "totals", "--until", "2018-11-01T20:00", "--json").stdout)[0]["plays"] == 0
    assert json.loads(run(home, "totals", "--since", "2018-11-01T20:00:00Z", "--json").stdout)[0]["plays"] == 3
    zone = run(home, "plays-by", "hour", "--tz", "Asia/Kolkata", "--json")
    assert [row["hour"] for row in json.loads(zone.stdout)] == [1]
    shown = run(home, "trending-artists", "--help").stdout
    assert "--floor N" in shown
    assert "The fewest plays in the window to be a row." in " ".join(shown.split())
    assert "--tz" not in run(home, "top-songs", "--help").stdout
    assert ":param" not in shown
    assert run(home, "plays-by", "mood").returncode == 2
    assert run(home, "top-songs", "--limit", "0").returncode == 2


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("top-songs", "Songs whose title and artist differ in"),
        ("top-songs-by-day", "Songs whose title and artist differ in"),
        ("top-artists", "Artists whose names differ in"),
        ("trending-artists", "Artists whose names differ in"),
    ],
)
def test_help_says_what_is_counted_together_and_which_spelling_is_shown(
    home: Path, name: str, counted: str
) -> None:
    shown = " ".join(run(home, name, "--help").stdout.split())
    assert f"{counted} case, punctuation or accented letters alone" in shown
    assert (
        "Of several spellings one of the catalogue is shown, else one that was played: the shortest, and of "
        "those as short the first by alphabet."
    ) in shown


def test_every_question_is_listed(home: Path) -> None:
    listed = json.loads(run(home, "--list", "--json").stdout)
    assert [one["name"] for one in listed] == list(QUESTIONS)
    assert [one["answer"] for one in listed][:2] == ["The period in one row.", "The songs played most."]
    assert len(run(home).stdout.splitlines()) == 1 + len(QUESTIONS)


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name != "trending-artists"])
def test_every_question_is_answered(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(home)
    done = CliRunner().invoke(app, ["query", name, *(["weekday"] if name == "plays-by" else [])])
    assert (done.exit_code, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 1
    assert name != "plays-by" or "Thursday" in done.stdout


def test_a_question_that_is_none(home: Path) -> None:
    done = run(home, "top-song")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: 'top-song' is not a question. Did you mean top-songs?\n"
    assert "Run: sparkify-etl query --list" in run(home, "xyz").stderr


def test_list_takes_no_question(home: Path) -> None:
    """It answered the question, as if there were no ``--list``."""
    done = run(home, "--list", "totals")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: --list lists the questions: give it without the name of one. "
        "Run: sparkify-etl query totals --help\n"
    )


def test_no_row_is_said_on_stderr(home: Path) -> None:
    done = run(home, "top-songs", "--since", "2019-01-01")
    assert (done.returncode, done.stdout) == (0, "")
    assert "No row of that period." in done.stderr
    assert run(home, "top-songs", "--since", "2019-01-01", "--json").stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["--sql", "match-quality"], ["match-quality", "--sql"]])
def test_the_sql_is_printed_and_nothing_is_connected_to(tmp_path: Path, arguments: list[str]) -> None:
    done = run(tmp_path, *arguments, "--dialect", "redshift")
    assert done.stdout == f"{sql_text(match_quality(), 'redshift')};\n"
    assert list(tmp_path.iterdir()) == []
    plain = run(tmp_path, *arguments)
    assert plain.stdout == f"{sql_text(match_quality(), 'duckdb')};\n"


def on_a_terminal(home: Path, columns: int, *arguments: str) -> list[str]:
    """The lines that a terminal so many columns wide is sent."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sparkify", "query", *arguments],
        cwd=home,
        env={**os.environ, "COLUMNS": str(columns), "PYTHONUTF8": "1"},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                some = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not some:
                break
            text += some
        process.wait(timeout=60)
    os.close(ours)
    return text.decode().splitlines()


def test_bars_on_a_terminal(home: Path) -> None:
    heads, first, second = on_a_terminal(home, 80, "top-songs")
    assert first.endswith(f"66.7%  {'█' * 24}")
    assert second.endswith(f"33.3%  {'█' * 12}")
    assert heads.endswith("share")


def test_a_long_name_is_cut_on_a_terminal_and_nowhere_else(warehouse: Warehouse, data: Data) -> None:
    title = "Horn Concerto No. 4 in E flat K495: II. Romance (Andante cantabile)"
    data.log("a.json", event(song=title, artist="Barry"), event(itemInSession=1, song="Short", artist="Barry"))
    data.song("a.json", song())
    warehouse.load()
    warehouse.close()
    database = ("top-songs", "--database", str(warehouse.url))
    heads, first, second = on_a_terminal(Path.cwd(), 83, *database)
    assert first == "Horn Concerto No. 4 in E f…  Barry       1          1            1  50.0%  ████████"
    assert second == "Short                        Barry       1          1            1  50.0%  ████████"
    assert heads == "title                        artist  plays  listeners  most by one  share"
    assert title in run(Path.cwd(), *database).stdout


def test_what_the_logs_say_does_not_write_on_the_terminal(warehouse: Warehouse, data: Data) -> None:
    data.log("a.json", event(song="\x1b[2JGone", artist="A\nB"))
    data.song("a.json", song())
    warehouse.load()
    warehouse.close()
    done = run(Path.cwd(), "top-songs", "--database", str(warehouse.url))
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 2


def test_freshness_names_its_times_as_utc(home: Path) -> None:
    text = run(home, "freshness").stdout
    assert len(re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", text)) == 3
