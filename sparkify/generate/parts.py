"""Events in their compact form: two numbers of four bytes each, in parts of sessions.

Between simulation and text, an event takes 8 bytes, against some 480 as a line: temporary files are a sixtieth
of the final output. A part is a stretch of one session within one slice and at one level: a head of five
numbers, then the second (within the day) of each event, then the code of each.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from sparkify.generate.chain import STATE, Level, Session
from sparkify.generate.rhythm import DAY

#: The type of every number here: four bytes, wherever Python runs today.
INT = "i"
#: Codes from this one down are of pages for logged-out listeners.
LOGGED_OUT = -STATE["Login"]
_LEVELS: tuple[Level, ...] = ("free", "paid")
_HEAD = 5


@dataclass(frozen=True, slots=True)
class Slicing:
    """How a day is cut into slices, small enough to be held as text. They are numbered across all days."""

    per_day: int

    @property
    def seconds(self) -> int:
        return -(-DAY // self.per_day)

    def of_day(self, day: int) -> range:
        return range(day * self.per_day, (day + 1) * self.per_day)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a session. ``session``: its number within its block; ``item``: that of its first event."""

    listener: int
    level: Level
    session: int
    item: int
    seconds: array[int]
    codes: array[int]


def pack(
    session: Session, slices: dict[int, array[int]], *, listener: int, number: int, slicing: Slicing
) -> None:
    """Append the session to the slices it falls in, cut where its level changes and where a slice ends.

    ``number``: the number of the session within its block.
    """
    times, codes = session.times, session.codes
    ends = [*session.levels, (len(times), "free")]
    for (begin, level), (end, _) in pairwise(ends):
        while begin < end:
            day, second = divmod(times[begin], DAY)
            within = second // slicing.seconds
            midnight = day * DAY
            border = midnight + min((within + 1) * slicing.seconds, DAY)
            upto = end if times[end - 1] < border else bisect_left(times, border, begin, end)
            packed = slices.setdefault(slicing.of_day(day)[within], array(INT))
            packed.fromlist([listener, _LEVELS.index(level), number, begin, upto - begin])
            packed.fromlist([moment - midnight for moment in times[begin:upto]])
            packed.fromlist(codes[begin:upto])
            begin = upto


def unpack(packed: array[int]) -> Iterator[Part]:
    """The parts of a slice, in the order in which they were packed."""
    place = 0
    while place < len(packed):
        listener, level, session, item, count = packed[place : place + _HEAD]
        middle = place + _HEAD + count
        end = middle + count
        seconds, codes = packed[place + _HEAD : middle], packed[middle:end]
        yield Part(listener, _LEVELS[level], session, item, seconds, codes)
        place = end
