"""The benchmarks run, and what they compare is the same; how long anything takes is not asked."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from benchmarks.contestants import Contestant
from benchmarks.data import DataSet
from benchmarks.environments import Environment, environment
from benchmarks.formatting import table
from benchmarks.load import measure_loads, rows_of
from benchmarks.opponents import by_hand
from benchmarks.rows import differences
from sparkify import Warehouse
from sparkify.generate import generate


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    """Three days of logs, and a catalogue."""
    generate(tmp_path / "data", events=600, songs=60, days=3)
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
        ["600 events", "polars: not installed"],
    ]
    assert rows[2][3] == rows[2][5] == "1.00"
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
