"""The accepted lines of files that cannot be copied as they are: on disk, to be copied in place of those."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from sparkify.etl.validation import ToValidate, Validated

__all__ = ["Bundle"]

_NUMBER = struct.Struct("=I")


@dataclass(frozen=True)
class Bundle:
    """Accepted lines of some files, in one local file.

    :ivar path: the file of the lines, each ending in a newline.
    :ivar numbers: the file with the number that each line has in its source file.
    :ivar counts: the uris of the source files in order, each with the number of its lines in the bundle.
    """

    path: Path
    numbers: Path
    counts: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, one: ToValidate, validated: Validated) -> Bundle:
        """The bundle that was written when a file was validated."""
        assert one.numbers is not None  # noqa: S101 - asked for
        left_out = Counter(reject.uri for reject in validated.rejects) + validated.blank
        counts = ((part.file.uri, part.lines - left_out[part.file.uri]) for part in one.file.segments)
        return cls(one.out, one.numbers, tuple(counts))

    @property
    def rows(self) -> int:
        """The number of lines."""
        return sum(number for _, number in self.counts)

    def places(self, rows: Collection[int]) -> dict[int, tuple[str, int]]:
        """For some of the rows, the uri of the source file and the line in it; rows and lines count from 1."""
        ends = list(accumulate(number for _, number in self.counts))
        found: dict[int, tuple[str, int]] = {}
        with self.numbers.open("rb") as handle:
            for row in sorted(rows):
                handle.seek((row - 1) * _NUMBER.size)
                (line,) = _NUMBER.unpack(handle.read(_NUMBER.size))
                which = next(at for at, end in enumerate(ends) if row <= end)
                found[row] = self.counts[which][0], line
        return found

    def lines(self, rows: Collection[int]) -> dict[int, bytes]:
        """The content of some of the rows, unchanged, by row number."""
        return {row: line for row, line in self._numbered() if row in rows}

    def without(self, rows: Collection[int], path: Path, numbers: Path) -> Bundle:
        """A bundle without some of the rows, in the given files; the files of this bundle are removed."""
        taken = [uri for uri, _ in self.places(rows).values()]
        with self.numbers.open("rb") as known, path.open("wb") as out, numbers.open("wb") as numbered:
            for row, line in self._numbered():
                number = known.read(_NUMBER.size)
                if row not in rows:
                    out.write(line + b"\n")
                    numbered.write(number)
        self.remove()
        return Bundle(path, numbers, tuple((uri, number - taken.count(uri)) for uri, number in self.counts))

    def remove(self) -> None:
        """Remove the files."""
        self.path.unlink()
        self.numbers.unlink()

    def _numbered(self) -> Iterator[tuple[int, bytes]]:
        with self.path.open("rb") as handle:
            for row, line in enumerate(handle, start=1):
                yield row, line.removesuffix(b"\n")
