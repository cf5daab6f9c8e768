"""Values for what was seen of the files of a source, and for how it differs from what was expected."""

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
    :ivar unknown: keys that no column is filled from, as far as lines were sampled.
    :ivar empty: keys of the model that have no value in any line; not determined for a short file.
    :ivar nothing_kept: whether the transforms use no line of it; not determined for a short file.
    """

    missing: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset()
    nothing_kept: bool = False


AS_EXPECTED = Profile()
"""The profile of a file that lacks nothing, and has nothing beyond its model."""


@dataclass(frozen=True)
class Totals:
    """What the staging table of a source shows about all files of a load together.

    :ivar kept: how many lines the transforms use.
    :ivar filled: how many of these lines have a value, by key of the model.
    :ivar values: the values of the watched column, except those that were known.
    """

    kept: int = 0
    filled: Mapping[str, int] = field(default_factory=dict)
    values: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Drift:
    """One way in which files of a load differ from earlier files, or from the model.

    :ivar kind: ``missing key``: no line has it; ``new key``: no column is filled from it, and no earlier file
        had it; ``no value``: it is NULL throughout; ``new value``: the watched column never had it before;
        ``nothing kept``: no line is one that the transforms use, such as a play.
    :ivar names: the keys; ``new value``: the column, then the values; ``nothing kept``: the key and its value.
    :ivar uri: the first file that it applies to; where the source is, if it applies to all files together.
    :ivar files: how many files it applies to.
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
        # repr: a name may contain anything, and must not be able to control a terminal.
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
