"""The cases of one part of a benchmark: measured in turns, printed as a table and as ratios."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.formatting import table
from benchmarks.measuring import Measurement, in_turns, median

__all__ = ["Case", "Part", "Taken", "measure_part", "part_tables"]


@dataclass(frozen=True)
class Case:
    """One command in one situation.

    :ivar check: called after the last round; returns what is wrong with the rows, or nothing.
    """

    name: str
    run: Callable[[], Measurement]
    check: Callable[[], str | None] = lambda: None


@dataclass(frozen=True)
class Part:
    """Cases that are measured in turns.

    :ivar ratios: the ratios to print: a title, and the names of the two cases, numerator first.
    """

    title: str
    cases: Sequence[Case]
    ratios: Sequence[tuple[str, str, str]] = ()


@dataclass(frozen=True)
class Taken:
    """What the cases of a part took, by name, and the reason for each missing one."""

    title: str
    medians: Mapping[str, Measurement]
    steps: Mapping[str, float]
    ratios: Sequence[tuple[str, str, str]]
    reasons: Mapping[str, str] = field(default_factory=dict)


def measure_part(part: Part, rounds: int) -> Taken:
    """The medians of all cases.

    ``steps`` sums the wall seconds of a load's steps, from its JSON report, without the listing of files.
    """
    found, reasons = in_turns({case.name: case.run for case in part.cases}, rounds)
    for case in part.cases:
        if case.name not in reasons and (wrong := case.check()):
            reasons[case.name] = f"other rows: {wrong}"
    right = {name: taken for name, taken in found.items() if name not in reasons}
    steps = {name: sorted(map(_steps, taken))[len(taken) // 2] for name, taken in right.items()}
    return Taken(
        title=part.title,
        medians={name: median(taken) for name, taken in right.items()},
        steps={name: seconds for name, seconds in steps.items() if seconds},
        ratios=part.ratios,
        reasons=reasons,
    )


def _steps(taken: Measurement) -> float:
    if not taken.output.startswith("{"):
        return 0.0
    steps: list[dict[str, Any]] = json.loads(taken.output).get("steps", [])
    return float(sum(step["seconds"] for step in steps if not step["title"].startswith("list")))


def part_tables(taken: Taken, *, markdown: bool = False) -> str:
    """The title, the table of the cases and the table of the ratios."""
    rows = [["case", "wall s", "processor s", "steps s", "peak MB"]]
    for name, each in taken.medians.items():
        steps = f"{taken.steps[name]:.2f}" if name in taken.steps else ""
        rows.append([name, f"{each.wall:.2f}", f"{each.processor:.2f}", steps, f"{each.memory:,.0f}"])
    texts = [f"{'### ' if markdown else ''}{taken.title}", table(rows, markdown=markdown)]
    if taken.reasons:
        texts.append("\n".join(f"Not measured: {name}: {reason}" for name, reason in taken.reasons.items()))
    ratios = [["ratio", "wall x", "processor x", "steps x"]]
    for title, numerator, denominator in taken.ratios:
        if numerator in taken.medians and denominator in taken.medians:
            mine, theirs = taken.medians[numerator], taken.medians[denominator]
            both = numerator in taken.steps and denominator in taken.steps
            ratios.append(
                [
                    title,
                    f"{mine.wall / theirs.wall:.2f}",
                    f"{mine.processor / theirs.processor:.2f}",
                    f"{taken.steps[numerator] / taken.steps[denominator]:.2f}" if both else "",
                ]
            )
    if len(ratios) > 1:
        texts.append(table(ratios, markdown=markdown))
    return "\n\n".join(texts)
