"""Looks at the bytes of files as they pass by: which keys they have, and which of these have values.

Whether a key of the model is there is found by searching for it, which ends at the first line that has it. Keys
of which the model does not know are seen in the lines that are looked at: the first of a file, and some of each
further megabyte.
"""

from __future__ import annotations

import json
import re

from sqlalchemy import String

from sparkify.etl.profiles import AS_EXPECTED, Profile
from sparkify.etl.staging import Source

__all__ = ["FileProfiler", "Profiler"]

ENOUGH = 50
"""Lines that a file must have before it is said that none has a value. What four lines of five have, as plays
among events, 50 lines lack by chance once in 10^35; what one line of five has, once in 70,000.
"""

_SAMPLED = 16
"""Lines that are looked at of each part of a file."""
_LONGEST = 64 * 1024
"""Bytes of a line that is looked at."""
_SEARCHED = 16 * 1024 * 1024
"""Bytes of a file that are searched for a key; beyond them the lines that are looked at must do."""
_SHAPES = 10_000
"""Shapes of lines that are remembered."""
_KEY = re.compile(rb'"([^"\\]*)"[ \t]*:')


class Profiler:
    """Profiles files of one source."""

    def __init__(self, source: Source) -> None:
        fields = source.fields
        self.keys = frozenset(one.key for one in fields.values())
        self.has_key = {key: re.compile(_named(key)) for key in self.keys}
        # In a text an empty string is a value; for a number or a time it stands for none.
        self.has_value = {
            one.key: re.compile(
                _named(one.key)
                + (rb"[^ \t\r\nn]" if isinstance(column.type, String) else rb'(?:[^ \t\r\nn"]|"[^"])')
            )
            for column, one in fields.items()
        }
        self.is_kept = None
        if source.kept is not None:
            value = json.dumps(source.kept.value, ensure_ascii=False).encode()
            self.is_kept = re.compile(_named(source.keys[source.kept.column]) + re.escape(value[:-1]) + b' *"')
        self._shapes: dict[tuple[bytes, ...], frozenset[str]] = {}

    def keys_of(self, line: bytes) -> frozenset[str]:
        """The keys of a line; none where it is no object.

        Lines of the same shape have the same keys: few of them are parsed.
        """
        shape = tuple(_KEY.findall(line))
        known = self._shapes.get(shape)
        if known is not None:
            return known
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return frozenset()
        found = frozenset(value) if isinstance(value, dict) else frozenset[str]()
        if len(self._shapes) < _SHAPES:
            self._shapes[shape] = found
        return found


def _named(key: str) -> bytes:
    return re.escape(json.dumps(key, ensure_ascii=False).encode()) + rb"[ \t]*:[ \t]*"


class FileProfiler:
    """Profiles one file, whose parts are given one after the other."""

    def __init__(self, of: Profiler) -> None:
        self._of = of
        self._seen: set[str] = set()
        self._without_value: set[str] | None = None
        self._kept = False
        self._searched = 0
        self._is_whole = True
        self._last = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        of = self._of
        sampled_all = self._sample(data, first=not self._searched)
        if self._without_value is None:
            if sampled_all:
                self._searched += len(data)
                return
            self._without_value = set(of.keys)
            self._is_whole = not self._searched
        if self._searched > _SEARCHED:
            self._is_whole = False
            return
        # A key may lie across two parts.
        text = self._last + data if self._last else data
        without_value = self._without_value
        if without_value:
            found = {key for key in without_value if of.has_value[key].search(text)}
            without_value -= found
            self._seen |= found
        for key in of.keys - self._seen:
            if of.has_key[key].search(text):
                self._seen.add(key)
        if of.is_kept is not None and not self._kept:
            self._kept = of.is_kept.search(text) is not None
        self._searched += len(data)
        self._last = data[-256:] if without_value or not self._kept else b""

    def _sample(self, data: bytes, *, first: bool) -> bool:
        """Look at some lines. Returns whether they are all there are."""
        start = 0 if first else data.find(b"\n") + 1
        for _ in range(_SAMPLED):
            end = data.find(b"\n", start)
            line = data[start:] if end < 0 else data[start:end]
            if 2 < len(line) < _LONGEST and (end >= 0 or first):
                self._seen |= self._of.keys_of(line)
            if end < 0 or end + 1 == len(data):
                return first
            start = end + 1
        return False

    def profile(self, lines: int) -> Profile:
        """What was seen.

        :param lines: how many lines the file has.
        """
        if not self._seen:
            # No line of it is an object.
            return AS_EXPECTED
        judged = lines >= ENOUGH and self._without_value is not None and self._is_whole
        missing = self._of.keys - self._seen
        unknown = frozenset(self._seen - self._of.keys)
        empty = frozenset(self._without_value or ()) - missing if judged else frozenset[str]()
        nothing_kept = judged and self._of.is_kept is not None and not self._kept
        if not (missing or unknown or empty or nothing_kept):
            return AS_EXPECTED
        return Profile(missing, unknown, empty, nothing_kept)
