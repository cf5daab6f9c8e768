"""Reads what Redshift's EXPLAIN prints, and finds the joins that move a whole table or run on one slice.

Which joins are good and which are not follows AWS: pages "Evaluating the query plan" and "Query plan" of the
Amazon Redshift Database Developer Guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["COSTLY", "CostlyJoin", "PlanStep", "costly_joins", "parse_plan"]

#: Movement of rows -> what it does.
COSTLY: Final = {
    "DS_BCAST_INNER": "every node gets a copy of the inner side",
    "DS_DIST_BOTH": "both sides are distributed anew",
    "DS_DIST_ALL_INNER": "one slice alone joins, because the outer side has DISTSTYLE ALL",
}
_NESTED_LOOP: Final = "every row of one side is compared with every row of the other"

_STEP: Final = re.compile(
    r"^(?P<indent>\s*(?:->\s*)?)(?:XN|LD)\s+(?P<operator>\S.*?)(?:\s+(?P<movement>DS_[A-Z_]+))?"
    r"\s+\(cost=[\d.]+ rows=(?P<rows>\d+) width=(?P<width>\d+)\)\s*$"
)
_SCAN: Final = re.compile(r"^Seq Scan on (?P<table>\S+)")


@dataclass(frozen=True)
class PlanStep:
    """One step of a plan.

    :ivar depth: how far it is indented; a step below another is indented further.
    :ivar operator: such as ``Hash Join`` or ``Seq Scan on sales``.
    :ivar movement: the label of a join, such as ``DS_DIST_NONE``.
    :ivar rows: the estimated number, from the statistics of the last ANALYZE.
    :ivar width: the estimated bytes of a row.
    """

    depth: int
    operator: str
    movement: str | None
    rows: int
    width: int


@dataclass(frozen=True)
class CostlyJoin:
    """A join that AWS does not consider good.

    :ivar join: such as ``Hash Join DS_BCAST_INNER``.
    :ivar reason: what it does.
    :ivar inner: the tables of its inner side.
    :ivar rows: the estimated rows of the inner side; 0 if the plan ends before it.
    :ivar bytes: the estimated bytes of the inner side, which a broadcast sends to each node.
    """

    join: str
    reason: str
    inner: tuple[str, ...]
    rows: int
    bytes: int


def parse_plan(lines: Iterable[str]) -> tuple[PlanStep, ...]:
    """The steps of a plan, from top to bottom. Conditions, sort keys and warnings are left out."""
    return tuple(
        PlanStep(
            len(found["indent"]),
            found["operator"],
            found["movement"],
            int(found["rows"]),
            int(found["width"]),
        )
        for line in lines
        if (found := _STEP.match(line))
    )


def costly_joins(lines: Iterable[str]) -> tuple[CostlyJoin, ...]:
    """The joins of a plan that broadcast a side, distribute both, run on one slice, or are nested loops."""
    steps = parse_plan(lines)
    found = []
    for at, step in enumerate(steps):
        is_loop = step.operator.startswith("Nested Loop")
        if not is_loop and step.movement not in COSTLY:
            continue
        reasons = [COSTLY[step.movement]] if step.movement in COSTLY else []
        if is_loop:
            reasons.insert(0, _NESTED_LOOP)
        inner = _inner_side(steps, at)
        found.append(
            CostlyJoin(
                f"{step.operator} {step.movement or ''}".rstrip(),
                "; ".join(reasons),
                tuple(scan["table"] for each in inner if (scan := _SCAN.match(each.operator))),
                inner[0].rows if inner else 0,
                inner[0].rows * inner[0].width if inner else 0,
            )
        )
    return tuple(found)


def _inner_side(steps: Sequence[PlanStep], at: int) -> Sequence[PlanStep]:
    """The second of the two steps directly below a join, with all that is below it."""
    below = []
    for step in steps[at + 1 :]:
        if step.depth <= steps[at].depth:
            break
        below.append(step)
    children = [place for place, step in enumerate(below) if step.depth == min(each.depth for each in below)]
    return below[children[1] :] if len(children) > 1 else []
