"""Validates spooled files line by line, keeps the rejected lines, and accounts for every line."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import starmap
from pathlib import Path
from types import MappingProxyType

from sparkify.etl.declarations import Source
from sparkify.etl.lax_json import strict
from sparkify.etl.line_rules import BOM, LineValidator, escape, split_lines
from sparkify.etl.listing import SourceFile
from sparkify.etl.results import FileCount, Reject, Staged
from sparkify.etl.spool import Segment, SpoolFile
from sparkify.etl.workers import Workers, usable_processors

__all__ = ["ToValidate", "Validated", "validate_files"]

_WORTH_A_PROCESS = 32 * 1024 * 1024
"""Bytes that can be validated in the time that it takes to start a few processes."""


@dataclass
class Validated:
    """What became of the lines of some files.

    :ivar accepted: how many lines can be loaded.
    :ivar blank: how many lines are blank, by the uri of the source file.
    """

    accepted: int = 0
    rejects: list[Reject] = field(default_factory=list)
    blank: Counter[str] = field(default_factory=Counter)

    def add(self, other: Validated) -> None:
        """Add what became of the lines of other files."""
        self.accepted += other.accepted
        self.rejects += other.rejects
        self.blank.update(other.blank)

    def staged(
        self,
        source: Source,
        files: Iterable[tuple[SourceFile, int]],
        read: Mapping[str, Segment] = MappingProxyType({}),
    ) -> Staged:
        """The account of all files of the source, given how many lines each has: every line that was neither
        rejected nor blank was loaded.

        :param read: what was seen of the files that were read on this machine, by uri.
        """
        rejected = Counter(reject.uri for reject in self.rejects)

        def count(file: SourceFile, lines: int) -> FileCount:
            # There may be 100,000 files: look up each one once, without Counter.__missing__.
            lost, blank, seen = rejected.get(file.uri, 0), self.blank.get(file.uri, 0), read.get(file.uri)
            return FileCount(
                source=source.name,
                file=file,
                lines=lines,
                loaded=lines - lost - blank,
                rejected=lost,
                blank=blank,
                content=(seen.content or None) if seen else None,
                profile=seen.profile if seen else None,
            )

        return Staged(counts=tuple(starmap(count, files)), rejects=tuple(self.rejects))


@dataclass(frozen=True)
class ToValidate:
    """A file to validate, and the files to write from it.

    :ivar out: the file for the accepted lines, as strict JSON, each with a newline.
    :ivar numbers: the file for the number of each accepted line in its source file: four bytes in the byte
        order of this machine.
    """

    file: SpoolFile
    out: Path
    numbers: Path | None = None


def validate_files(
    source: Source, files: Iterable[ToValidate], size: int
) -> Iterator[tuple[ToValidate, Validated]]:
    """What becomes of each line of each file, in order; each file is taken only when its turn is near.

    :param size: bytes of all files, which decide how many processes are worth starting.
    """
    with Workers(LineValidator, source, max(1, min(usable_processors(), size // _WORTH_A_PROCESS))) as workers:
        yield from workers.map(_validate, files)


def _validate(validator: LineValidator, task: ToValidate) -> tuple[ToValidate, Validated]:
    validated = Validated()
    with ExitStack() as stack:
        lines = split_lines(stack.enter_context(task.file.path.open("rb")))
        accepted = stack.enter_context(task.out.open("wb"))
        numbers = None if task.numbers is None else stack.enter_context(task.numbers.open("wb"))
        for segment in task.file.segments:
            found = array("I")
            for number in range(1, segment.lines + 1):
                line = next(lines)
                if number == 1:
                    line = line.removeprefix(BOM)
                if _is_accepted(validator, validated, segment.file.uri, number, line):
                    found.append(number)
                    accepted.write(strict(line))
                    accepted.write(b"\n")
            validated.accepted += len(found)
            if numbers is not None:
                found.tofile(numbers)
    return task, validated


def _is_accepted(validator: LineValidator, validated: Validated, uri: str, number: int, line: bytes) -> bool:
    """Whether a line can be loaded; if not, it is counted as blank or kept as rejected."""
    if not line.strip():
        validated.blank[uri] += 1
    elif violation := validator.validate(line):
        column, reason = violation.column, violation.reason
        validated.rejects.append(Reject(uri, number, validator.source, column, reason, escape(line)))
    else:
        return True
    return False
