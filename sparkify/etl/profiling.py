"""Inspects the bytes of files as they pass by: which keys they have, and which of these have values.

A key of the model is found by searching for it, which ends at the first line that has it. Keys that the model
does not know are found only in the lines that are sampled: the first lines of a file, and some of each further
megabyte.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from sqlalchemy import String

from sparkify.etl.profiles import AS_EXPECTED, Profile
from sparkify.etl.staging import Source

__all__ = ["FileProfiler", "Profiler"]

ENOUGH = 50
"""Lines that a file must have before it is reported that none has a value. What four lines in five have, as
plays among events, is absent from 50 lines by chance once in 10^35; what one in five has, once in 70,000.
"""

_SAMPLED = 16
"""Lines that are sampled from each part of a file."""
_LONGEST = 64 * 1024
"""Bytes of the longest line that is sampled."""
_SEARCHED = 16 * 1024 * 1024
"""Bytes of a file that are searched for a key; beyond them, the sampled lines must do."""
_SHAPES = 10_000
"""Shapes of lines that are remembered."""
_KEY = re.compile(rb'"(\w+)":')


class Profiler:
    """Profiles files of one source."""

    def __init__(self, source: Source) -> None:
        fields = source.fields
        self.keys = frozenset(one.key for one in fields.values())
        self.has_key = {key: re.compile(_named(key)) for key in self.keys}
        # An empty string is a value for a text, but not for a number or a time.
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
        self._shapes: dict[tuple[bytes | int, ...], frozenset[str]] = {}
        self._profiles: dict[frozenset[str], Profile] = {}

    def keys_of(self, line: bytes) -> frozenset[str]:
        """The keys of a line; empty if it is not an object.

        Lines of the same shape have the same keys, so only few of them are parsed.
        """
        # Half the time of a parse. Keys with other characters, or written differently, are only counted.
        shape = (*_KEY.findall(line), line.count(b'":'), line.count(b'" :'))
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

    def profile_of(self, seen: frozenset[str]) -> Profile:
        """The profile of a file by its keys alone; a file without keys has no line that is an object."""
        known = self._profiles.get(seen)
        if known is None:
            found = Profile(self.keys - seen, seen - self.keys) if seen else AS_EXPECTED
            known = self._profiles[seen] = AS_EXPECTED if found == AS_EXPECTED else found
        return known


def _named(key: str) -> bytes:
    return re.escape(json.dumps(key, ensure_ascii=False).encode()) + rb"[ \t]*:[ \t]*"


class FileProfiler:
    """Profiles one file, whose parts are given one after the other."""

    # Class attributes until they change: for 15,000 files of one line each, none does.
    _seen = frozenset[str]()
    _without_value: set[str] | None = None
    _kept = False
    _searched = 0
    _is_whole = True
    _last = b""
    _line = b""

    def __init__(self, of: Profiler) -> None:
        self._of = of

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        if not self._searched and not self._line and len(data) < _LONGEST:
            if data.find(b"\n") in (-1, len(data) - 1):
                # It may be the only line.
                self._line = data
                return
        elif self._line:
            data, self._line = self._line + data, b""
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
        # A key may span two parts.
        text = self._last + data if self._last else data
        without_value = self._without_value
        if without_value:
            found = {key for key in without_value if of.has_value[key].search(text)}
            without_value -= found
            self._seen |= found
        self._seen |= {key for key in of.keys - self._seen if of.has_key[key].search(text)}
        if of.is_kept is not None and not self._kept:
            self._kept = of.is_kept.search(text) is not None
        self._searched += len(data)
        self._last = data[-256:] if without_value or not self._kept else b""

    def _sample(self, data: bytes, *, first: bool) -> bool:
        """Sample some lines. Returns whether they are all lines so far."""
        of, start, is_all = self._of, 0 if first else data.find(b"\n") + 1, first
        for _ in range(_SAMPLED):
            end = data.find(b"\n", start)
            line = data[start : end if end >= 0 else len(data)]
            if len(line) > _LONGEST or (end < 0 and not first):
                is_all = False
            elif len(line) > 2:
                keys = of.keys_of(line)
                # Mostly the very same set: for lines of one shape, and for the many files of one line.
                if keys is not self._seen:
                    self._seen = self._seen | keys if self._seen else keys
            if end < 0 or end + 1 == len(data):
                return is_all
            start = end + 1
        return False

    def profile(self, lines: int) -> Profile:
        """The profile of what was seen.

        :param lines: how many lines the file has.
        """
        of = self._of
        if self._line:
            return of.profile_of(of.keys_of(self._line))
        judged = lines >= ENOUGH and self._without_value is not None and self._is_whole
        if not judged:
            return of.profile_of(self._seen)
        profile = of.profile_of(self._seen)
        empty = frozenset(self._without_value or ()) - profile.missing
        nothing_kept = of.is_kept is not None and not self._kept
        if not self._seen or not (empty or nothing_kept):
            return profile
        return replace(profile, empty=empty, nothing_kept=nothing_kept)
