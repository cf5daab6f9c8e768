"""What was seen of the files of a source, and how it differs from what was expected: values alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["AS_EXPECTED", "Drift", "DriftKind", "Profile", "Totals"]

DriftKind = Literal["missing key", "new key", "no value", "new value", "nothing kept"]


@dataclass(frozen=True)
class Profile:
    """What one file lacks, or has beyond the model of its source.

    :ivar missing: keys of the model that no line has.
    :ivar unknown: keys that no column is filled from, as far as lines were looked at.
    :ivar empty: keys of the model that have no value in any line; not judged of a short file.
    :ivar nothing_kept: whether no line is one that the transforms use; not judged of a short file.
    """

    missing: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset()
    nothing_kept: bool = False


AS_EXPECTED = Profile()
"""That of a file that lacks nothing, and has nothing beyond its model."""


@dataclass(frozen=True)
class Totals:
    """What the staging table of a source shows of all files of a load together.

    :ivar kept: how many lines the transforms use.
    :ivar filled: by key of the model, how many of these lines have a value.
    :ivar values: the values of the column that is watched, but for those that were known.
    """

    kept: int = 0
    filled: Mapping[str, int] = field(default_factory=dict)
    values: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Drift:
    """One way in which files of a load differ from those before, or from the model.

    :ivar kind: ``missing key``: no line has it; ``new key``: no column is filled from it, and no earlier file
        had it; ``no value``: it is NULL throughout; ``new value``: the column that is watched never had it;
        ``nothing kept``: no line is one that the transforms use, such as a play.
    :ivar names: the keys, or the columns; of ``new value`` and ``nothing kept`` the column, then the values.
    :ivar uri: the first file of which it is true; where the source lies, if it is true of all files together.
    :ivar files: how many there are of them.
    """

    source: str
    kind: DriftKind
    names: tuple[str, ...]
    uri: str
    files: int = 1

    def __str__(self) -> str:
        others = self.files - 1
        more = f" and {others:,} more {'file' if others == 1 else 'files'}" if others > 0 else ""
        return f"{self.uri}{more}: {self._found()}"

    def _found(self) -> str:
        # repr: a name may hold anything, and what it holds must not write on a terminal.
        names = ", ".join(repr(name) if not name.isidentifier() else name for name in self.names[:10])
        if len(self.names) > 10:
            names += f" and {len(self.names) - 10:,} more"
        several = "s" if len(self.names) > 1 else ""
        match self.kind:
            case "missing key":
                return f"no line of {self.source} has the key{several} {names}"
            case "new key":
                return f"no column is filled from the key{several} {names}"
            case "no value":
                return f"no line of {self.source} has a value for {names}"
            case "new value":
                values = ", ".join(map(repr, self.names[1:11]))
                return f"{self.names[0]} has values that were never seen before: {values}"
            case "nothing kept":
                return f"no line of {self.source} has {self.names[0]} {self.names[1]!r}"
