"""Looks through a spooled file line by line, and sets aside what cannot be loaded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import BinaryIO

from sparkify.etl.declarations import Source
from sparkify.etl.lines import BOM, Judge, shown, split_lines
from sparkify.etl.report import Reject
from sparkify.etl.spool import SpoolFile

__all__ = ["Judged", "judge_file"]


@dataclass
class Judged:
    """What became of the lines of one spooled file.

    :ivar accepted: how many lines can be loaded.
    :ivar blank: by the uri of the source file, how many lines have nothing in them.
    """

    accepted: int = 0
    rejects: list[Reject] = field(default_factory=list)
    blank: Counter[str] = field(default_factory=Counter)


def judge_file(source: Source, file: SpoolFile, out: BinaryIO | None = None) -> Judged:
    """The verdict on each line.

    :param out: gets the accepted lines as they are, each with a newline.
    """
    judge = Judge(source)
    judged = Judged()
    with file.path.open("rb") as handle:
        lines = split_lines(handle)
        for part in file.parts:
            for number in range(1, part.lines + 1):
                line = next(lines)
                if number == 1:
                    line = line.removeprefix(BOM)
                if not line.strip():
                    judged.blank[part.file.uri] += 1
                elif verdict := judge.judge(line):
                    judged.rejects.append(
                        Reject(
                            uri=part.file.uri,
                            line=number,
                            source=source.name,
                            column=verdict.column,
                            reason=verdict.reason,
                            text=shown(line),
                        )
                    )
                else:
                    judged.accepted += 1
                    if out is not None:
                        out.write(line)
                        out.write(b"\n")
    return judged
