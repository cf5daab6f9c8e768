"""The listeners: who they are, and all the sessions of one of them.

Everything about a listener follows from the seed and a number, so any process may simulate any of them.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from random import Random

from sparkify.generate import names
from sparkify.generate.catalogue import Jukebox
from sparkify.generate.chain import STATE, Level, Session, walk
from sparkify.generate.chance import quantile, scramble, share
from sparkify.generate.rhythm import DAY, Rhythm

_LIFE, _PROFILE, _PIN, _TWIN, _PLACE = range(101, 106)

# Who has which fault of the real data, by the remainder of the number. The real data has about 100
# listeners; all remainders are below ten, because the first ten listeners are simulated in full even in the
# smallest simulation.
_CYCLE = 97
_FICKLE = 1  # from paid to free and back
_SILENT = 2  # never plays a song
_NAMESAKE = 4  # has the name of the previous listener
_TWINS = (5, 6)  # start a song in the same second
_NIGHT_OWL = 7  # listens past midnight
#: This many listeners together leave no day without a session.
FIRST = 10

_DOWNGRADES = tuple(STATE[name] for name in ("NextSong", "Downgrade", "Submit Downgrade", "Home", "NextSong"))
_UPGRADES = tuple(STATE[name] for name in ("NextSong", "Upgrade", "Submit Upgrade", "Home", "NextSong"))
_SONGS = (STATE["NextSong"],) * 4
_HOME = (STATE["Home"],)

# Sessions in 30 days, at each tenth of the listeners; the last tenth has a long tail of its own.
_SESSIONS = (1, 2, 3, 3.7, 5, 6, 8, 11, 14, 20)
_PAID_AT_FIRST = 0.17
# Nobody comes back within this many seconds of the end of a session.
_PAUSE = 1800


@dataclass(frozen=True, slots=True)
class Profile:
    """What events say about their listener. ``registration`` is in epoch milliseconds, UTC."""

    user_id: str
    first: str
    last: str
    gender: str
    location: str
    registration: int
    agent: str


@dataclass(frozen=True, slots=True)
class _Visit:
    start: int
    script: tuple[int, ...] = ()
    pinned: bool = False


class Listener:
    """One listener. ``number`` counts from 0; the userId is one more."""

    def __init__(self, number: int, *, seed: int, rhythm: Rhythm) -> None:
        self.number = number
        self.role = number % _CYCLE
        self._seed = seed
        self._rhythm = rhythm

    def profile(self) -> Profile:
        named = self.number - 1 if self.role == _NAMESAKE else self.number
        first, last, gender = names.person(scramble(self._seed, _PROFILE, named))
        bits, metro = divmod(scramble(self._seed, _PLACE, self.number), len(names.METROS))
        ago = int(share(scramble(self._seed, _PLACE, bits)) * 40 * DAY) + 60
        return Profile(
            user_id=str(self.number + 1),
            first=first,
            last=last,
            gender=gender,
            location=names.METROS[metro],
            registration=self._rhythm.milliseconds(0) - ago * 1000,
            agent=names.AGENTS.at(share(scramble(self._seed, _PROFILE, bits))),
        )

    def sessions(self, jukebox: Jukebox, room: int) -> Iterator[Session]:
        """All sessions in chronological order: none empty, no two at once, at most ``room`` events in all."""
        chance = Random(scramble(self._seed, _LIFE, self.number))
        level: Level = "paid" if chance.random() < _PAID_AT_FIRST or self.role == _FICKLE else "free"
        visits = self._visits(chance)
        pins = deque(visit.start for visit in visits if visit.pinned)
        detours = [_UPGRADES, _DOWNGRADES] if self.role == _FICKLE else []
        brief = self.role == _SILENT
        last = -_PAUSE
        for visit in visits:
            start = pins.popleft() if visit.pinned else max(visit.start, last + _PAUSE)
            until = pins[0] if pins else self._rhythm.end
            # One event is reserved for each pinned session to come.
            left = room - len(pins)
            if left <= 0 or not last < start < until:
                continue
            script = visit.script
            if brief:
                script = _HOME
            elif detours and not script and level == ("paid" if len(detours) == 2 else "free"):
                script = detours.pop()
            session = walk(chance, jukebox, level, start, script, brief=brief)
            if len(session.times) > left or session.times[-1] >= until:
                session.cut(min(left, bisect_left(session.times, until)))
            level = session.levels[-1][1]
            last = session.times[-1]
            room -= len(session.times)
            yield session

    def _visits(self, chance: Random) -> list[_Visit]:
        rhythm = self._rhythm
        days = range(self.number, rhythm.days, FIRST) if self.number < FIRST else range(0)
        pinned = [
            _Visit(rhythm.draw_on(day, Random(scramble(self._seed, _PIN, day))), pinned=True) for day in days
        ]
        if self.role in _TWINS:
            together = Random(scramble(self._seed, _TWIN, self.number // _CYCLE))
            pinned.append(_Visit(rhythm.draw(together), _SONGS[:1], pinned=True))
        # Not the night before a pinned day: its session might end this one before a song after midnight.
        nights = [day for day in range(rhythm.days - 1) if day + 1 not in days]
        if self.role == _NIGHT_OWL and nights:
            midnight = (nights[int(chance.random() * len(nights))] + 1) * DAY
            pinned.append(_Visit(midnight - 60 - int(chance.random() * 60), _SONGS, pinned=True))
        wanted = self._number_of_sessions(chance)
        if self.role == _SILENT:
            wanted = 1
        elif self.role == _FICKLE:
            wanted = max(wanted, 5)
        free = [_Visit(rhythm.draw(chance)) for _ in range(wanted - len(pinned))]
        return sorted(pinned + free, key=lambda visit: visit.start)

    def _number_of_sessions(self, chance: Random) -> int:
        u = chance.random()
        often = quantile(_SESSIONS, u / 0.9) if u < 0.9 else min(20 / sqrt(10 * (1 - u)), 120)
        # Fewer days have fewer sessions, but those who come at all come more often.
        return max(1, round(often * sqrt(self._rhythm.days / 30)))
