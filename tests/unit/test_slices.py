"""The rules by which ``benchmarks.slices`` compares layouts, on examples calculated by hand."""

from __future__ import annotations

import pytest

from benchmarks.layouts.loads import load, written
from benchmarks.layouts.model import Rates, busy_share, copy_seconds, load_model
from benchmarks.layouts.movement import Grouping, Join, Movement, Side, of_grouping, of_join
from benchmarks.layouts.placement import (
    ALL,
    CLUSTERS,
    EVEN,
    Cluster,
    Layout,
    by_key,
    encoded,
    key,
    placed,
    skew,
)
from benchmarks.layouts.population import Population
from benchmarks.layouts.search import CANDIDATES, LAYOUTS, VARIANTS, Costs
from benchmarks.layouts.zones import Zones, blocks_read
from benchmarks.slices import SCALES, main
from sparkify.models import Base

TWO = Cluster(nodes=2, slices=2)
FOUR = Cluster(nodes=2, slices=4)


def test_rows_of_one_key_lie_on_one_slice() -> None:
    # Four rows: three of user 7, whose slice is the second, and one of user 8.
    assert by_key({7: 3, 8: 1}, 2, slice_of=lambda user: {7: 1, 8: 0}[user]) == [1, 3]
    assert skew([1, 3]) == 1.5
    assert placed(key("user_id"), 4, [1, 3], TWO) == [1, 3]


def test_even_rows_lie_on_all_slices_alike() -> None:
    assert placed(EVEN, 4, [], TWO) == [2, 2]
    assert skew([2, 2]) == 1


def test_all_rows_lie_on_first_slice_of_each_node() -> None:
    assert placed(ALL, 4, [], FOUR) == [4, 0, 4, 0]
    assert skew([4, 0, 4, 0]) == 2


def test_a_key_has_the_same_slice_in_every_table() -> None:
    plays = by_key(dict.fromkeys(range(100), 2.0), 8)
    users = by_key(dict.fromkeys(range(100), 1.0), 8)
    assert plays == [2 * rows for rows in users]
    # Every slice has keys.
    assert min(users) > 0


# Four plays of 10 bytes, two users of 30 bytes.
PLAYS = Side("songplays", 4, 10, ("user_id",))
USERS = Side("users", 2, 30, ("user_id",))
JOIN = Join("users of plays", PLAYS, USERS)


@pytest.mark.parametrize(
    ("plays", "users", "moved"),
    [
        # Collocated: nothing moves.
        (key("user_id"), key("user_id"), Movement(0, "DS_DIST_NONE")),
        # The smaller side, plays with 40 bytes, is on every node.
        (ALL, key("user_id"), Movement(0, "DS_DIST_ALL_NONE")),
        # The larger side is on every node: the half of the smaller one that is on the other node is sent.
        (key("user_id"), ALL, Movement(20, "DS_DIST_ALL_INNER")),
        # Users are distributed by the key: half of the 40 bytes of plays are sent to them.
        (EVEN, key("user_id"), Movement(20, "DS_DIST_INNER")),
        # Plays are distributed by the key: half of the 60 bytes of users are sent, less than a broadcast of 40.
        (key("user_id"), EVEN, Movement(30, "DS_DIST_OUTER")),
        # Neither does: 40 bytes to the one other node, or half of 100.
        (EVEN, EVEN, Movement(40, "DS_BCAST_INNER")),
        # A key that is not part of the join condition does not help.
        (key("song_id"), key("level"), Movement(40, "DS_BCAST_INNER")),
    ],
)
def test_join_moves(plays: object, users: object, moved: Movement) -> None:
    layout: Layout = {"songplays": plays, "users": users}  # type: ignore[dict-item]  # the parameters
    assert of_join(JOIN, layout, TWO) == moved


def test_broadcast_costs_each_other_node() -> None:
    # A broadcast to three other nodes costs 120 bytes; sending three quarters of 100 is cheaper.
    assert of_join(JOIN, {"songplays": EVEN, "users": EVEN}, Cluster(4, 4)) == Movement(75, "DS_DIST_BOTH")


def test_keys_of_unlike_columns_do_not_collocate() -> None:
    two = Join(
        "two columns",
        Side("songplays", 4, 10, ("start_time", "session_id")),
        Side("time", 2, 30, ("start_time", "session_id")),
    )
    alike = {"songplays": key("session_id"), "time": key("session_id")}
    unlike = {"songplays": key("session_id"), "time": key("start_time")}
    assert of_join(two, alike, TWO).size == 0
    assert of_join(two, unlike, TWO) == Movement(20, "DS_DIST_INNER")


def test_temporary_table_is_even() -> None:
    batch = Join("users of the batch", Side(None, 4, 10, ("user_id",)), USERS)
    assert of_join(batch, {"users": key("user_id")}, TWO) == Movement(20, "DS_DIST_INNER")


def test_grouping_moves_a_row_of_each_group_and_slice() -> None:
    by_user = Grouping("plays of each user", Side("songplays", 1000, 10, ("user_id",)), groups=3)
    assert of_grouping(by_user, {"songplays": key("user_id")}, TWO).size == 0
    # Three groups on two slices make six rows of 10 bytes, and half of them are sent.
    assert of_grouping(by_user, {"songplays": EVEN}, TWO).size == 30
    window = Grouping("window", Side("songplays", 1000, 10, ("user_id",)))
    assert of_grouping(window, {"songplays": EVEN}, TWO).size == 5000


def test_all_is_written_and_stored_on_each_node() -> None:
    scale = SCALES[0]
    once, copied = (
        Costs(scale, FOUR).of({**LAYOUTS["user"], "users": placement}) for placement in (key("user_id"), ALL)
    )
    rows = dict(written(scale.sizes))["users"]
    assert copied.written - once.written == pytest.approx(rows * encoded("users"))


def test_slices_wait_for_the_one_that_has_a_copy() -> None:
    costs = Costs(SCALES[0], FOUR)
    assert costs.idle("users", EVEN) == 0
    # One slice of each node reads everything, while all four could read four times as much.
    assert costs.idle("users", ALL) == 3


def test_population_counts_different_keys() -> None:
    two = Population(2, blunt=1)
    # 1 / 1 and 1 / 2.
    assert [round(share, 4) for _, share in two.shares] == [0.6667, 0.3333]
    assert two.counts(30)[0] == pytest.approx({0: 20, 1: 10})
    assert two.different(1_000) == pytest.approx(2)
    assert Population(2, blunt=1, most=0.1).counts(30)[0] == pytest.approx({0: 15, 1: 15})
    # Of a million equally likely keys, ten draws hit ten different ones, and very many draws hit all.
    assert Population(1_000_000, power=0).different(10) == pytest.approx(10, rel=1e-4)
    assert Population(1_000_000, power=0).different(1e8) == pytest.approx(1_000_000)


def test_blocks_are_read_by_their_least_and_greatest_value() -> None:
    # Blocks of two: 1 to 2, 3 to 9, 4 to 5.
    values = [1.0, 2.0, 9.0, 3.0, 4.0, 5.0]
    assert Zones.of(values, 2).bounds == [(1, 2), (3, 9), (4, 5)]
    assert Zones.of(values, 2).read(7, 8) == [False, True, False]
    assert Zones.of(values, 2).read(3, 4.5) == [False, True, True]
    # The end of the range is exclusive.
    assert Zones.of(values, 2).read(2.5, 3) == [False, False, False]
    # Sorted, 3 and 4 are in one block.
    assert blocks_read(values, 2, 3, 4.5) == pytest.approx(2 / 3)
    assert blocks_read(sorted(values), 2, 3, 4.5) == pytest.approx(1 / 3)


def test_search_finds_what_trying_every_layout_finds() -> None:
    costs = Costs(SCALES[1], FOUR, VARIANTS[0])
    found = costs.best()
    least = costs.of(found).day
    for name, candidates in CANDIDATES.items():
        for candidate in candidates:
            assert costs.of({**found, name: candidate}).day >= least * (1 - 1e-9), (name, candidate)
    assert all(costs.of(layout).day >= least * (1 - 1e-9) for layout in LAYOUTS.values())


def test_parts_of_a_load_compare_columns_that_are_there() -> None:
    for part in load(SCALES[0].sizes):
        sides = [part.side] if isinstance(part, Grouping) else [part.left, part.right]
        for side in sides:
            if side.table:
                assert set(side.on) <= set(Base.metadata.tables[side.table].columns.keys()), part.title


def test_copy_reads_a_file_by_one_slice() -> None:
    assert [busy_share(files, 64) for files in (1, 32, 64, 65, 128)] == [1 / 64, 0.5, 1, 65 / 128, 1]
    rates = Rates(copied=10, object_seconds=1)
    # Two files of 20 bytes on two slices: one second to begin, two to read. One slice gets a third file.
    assert copy_seconds(2, 40, 2, rates) == 3
    assert copy_seconds(3, 60, 2, rates) == 6


def test_model_follows_the_events_of_a_day() -> None:
    # 850 million plays x 8,056 / 6,820 = 1,004 million events of 466 bytes; 44,000 a second per 512th.
    found = load_model(SCALES[-1], CLUSTERS[-1])
    assert found["events a day, millions"] == pytest.approx(1004.05, abs=0.01)
    assert found["JSON a day, GB"] == pytest.approx(467.89, abs=0.01)
    assert found["validating one file of 512 for a bad line, s"] == pytest.approx(44.57, abs=0.01)


def test_slices_prints_the_parts_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--part", "copy"])
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0] == "COPY of JSON by the number of files, 64 slices"
    assert [line.split() for line in lines[2:6]] == [
        ["files", "slices", "busy,", "%", "a", "day", "of", "10", "million", "plays,", "s"],
        ["1", "2", "551"],
        ["24", "38", "23"],
        ["30", "47", "18"],
    ]
