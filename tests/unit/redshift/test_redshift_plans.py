"""Query plans as printed in AWS's developer guide, and the joins in them that it calls not good."""

from __future__ import annotations

from sparkify.redshift.plans import CostlyJoin, PlanStep, costly_joins, parse_plan

BROADCAST = """\
 XN Hash Join DS_BCAST_INNER  (cost=0.14..6600286.07 rows=8798 width=84)
   Hash Cond: ("outer".catid = "inner".catid)
   ->  XN Seq Scan on event  (cost=0.00..87.98 rows=8798 width=35)
   ->  XN Hash  (cost=0.11..0.11 rows=11 width=49)
         ->  XN Seq Scan on category  (cost=0.00..0.11 rows=11 width=49)
"""

COLLOCATED = """\
XN Merge Join DS_DIST_NONE  (cost=0.00..6285.93 rows=172456 width=97)
  Merge Cond: ("outer".listid = "inner".listid)
  ->  XN Seq Scan on listing  (cost=0.00..1924.97 rows=192497 width=44)
  ->  XN Seq Scan on sales  (cost=0.00..1724.56 rows=172456 width=53)
"""

TWO_BROADCASTS = """\
->  XN Hash Join DS_BCAST_INNER  (cost=112.50..3272334142.59 rows=170771 width=84)
        Hash Cond: ("outer".venueid = "inner".venueid)
        ->  XN Hash Join DS_BCAST_INNER  (cost=109.98..3167290276.71 rows=172456 width=47)
              Hash Cond: ("outer".eventid = "inner".eventid)
              ->  XN Merge Join DS_DIST_NONE  (cost=0.00..6286.47 rows=172456 width=30)
                    Merge Cond: ("outer".listid = "inner".listid)
                    ->  XN Seq Scan on listing  (cost=0.00..1924.97 rows=192497 width=14)
                    ->  XN Seq Scan on sales  (cost=0.00..1724.56 rows=172456 width=24)
"""

SORTED = """\
 XN Merge  (cost=1002815366604.92..1002815366606.36 rows=576 width=27)
  Merge Key: sum(sales.pricepaid)
  ->  XN Network  (cost=1002815366604.92..1002815366606.36 rows=576 width=27)
        Send to leader
        ->  XN Sort  (cost=1002815366604.92..1002815366606.36 rows=576 width=27)
              Sort Key: sum(sales.pricepaid)
              ->  XN HashAggregate  (cost=2815366577.07..2815366578.51 rows=576 width=27)
                    ->  XN Hash Join DS_BCAST_INNER  (cost=109.98..2815365714.80 rows=172456 width=27)
                          Hash Cond: ("outer".eventid = "inner".eventid)
                          ->  XN Seq Scan on sales  (cost=0.00..1724.56 rows=172456 width=14)
                          ->  XN Hash  (cost=87.98..87.98 rows=8798 width=21)
                                ->  XN Seq Scan on event  (cost=0.00..87.98 rows=8798 width=21)
"""

WITHOUT_INDENTS = """\
XN Hash Join DS_DIST_OUTER  (cost=2.52..58653620.93 rows=8712 width=43)
Hash Cond: ("outer".venueid = "inner".venueid)
->  XN Seq Scan on event  (cost=0.00..87.98 rows=8798 width=23)
->  XN Hash  (cost=2.02..2.02 rows=202 width=22)
->  XN Seq Scan on venue  (cost=0.00..2.02 rows=202 width=22)
"""

LOOP = """\
XN Nested Loop DS_BCAST_INNER  (cost=0.00..3.50 rows=10 width=12)
  Join Filter: ("outer".low <= "inner".high)
  ->  XN Seq Scan on sales  (cost=0.00..1.00 rows=100 width=4)
  ->  XN Seq Scan on bands  (cost=0.00..0.05 rows=5 width=8)
----- Nested Loop Join in the query plan - review the join predicates to avoid Cartesian products -----
"""


def test_plan_has_steps_without_conditions() -> None:
    assert parse_plan(BROADCAST.splitlines()) == (
        PlanStep(1, "Hash Join", "DS_BCAST_INNER", 8798, 84),
        PlanStep(7, "Seq Scan on event", None, 8798, 35),
        PlanStep(7, "Hash", None, 11, 49),
        PlanStep(13, "Seq Scan on category", None, 11, 49),
    )


def test_broadcast_names_inner_side() -> None:
    assert costly_joins(BROADCAST.splitlines()) == (
        CostlyJoin(
            "Hash Join DS_BCAST_INNER",
            "every node gets a copy of the inner side",
            ("category",),
            11,
            539,
        ),
    )


def test_collocated_join_costs_nothing() -> None:
    assert costly_joins(COLLOCATED.splitlines()) == ()


def test_redistribution_of_one_side_is_not_named() -> None:
    assert costly_joins(WITHOUT_INDENTS.splitlines()) == ()


def test_plan_without_indents_is_read() -> None:
    plan = WITHOUT_INDENTS.replace("DS_DIST_OUTER", "DS_DIST_BOTH")
    assert costly_joins(plan.splitlines()) == (
        CostlyJoin("Hash Join DS_DIST_BOTH", "both sides are distributed anew", ("venue",), 202, 4444),
    )


def test_part_of_plan_has_both_broadcasts() -> None:
    """The guide prints the outer sides alone."""
    assert [(each.join, each.inner) for each in costly_joins(TWO_BROADCASTS.splitlines())] == [
        ("Hash Join DS_BCAST_INNER", ()),
        ("Hash Join DS_BCAST_INNER", ()),
    ]


def test_broadcasts_are_gone_with_diststyle_all() -> None:
    plan = TWO_BROADCASTS.replace("DS_BCAST_INNER", "DS_DIST_ALL_NONE")
    assert costly_joins(plan.splitlines()) == ()


def test_join_below_other_steps_is_found() -> None:
    (found,) = costly_joins(SORTED.splitlines())
    assert (found.join, found.inner, found.rows) == ("Hash Join DS_BCAST_INNER", ("event",), 8798)


def test_outer_side_on_every_node_is_named() -> None:
    (found,) = costly_joins(BROADCAST.replace("DS_BCAST_INNER", "DS_DIST_ALL_INNER").splitlines())
    assert found.reason == "one slice alone joins, because the outer side has DISTSTYLE ALL"


def test_nested_loop_is_named_with_both_reasons() -> None:
    (found,) = costly_joins(LOOP.splitlines())
    assert found == CostlyJoin(
        "Nested Loop DS_BCAST_INNER",
        "every row of one side is compared with every row of the other; "
        "every node gets a copy of the inner side",
        ("bands",),
        5,
        40,
    )


def test_nested_loop_without_movement_is_named_too() -> None:
    (found,) = costly_joins(LOOP.replace("DS_BCAST_INNER", "DS_DIST_ALL_NONE").splitlines())
    assert found.reason == "every row of one side is compared with every row of the other"


def test_text_that_is_no_plan_has_no_steps() -> None:
    assert parse_plan(["QUERY PLAN", "----", "(5 rows)", ""]) == ()
