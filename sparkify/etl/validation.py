"""Validates spooled files line by line, keeps the lines that are rejected, and accounts for every line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from sparkify.etl.declarations import Source
from sparkify.etl.line_rules import BOM, LineValidator, escape, split_lines
from sparkify.etl.listing import SourceFile
from sparkify.etl.results import FileCount, Reject, Staged
from sparkify.etl.spool import SpoolFile

__all__ = ["Validated", "validate_file"]


@dataclass
class Validated:
    """What became of the lines of some files.

    :ivar accepted: how many lines can be loaded.
    :ivar blank: by the uri of the source file, how many lines have nothing in them.
    """

    accepted: int = 0
    rejects: list[Reject] = field(default_factory=list)
    blank: Counter[str] = field(default_factory=Counter)

    def add(self, other: Validated) -> None:
        """Take in what became of the lines of others."""
        self.accepted += other.accepted
        self.rejects += other.rejects
        self.blank.update(other.blank)

    def staged(self, source: Source, files: Iterable[tuple[SourceFile, int]]) -> Staged:
        """The account of all files of the source, given how many lines each has: whatever was neither
        rejected nor blank was loaded.
        """
        rejected = Counter(reject.uri for reject in self.rejects)
        counts = (
            FileCount(
                source=source.name,
                file=file,
                lines=lines,
                loaded=lines - rejected[file.uri] - self.blank[file.uri],
                rejected=rejected[file.uri],
                blank=self.blank[file.uri],
            )
            for file, lines in files
        )
        return Staged(counts=tuple(counts), rejects=tuple(self.rejects))


def validate_file(source: Source, file: SpoolFile, out: BinaryIO | None = None) -> Validated:
    """What becomes of each line.

    :param out: gets the accepted lines as they are, each with a newline.
    """
    validator = LineValidator(source)
    validated = Validated()
    with file.path.open("rb") as handle:
        lines = split_lines(handle)
        for segment in file.segments:
            for number in range(1, segment.lines + 1):
                line = next(lines)
                if number == 1:
                    line = line.removeprefix(BOM)
                if not line.strip():
                    validated.blank[segment.file.uri] += 1
                elif violation := validator.validate(line):
                    validated.rejects.append(
                        Reject(
                            uri=segment.file.uri,
                            line=number,
                            source=source.name,
                            column=violation.column,
                            reason=violation.reason,
                            text=escape(line),
                        )
                    )
                else:
                    validated.accepted += 1
                    if out is not None:
                        out.write(line)
                        out.write(b"\n")
    return validated
