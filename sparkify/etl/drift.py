"""Finds how the files of a load differ from earlier files and from the models. Pure functions on values.

Drift is reported once: each load keeps in the ledger what has been seen of each source so far.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from sparkify.etl.column_types import MAX_TEXT
from sparkify.etl.profiles import AS_EXPECTED, Drift, DriftKind, Profile, Totals
from sparkify.etl.profiling import ENOUGH
from sparkify.etl.results import Staged
from sparkify.etl.staging import Source

__all__ = [
    "Observed",
    "decode",
    "drift_of_file",
    "encode",
    "find_drift",
    "informed",
    "read_drift",
    "settled",
    "write_drift",
]

_NAMES = 100
"""How many names of each kind are kept per source."""
_LONGEST_NAME = 64
_KEPT_OF_FILE = 4_096
"""Bytes that the ledger keeps per file; per load it keeps as many as a text may have."""


@dataclass(frozen=True)
class Observed:
    """What was seen of a source up to a load.

    :ivar keys: keys that no column is filled from, in all loads.
    :ivar values: values of the watched column in all loads, except those that the source declares.
    :ivar missing: keys of the model that were missing in a file of the last load.
    :ivar empty: keys of the model that had no value in a file of the last load that had enough lines.
    """

    keys: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset()


def informed(source: Source, before: Observed) -> Source:
    """The source, with the values seen in its watched column added to those that it declares."""
    if source.watched is None:
        return source
    known = dict.fromkeys((*source.watched.values, *sorted(before.values)))
    return replace(source, watched=replace(source.watched, values=tuple(known)))


def find_drift(source: Source, uri: str, staged: Staged, before: Observed) -> tuple[list[Drift], Observed]:
    """How the files of a source differ, and what has now been seen of it.

    :param uri: where the source is.
    """
    counts = [count for count in staged.counts if count.lines > count.blank]
    totals = staged.totals or Totals()
    loaded = sum(count.loaded for count in counts)
    where = counts[0].file.uri if len(counts) == 1 else uri
    profiles = [(count.file.uri, count.profile) for count in counts if count.profile not in (None, AS_EXPECTED)]
    empty = _without_value(totals)
    empty -= frozenset[str]().union(*(profile.missing for _, profile in profiles))
    found = [
        *_grouped(source, "missing key", ((at, one.missing - before.missing) for at, one in profiles)),
        *_grouped(source, "new key", _first_seen(profiles, before.keys)),
        *_one(source, "no value", sorted(empty - before.empty), where),
        *_grouped(source, "no value", ((at, one.empty - empty - before.empty) for at, one in profiles)),
    ]
    if source.watched is not None:
        values = sorted(cut(value) for value in totals.values if cut(value) not in before.values)
        found += _one(source, "new value", [source.watched.column, *values] if values else (), where)
    if source.kept is not None:
        kept = (source.keys[source.kept.column], source.kept.value)
        if staged.totals is not None and loaded and not totals.kept:
            found += _one(source, "nothing kept", kept, where)
        else:
            found += _grouped(
                source, "nothing kept", ((at, kept if one.nothing_kept else ()) for at, one in profiles)
            )
    is_profiled = any(count.profile is not None for count in counts)
    return found, _after([profile for _, profile in profiles], is_profiled, totals, empty, before)


def settled(staged: Staged) -> Staged:
    """The same without keys that seem to be missing from every file but have values in the staging table.

    This happens because not every byte of a large file is examined.
    """
    profiles = [count.profile for count in staged.counts]
    if staged.totals is None or not profiles or any(one is None or not one.missing for one in profiles):
        return staged
    filled = staged.totals.filled
    nowhere = frozenset[str].intersection(*(one.missing for one in profiles if one is not None))
    there = frozenset(key for key in nowhere if filled.get(key))
    counts = tuple(
        replace(count, profile=replace(count.profile, missing=count.profile.missing - there))
        for count in staged.counts
        if count.profile is not None
    )
    return replace(staged, counts=counts) if there else staged


def _without_value(totals: Totals) -> frozenset[str]:
    if totals.kept < ENOUGH:
        return frozenset()
    return frozenset(key for key, number in totals.filled.items() if not number)


def _after(
    profiles: Sequence[Profile], is_profiled: bool, totals: Totals, empty: frozenset[str], before: Observed
) -> Observed:
    """What has been seen so far. What could not be seen this time stays as it was."""
    judged = totals.kept >= ENOUGH or any(profile.empty for profile in profiles)
    missing = frozenset[str]().union(*(profile.missing for profile in profiles))
    return Observed(
        keys=before.keys.union(*(map(cut, profile.unknown) for profile in profiles)),
        values=before.values.union(map(cut, totals.values)),
        missing=missing if is_profiled else before.missing,
        empty=empty.union(*(profile.empty for profile in profiles)) if judged else before.empty,
    )


def _first_seen(
    profiles: Sequence[tuple[str, Profile]], known: frozenset[str]
) -> Iterable[tuple[str, frozenset[str]]]:
    """Each file with its keys that were neither known nor seen in the files before it."""
    seen = set(known)
    for at, profile in profiles:
        new = frozenset(map(cut, profile.unknown)) - seen
        seen |= new
        yield at, new


def _one(source: Source, kind: DriftKind, names: Sequence[str], uri: str) -> list[Drift]:
    return [Drift(source.name, kind, tuple(names), uri)] if names else []


def _grouped(source: Source, kind: DriftKind, files: Iterable[tuple[str, Iterable[str]]]) -> list[Drift]:
    """One :class:`Drift` for all files with the same names."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for uri, names in files:
        if names:
            alike.setdefault(tuple(names) if isinstance(names, tuple) else tuple(sorted(names)), []).append(uri)
    return [Drift(source.name, kind, names, uris[0], len(uris)) for names, uris in alike.items()]


def cut(name: str) -> str:
    """A name, cut to the length that is kept."""
    return name[:_LONGEST_NAME]


# -- in the ledger -------------------------------------------------------------------------------------------


def encode(observed: Mapping[str, Observed]) -> str | None:
    """What was seen of the sources, by their names, encoded as text; None if nothing was seen."""
    kept = {
        name: {kind: sorted(names) for kind, names in asdict(one).items() if names}
        for name, one in observed.items()
        if one != Observed()
    }
    limit = _NAMES
    while kept:
        some = {name: {kind: names[:limit] for kind, names in one.items()} for name, one in kept.items()}
        text = json.dumps(some, separators=(",", ":"))
        if len(text) <= MAX_TEXT:
            return text
        limit //= 2
    return None


def decode(text: str | None) -> dict[str, Observed]:
    """What :func:`encode` has encoded."""
    found = json.loads(text) if text else {}
    return {
        name: Observed(**{kind: frozenset(names) for kind, names in one.items()}) for name, one in found.items()
    }


def write_drift(found: Sequence[Drift]) -> str | None:
    """Drift as text, cut to what is kept; None if there is none."""
    kept = [replace(one, names=one.names[:_NAMES]) for one in found]
    while kept:
        text = json.dumps([asdict(one) for one in kept], separators=(",", ":"))
        if len(text) <= MAX_TEXT:
            return text
        kept = kept[: len(kept) // 2]
    return None


def read_drift(text: str | None) -> tuple[Drift, ...]:
    """The drift that :func:`write_drift` has written."""
    return tuple(Drift(**one | {"names": tuple(one["names"])}) for one in json.loads(text or "[]"))


def drift_of_file(profile: Profile | None) -> str | None:
    """What one file lacks, or has beyond its model, as text; None if there is nothing to report."""
    if profile is None or profile == AS_EXPECTED:
        return None
    kinds = {"missing": profile.missing, "unknown": profile.unknown, "empty": profile.empty}
    limit = _NAMES
    while True:
        found: dict[str, object] = {
            kind: [cut(name) for name in sorted(names)[:limit]] for kind, names in kinds.items() if names
        }
        if profile.nothing_kept:
            found["nothing_kept"] = True
        text = json.dumps(found, separators=(",", ":"))
        if len(text) <= _KEPT_OF_FILE:
            return text
        limit //= 2
