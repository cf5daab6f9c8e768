"""The benchmarks run, and what they compare is the same; how long anything takes is not asked."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from benchmarks.cases import Case, Part, measure_part, part_tables
from benchmarks.contestants import Contestant
from benchmarks.data import DataSet
from benchmarks.environments import Environment, environment
from benchmarks.formatting import table
from benchmarks.load import measure_loads, rows_of
from benchmarks.measuring import Measurement
from benchmarks.opponents import by_hand
from benchmarks.rows import differences
from sparkify import Warehouse
from sparkify.generate import generate


def test_growth_prints_ratios_of_what_succeeded() -> None:
    load = Measurement(
        wall=3.0,
        processor=2.0,
        memory=200.0,
        output='{"steps": [{"title": "list the sources", "seconds": 9}, {"title": "plays", "seconds": 1.5}]}',
    )
    part = Part(
        "One more day",
        [
            Case("sparkify", lambda: load),
            Case("by_hand", lambda: Measurement(wall=2.0, processor=0.5, memory=100.0)),
            Case("other", lambda: load, check=lambda: "users: 1 row and 2"),
        ],
        [("sparkify / by hand", "sparkify", "by_hand"), ("other / by hand", "other", "by_hand")],
    )

    assert (
        part_tables(measure_part(part, rounds=2))
        == """\
One more day

case      wall s  processor s  steps s  peak MB
sparkify    3.00         2.00     1.50      200
by_hand     2.00         0.50               100

Not measured: other: other rows: users: 1 row and 2

ratio               wall x  processor x  steps x
sparkify / by hand    1.50         4.00"""
    )


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    """Three days of logs, and a catalogue. With this seed a user changes level between the days."""
    generate(tmp_path / "data", events=600, songs=60, days=3, seed=9)
    return DataSet(tmp_path / "data")


def test_load_prints_each_contestant(data: DataSet, tmp_path: Path) -> None:
    here = environment("current")
    nowhere = Environment("polars", tmp_path / "bin" / "python", install=(("--group", "bench-polars"),))
    who = [Contestant("sparkify", here), Contestant("by_hand", here), Contestant("polars", nowhere)]

    results = measure_loads("600 events", data, who, 1, tmp_path)

    rows = rows_of(results)
    assert [row[:2] for row in rows] == [
        ["files", "who"],
        ["600 events", "sparkify"],
        ["600 events", "by_hand"],
    ]
    assert rows[2][3] == rows[2][5] == "1.00"
    assert [(each.who, each.reason) for each in results if each.reason] == [("polars", "not installed")]
    assert table(rows, markdown=True).splitlines()[1] == "| --- | --- | ---: | ---: | ---: | ---: | ---: |"


def test_script_by_hand_adds_sparkify_s_rows(data: DataSet, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.duckdb", tmp_path / "theirs.duckdb"
    first, second, last = data.log_files
    for file in (first, last):
        file.rename(tmp_path / file.name)
    # A day, then one that is late and one more.
    for arrived in ([second], [first, last]):
        for file in arrived:
            if not file.exists():
                (tmp_path / file.name).rename(file)
        with Warehouse(f"duckdb:///{ours}") as warehouse:
            warehouse.load(log_data=str(data.logs), song_data=str(data.songs))
        by_hand.main(str(theirs), str(data.logs), str(data.songs))

        assert differences(str(ours), str(theirs)) == {}

    with duckdb.connect(theirs) as connection:
        connection.execute(
            "UPDATE user_levels SET level = 'gold' WHERE user_id = (SELECT min(user_id) FROM users)"
        )
    assert list(differences(str(ours), str(theirs))) == ["user_levels"]
