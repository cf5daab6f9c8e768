"""Finds the files of a batch with lines that cannot be loaded, without reading them on this machine.

COPY does it, in a transaction that is rolled back. With MAXERROR it skips the lines that it refuses and names
some of their files. If it names too few, or rows violate a rule that no type can state, the files are halved
until few are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, count

from sqlalchemy.exc import DBAPIError

from sparkify.databases.redshift.copy_results import (
    Names,
    Refused,
    lines_read,
    refused_by_failed_copy,
    refused_by_last_copy,
)
from sparkify.databases.redshift.copying import Copying
from sparkify.databases.redshift.errors import is_load_error
from sparkify.databases.redshift.staging import count_staged, create_staging
from sparkify.etl.declarations import Source
from sparkify.etl.listing import Listing, SourceFile
from sparkify.etl.session import Session
from sparkify.etl.totals import Counted
from sparkify.redshift.copy import MAX_MAXERROR

__all__ = ["Faults", "Finder"]

_KEPT = 20
"""The fewest errors that Redshift keeps of each slice: with fewer in all, none is left out."""

_FEW_FILES = 64
_FEW_BYTES = 16 * 1024 * 1024
"""Up to so many files and bytes, files are validated rather than halved further."""


@dataclass(frozen=True)
class Faults:
    """How many lines and rows of some files are at fault.

    :ivar missing: lines that COPY read and did not load: refused ones and blank ones. Negative if it found
        several JSON objects on a line.
    :ivar violating: rows that violate a rule.
    """

    missing: int
    violating: int

    def __sub__(self, other: Faults) -> Faults:
        return Faults(self.missing - other.missing, self.violating - other.violating)

    def __bool__(self) -> bool:
        return bool(self.missing or self.violating)


def _are_few(files: Sequence[SourceFile]) -> bool:
    """Whether the files are few enough to validate at once, without asking COPY."""
    return len(files) == 1 or (len(files) <= _FEW_FILES and sum(file.size for file in files) <= _FEW_BYTES)


class Finder:
    """Asks COPY about files of one source. The caller rolls back at the end."""

    def __init__(self, session: Session, source: Source, listing: Listing, copying: Copying) -> None:
        self._session = session
        self._source = source
        self._listing = listing
        self._copying = copying
        self._numbers = count(1)
        self._staged: Counted | None = None

    def find(self, files: Sequence[SourceFile], faults: Faults | None) -> list[SourceFile]:
        """The files with a line that cannot be loaded, and perhaps some others.

        :param faults: the faults of all of these files; None if not known.
        """
        if _are_few(files):
            return list(files)
        if faults is None:
            return self._narrow(files, *self._ask(files))
        half = _half(files)
        left, told = self._ask(files[:half])
        found = self._narrow(files[:half], left, told)
        if left is None:
            return found + self.find(files[half:], None)
        return found + (self.find(files[half:], faults - left) if faults - left else [])

    def _narrow(
        self, files: Sequence[SourceFile], faults: Faults | None, told: Sequence[Refused]
    ) -> list[SourceFile]:
        """The files that COPY named, if it named enough; otherwise those found by halving."""
        names = Names(file.uri for file in files)
        named = {uri for refused in told for uri in names.of(refused.name)}
        if named and (faults is None or len(told) < _KEPT or faults == Faults(len(told), 0)):
            # Any others are looked for once these are out of the way.
            return [file for file in files if file.uri in named]
        if faults is not None:
            return self.find(files, faults) if faults else []
        if _are_few(files):
            return list(files)
        half = _half(files)
        return [*self.find(files[:half], None), *self.find(files[half:], None)]

    def _ask(self, files: Sequence[SourceFile]) -> tuple[Faults | None, list[Refused]]:
        """The faults of some files, None if COPY fails or does not tell; and the lines that it names."""
        session, source = self._session, self._source
        if self._staged is None:
            create_staging(session, source)
            self._staged = Counted()
        name = f"{source.name}-asked-{next(self._numbers)}"
        uris = [file.uri for file in files]
        read = 0
        told: list[Refused] = []
        try:
            for copy in self._copying.statements(source, uris, self._listing, name=name, maxerror=MAX_MAXERROR):
                session.run(copy)
                read += sum(lines_read(session).values())
                told += refused_by_last_copy(session)
        except DBAPIError as exc:
            if not is_load_error(exc):
                raise
            session.rollback()
            self._staged = None
            return None, refused_by_failed_copy(session)
        before = self._staged
        (self._staged,) = count_staged(session, [source])
        copied, violating = self._staged.rows - before.rows, self._staged.more - before.more
        if copied and not read:
            # COPY does not tell what it read (SYS_LOAD_DETAIL), so only the lines that it names are known.
            return None, told
        return Faults(read - copied, violating), told


def _half(files: Sequence[SourceFile]) -> int:
    """How many of the files make up half of their bytes: at least one, and not all."""
    sizes = list(accumulate(file.size for file in files))
    half = next(number for number, size in enumerate(sizes, start=1) if size * 2 >= sizes[-1])
    return min(max(half, 1), len(files) - 1)
